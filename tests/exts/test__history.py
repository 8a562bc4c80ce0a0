"""Reading the past of a server, as Discord gives it out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import discord
import pytest
from live import eventually
from standin import Discord, Person
from standin.channels import Channel
from standin.clients import Listener, running
from standin.messages import Message
from standin.world import Guild
from town import HISTORY, VIEW, Town, shown

from bot.errors import HistoryDelayed, HistoryUnavailable
from bot.exts._convert import location_of
from bot.exts._history import DiscordHistory
from bot.messages import Channel as KnownChannel
from bot.messages import ChannelKind, Location

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGES = "/channels/{channel_id}/messages"


def n_pages(told: Discord, channel: Channel) -> int:
    """How often messages of a channel were asked for."""
    return sum(
        request.route == PAGES and request.method == "GET" and f"/{channel.id}/" in request.path
        for request in told.requests
    )


async def progress_of(town: Town, *, within: float = 20) -> str:
    """Start indexing; what the message says at the end."""
    answer = await (await town.ada.slash(town.square, "index start")).answer()
    await eventually(lambda: "has been read" in answer.refresh().content, within=within)
    return answer.content


async def test_every_kind_of_place_is_read(town: Town) -> None:
    """Text, announcement, voice, forum, active and archived threads are read; private threads are not."""
    news, lounge, forum = (
        town.guild.channel(5, "news"),
        town.guild.voice("lounge"),
        town.guild.forum("help"),
    )
    for channel in (town.square, news, lounge):
        channel.seed(town.bob, [f"in {channel.name}"], start=BEGAN, step=MINUTE)
    await forum.post(town.bob, "Boiler", "in a post")
    active = await town.square.thread("active", by=town.bob)
    archived = await town.square.thread("archived", by=town.bob)
    private = await town.square.thread("private", by=town.bob, private=True)
    await private.add(town.discord.bot)
    for thread in (active, archived, private):
        thread.seed(town.bob, [f"in {thread.name}"], start=BEGAN + timedelta(days=300), step=MINUTE)
    await archived.archive()

    await town.include("voice")
    await progress_of(town)
    await town.stored("in square", "in news", "in lounge", "in a post", "in active", "in archived")
    kinds = dict(town.bot.rows("SELECT name, kind FROM channels WHERE guild_id = ?", town.guild.id))
    assert kinds == {
        "square": "text",
        "news": "text",
        "lounge": "voice",
        "Boiler": "thread",
        "active": "thread",
        "archived": "thread",
    }


async def test_private_threads_are_not_listed_where_none_is_wanted(town: Town) -> None:
    """Indexing a server, or a channel of it by name, asks Discord for no list of private threads."""
    await progress_of(town)
    await (await town.ada.slash(town.square, "index start", channel=town.square)).answer()
    await town.square.post(town.bob, "a word")
    await town.stored("a word")

    lists = [r for r in town.discord.requests if "archived/private" in r.path and str(town.square.id) in r.path]
    assert lists == []


async def test_history_is_read_newest_first_and_once(town: Town) -> None:
    """A history of 250 messages is three pages, and starting again asks for none of them."""
    town.square.seed(town.bob, 250, start=BEGAN, step=MINUTE)

    await progress_of(town)
    assert len(town.bot.texts(town.guild.id)) == 250
    asked = n_pages(town.discord, town.square)
    await progress_of(town)
    # The progress messages themselves may be newer than what was read.
    assert asked in (3, 4)
    assert n_pages(town.discord, town.square) - asked <= 2


async def test_b28_a_message_in_a_thread_that_is_not_known_is_stored(town: Town) -> None:
    """The place of a message from a thread that the cache has forgotten is asked of Discord."""
    await town.index()
    thread = await town.square.thread("aside", by=town.bob)
    await thread.archive()
    thread.is_archived = False  # without an event, as when one was missed
    await thread.post(town.bob, "back after a long time")

    await town.stored("back after a long time")
    assert ("aside",) in town.bot.rows("SELECT name FROM channels WHERE guild_id = ?", town.guild.id)


@pytest.mark.parametrize("lost", [VIEW, HISTORY])
async def test_what_may_not_be_read_is_not_asked_for(town: Town, lost) -> None:
    """A channel without one of the two permissions costs no request, and is not taken for empty."""
    closed = town.guild.text("closed", overwrites={town.guild.everyone: (0, lost)})
    closed.seed(town.ada, ["a secret"], start=BEGAN, step=MINUTE)
    await progress_of(town)
    assert n_pages(town.discord, closed) == 0
    assert town.bot.rows("SELECT * FROM marks WHERE channel_id = ?", closed.id) == []

    await closed.overwrite(town.guild.everyone)
    await town.stored("a secret")


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10003)])
async def test_f19_a_channel_that_fails_halfway_is_left_and_the_others_go_on(town: Town, status, code) -> None:
    """After one refusal a channel is not asked again, the others are read, and the message says so."""
    broken, other = town.guild.text("broken"), town.guild.text("other")
    broken.seed(town.bob, 250, start=BEGAN, step=MINUTE)
    other.seed(town.bob, ["fine"], start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, status=status, code=code, channel=broken, times=100)

    said = await progress_of(town)
    town.discord.faults.clear()
    assert "1 channels could not be read" in said
    assert n_pages(town.discord, broken) == 1
    await town.stored("fine")


@pytest.mark.parametrize("fault", [{"status": 429, "scope": scope} for scope in ("user", "shared", "global")])
async def test_f18_limits_are_waited_for(town: Town, fault) -> None:
    """A 429 of any scope delays the history and loses nothing of it."""
    town.square.seed(town.bob, 150, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, retry_after=0.3, times=2, **fault)

    await progress_of(town)
    assert len(town.bot.texts(town.guild.id)) == 150


async def test_f18_a_lost_connection_is_tried_again(town: Town) -> None:
    """A request that breaks off in the middle of a history delays it and loses nothing of it."""
    town.square.seed(town.bob, 250, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, reset=True, times=2)

    await progress_of(town, within=30)
    assert len(town.bot.texts(town.guild.id)) == 250


async def test_a_channel_that_is_deleted_while_it_is_read_leaves_nothing(town: Town) -> None:
    """A page that was on its way when its channel was deleted is not stored."""
    other = town.guild.text("other")
    other.seed(town.bob, 250, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=other, delay=0.5, times=10)
    answer = await (await town.ada.slash(town.square, "index start")).answer()
    await eventually(lambda: n_pages(town.discord, other))
    await other.delete()

    await eventually(lambda: "has been read" in answer.refresh().content)
    await town.stored()


async def test_the_progress_names_no_channel(town: Town) -> None:
    """What everyone reads of the progress holds no name of a channel that not everyone sees."""
    secret = town.private("layoffs-2027")
    secret.seed(town.ada, 250, start=BEGAN, step=MINUTE)

    assert "layoffs" not in await progress_of(town)
    assert not any("layoffs" in message.content for message in town.square.messages)


async def test_f18_a_server_fault_is_tried_again(town: Town) -> None:
    """A 502 in the middle of a history loses nothing of it."""
    town.square.seed(town.bob, 150, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, status=502)

    await progress_of(town)
    assert len(town.bot.texts(town.guild.id)) == 150


async def test_f17_live_messages_during_the_history_are_stored_once(town: Town) -> None:
    """What is written, edited and deleted while the history of the same channel is read comes out right."""
    old = town.square.seed(town.bob, [f"old {n}" for n in range(300)], start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, delay=0.3, times=10)
    answer = await (await town.ada.slash(town.square, "index start")).answer()
    await town.square.post(town.bob, "new")
    await old[0].edit("edited while it was read")
    await old[1].delete()

    await eventually(lambda: "has been read" in answer.refresh().content)
    expected = ["edited while it was read", *(f"old {n}" for n in range(2, 300)), "new"]
    await town.stored(*expected)


async def test_progress_is_shown_at_most_every_few_seconds(town: Town) -> None:
    """A history of many quick pages edits its message once, at the end."""
    town.square.seed(town.bob, 1_500, start=BEGAN, step=MINUTE)
    await progress_of(town)

    route = "/channels/{channel_id}/messages/{message_id}"
    edits = [
        r for r in town.discord.requests if (r.method, r.route) == ("PATCH", route) and str(town.square.id) in r.path
    ]
    assert len(edits) == 1


async def test_an_unwritten_permission_of_the_bot_is_enough(town: Town) -> None:
    """The bot needs no right to write: it may read, answer, and edit its own message."""
    await town.square.overwrite(town.guild.everyone, deny=discord.Permissions(send_messages=True))
    town.square.seed(town.ada, ["a notice"], start=BEGAN, step=MINUTE)

    assert "has been read" in await progress_of(town)
    await town.stored("a notice")
    await town.settled()
    assert "a notice" in shown(await town.similar(town.ada, "notice"))


async def test_an_empty_page_of_a_channel_that_closes_is_no_deletion(town: Town) -> None:
    """A channel that loses its history while its page is on the way is closed, not empty: it comes back as it was."""
    other = town.guild.text("other")
    other.seed(town.bob, [f"text {n}" for n in range(20)], start=BEGAN, step=MINUTE)
    town.square.seed(town.bob, ["sunshine"], start=BEGAN, step=MINUTE)
    await progress_of(town)
    await other.post(town.bob, "lately")
    await eventually(lambda: len(town.bot.texts(town.guild.id)) == 22)

    town.discord.fail("GET", PAGES, channel=other, delay=0.5, times=3)
    await town.guild.outage()
    await town.guild.recover()
    n_before = n_pages(town.discord, other)
    await eventually(lambda: n_pages(town.discord, other) > n_before)
    await other.overwrite(town.guild.everyone, deny=HISTORY)
    await town.stored("sunshine")
    await other.overwrite(town.guild.everyone)
    await eventually(lambda: len(town.bot.texts(town.guild.id)) == 22)
    assert town.bot.rows("SELECT * FROM tombstones WHERE guild_id = ?", town.guild.id) == []


# --- what Discord answers, in the words of the services

MESSAGE = f"{PAGES}/{{message_id}}"
ANYTHING = "/channels/{channel_id}"


class Near:
    """A server on a Discord of one's own, and its past as a client in this process sees it."""

    def __init__(self, told: Discord, client: discord.Client, guild: Guild, bob: Person) -> None:
        self.discord = told
        self.client = client
        self.guild = guild
        self.bob = bob
        self.history = DiscordHistory(client, guild.id)
        self.square = guild.text("square")

    @property
    def cached(self) -> discord.Guild:
        guild = self.client.get_guild(self.guild.id)
        assert guild is not None
        return guild

    async def location(self, channel: Channel) -> Location:
        place = await eventually(lambda: self.cached.get_channel_or_thread(channel.id))
        return location_of(place)


@asynccontextmanager
async def near() -> AsyncIterator[Near]:
    """Opened in the test, whose loop the client shares."""
    async with Discord.open() as told:
        bob = told.person("bob")
        guild = told.guild("Town", owner=bob)
        async with running(told, Listener(max_ratelimit_timeout=30.0)) as client:
            await client.came("ready")
            yield Near(told, client, guild, bob)


TROUBLE = [
    ({"status": 403}, HistoryUnavailable, None),
    ({"status": 404}, HistoryUnavailable, None),
    ({"status": 404, "code": 0}, HistoryUnavailable, None),
    ({"status": 503}, HistoryDelayed, 10.0),
    ({"status": 429, "retry_after": 3_600.0}, HistoryDelayed, 3_600.0),
    ({"status": 429, "retry_after": 3_600.0, "scope": "shared"}, HistoryDelayed, 3_600.0),
    ({"status": 429, "retry_after": 0.01, "times": 20}, HistoryDelayed, 10.0),
]


@pytest.mark.parametrize(("fault", "failure", "seconds"), TROUBLE, ids=str)
async def test_f18_f19_what_discord_refuses_is_told_in_the_words_of_the_services(fault, failure, seconds) -> None:
    """A refusal cannot be read, a fault or a limit cannot be read now: so for a page as for one message."""
    async with near() as town:
        where, said = await town.location(town.square), await town.square.post(town.bob, "one")
        for route, ask in (
            (PAGES, lambda: town.history.page(where)),
            (MESSAGE, lambda: town.history.message(town.square.id, said.id)),
        ):
            town.discord.fail("GET", route, **fault)
            with pytest.raises(failure) as raised:
                await ask()
            assert getattr(raised.value, "seconds", None) == seconds
            town.discord.faults.clear()


async def test_a_message_is_told_as_it_is_now() -> None:
    """Its text, and None once it is gone; a refusal where its channel is, or, without a request, may not be read."""
    async with near() as town:
        attic = town.guild.text("attic")
        one, two = await town.square.post(town.bob, "one"), await town.square.post(town.bob, "two")
        three = await attic.post(town.bob, "three")
        await town.location(attic)
        await one.edit("uno")
        found = await town.history.message(town.square.id, one.id)
        assert (found.content, found.edited_at) == ("uno", one.edited_at)

        await two.delete()
        await attic.delete()
        await eventually(lambda: town.cached.get_channel(attic.id) is None)
        assert await town.history.message(town.square.id, two.id) is None
        with pytest.raises(HistoryUnavailable):
            await town.history.message(attic.id, three.id)

        await town.square.overwrite(town.guild.everyone, deny=HISTORY)
        await eventually(lambda: town.history.locate(KnownChannel(town.guild.id, town.square.id, "")) is None)
        n_before = len(town.discord.requests)
        with pytest.raises(HistoryUnavailable):
            await town.history.message(town.square.id, one.id)
        assert len(town.discord.requests) == n_before


async def test_an_archived_thread_is_read_without_being_known() -> None:
    """Pages and messages of a thread that the connection has forgotten need nothing but its id."""
    async with near() as town:
        thread = await town.square.thread("aside", by=town.bob)
        where = await town.location(thread)
        said = await thread.post(town.bob, "one")
        await thread.archive()
        await eventually(lambda: town.cached.get_thread(thread.id) is None)

        assert [one.content for one in await town.history.page(where)] == ["one"]
        assert (await town.history.message(thread.id, said.id)).content == "one"
        assert town.history.locate(where.channel) == where
        assert where in [place.location async for place in town.history.places()]


async def test_only_a_deleted_thread_is_gone() -> None:
    """Neither a channel, nor an active, archived or refused thread counts as deleted, nor one that cannot be asked."""
    async with near() as town:
        active, archived, deleted = [await town.square.thread(n, by=town.bob) for n in ("active", "archived", "gone")]
        places = [await town.location(channel) for channel in (town.square, active, archived, deleted)]
        await archived.archive()
        await deleted.delete()
        await eventually(lambda: len(town.cached.threads) == 1)

        assert [await town.history.is_gone(place.channel) for place in places] == [False, False, False, True]
        gone = places[-1].channel
        for fault in ({"status": 403}, {"status": 404, "code": 0}):
            town.discord.fail("GET", ANYTHING, **fault)
            assert not await town.history.is_gone(gone)
        town.discord.fail("GET", ANYTHING, status=503)
        with pytest.raises(HistoryDelayed):
            await town.history.is_gone(gone)
        orphan = KnownChannel(town.guild.id, gone.channel_id, "", ChannelKind.THREAD, parent_id=7)
        assert await town.history.is_gone(orphan)


async def test_f31_while_a_server_is_away_nothing_is_gone() -> None:
    """During an outage whatever is asked waits, and nothing is taken for closed or deleted."""
    async with near() as town:
        where = await town.location(town.square)
        await town.guild.outage()
        await eventually(lambda: town.client.get_guild(town.guild.id) is None or town.cached.unavailable)

        for ask in (
            lambda: town.history.page(where),
            lambda: town.history.message(town.square.id, 7),
            lambda: town.history.is_gone(where.channel),
        ):
            with pytest.raises(HistoryDelayed):
                await ask()


ARCHIVED = "/channels/{channel_id}/threads/archived/public"
LONG = {"status": 429, "retry_after": 3_600.0}


async def listed(town: Near) -> tuple[set[str], float | None]:
    """The names of the places that are told, and how long to wait for the rest."""
    names: set[str] = set()
    try:
        async for place in town.history.places():
            names.add(place.location.channel.name)
    except HistoryDelayed as error:
        return names, error.seconds
    return names, None


async def with_threads(town: Near) -> tuple[Channel, Channel]:
    """Two channels, each with an archived thread, the second with an active one too."""
    other = town.guild.text("other")
    for channel in (town.square, other):
        archived = await channel.thread(f"aside {channel.name}", by=town.bob)
        await archived.archive()
    await town.location(await other.thread("active", by=town.bob))
    await eventually(lambda: len(town.cached.threads) == 1)
    return town.square, other


async def test_f18_a_list_of_threads_that_fails_ends_no_other() -> None:
    """One channel's archived threads, or the active ones, wait: all else is told, and then for how long to wait."""
    async with near() as town:
        square, other = await with_threads(town)
        everything = {"square", "other", "active", "aside square", "aside other"}
        assert await listed(town) == (everything, None)

        for channel in (square, other):
            town.discord.fail("GET", ARCHIVED, channel=channel, **LONG)
            assert await listed(town) == (everything - {f"aside {channel.name}"}, 3_600.0)
            town.discord.faults.clear()
        town.discord.fail("GET", "/guilds/{guild_id}/threads/active", **LONG)
        assert await listed(town) == (everything - {"active"}, 3_600.0)


async def test_a_list_of_threads_that_nobody_can_read_ends_no_other(caplog, monkeypatch) -> None:
    """A thread without what every thread has is logged, the other channels' threads are told, and it is tried again."""
    async with near() as town:
        square, _ = await with_threads(town)
        ask = town.client.http.get_public_archived_threads

        async def garbled(channel_id: int, **around) -> dict:
            told = await ask(channel_id, **around)
            return told | {"threads": [{}]} if channel_id == square.id else told

        monkeypatch.setattr(town.client.http, "get_public_archived_threads", garbled)
        names, seconds = await listed(town)
        assert (names, seconds) == ({"square", "other", "active", "aside other"}, 10.0)
        assert f"threads of {square.id} cannot be read" in caplog.text


async def test_a_refused_list_of_threads_is_not_waited_for() -> None:
    """Where the bot may not see the archived threads, the places are complete without them."""
    async with near() as town:
        square, _ = await with_threads(town)
        town.discord.fail("GET", ARCHIVED, channel=square, status=403)
        assert await listed(town) == ({"square", "other", "active", "aside other"}, None)


def garble(*messages: Message) -> None:
    """Give messages what discord.py cannot read."""
    for message in messages:
        message.type, message.attachments = 99, [{}]


async def test_a_message_that_cannot_be_read_is_one_notice_of_its_page(caplog) -> None:
    """The others of its page are told, full pages stay full, both ends keep their ids, and the log has no text."""
    async with near() as town:
        said = town.square.seed(town.bob, [f"text {n}" for n in range(150)], start=BEGAN, step=MINUTE)
        where = await town.location(town.square)
        garble(said[50], said[100], said[149], said[0])

        for around, expected in (
            ({}, said[50:]),
            ({"before_id": said[100].id}, said[:100]),
            ({"after_id": said[49].id}, said[50:]),
            ({"after_id": 0}, said[:100]),
        ):
            page = await town.history.page(where, **around)
            assert [one.message_id for one in page] == [one.id for one in reversed(expected)]
            assert {one.message_id for one in page if one.is_notice} == {one.id for one in expected if one.type == 99}
            written = ["" if one.type == 99 else one.content for one in reversed(expected)]
            assert [one.content for one in page] == written
        assert f"message {said[149].id} of channel {town.square.id} cannot be read: KeyError" in caplog.text
        assert "text 149" not in caplog.text


async def test_messages_that_cannot_be_read_block_no_channel(town: Town) -> None:
    """A history that holds some at the ends of its pages is read to its beginning, and what follows them too."""
    said = town.square.seed(town.bob, [f"text {n}" for n in range(250)], start=BEGAN, step=MINUTE)
    garble(said[0], said[150], said[249])

    assert "could not be read" not in await progress_of(town)
    await town.stored(*(one.content for one in said if one.type != 99))
