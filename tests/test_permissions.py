"""Who is shown what in servers made by chance, held against a second implementation of what Discord published."""

import random

import pytest
from chance import ASKERS, BOT, OWNER, Cache, any_server, changed, stored_channels, user
from conftest import Rooms
from fakes import AsStored
from make import message
from published import CATEGORY, HOLD_MESSAGES, PRIVATE_THREAD, Server, is_for_adults, reads, sees

from bot.askers import Audience, Member
from bot.errors import NothingToShare, NotInServer
from bot.exts._access import Access
from bot.exts._audience import audience_of
from bot.messages import Message, Query
from bot.messages import Server as StoredServer
from bot.services.keeping import Kind

N_SERVERS = 2_000
FISH = Query(text="red fish", limit=50)


def any_place(chance: random.Random, server: Server) -> int:
    """Where somebody may use a command: a channel with messages, or a thread of one."""
    ids = [place.id for place in server.places.values() if place.type in HOLD_MESSAGES]
    ids += [thread.id for thread in server.threads.values() if thread.parent_id in server.places]
    return chance.choice(ids or [place.id for place in server.places.values() if place.type == CATEGORY])


def should_see(server: Server, user_id: int, here_id: int) -> set[int]:
    """The channels and threads whose messages a member is to be shown at a place: those that the bot reads too."""
    return {
        channel.channel_id
        for channel in stored_channels(server)
        if reads(server, server.members[user_id], channel.channel_id)
        and reads(server, server.members[BOT], _base_id(server, channel.channel_id))
        and (is_for_adults(server, here_id) or not is_for_adults(server, channel.channel_id))
    }


def _base_id(server: Server, place_id: int) -> int:
    return server.threads[place_id].parent_id if place_id in server.threads else place_id


async def asker(cache: Cache, access: Access, user_id: int, here_id: int) -> Member:
    return await access.asker(cache.interaction(user_id, here_id), stored_channels(cache.server))


def audience(cache: Cache, here_id: int) -> Audience:
    stored = stored_channels(cache.server)
    [here] = [channel for channel in stored if channel.channel_id == here_id] or stored[:1]
    return audience_of(cache.guild, here, stored)


async def test_members_are_shown_what_discord_shows_them_and_nothing_else() -> None:
    """In thousands of servers two askers each see exactly the channels and threads that the algorithm gives them."""
    n_shown = n_hidden = 0
    for seed in range(N_SERVERS):
        chance = random.Random(seed)
        cache, access = Cache(any_server(chance)), Access()
        here_id = any_place(chance, cache.server)
        for user_id in ASKERS:
            shown = (await asker(cache, access, user_id, here_id)).channel_ids
            expected = should_see(cache.server, user_id, here_id)
            assert shown == expected, f"seed {seed}, member {user_id} at {here_id}"
            n_shown, n_hidden = n_shown + len(expected), n_hidden + len(stored_channels(cache.server)) - len(expected)
    assert min(n_shown, n_hidden) > 5 * N_SERVERS


async def test_what_changed_since_the_search_counts_before_it_is_shown() -> None:
    """After roles, overwrites, time-outs, ages and thread members changed, the last look gives what holds by then."""
    n_lost = 0
    for seed in range(N_SERVERS // 3):
        chance = random.Random(seed)
        cache, access = Cache(any_server(chance)), Access()
        here_id = any_place(chance, cache.server)
        before = {user_id: await asker(cache, access, user_id, here_id) for user_id in ASKERS}
        for _ in range(3):
            changed(chance, cache.server)
        cache.refresh()
        if here_id not in {**cache.server.places, **cache.server.threads}:
            continue
        for user_id in ASKERS:
            found = [c for c in stored_channels(cache.server) if c.channel_id in before[user_id].channel_ids]
            now = await access.asker_now(cache.interaction(user_id, here_id), found)
            expected = should_see(cache.server, user_id, here_id) & before[user_id].channel_ids
            assert now.channel_ids == expected, f"seed {seed}, member {user_id} at {here_id}"
            n_lost += len(before[user_id].channel_ids - expected)
    assert n_lost > N_SERVERS // 3


async def test_what_is_shared_is_for_everyone_who_sees_it() -> None:
    """Whatever is shared anywhere, no member who sees it there is one who may not read it where it was written."""
    n_shared = 0
    for seed in range(N_SERVERS):
        chance = random.Random(seed)
        server = any_server(chance)
        here_id = any_place(chance, server)
        heard = audience(Cache(server), here_id).channel_ids
        for member in server.members.values():
            if sees(server, member, here_id):
                hidden = [place_id for place_id in heard if not reads(server, member, place_id)]
                assert hidden == [], f"seed {seed}, member {member.id} at {here_id}"
        elsewhere = heard - {here_id}
        assert not any(i in server.threads and server.threads[i].type == PRIVATE_THREAD for i in elsewhere)
        assert is_for_adults(server, here_id) or not any(is_for_adults(server, i) for i in elsewhere), f"seed {seed}"
        n_shared += len(elsewhere)
    assert n_shared > N_SERVERS // 10


async def test_where_nobody_is_shut_out_everything_is_shared() -> None:
    """In servers without a word about any channel, all that one reads without an age and a voice is shared anywhere."""
    for seed in range(200):
        chance = random.Random(seed)
        server = any_server(chance)
        for place in server.places.values():
            place.overwrites, place.nsfw, place.type = [], False, 0 if place.type in HOLD_MESSAGES else place.type
        server.roles[server.id] = server.roles[server.id] | 1 << 10 | 1 << 16
        threads = {i for i, one in server.threads.items() if one.type != PRIVATE_THREAD and one.parent_id != 555}
        channels = {place.id for place in server.places.values() if place.type == 0}

        here_id = chance.choice(sorted(channels))
        expected = channels | {i for i in threads if server.threads[i].parent_id in channels}
        assert audience(Cache(server), here_id).channel_ids == expected, f"seed {seed}"


# --- who is no asker


@pytest.mark.parametrize(
    "values",
    [
        {"member": None},
        {"guild_id": "4242"},
        {"guild_id": None, "member": None, "user": user(OWNER), "channel": None},
    ],
    ids=["who is no member", "another server", "a direct message"],
)
async def test_b29_who_is_no_member_here_is_no_asker(values) -> None:
    """Who left the server, asks in a foreign one or in a direct message is told so, and nothing is looked for."""
    cache = Cache(any_server(random.Random(1)))
    here_id = any_place(random.Random(1), cache.server)

    with pytest.raises(NotInServer):
        await Access().asker(cache.interaction(OWNER, here_id, **values), stored_channels(cache.server))
    with pytest.raises(NotInServer):
        await Access().asker_now(cache.interaction(OWNER, here_id, **values), stored_channels(cache.server))


async def test_nobody_is_answered_about_a_server_that_is_away() -> None:
    """While a server is unavailable its permissions are not known, so nobody is shown anything of it."""
    cache = Cache(any_server(random.Random(1)))
    interaction = cache.interaction(OWNER, any_place(random.Random(1), cache.server))
    cache.guild.unavailable = True

    with pytest.raises(NotInServer):
        await Access().asker(interaction, stored_channels(cache.server))


# --- with a real database and a real index


def written(server: Server, half: int) -> list[Message]:
    """A message in each channel and thread; the second half are newer ones."""
    return [
        message(server.id * 1_000 + half * 500 + c.channel_id, "red fish", guild_id=server.id, channel_id=c.channel_id)
        for c in stored_channels(server)
    ]


async def moved_in(rooms: Rooms, server: Server) -> None:
    """The server, which keeps all kinds, and its channels are known; half of what will be written there is stored."""
    for kind in Kind:
        await rooms.keeping.include(StoredServer(server.id, "Town"), kind)
    for channel in stored_channels(server):
        await rooms.ingest.met(StoredServer(server.id, "Town"), channel)
    await rooms.ingest.saved(server.id, written(server, 0))


async def found_in(rooms: Rooms, who: Member | Audience) -> set[int]:
    hits = await rooms.search.similar(who, FISH)
    assert {hit.message.guild_id for hit in hits} <= {who.guild_id}
    return {hit.message.message_id for hit in hits}


async def test_a_search_finds_exactly_what_may_be_read_also_while_that_changes(rooms: Rooms) -> None:
    """In dozens of servers in one database: before a change, after it and between two pages, no more and no less."""
    servers = [any_server(random.Random(seed), 3_000 + seed) for seed in range(24)]
    for server in servers:
        await moved_in(rooms, server)
    await rooms.settle()
    for seed, server in enumerate(servers):
        chance, cache, access = random.Random(seed), Cache(server), Access()
        here_id = any_place(chance, server)
        first = {user_id: await asker(cache, access, user_id, here_id) for user_id in ASKERS}
        answers = {}
        for user_id, who in first.items():
            expected = should_see(server, user_id, here_id)
            assert await found_in(rooms, who) == _written_in(server, expected, halves=1), f"seed {seed}"
            answers[user_id] = await rooms.answers.ask(who, FISH, history=_history(rooms, server))

        for _ in range(3):
            changed(chance, server)
        cache.refresh()
        if here_id not in {**server.places, **server.threads}:
            continue
        await rooms.ingest.saved(server.id, written(server, 1))
        await rooms.settle()
        for user_id, page in answers.items():
            may_see = should_see(server, user_id, here_id)
            who = await asker(cache, Access(), user_id, here_id)
            assert await found_in(rooms, who) == _written_in(server, may_see, halves=2), f"seed {seed}"
            turned = await _pages(rooms, who, page.answer_id, server) if page.is_kept else set()
            still = may_see & first[user_id].channel_ids
            assert turned == _written_in(server, still, halves=1), f"seed {seed}"


async def test_what_a_search_finds_is_shared_as_far_as_all_may_read_it(rooms: Rooms) -> None:
    """Of a page that was found, exactly that part is shared that everyone at the place may read."""
    n_shared = n_kept_back = 0
    for seed in range(24):
        chance = random.Random(seed)
        server = any_server(chance, 3_000 + seed)
        await moved_in(rooms, server)
        await rooms.settle()
        cache, here_id = Cache(server), any_place(chance, server)
        who, heard = await asker(cache, Access(), OWNER, here_id), audience(cache, here_id)
        page = await rooms.answers.ask(who, FISH, history=_history(rooms, server))
        if not page.hits:
            continue
        expected = {hit.message.message_id for hit in page.hits if hit.message.channel_id in heard.channel_ids}
        try:
            hits = await rooms.answers.to_share(who, heard, page.answer_id, 0, history=_history(rooms, server))
        except NothingToShare:
            hits = ()
        assert {hit.message.message_id for hit in hits} == expected
        n_shared, n_kept_back = n_shared + len(expected), n_kept_back + len(page.hits) - len(expected)
    assert n_shared
    assert n_kept_back


def _written_in(server: Server, place_ids: set[int] | frozenset[int], *, halves: int) -> set[int]:
    return {server.id * 1_000 + half * 500 + place_id for place_id in place_ids for half in range(halves)}


def _history(rooms: Rooms, server: Server) -> AsStored:
    return AsStored(rooms.messages, guild_id=server.id)


async def _pages(rooms: Rooms, who: Member, answer_id: int, server: Server) -> set[int]:
    """All that is shown on all pages of an answer."""
    found: set[int] = set()
    for start in range(0, 20, 5):
        page = await rooms.answers.turn(who, answer_id, start, history=_history(rooms, server))
        found |= {hit.message.message_id for hit in page.hits}
    return found
