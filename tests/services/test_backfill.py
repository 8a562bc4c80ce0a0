"""Histories: newest first, each message once, going on where it stopped."""

import asyncio
import gc
import inspect
import random
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest
from conftest import Rooms, rooms_over
from fakes import PagedHistory
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, location, message, server, utc

from bot.errors import HistoryDelayed, HistoryUnavailable, StorageFailed
from bot.messages import ChannelKind, Message
from bot.services.backfill import Progress
from bot.services.coverage import Past
from bot.services.ingest import Tally
from bot.services.walk import Span
from bot.storage.database import Database
from bot.storage.servers import Marks, Notice

SQUARE = location(CHANNEL)
MARKET = location(OTHER_CHANNEL, name="market")
EARLY = utc("2024-01-01T00:00:00")


class Killed(BaseException):
    """The process ends while a page is on its way."""


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """The first server wants to be indexed as a whole."""
    await rooms.coverage.start(server())
    return rooms


def written(n: int, *, first_id: int = 1, channel_id: int = CHANNEL) -> list[Message]:
    return [message(i, f"text {i}", channel_id=channel_id) for i in range(first_id, first_id + n)]


def history_of(*messages: Message) -> PagedHistory:
    """Two channels with these messages in them."""
    history = PagedHistory(SQUARE, MARKET)
    history.write(messages)
    return history


async def read(rooms: Rooms, history: PagedHistory) -> list[tuple[int, bool]]:
    """Read to the end; how many messages had been dealt with at each step, and whether it was the last one."""
    return [(progress.tally.total, progress.is_done) async for progress in rooms.backfill.read(history, Tally())]


async def ids(rooms: Rooms, channel_id: int = CHANNEL) -> list[int]:
    rows = await rooms.database.fetch(
        "SELECT message_id FROM messages WHERE channel_id = ? ORDER BY message_id", (channel_id,)
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("n", "n_pages"), [(0, 1), (1, 1), (99, 1), (100, 2), (101, 2), (199, 2), (200, 3), (201, 3), (250, 3)]
)
async def test_a_channel_is_read_to_its_beginning(town: Rooms, n: int, n_pages: int) -> None:
    """Every message is stored, a page that is not full is the last, and the channel is then complete."""
    history = PagedHistory(SQUARE)
    history.write(written(n))
    steps = await read(town, history)

    assert await ids(town) == list(range(1, n + 1))
    assert (history.n_pages, len(steps), steps[-1]) == (n_pages, n_pages + 1, (n, True))
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, n, 0)


async def test_the_newest_messages_come_first_and_the_marks_move_with_each_page(town: Rooms) -> None:
    """After each page exactly what lies between the marks is stored."""
    history = PagedHistory(SQUARE)
    history.write(written(250))
    seen = []
    async for progress in town.backfill.read(history, Tally()):
        marks = await town.servers.marks(GUILD, CHANNEL)
        seen.append((await ids(town), marks, progress.n_channels))

    assert seen[0] == (list(range(151, 251)), Marks(CHANNEL, 250, 151), 1)
    assert seen[1] == (list(range(51, 251)), Marks(CHANNEL, 250, 51), 1)
    assert seen[2][:2] == (list(range(1, 251)), Marks(CHANNEL, 250, 0))


async def test_a_complete_channel_costs_no_page(town: Rooms) -> None:
    """Reading again asks for nothing where nothing is new."""
    history = history_of(*written(150), *written(3, first_id=500, channel_id=OTHER_CHANNEL))
    await read(town, history)
    n_before = history.n_pages

    assert await read(town, history) == [(0, True)]
    assert history.n_pages == n_before


async def test_an_empty_channel_costs_one_page_until_something_is_written(town: Rooms) -> None:
    """A channel that names no newest message is looked at once, and read when there is something in it."""
    history = PagedHistory(SQUARE)
    for _ in range(3):
        assert (await read(town, history))[-1] == (0, True)
    assert history.n_pages == 1

    history.write(written(150))
    await read(town, history)
    assert await ids(town) == list(range(1, 151))
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 150, 0)


async def test_what_was_written_since_is_fetched_at_the_next_run(town: Rooms) -> None:
    """Above the high mark a run goes upward, page by page, and leaves no hole."""
    history = history_of(*written(150))
    await read(town, history)
    history.write(written(250, first_id=151))

    async for _ in town.backfill.read(history, Tally()):
        marks = await town.servers.marks(GUILD, CHANNEL)
        assert marks is not None
        assert await ids(town) == list(range(1, marks.high_id + 1))
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 400, 0)
    assert set(history.n_given.values()) == {1}


async def test_a_run_that_stopped_goes_on_in_both_directions(town: Rooms) -> None:
    """What came in the meantime and what is still missing below are both read."""
    history = history_of(*written(350))
    reading = town.backfill.read(history, Tally())
    await anext(reading)
    await reading.aclose()
    history.write(written(250, first_id=351))
    await read(town, history)

    assert await ids(town) == list(range(1, 601))
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 600, 0)
    assert set(history.n_given.values()) == {1}


@pytest.mark.parametrize("seed", range(8))
async def test_f16_stopped_anywhere_again_and_again_it_ends_with_every_message_once(town: Rooms, seed: int) -> None:
    """Killed after, or in the middle of, any page, each message is stored once and fetched at most twice."""
    dice = random.Random(seed)
    sizes = [dice.choice((0, 1, 99, 100, 101, 200, dice.randrange(900))) for _ in (SQUARE, MARKET)]
    history = history_of(*written(sizes[0]), *written(sizes[1], first_id=1000, channel_id=OTHER_CHANNEL))

    lost: set[int] = set()

    async def lose(page: list[Message]) -> None:
        if page and page[0].message_id not in lost and dice.random() < 0.5:
            lost.add(page[0].message_id)
            raise Killed

    history.on_the_way = lose
    is_done = False
    while not is_done:
        reading, n_more = town.backfill.read(history, Tally()), dice.randrange(1, 4)
        with suppress(Killed):
            async for progress in reading:
                is_done, n_more = progress.is_done, n_more - 1
                if not n_more:
                    break
        await reading.aclose()

    assert await ids(town) == list(range(1, sizes[0] + 1))
    assert await ids(town, OTHER_CHANNEL) == list(range(1000, 1000 + sizes[1]))
    assert max(history.n_given.values(), default=1) <= 2


async def test_i6_a_page_that_cannot_be_stored_moves_no_mark(town: Rooms) -> None:
    """When the database refuses, the next run begins with the same page."""
    history = history_of(*written(150))
    async with town.database.transaction() as transaction:
        await transaction.execute(
            "CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.message_id = 7 BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    with pytest.raises(StorageFailed):
        await read(town, history)
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 150, 51)
    async with town.database.transaction() as transaction:
        await transaction.execute("DROP TRIGGER full")
    await read(town, history)

    assert await ids(town) == list(range(1, 151))


async def test_only_what_is_covered_is_read(town: Rooms) -> None:
    """Neither a stopped channel nor a private thread nor another server costs a page."""
    secret = location(77, kind=ChannelKind.PRIVATE_THREAD, parent_id=CHANNEL)
    abroad = location(30, guild_id=OTHER_GUILD)
    history = PagedHistory(SQUARE, MARKET, secret, abroad)
    history.write([message(1), message(2, channel_id=OTHER_CHANNEL), message(3, channel_id=77)])
    history.write([message(4, channel_id=30, guild_id=OTHER_GUILD)])
    await town.coverage.stop(server(), OTHER_CHANNEL)

    assert await read(town, history) == [(1, False), (1, True)]
    assert history.n_pages == 1


async def test_a_stop_ends_reading_between_two_pages(town: Rooms) -> None:
    """After a stop no further page of the channel is asked for; a new start goes on from there."""
    history = history_of(*written(350), *written(1, first_id=900, channel_id=OTHER_CHANNEL))
    async for progress in town.backfill.read(history, Tally()):
        if progress.tally.total == 100:
            await town.coverage.stop(server(), CHANNEL)

    assert (await ids(town), await ids(town, OTHER_CHANNEL)) == (list(range(251, 351)), [900])
    await town.coverage.start(server(), CHANNEL)
    await read(town, history)
    assert await ids(town) == list(range(1, 351))
    assert set(history.n_given.values()) == {1}


async def test_a_stop_ends_catching_up_as_well(town: Rooms) -> None:
    """Of what was written since the last run, nothing more is read after a stop."""
    history = history_of(*written(10))
    await read(town, history)
    history.write(written(350, first_id=11))
    async for _ in town.backfill.read(history, Tally()):
        await town.coverage.stop(server())

    assert await ids(town) == list(range(1, 111))
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 110, 0)


async def test_f19_a_channel_that_closes_stops_at_once_and_the_others_go_on(town: Rooms) -> None:
    """One refusal is enough; what was read stays, the other channel is read, and it is counted."""
    history = history_of(*written(350), *written(150, first_id=900, channel_id=OTHER_CHANNEL))
    steps: list[Progress] = []
    async for progress in town.backfill.read(history, Tally()):
        steps.append(progress)
        history.closed = {CHANNEL}

    assert await ids(town) == list(range(251, 351))
    assert len(await ids(town, OTHER_CHANNEL)) == 150
    assert (steps[-1].is_done, steps[-1].n_channels, steps[-1].n_unavailable) == (True, 2, 1)
    assert history.n_pages == 3

    history.closed = set()
    town.up_to_date.lost_sight_of(CHANNEL)
    await read(town, history)
    assert await ids(town) == list(range(1, 351))


async def test_f19_an_empty_page_of_a_closed_channel_is_not_its_beginning(town: Rooms) -> None:
    """A channel that closes while its last page is on its way stays incomplete, and is read on later."""
    history = history_of(*written(100))

    async def close(page: list[Message]) -> None:
        if not page:
            history.closed = {CHANNEL}

    history.on_the_way = close
    await read(town, history)

    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 100, 1)
    history.closed, history.on_the_way = set(), None
    town.up_to_date.lost_sight_of(CHANNEL)
    await read(town, history)
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 100, 0)


async def test_f19_what_was_refused_is_not_asked_again_until_something_changes(town: Rooms) -> None:
    """A later reading counts a refused channel without asking; after a change in its server it is asked and read."""
    history = history_of(*written(150), *market(150))
    history.closed = {CHANNEL}
    await read(town, history)
    history.closed = set()
    history.asked_pages.clear()

    [last] = [progress async for progress in town.backfill.read(history, Tally())]
    assert (last.is_done, last.n_channels, last.n_finished, last.n_unavailable) == (True, 2, 1, 1)
    assert history.asked_pages == []

    town.up_to_date.lost_sight(GUILD)
    await read(town, history)
    assert await ids(town) == list(range(1, 151))


async def test_f19_what_was_refused_is_asked_for_again_when_somebody_starts_reading(town: Rooms) -> None:
    """A start by hand asks a refused channel once more, and then again only after the next one."""
    history = history_of(*written(150))
    history.closed = {CHANNEL}
    for _ in range(3):
        await read(town, history)
        town.up_to_date.ask_again()
        await read(town, history)
        await read(town, history)
    assert [channel_id for channel_id, _ in history.asked_pages].count(CHANNEL) == 4

    history.closed = set()
    town.up_to_date.ask_again()
    await read(town, history)
    assert await ids(town) == list(range(1, 151))


async def test_f19_a_refusal_from_before_a_change_says_nothing(town: Rooms) -> None:
    """What changes while the refusal is on its way may have opened the channel: it is asked once more."""
    history = PagedHistory(SQUARE)
    history.write(written(100))

    async def close_and_open(page: list[Message]) -> None:
        if not page:
            history.closed = {CHANNEL}
            town.up_to_date.lost_sight_of(CHANNEL)

    history.on_the_way = close_and_open
    await read(town, history)
    history.closed, history.on_the_way = set(), None
    await read(town, history)

    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 100, 0)


async def test_a_list_that_cannot_be_had_holds_up_no_channel(town: Rooms) -> None:
    """What was listed is read to its end, nothing counts as gone for not being listed, and it is tried again."""
    thread = location(77, kind=ChannelKind.THREAD, parent_id=CHANNEL)
    history = PagedHistory(SQUARE, MARKET, thread)
    history.write([*written(350), *market(250), *written(3, first_id=5_000, channel_id=77)])
    await read(town, history)
    history.write(written(350, first_id=351))
    history.gone, history.unlisted_for = {77}, 40.0
    town.up_to_date.lost_sight(GUILD)

    with pytest.raises(HistoryDelayed) as delayed:
        await read(town, history)
    assert delayed.value.seconds == 40.0
    assert await ids(town) == list(range(1, 701))
    assert await ids(town, 77) == [5_000, 5_001, 5_002]

    history.unlisted_for = None
    assert (await read(town, history))[-1] == (0, True)
    assert await ids(town, 77) == []


async def test_progress_costs_as_little_with_many_channels_as_with_few(
    town: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page looks at its own channel alone, and the sum over all is right all the same."""
    estimates: list[int] = []

    def estimate(span: Span, channel_id: int) -> int:
        estimates.append(channel_id)
        return span.low_id - 1 if span.low_id else 0

    monkeypatch.setattr(Span, "n_left", estimate)
    history = PagedHistory(*(location(i) for i in range(10, 40)))
    history.write(one for i in range(10, 40) for one in written(250, first_id=1, channel_id=i))
    left = [progress.n_left async for progress in town.backfill.read(history, Tally())]

    assert len(estimates) == history.n_pages == 90
    assert left[:2] == [150, 300]
    assert (left[29], left[59], left[-1]) == (30 * 150, 30 * 50, 0)


async def test_what_was_read_is_forgotten(town: Rooms) -> None:
    """Of many channels only those are kept that have more to read."""
    history = PagedHistory(*(location(i) for i in range(10, 40)))
    history.write(written(350, channel_id=10))
    kept: dict[int, int] = {}
    async for progress in town.backfill.read(history, Tally()):
        kept[progress.n_finished] = sum(inspect.isasyncgen(i) and i.__name__ == "pages" for i in gc.get_objects())

    assert (kept[0], kept[29]) == (30, 1)


async def test_a_channel_whose_messages_are_all_deleted_is_complete(town: Rooms) -> None:
    """A channel that names a newest message and holds none is read, and what is written later is found."""
    history = history_of(message(5))
    history.delete(5)
    await read(town, history)
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 0, 0)

    history.write(written(150, first_id=6))
    await read(town, history)
    assert await ids(town) == list(range(6, 156))
    assert await town.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 155, 0)


async def test_f17_what_happens_while_a_page_is_on_its_way_wins(town: Rooms) -> None:
    """An edit or a deletion that comes before the older page neither doubles, nor is undone by it."""
    await town.indexer.reconcile()
    history = history_of(*written(150))

    async def meanwhile(page: list[Message]) -> None:
        await town.ingest.saved(GUILD, [message(149, "edited", edited_at=EARLY), message(151, "new")])
        await town.ingest.deleted(GUILD, [150, 20])

    history.on_the_way = meanwhile
    await read(town, history)
    await town.settle()

    assert await ids(town) == [*range(1, 20), *range(21, 150), 151]
    assert (await town.messages.get_many(GUILD, [149]))[149].message.content == "edited"
    assert town.mirror.ids(GUILD).tolist() == await ids(town)


async def test_f17_any_order_of_live_events_and_pages_ends_alike(town: Rooms) -> None:
    """Live edits sprinkled over a backfill end in the newest text of each message."""
    dice = random.Random(7)
    history = history_of(*written(300))
    newest = {i: f"text {i}" for i in range(1, 301)}

    async def meanwhile(page: list[Message]) -> None:
        for i in dice.sample(range(1, 301), 60):
            newest[i] = f"edit {history.n_pages} of {i}"
            edit = message(i, newest[i], edited_at=EARLY + timedelta(seconds=history.n_pages))
            history.write([edit])
            await town.ingest.saved(GUILD, [edit])

    history.on_the_way = meanwhile
    await read(town, history)

    rows = await town.database.fetch("SELECT message_id, content FROM messages")
    assert dict(rows) == newest


async def test_bots_and_notices_are_counted_and_passed_over(town: Rooms) -> None:
    """A page of nothing but notices is a page: reading goes on below it."""
    history = history_of(*written(3), *(message(i, is_notice=True) for i in range(4, 104)), message(104, is_bot=True))
    steps = [progress async for progress in town.backfill.read(history, Tally())]

    assert await ids(town) == [1, 2, 3]
    assert dict(steps[-1].tally.skipped) == {"notice": 100, "bot": 1}


def market(n: int, *, first_id: int = 1_000) -> list[Message]:
    return written(n, first_id=first_id, channel_id=OTHER_CHANNEL)


async def test_channels_take_turns(town: Rooms) -> None:
    """A page of every channel comes before a second page of any; short ones are done while long ones go on."""
    attic = location(30)
    history = PagedHistory(SQUARE, MARKET, attic)
    history.write([*written(350), *market(250), *written(10, first_id=5_000, channel_id=30)])
    finished = [progress.n_finished async for progress in town.backfill.read(history, Tally())]

    assert [channel_id for channel_id, _ in history.asked_pages] == [10, 20, 30, 10, 20, 10, 20, 10]
    assert finished[-1] == 3


async def test_a_delayed_channel_holds_up_no_other_and_is_not_asked_before_its_time(
    town: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are read to the end, the caller hears how long to wait, and until then nothing is asked of it."""
    clock = Clock()
    monkeypatch.setattr("bot.services.backfill.time.monotonic", clock)
    history = history_of(*written(350), *market(250))
    history.delay_s = 60.0
    steps: list[Progress] = []
    with pytest.raises(HistoryDelayed) as delayed:
        async for progress in town.backfill.read(history, Tally()):
            steps.append(progress)
            history.delayed = {CHANNEL}
    assert delayed.value.seconds == 60.0
    assert (len(await ids(town)), len(await ids(town, OTHER_CHANNEL))) == (100, 250)
    assert (steps[-1].n_channels, steps[-1].n_finished, steps[-1].n_unavailable) == (2, 0, 0)

    history.delayed = set()
    history.asked_pages.clear()
    clock.seconds += 50
    with pytest.raises(HistoryDelayed) as still_delayed:
        await read(town, history)
    assert (history.asked_pages, still_delayed.value.seconds) == ([], pytest.approx(10.0))

    clock.seconds += 10
    await read(town, history)
    assert await ids(town) == list(range(1, 351))
    assert set(history.n_given.values()) == {1}


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


async def test_the_shortest_wait_is_told(town: Rooms) -> None:
    """Of several delayed channels the one that may be asked first decides when reading goes on."""

    class Limited(PagedHistory):
        async def page(self, location, **around):
            raise HistoryDelayed("later", seconds={CHANNEL: 90.0, OTHER_CHANNEL: 30.0}[location.channel.channel_id])

    with pytest.raises(HistoryDelayed) as delayed:
        await read(town, Limited(SQUARE, MARKET))
    assert delayed.value.seconds == 30.0


async def test_what_nobody_expects_in_one_channel_leaves_the_others(
    town: Rooms, caplog: pytest.LogCaptureFixture
) -> None:
    """A channel whose pages cannot be understood is logged and counted, and the others are read."""
    history = history_of(*written(350), *market(150))
    steps: list[Progress] = []
    async for progress in town.backfill.read(history, Tally()):
        steps.append(progress)
        history.broken = {CHANNEL: KeyError("author")}

    assert (len(await ids(town)), len(await ids(town, OTHER_CHANNEL))) == (100, 150)
    assert (steps[-1].is_done, steps[-1].n_unavailable) == (True, 1)
    assert caplog.text.count("reading channel 10 failed") == 1

    history.broken = {}
    await read(town, history)
    assert await ids(town) == list(range(1, 351))


@pytest.mark.parametrize("past", [Past.PAUSED, Past.CANCELLED])
async def test_a_pause_outlives_a_restart(database: Database, past: Past) -> None:
    """What was paused or given up stays so for the next process, until a start asks for it again."""
    town = await rooms_over(database)
    await town.coverage.start(server())
    history = history_of(*written(350), *market(350))
    async for _ in town.backfill.read(history, Tally()):
        await town.coverage.put_past(GUILD, past)
    stopped_at = (await ids(town), await ids(town, OTHER_CHANNEL))
    assert stopped_at[0] == list(range(251, 351))
    assert len(stopped_at[1]) == 100

    town = await rooms_over(database)
    await town.coverage.load()
    assert town.coverage.past(GUILD) is past
    steps = [progress async for progress in town.backfill.read(history, Tally())]
    assert (await ids(town), await ids(town, OTHER_CHANNEL)) == stopped_at
    assert (steps[-1].is_done, steps[-1].n_left) == (True, 0)

    await town.coverage.start(server())
    await read(town, history)
    assert (len(await ids(town)), len(await ids(town, OTHER_CHANNEL))) == (350, 350)
    assert set(history.n_given.values()) == {1}


async def test_marks_that_are_forgotten_meanwhile_stay_so(town: Rooms) -> None:
    """A channel that was closed in the middle of a run is read from the top again, without a hole."""
    history = history_of(*written(350))
    async for progress in town.backfill.read(history, Tally()):
        if progress.tally.total == 100:
            await town.ingest.channels_closed(GUILD, [CHANNEL])

    assert await town.servers.marks(GUILD, CHANNEL) is None
    await read(town, history)
    assert await ids(town) == list(range(1, 351))


async def test_a_history_whose_places_cannot_be_told_is_told(town: Rooms) -> None:
    """When Discord names no channels, the caller hears of it."""

    class Mute(PagedHistory):
        async def places(self):
            raise HistoryUnavailable("HTTP 500")
            yield

    with pytest.raises(HistoryUnavailable):
        await read(town, Mute())


async def test_reading_that_is_cancelled_goes_on_later(town: Rooms) -> None:
    """Cancelled while it waits for Discord, reading leaves what it had and the next run completes it."""
    history = history_of(*written(250))
    is_waiting = asyncio.Event()

    async def wait(page: list[Message]) -> None:
        if history.n_pages == 2:
            is_waiting.set()
            await asyncio.Event().wait()

    history.on_the_way = wait
    task = asyncio.create_task(read(town, history))
    await is_waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    history.on_the_way = None
    await read(town, history)

    assert await ids(town) == list(range(1, 251))


async def test_the_message_that_shows_progress_is_remembered_one_a_server(rooms: Rooms) -> None:
    """The newest notice replaces the one before, and none is left once it was dropped."""
    assert await rooms.backfill.notice(GUILD) is None
    for message_id in (1, 2):
        await rooms.backfill.noted(GUILD, channel_id=CHANNEL, message_id=message_id, language="ja")
    assert await rooms.backfill.notice(GUILD) == Notice(GUILD, CHANNEL, 2, "ja")
    assert await rooms.backfill.notice(OTHER_GUILD) is None

    await rooms.backfill.unnoted(Notice(GUILD, CHANNEL, 2, "ja"))
    assert await rooms.backfill.notice(GUILD) is None


def test_the_fake_history_pages_as_discord_does() -> None:
    """The newest hundred, the nearest below an id, the nearest above one: each newest first."""
    history = history_of(*written(250))

    def page(**around: int) -> list[int]:
        return [one.message_id for one in asyncio.run(history.page(SQUARE, **around))]

    for ids_of_page, first, last in (
        (page(), 250, 151),
        (page(before_id=151), 150, 51),
        (page(before_id=51), 50, 1),
        (page(after_id=0), 100, 1),
        (page(after_id=240), 250, 241),
    ):
        assert (ids_of_page[0], ids_of_page[-1]) == (first, last)
        assert all(newer > older for newer, older in pairwise(ids_of_page))
