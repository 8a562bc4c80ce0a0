"""What servers want kept, as it is stored, and what is found that they may not want."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, location, message, server

from bot.messages import Channel, ChannelKind
from bot.services.keeping import Kind
from bot.storage.database import Database
from bot.storage.keeping import KeepingStore, Limits, Swept
from bot.storage.servers import Marks, ServerStore
from bot.times import from_milliseconds, milliseconds

THREAD, CATEGORY = 77, 5


@pytest.fixture
def store(database: Database) -> KeepingStore:
    return KeepingStore(database)


async def test_what_servers_set_is_kept_apart(rooms: Rooms, store: KeepingStore) -> None:
    """Each server has its own kinds and its own limit; one that set nothing is not told of."""
    assert await store.limits() == {}
    first, second = Limits(frozenset({"voice", "bots"}), 30), Limits(retention_days=7)
    await store.put_limits(server(), first)
    await store.put_limits(server(OTHER_GUILD, "other name"), second)
    assert await store.limits() == {GUILD: first, OTHER_GUILD: second}

    await store.put_limits(server(), Limits())
    assert await store.limits() == {OTHER_GUILD: second}
    assert [one.name for one in await rooms.servers.servers()] == ["Town", "Town"]


async def test_a_server_that_nothing_else_is_known_of_may_set_something(store: KeepingStore) -> None:
    """What is set before anything is indexed is there afterwards."""
    await store.put_limits(server(), Limits(retention_days=7))

    assert await store.limits() == {GUILD: Limits(retention_days=7)}
    assert await store.guild_ids() == [GUILD]


async def test_accounts_of_the_bot_are_remembered(store: KeepingStore) -> None:
    """All of them, each once."""
    for user_id in (7, 8, 7):
        await store.put_self(user_id)

    assert await store.selves() == {7, 8}


async def test_places_are_told_as_they_are_known(database: Database, store: KeepingStore) -> None:
    """A thread has the restriction of its channel and the category of it; a channel's category restricts nothing."""
    servers = ServerStore(database)
    square = Channel(GUILD, CHANNEL, "square", parent_id=CATEGORY, is_age_restricted=True)
    market = channel(OTHER_CHANNEL, name="market")
    thread = location(THREAD, kind=ChannelKind.THREAD, parent_id=CHANNEL, category_id=CATEGORY)
    for each in (square, market, thread.channel):
        await servers.put(server(), each)
    found = await store.locations(GUILD)

    assert {i: one.channel for i, one in found.items()} == {
        CHANNEL: square,
        OTHER_CHANNEL: market,
        THREAD: replace(thread.channel, is_age_restricted=True),
    }
    assert found[THREAD].path == thread.path
    assert set(await store.locations(GUILD, [THREAD, 999])) == {THREAD}
    assert await store.locations(OTHER_GUILD) == {}


async def test_a_channel_is_told_with_what_it_was_told_last(database: Database) -> None:
    """A channel that becomes age-restricted is known to be so, and then no longer."""
    servers = ServerStore(database)
    for is_age_restricted in (False, True, True, False):
        told = replace(channel(), is_age_restricted=is_age_restricted)
        await servers.put(server(), told)
        assert await servers.channels(GUILD) == [told]


async def test_messages_are_found_by_what_may_not_be_kept(rooms: Rooms, store: KeepingStore) -> None:
    """Those of bots, those in channels and those before a border, of one server."""
    await rooms.keeping.include(server(), Kind.BOTS)
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL))
    told = [message(1), message(2, is_bot=True), message(3, channel_id=OTHER_CHANNEL), message(4, is_bot=True)]
    await rooms.ingest.saved(GUILD, told)
    await rooms.ingest.saved(OTHER_GUILD, [message(9, guild_id=OTHER_GUILD)])

    assert sorted(await store.some_of_bots(GUILD)) == [2, 4]
    assert await store.some_of_bots(OTHER_GUILD) == []
    assert sorted(await store.some_in(GUILD, [CHANNEL])) == [1, 2, 4]
    assert sorted(await store.some_before(GUILD, 3)) == [1, 2]
    assert await store.held(GUILD, [CHANNEL, OTHER_CHANNEL, 999]) == {CHANNEL, OTHER_CHANNEL}


async def test_a_channel_that_was_read_is_held(rooms: Rooms, store: KeepingStore) -> None:
    """Its marks are something that is kept of it, until its history is to be read anew."""
    await rooms.ingest.saved(GUILD, [], reached=Marks(CHANNEL, 5, 3))
    assert await store.held(GUILD, [CHANNEL]) == {CHANNEL}

    await store.forget_marks(GUILD, [CHANNEL])
    assert await store.held(GUILD, [CHANNEL]) == set()


async def test_low_marks_rise_to_the_border(rooms: Rooms, store: KeepingStore) -> None:
    """Where something older may be, its channel counts as read down to the border; no mark falls."""
    for channel_id, low_id in ((100, 0), (101, 150), (102, 250), (300, 0), (301, 0)):
        await rooms.ingest.met(server(), channel(channel_id))
        await rooms.ingest.saved(GUILD, [], reached=Marks(channel_id, 900, low_id))
    await rooms.ingest.saved(GUILD, [message(120, channel_id=301)])
    await store.raise_low_marks(GUILD, 200)

    marks = [await rooms.servers.marks(GUILD, i) for i in (100, 101, 102, 300, 301)]
    assert [one.low_id for one in marks] == [200, 200, 250, 0, 200]
    assert {one.high_id for one in marks} == {900}


async def test_sweeps_are_remembered(rooms: Rooms, store: KeepingStore) -> None:
    """The last one of each server, by the millisecond."""
    now = from_milliseconds(milliseconds(datetime.now(UTC)))
    assert await store.sweeps() == {}
    for n in (3, 0):
        await store.was_swept(GUILD, Swept(now, n))
        assert await store.sweeps() == {GUILD: Swept(now, n)}
