"""Live messages move a channel's high mark only where nothing can lie between."""

import pytest
from conftest import Rooms
from fakes import KnownSurroundings, PagedHistory
from make import CHANNEL, GUILD, OTHER_CHANNEL, location, message, server

from bot.services.inbox import MessageSaved, ReachChanged, ServerLeft
from bot.services.ingest import Tally
from bot.services.uptodate import UpToDate

SQUARE, MARKET = location(CHANNEL), location(OTHER_CHANNEL)


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    await rooms.coverage.start(server())
    return rooms


async def read(rooms: Rooms, history: PagedHistory) -> None:
    async for _ in rooms.backfill.read(history, Tally()):
        pass


async def hear(rooms: Rooms, *events: object) -> None:
    """Put events down as the inbox does."""
    for event in events:
        await rooms.inbox._apply([event], KnownSurroundings(SQUARE, MARKET))


async def high(rooms: Rooms, channel_id: int = CHANNEL) -> int:
    marks = await rooms.servers.marks(GUILD, channel_id)
    assert marks is not None
    return marks.high_id


def saved(message_id: int, where=SQUARE) -> MessageSaved:
    return MessageSaved(message(message_id, channel_id=where.channel.channel_id), where)


async def history_read(town: Rooms) -> PagedHistory:
    history = PagedHistory(SQUARE, MARKET)
    history.write([message(n) for n in range(1, 4)])
    await read(town, history)
    return history


async def test_what_is_heard_after_reading_costs_no_page_later(town: Rooms) -> None:
    """A live message raises the mark, so that the next start asks for nothing."""
    history = await history_read(town)
    history.write([message(7)])
    await hear(town, saved(7))
    n_pages = history.n_pages

    assert await high(town) == 7
    await read(town, history)
    assert history.n_pages == n_pages


@pytest.mark.parametrize(
    "gap",
    [
        lambda town: town.up_to_date.session_began(),
        lambda town: town.up_to_date.lost_sight(GUILD),
        lambda town: town.up_to_date.missed(CHANNEL),
    ],
    ids=["session", "server", "channel"],
)
async def test_nothing_is_passed_over_after_a_gap(town: Rooms, gap) -> None:
    """A message from the gap is read, although a later one was heard before that."""
    history = await history_read(town)
    gap(town)
    history.write([message(5, "from the gap"), message(7)])
    await hear(town, saved(7))
    assert await high(town) == 3

    await read(town, history)
    assert await town.ingest.stored_ids(GUILD, range(10)) == {1, 2, 3, 5, 7}
    await hear(town, saved(9))
    assert await high(town) == 9


@pytest.mark.parametrize("event", [ReachChanged(GUILD), ServerLeft(GUILD)], ids=["reach", "left"])
async def test_what_may_have_closed_a_channel_for_a_moment_is_a_gap(town: Rooms, event) -> None:
    """After permissions changed, or the bot was removed, the mark waits for the next reading."""
    await history_read(town)
    await hear(town, event, saved(7))

    assert await high(town) == 3


async def test_a_message_that_was_not_wanted_is_a_gap_of_its_channel(town: Rooms) -> None:
    """What was written while a channel was stopped is read when it is started again, and others are not held up."""
    history = await history_read(town)
    await town.coverage.stop(server(), CHANNEL)
    history.write([message(5)])
    await hear(town, saved(5))
    await town.coverage.start(server(), CHANNEL)
    history.write([message(7)])
    await hear(town, saved(7), saved(8, MARKET))
    assert (await high(town), await high(town, OTHER_CHANNEL)) == (3, 8)

    await read(town, history)
    assert 5 in await town.ingest.stored_ids(GUILD, [5])


async def test_a_gap_while_reading_counts(town: Rooms) -> None:
    """A new session that begins between the last page and the end of the reading leaves the mark alone."""
    history = PagedHistory(SQUARE)
    history.write([message(n) for n in range(1, 4)])

    async def begin(page: object) -> None:
        town.up_to_date.session_began()

    history.on_the_way = begin
    await read(town, history)
    await hear(town, saved(7))
    assert await high(town) == 3


def test_an_unread_channel_is_not_up_to_date() -> None:
    """Before anything was read, nothing holds."""
    assert not UpToDate().holds(GUILD, CHANNEL)
