"""Live messages move a channel's high mark only where nothing can lie between."""

import pytest
from conftest import Rooms
from fakes import KnownSurroundings, PagedHistory
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, location, message, server

from bot.messages import ChannelKind
from bot.services.events import ChannelsTurned, MessageSaved, ReachChanged, ServerLeft
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


async def test_a_channel_that_was_closed_for_a_moment_is_a_gap_of_its_own(town: Rooms) -> None:
    """Where other channels than before may be read, something may have been missed in those alone."""
    await history_read(town)
    before = await high(town, OTHER_CHANNEL)
    await hear(town, ChannelsTurned(GUILD, frozenset({CHANNEL})), saved(7), saved(8, MARKET))

    assert (await high(town), await high(town, OTHER_CHANNEL)) == (3, 8)
    assert before < 8


async def test_a_thread_is_a_gap_where_its_channel_was_closed_for_a_moment(town: Rooms) -> None:
    """What is true of a channel's sight is true of the threads in it."""
    thread = location(77, name="a thread", kind=ChannelKind.THREAD, parent_id=CHANNEL)
    await town.ingest.met(thread.server, thread.channel)
    town.up_to_date.compared(GUILD, 77, down_to=0, at=town.up_to_date.now())
    assert town.up_to_date.is_true(GUILD, 77, 1)
    await hear(town, ChannelsTurned(GUILD, frozenset({CHANNEL})))

    assert not town.up_to_date.is_true(GUILD, 77, 1)


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


# --- what was compared


def test_what_was_compared_is_true_until_something_may_have_been_missed() -> None:
    """From an id on, in its channel; a new session ends it everywhere, a loss in its server."""
    up_to_date = UpToDate()
    assert not up_to_date.is_true(GUILD, CHANNEL, 500)
    up_to_date.compared(GUILD, CHANNEL, down_to=500, at=up_to_date.now())
    assert [up_to_date.is_true(GUILD, CHANNEL, i) for i in (0, 499, 500, 501)] == [False, False, True, True]
    assert not up_to_date.is_true(GUILD, OTHER_CHANNEL, 501)

    up_to_date.lost_sight(OTHER_GUILD)
    up_to_date.missed(CHANNEL)  # what is not stored is not shown
    assert up_to_date.is_true(GUILD, CHANNEL, 500)
    for lose in (lambda: up_to_date.lost_sight(GUILD), up_to_date.session_began):
        up_to_date.compared(GUILD, CHANNEL, down_to=0, at=up_to_date.now())
        assert up_to_date.is_true(GUILD, CHANNEL, 0)
        lose()
        assert not up_to_date.is_true(GUILD, CHANNEL, 500)


def test_a_comparison_that_began_before_a_loss_says_nothing() -> None:
    """What was asked before something may have been missed is as old as that."""
    up_to_date = UpToDate()
    at = up_to_date.now()
    up_to_date.lost_sight(GUILD)
    up_to_date.compared(GUILD, CHANNEL, down_to=0, at=at)
    up_to_date.confirmed(7, at=at)

    assert not up_to_date.is_true(GUILD, CHANNEL, 7)


@pytest.mark.parametrize("order", [(100, 500), (500, 100)])
def test_a_shorter_comparison_takes_nothing_from_a_longer_one(order: tuple[int, int]) -> None:
    """Whichever comes first, what the longer one has seen stays true."""
    up_to_date = UpToDate()
    for down_to in order:
        up_to_date.compared(GUILD, CHANNEL, down_to=down_to, at=up_to_date.now())

    assert [up_to_date.is_true(GUILD, CHANNEL, i) for i in (99, 100, 600)] == [False, True, True]


def test_an_older_comparison_takes_nothing_from_a_newer_one() -> None:
    """A long reading that began before a gap does not make void what was compared after it."""
    up_to_date = UpToDate()
    before = up_to_date.now()
    up_to_date.session_began()
    up_to_date.compared(GUILD, CHANNEL, down_to=500, at=up_to_date.now())
    up_to_date.compared(GUILD, CHANNEL, down_to=100, at=before)

    assert up_to_date.is_true(GUILD, CHANNEL, 500)
    assert not up_to_date.is_true(GUILD, CHANNEL, 100)


def test_of_single_messages_the_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was confirmed one by one is true, and what was confirmed longest ago is forgotten first."""
    monkeypatch.setattr("bot.services.uptodate._REMEMBERED", 3)
    up_to_date = UpToDate()
    for message_id in (1, 2, 3, 1, 4):
        up_to_date.confirmed(message_id, at=up_to_date.now())

    assert [up_to_date.is_true(GUILD, CHANNEL, i) for i in (1, 2, 3, 4)] == [True, False, True, True]


def test_a_refusal_counts_until_something_changes() -> None:
    """A channel that could not be read is known as such until a new session or a change in its server."""
    up_to_date = UpToDate()
    assert not up_to_date.is_refused(GUILD, CHANNEL)
    for change in (up_to_date.session_began, lambda: up_to_date.lost_sight(GUILD)):
        up_to_date.refused(CHANNEL, at=up_to_date.now())
        up_to_date.lost_sight(OTHER_GUILD)
        assert up_to_date.is_refused(GUILD, CHANNEL)
        assert not up_to_date.is_refused(GUILD, OTHER_CHANNEL)
        change()
        assert not up_to_date.is_refused(GUILD, CHANNEL)
