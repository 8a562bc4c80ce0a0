"""One channel: what is new, what is to be compared, and what is older."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Rooms
from fakes import PagedHistory
from make import GUILD, location, message, server

from bot.messages import Location, Message
from bot.services.coverage import Past
from bot.services.ingest import Tally
from bot.services.walk import Span
from bot.times import snowflake_at

NOW = datetime.now(UTC)
STEP = timedelta(minutes=1)


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """The first server wants to be indexed as a whole."""
    await rooms.coverage.start(server())
    return rooms


def evenly(n: int, *, until: datetime = NOW) -> tuple[Location, list[Message]]:
    """A channel in which a message was written every minute from its first one on, the oldest first."""
    ids = [snowflake_at(until - STEP * (n - i)) for i in range(n + 1)]
    where = location(ids[0])
    return where, [message(i, f"text {i}", channel_id=ids[0]) for i in ids[1:]]


async def read(rooms: Rooms, history: PagedHistory) -> None:
    async for _ in rooms.backfill.read(history, Tally()):
        pass


async def stored(rooms: Rooms) -> set[int]:
    return {row[0] for row in await rooms.database.fetch("SELECT message_id FROM messages")}


@pytest.mark.parametrize("n", [1_000, 2_345])
async def test_what_is_left_is_estimated_right_where_it_was_written_evenly(town: Rooms, n: int) -> None:
    """From the first page on the estimate is right within one part in a hundred, and at the end nothing is left."""
    where, messages = evenly(n)
    history = PagedHistory(where)
    history.write(messages)
    seen = [(p.tally.total, p.n_left) async for p in town.backfill.read(history, Tally())]

    for n_read, n_left in seen:
        assert n_left == pytest.approx(n - n_read, rel=0.01, abs=1)
    assert seen[-1] == (n, 0)


async def test_what_is_left_is_estimated_right_after_a_restart(town: Rooms) -> None:
    """A reading that goes on below what was read before knows from its own first page on how much is left."""
    where, messages = evenly(1_000)
    history = PagedHistory(where)
    history.write(messages)
    async for progress in town.backfill.read(history, Tally()):
        if progress.tally.total == 300:
            break
    town.up_to_date.compared(GUILD, where.channel.channel_id, down_to=messages[-50].message_id, at=1)

    seen = [(p.tally.total, p.n_left) async for p in town.backfill.read(history, Tally())]
    assert all(n_left == pytest.approx(700 - n_read, rel=0.01, abs=1) for n_read, n_left in seen)


def test_nothing_is_left_where_nothing_can_be_told() -> None:
    """Before anything was read, at the channel's beginning and within one millisecond there is no estimate."""
    far, near = snowflake_at(NOW - STEP), snowflake_at(NOW)
    assert Span().n_left(far) == 0
    assert Span(newest_id=near, low_id=0, n_read=100).n_left(far) == 0
    assert Span(newest_id=near, low_id=near, n_read=100).n_left(far) == 0
    # An import may be older than the channel that stands for it.
    assert Span(newest_id=near, low_id=far, n_read=100).n_left(near) == 0


async def test_a_channel_that_was_just_read_needs_no_comparison(town: Rooms) -> None:
    """Reading again, and reading on, asks for no page of what was read in this session."""
    where, messages = evenly(250)
    history = PagedHistory(where)
    history.write(messages)
    async for _ in town.backfill.read(history, Tally()):
        break
    await read(town, history)
    await read(town, history)

    channel_id = where.channel.channel_id
    assert history.asked_pages == [
        (channel_id, None),
        (channel_id, messages[-100].message_id),
        (channel_id, messages[-200].message_id),
    ]
    assert town.up_to_date.is_true(GUILD, channel_id, messages[-100].message_id)


@pytest.mark.parametrize(("age", "is_compared"), [(timedelta(days=6), True), (timedelta(days=8), False)])
async def test_after_a_gap_the_newest_page_is_compared_where_somebody_wrote_lately(
    town: Rooms, age: timedelta, is_compared: bool
) -> None:
    """What was deleted unheard is found at once in a busy channel; a quiet one is left to the sweep."""
    where, messages = evenly(150, until=NOW - age)
    history = PagedHistory(where)
    history.write(messages)
    await read(town, history)
    town.up_to_date.session_began()
    history.delete(messages[-10].message_id)
    history.asked_pages.clear()
    await read(town, history)

    assert len(history.asked_pages) == is_compared
    assert (messages[-10].message_id in await stored(town)) != is_compared


async def test_what_cannot_be_read_any_more_stays_as_it_is_stored(town: Rooms) -> None:
    """Where a page has a notice without text in place of a stored message, that one is kept, and those around it."""
    where, messages = evenly(150)
    history = PagedHistory(where)
    history.write(messages)
    await read(town, history)
    before = await town.database.fetch("SELECT * FROM messages ORDER BY message_id")
    town.up_to_date.session_began()
    history.write(replace(messages[i], content="", is_notice=True) for i in (-1, -50, -100))
    await read(town, history)

    assert len(history.asked_pages) == 3
    assert await town.database.fetch("SELECT * FROM messages ORDER BY message_id") == before


async def test_the_newest_page_is_compared_after_what_is_new_was_read(town: Rooms) -> None:
    """Catching up counts what it reads once, and the comparison only what it changed."""
    where, messages = evenly(60)
    history = PagedHistory(where)
    history.write(messages[:50])
    await read(town, history)
    town.up_to_date.session_began()
    history.write(messages[50:])
    history.delete(messages[3].message_id)

    [*_, last] = [progress async for progress in town.backfill.read(history, Tally())]
    assert (last.tally.new, last.tally.total) == (10, 10)
    assert await stored(town) == set(history.contents())


@pytest.mark.parametrize("past", [Past.PAUSED, Past.CANCELLED])
async def test_a_pause_ends_the_falling_at_once_but_not_the_catching_up(town: Rooms, past: Past) -> None:
    """After it no older page is asked for, while what was written since is read; a start goes on where it stopped."""
    where, messages = evenly(400)
    history = PagedHistory(where)
    history.write(messages[:350])
    async for progress in town.backfill.read(history, Tally()):
        if progress.tally.total == 100:
            await town.coverage.put_past(GUILD, past)
    assert await stored(town) == {one.message_id for one in messages[250:350]}

    town.up_to_date.session_began()
    history.write(messages[350:])
    history.delete(messages[300].message_id)
    await read(town, history)
    assert await stored(town) == {one.message_id for one in messages[250:]} - {messages[300].message_id}

    await town.coverage.start(server())
    await read(town, history)
    assert await stored(town) == set(history.contents())


@pytest.mark.parametrize("past", [Past.PAUSED, Past.CANCELLED])
async def test_a_pause_counts_for_a_channel_that_was_never_read(town: Rooms, past: Past) -> None:
    """Of a channel that is new while the reading is paused the newest page is read, and nothing older."""
    await town.coverage.put_past(GUILD, past)
    where, messages = evenly(250)
    history = PagedHistory(where)
    history.write(messages)
    await read(town, history)

    assert await stored(town) == {one.message_id for one in messages[-100:]}
