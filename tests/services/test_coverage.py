"""What is to be indexed, and what is not."""

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, location, server

from bot.errors import NotOffered
from bot.messages import ChannelKind
from bot.services.coverage import WHOLE_SERVER, Coverage, Past
from bot.storage.database import open_to_write

CATEGORY, THREAD = 5, 77
SQUARE = location(CHANNEL, parent_id=CATEGORY)
IN_SQUARE = location(THREAD, kind=ChannelKind.THREAD, parent_id=CHANNEL, category_id=CATEGORY)


async def test_nothing_is_indexed_until_a_server_says_so(rooms: Rooms) -> None:
    """A server that never said anything has nothing covered."""
    await rooms.coverage.load()

    assert not rooms.coverage.covers(SQUARE)
    assert not rooms.coverage.is_indexed(GUILD)
    assert rooms.coverage.guild_ids == frozenset()


async def test_the_nearest_word_wins(rooms: Rooms) -> None:
    """Thread before channel before category before server, whatever combination of words there is."""
    for words in itertools.product((None, True, False), repeat=4):
        told = dict(zip((THREAD, CHANNEL, CATEGORY, WHOLE_SERVER), words, strict=True))
        told = {channel_id: word for channel_id, word in told.items() if word is not None}
        await rooms.servers.cover(server(), told)
        await rooms.coverage.load()

        assert rooms.coverage.covers(IN_SQUARE) == next((word for word in words if word is not None), False)
        assert rooms.coverage.covers(SQUARE) == next((word for word in words[1:] if word is not None), False)


async def test_a_server_is_started_but_for_what_was_stopped_by_name(rooms: Rooms) -> None:
    """Indexing the whole server leaves a channel out that was stopped before or after."""
    await rooms.coverage.stop(server(), CHANNEL)
    await rooms.coverage.start(server())
    assert (rooms.coverage.covers(SQUARE), rooms.coverage.covers(location(OTHER_CHANNEL))) == (False, True)

    await rooms.coverage.stop(server(), OTHER_CHANNEL)
    assert not rooms.coverage.covers(location(OTHER_CHANNEL))
    assert rooms.coverage.is_indexed(GUILD)


async def test_stopping_a_server_forgets_every_channel_that_was_started(rooms: Rooms) -> None:
    """Nothing is indexed after a stop of everything, not even what was started by name."""
    await rooms.coverage.start(server())
    await rooms.coverage.start(server(), CHANNEL)
    await rooms.coverage.stop(server())

    assert rooms.coverage.told(GUILD) == {WHOLE_SERVER: False}
    assert not rooms.coverage.covers(SQUARE)
    assert not rooms.coverage.is_indexed(GUILD)
    assert rooms.coverage.guild_ids == {GUILD}


async def test_what_was_stopped_by_name_stays_so_through_a_stop_of_everything(rooms: Rooms) -> None:
    """Starting again after a stop of everything does not bring in what was left out before."""
    await rooms.coverage.start(server())
    await rooms.coverage.stop(server(), CHANNEL)
    await rooms.coverage.stop(server())
    await rooms.coverage.start(server())

    assert (rooms.coverage.covers(SQUARE), rooms.coverage.covers(location(OTHER_CHANNEL))) == (False, True)


async def test_servers_do_not_speak_for_each_other(rooms: Rooms) -> None:
    """A word of one server covers nothing of another, even where ids are equal."""
    await rooms.coverage.start(server(), CHANNEL)

    assert rooms.coverage.covers(location(CHANNEL))
    assert not rooms.coverage.covers(location(CHANNEL, guild_id=OTHER_GUILD))


async def test_what_was_said_survives_reopening(tmp_path: Path) -> None:
    """After a restart the same is covered as before."""
    async with open_to_write(tmp_path) as database:
        rooms = await rooms_over(database)
        await rooms.coverage.start(server())
        await rooms.coverage.stop(server(), OTHER_CHANNEL)
    async with open_to_write(tmp_path) as database:
        coverage = (await rooms_over(database)).coverage
        assert not coverage.covers(SQUARE)
        await coverage.load()

        assert coverage.told(GUILD) == {WHOLE_SERVER: True, OTHER_CHANNEL: False}
        assert (coverage.covers(SQUARE), coverage.covers(location(OTHER_CHANNEL))) == (True, False)


async def test_words_that_come_at_once_are_all_kept(rooms: Rooms) -> None:
    """Two people who start two channels at the same moment both get their way."""
    await asyncio.gather(*(rooms.coverage.start(server(), i) for i in range(1, 9)), rooms.coverage.load())

    assert rooms.coverage.told(GUILD) == dict.fromkeys(range(1, 9), True)
    again = Coverage(rooms.servers)
    await again.load()
    assert again.told(GUILD) == rooms.coverage.told(GUILD)


async def test_f32_a_server_that_was_left_is_told_after_its_grace(rooms: Rooms) -> None:
    """A removal counts from the first time it was noticed, and coming back undoes it."""
    assert not rooms.coverage.has_left.is_set()
    await rooms.coverage.left(GUILD)
    assert rooms.coverage.has_left.is_set()
    assert await rooms.coverage.left_for(timedelta(days=1)) == []
    assert await rooms.coverage.left_for(timedelta(seconds=-1)) == [GUILD]

    await rooms.coverage.joined(GUILD)
    assert await rooms.coverage.left_for(timedelta(seconds=-1)) == []


async def test_starting_in_a_server_ends_its_grace(rooms: Rooms) -> None:
    """A server that wants to be indexed is not about to be dropped."""
    await rooms.coverage.left(GUILD)
    await rooms.coverage.start(server())

    assert await rooms.coverage.left_for(timedelta(seconds=-1)) == []


async def test_the_past_is_wanted_until_somebody_says_otherwise(rooms: Rooms) -> None:
    """What was paused or given up is so for its server alone, for the next process too, and until the next start."""
    await rooms.coverage.start(server())
    await rooms.coverage.start(server(OTHER_GUILD))
    for past in (Past.PAUSED, Past.CANCELLED):
        await rooms.coverage.put_past(GUILD, past)
        again = Coverage(rooms.servers)
        await again.load()
        for coverage in (rooms.coverage, again):
            assert (coverage.past(GUILD), coverage.wants_history(GUILD)) == (past, False)
            assert (coverage.past(OTHER_GUILD), coverage.wants_history(OTHER_GUILD)) == (Past.WANTED, True)

        await again.start(server(), CHANNEL)
        assert again.wants_history(GUILD)
        await rooms.coverage.load()
        assert rooms.coverage.wants_history(GUILD)


async def test_a_pause_takes_nothing_from_what_is_indexed(rooms: Rooms) -> None:
    """Whoever pauses the history still has new messages stored."""
    await rooms.coverage.start(server())
    await rooms.coverage.put_past(GUILD, Past.CANCELLED)

    assert rooms.coverage.covers(SQUARE)


async def test_a_pause_is_not_undone_by_loading_at_the_same_moment(rooms: Rooms, monkeypatch) -> None:
    """What was read from the database before a pause does not stand after it."""
    await rooms.coverage.start(server())
    was_read, may_go_on = asyncio.Event(), asyncio.Event()
    histories = rooms.servers.histories

    async def slow_histories() -> dict[int, str]:
        told = await histories()
        was_read.set()
        await may_go_on.wait()
        return told

    monkeypatch.setattr(rooms.servers, "histories", slow_histories)
    loading = asyncio.create_task(rooms.coverage.load())
    await was_read.wait()
    pausing = asyncio.create_task(rooms.coverage.put_past(GUILD, Past.PAUSED))
    await asyncio.wait([pausing], timeout=0.2)
    may_go_on.set()
    await asyncio.gather(loading, pausing)

    assert rooms.coverage.past(GUILD) is Past.PAUSED


async def test_servers_that_are_not_named_are_offered_nothing(rooms: Rooms) -> None:
    """Where the operator has named servers, others cannot start, and what they said before counts no longer."""
    for guild_id in (GUILD, OTHER_GUILD):
        await rooms.coverage.start(server(guild_id))
    coverage = Coverage(rooms.servers, frozenset({GUILD}))
    await coverage.load()
    elsewhere = location(OTHER_CHANNEL, guild_id=OTHER_GUILD)

    assert (coverage.is_indexed(GUILD), coverage.covers(SQUARE)) == (True, True)
    assert (coverage.is_indexed(OTHER_GUILD), coverage.covers(elsewhere)) == (False, False)
    assert coverage.strangers == {OTHER_GUILD}
    with pytest.raises(NotOffered):
        await coverage.start(server(OTHER_GUILD))
    with pytest.raises(NotOffered):
        coverage.refuse_strangers(OTHER_GUILD)
    coverage.refuse_strangers(GUILD)


async def test_all_servers_are_offered_the_bot_unless_some_are_named(rooms: Rooms) -> None:
    """Without a list nobody is a stranger."""
    await rooms.coverage.start(server())
    rooms.coverage.refuse_strangers(GUILD)

    assert (rooms.coverage.strangers, rooms.coverage.is_offered(4711)) == (frozenset(), True)


async def test_a_server_can_be_known_without_having_said_anything(rooms: Rooms) -> None:
    """It is there for whoever removes it later; what another one said stays as it was."""
    await rooms.coverage.start(server(), CHANNEL)
    for guild_id in (GUILD, 12345):
        await rooms.coverage.know(server(guild_id))
    after_a_restart = Coverage(rooms.servers)
    await after_a_restart.load()

    assert 12345 in [each.guild_id for each in await rooms.servers.servers()]
    assert (after_a_restart.told(GUILD), after_a_restart.told(12345)) == ({CHANNEL: True}, {})
