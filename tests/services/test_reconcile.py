"""What was deleted, rewritten and written unheard: found page by page, or before it is shown."""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from fakes import PagedHistory
from hypothesis import given, settings
from hypothesis import strategies as st
from live import eventually
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, beside, location, message, server, utc

from bot.errors import HistoryDelayed, HistoryUnavailable
from bot.messages import ChannelKind, Message, Origin
from bot.services.ingest import Tally
from bot.services.reconcile import Reconcile
from bot.storage.database import open_to_write
from bot.times import snowflake_at

SQUARE, MARKET = location(CHANNEL), location(OTHER_CHANNEL, name="market")
THREAD = location(77, name="aside", kind=ChannelKind.THREAD, parent_id=CHANNEL)
EARLY = utc("2024-01-01T00:00:00")
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep hardly rests."""
    monkeypatch.setattr("bot.services.reconcile.PAUSE_S", 0.001)
    monkeypatch.setattr("bot.services.reconcile._IDLE_S", 0.01)


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """The first server wants to be indexed as a whole."""
    await rooms.coverage.start(server())
    return rooms


def written(n: int, *, first_id: int = 1, **values: object) -> list[Message]:
    return [message(i, f"text {i}", **values) for i in range(first_id, first_id + n)]


def rewritten(message_id: int, content: str = "rewritten", **values: object) -> Message:
    return message(message_id, content, edited_at=EARLY, **values)


async def read(rooms: Rooms, history: PagedHistory) -> None:
    async for _ in rooms.backfill.read(history, Tally()):
        pass


async def after_a_gap(rooms: Rooms, n: int, *locations: object) -> PagedHistory:
    """So many messages of the square that are stored; whatever happens to them now is not told."""
    history = PagedHistory(*(locations or (SQUARE,)))
    history.write(written(n))
    await read(rooms, history)
    rooms.up_to_date.session_began()
    return history


async def contents(rooms: Rooms) -> dict[int, str]:
    return dict(await rooms.database.fetch("SELECT message_id, content FROM messages ORDER BY message_id"))


async def tombstones(rooms: Rooms) -> set[int]:
    return {row[0] for row in await rooms.database.fetch("SELECT message_id FROM tombstones")}


async def until(holds: Callable[[], object]) -> None:
    await eventually(holds, within=20)


async def until_it_is(wanted: object, ask: Callable[[], Awaitable[object]]) -> None:
    """Wait until what is asked for is this."""
    for _ in range(4_000):
        if await ask() == wanted:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to hold")


async def swept(rooms: Rooms, *histories: PagedHistory, channel_ids: tuple[int, ...] = (CHANNEL,)) -> None:
    """Let the sweep run until these channels of the first server are as Discord has them."""
    async with beside(rooms.reconcile.sweep(lambda: histories)):
        await until(lambda: all(rooms.up_to_date.is_true(GUILD, i, 0) for i in channel_ids))


async def for_some_turns(reconcile: Reconcile, history: PagedHistory, *, n: int = 30) -> None:
    """Let the sweep look around so often, which is enough for it to ask for whatever it wants."""
    turns = iter(range(n))

    def histories() -> list[PagedHistory]:
        next(turns, None)
        return [history]

    async with beside(reconcile.sweep(histories)):
        await until(lambda: next(turns, None) is None)


# --- the newest page


async def test_the_newest_page_shows_what_happened_unheard(town: Rooms) -> None:
    """What was deleted goes for good, what was edited and written is stored, and only that is counted."""
    history = await after_a_gap(town, 10)
    history.delete(3, 10)
    history.write([rewritten(4), message(11, "new")])

    assert await town.reconcile.compare_newest(history, SQUARE) == Tally(new=1, changed=1)
    assert await contents(town) == history.contents()
    assert await tombstones(town) == {3, 10}
    assert town.up_to_date.is_true(GUILD, CHANNEL, 1)


async def test_the_newest_page_says_nothing_of_what_is_older(town: Rooms) -> None:
    """Below a full page nothing is deleted, and nothing is taken for compared."""
    history = await after_a_gap(town, 150)
    history.delete(7, 140)
    await town.reconcile.compare_newest(history, SQUARE)

    assert await contents(town) == history.contents() | {7: "text 7"}
    # Of 149 messages the newest hundred, without the one that is gone, begin at 50.
    assert [i for i in range(1, 151) if town.up_to_date.is_true(GUILD, CHANNEL, i)] == list(range(50, 151))


@pytest.mark.parametrize("n", [0, 1, 99])
async def test_a_page_that_is_not_full_reaches_the_beginning(town: Rooms, n: int) -> None:
    """Where Discord has less than a page left, everything else of the channel is gone; the comparison is whole."""
    history = await after_a_gap(town, 250)
    history.delete(*range(1, 251 - n))
    await town.reconcile.compare_newest(history, SQUARE)

    assert await contents(town) == history.contents()
    assert len(await contents(town)) == n
    assert (await town.sweeps.of_server(GUILD) == []) == (n == 0)


async def test_what_is_stored_while_the_page_is_on_its_way_stays(town: Rooms) -> None:
    """A message that is heard after the page left Discord is not in it, and is not gone."""
    history = await after_a_gap(town, 5)

    async def meanwhile(page: list[Message]) -> None:
        await town.ingest.saved(GUILD, [message(6, "heard")])

    history.on_the_way = meanwhile
    await town.reconcile.compare_newest(history, SQUARE)
    assert await contents(town) == history.contents() | {6: "heard"}


async def test_what_is_deleted_while_the_page_is_on_its_way_stays_so(town: Rooms) -> None:
    """A page that still holds a message does not bring back what was deleted meanwhile, stored before or not."""
    history = await after_a_gap(town, 5)
    history.write([message(6, "unheard")])

    async def meanwhile(page: list[Message]) -> None:
        await town.ingest.deleted(GUILD, [2, 6])

    history.on_the_way = meanwhile
    await town.reconcile.compare_newest(history, SQUARE)
    assert await contents(town) == {i: f"text {i}" for i in (1, 3, 4, 5)}


async def test_what_is_edited_while_the_page_is_on_its_way_stays_so(town: Rooms) -> None:
    """An older text of a page does not undo an edit that was heard meanwhile."""
    history = await after_a_gap(town, 5)

    async def meanwhile(page: list[Message]) -> None:
        await town.ingest.saved(GUILD, [rewritten(2)])

    history.on_the_way = meanwhile
    await town.reconcile.compare_newest(history, SQUARE)
    assert (await contents(town))[2] == "rewritten"


async def test_a_channel_that_closes_while_the_page_is_on_its_way_is_not_filled_again(town: Rooms) -> None:
    """What a page holds is not stored once the bot may no longer read there: nobody would tell of deletions."""
    history = await after_a_gap(town, 5)
    history.write([message(6, "unheard")])

    async def close(page: list[Message]) -> None:
        history.closed = {CHANNEL}

    history.on_the_way = close
    await town.reconcile.compare_newest(history, SQUARE)
    assert 6 not in await contents(town)


async def test_a_gap_while_the_page_is_on_its_way_makes_it_void(town: Rooms) -> None:
    """What a page says is stored, but a channel does not count as compared after a session began anew meanwhile."""
    history = await after_a_gap(town, 5)
    history.delete(3)

    async def meanwhile(page: list[Message]) -> None:
        town.up_to_date.session_began()

    history.on_the_way = meanwhile
    await town.reconcile.compare_newest(history, SQUARE)
    assert await contents(town) == history.contents()
    assert not town.up_to_date.is_true(GUILD, CHANNEL, 5)


# --- a page that is not to be believed


async def test_an_empty_page_of_a_channel_that_closes_deletes_nothing(town: Rooms) -> None:
    """Without the right to read history Discord gives out an empty page, which is no deletion."""
    history = await after_a_gap(town, 5)

    async def close(page: list[Message]) -> None:
        page.clear()
        history.closed = {CHANNEL}

    history.on_the_way = close
    with pytest.raises(HistoryUnavailable):
        await town.reconcile.compare_newest(history, SQUARE)
    assert len(await contents(town)) == 5
    assert await tombstones(town) == set()


@pytest.mark.parametrize("n_lacking", [1, 2, 5, 50])
async def test_a_page_that_lacks_what_is_there_deletes_nothing(town: Rooms, n_lacking: int) -> None:
    """Before a deletion, which is final, Discord is asked about the messages themselves."""
    history = await after_a_gap(town, 50)
    history.lacking = set(range(51 - n_lacking, 51))
    history.delete(1)

    with pytest.raises(HistoryDelayed):
        await town.reconcile.compare_newest(history, SQUARE)
    assert len(await contents(town)) == 50
    assert await tombstones(town) == set()
    assert not town.up_to_date.is_true(GUILD, CHANNEL, 50)

    history.lacking = set()
    await town.reconcile.compare_newest(history, SQUARE)
    assert await tombstones(town) == {1}


@pytest.mark.parametrize("failure", [HistoryUnavailable("HTTP 403"), HistoryDelayed("HTTP 503")])
async def test_where_discord_cannot_be_asked_again_nothing_is_deleted(town: Rooms, failure: Exception) -> None:
    """A page whose gaps nobody confirms deletes nothing."""
    history = await after_a_gap(town, 5)
    history.delete(3)

    async def fail(page: list[Message]) -> None:
        history.broken = {CHANNEL: failure}

    history.on_the_way = fail
    with pytest.raises(type(failure)):
        await town.reconcile.compare_newest(history, SQUARE)
    assert len(await contents(town)) == 5


async def test_few_are_asked_about_one_by_one(town: Rooms) -> None:
    """However many are gone, a page costs three more requests: for the oldest, the newest and one between them."""
    history = await after_a_gap(town, 80)
    history.delete(*range(1, 61))
    await town.reconcile.compare_newest(history, SQUARE)

    assert sorted(history.asked_about) == [1, 31, 60]
    assert await contents(town) == history.contents()


class CutShort(PagedHistory):
    """Gives fewer messages a page than there are, for no reason that it tells."""

    async def page(self, *args: object, **around: int) -> list[Message]:
        return (await super().page(*args, **around))[:99]


async def test_a_page_that_is_cut_short_is_not_the_beginning(town: Rooms) -> None:
    """Where something older is there all the same, nothing that a short page lacks is deleted."""
    full = await after_a_gap(town, 300)
    history = CutShort(SQUARE)
    history.write([message(i, text) for i, text in full.contents().items()])
    history.delete(1, 100, 150, 298, 299, 300)
    with pytest.raises(HistoryDelayed):
        await town.reconcile.compare_newest(history, SQUARE)

    assert len(await contents(town)) == 300
    assert await tombstones(town) == set()


# --- the sweep


async def test_the_sweep_finds_what_lies_deep(town: Rooms) -> None:
    """What was deleted and rewritten long ago is found page by page, what is written meanwhile stays."""
    history = await after_a_gap(town, 350)
    history.delete(7, 120, 349)
    history.write([rewritten(8), rewritten(151)])

    async def write_once(page: list[Message]) -> None:
        history.on_the_way = None
        history.write([message(400, "heard")])
        await town.ingest.saved(GUILD, [message(400, "heard")])

    history.on_the_way = write_once
    await swept(town, history)
    assert await contents(town) == history.contents()
    assert await tombstones(town) == {7, 120, 349}


async def test_the_sweep_stores_what_should_have_been_stored(town: Rooms) -> None:
    """A message that lies within what was read, and is not there, is stored; older ones are left to the reading."""
    history = PagedHistory(SQUARE)
    history.write(written(250))
    async for _ in town.backfill.read(history, Tally()):
        break
    town.up_to_date.session_began()
    async with town.database.transaction() as transaction:
        await transaction.execute("DELETE FROM messages WHERE message_id = 200")

    await swept(town, history)
    assert list(await contents(town)) == list(range(151, 251))


async def test_an_import_is_kept_true_and_nothing_is_added_to_it(rooms: Rooms) -> None:
    """Where nothing is indexed an imported message follows its edits and deletions, and others stay unknown."""
    imported = written(120, first_id=100, origin=Origin.EXPORT)
    await rooms.ingest.saved(GUILD, imported[::2])
    history = PagedHistory(SQUARE)
    history.write(written(400))
    history.delete(104, 110)
    history.write([rewritten(106), rewritten(107)])
    await swept(rooms, history)

    expected = {one.message_id: one.content for one in imported[::2]} | {106: "rewritten"}
    assert await contents(rooms) == {i: text for i, text in expected.items() if i not in (104, 110)}


async def test_the_sweep_ends_where_nothing_older_is_stored(rooms: Rooms) -> None:
    """Of a long channel only as many pages are asked for as what is stored reaches down."""
    await rooms.ingest.saved(GUILD, written(10, first_id=901, origin=Origin.EXPORT))
    history = PagedHistory(SQUARE)
    history.write(written(1_000))
    await swept(rooms, history)

    assert history.asked_pages == [(CHANNEL, None)]


async def test_what_was_stopped_keeps_only_what_it_has(town: Rooms) -> None:
    """In a channel that is no longer indexed nothing new is stored, and what is stored follows."""
    history = await after_a_gap(town, 5)
    await town.coverage.stop(server(), CHANNEL)
    history.write([message(6, "not wanted"), rewritten(4)])
    history.delete(2)
    await swept(town, history)

    assert await contents(town) == {1: "text 1", 3: "text 3", 4: "rewritten", 5: "text 5"}


async def test_a_closed_channel_is_not_asked(town: Rooms) -> None:
    """Where the bot may not read it does not ask, and deletes nothing."""
    history = await after_a_gap(town, 5)
    history.closed = {CHANNEL}
    n_asked = len(history.asked_pages)
    await for_some_turns(town.reconcile, history)

    assert len(history.asked_pages) == n_asked
    assert len(await contents(town)) == 5


async def test_a_refused_channel_is_not_asked_again_until_something_changes(town: Rooms) -> None:
    """One refusal is enough, until what the bot may read in the server may be something else."""
    history = await after_a_gap(town, 5)
    history.broken = {CHANNEL: HistoryUnavailable("HTTP 403")}
    n_asked = len(history.asked_pages)
    await for_some_turns(town.reconcile, history)
    assert len(history.asked_pages) == n_asked + 1
    assert len(await contents(town)) == 5

    town.up_to_date.lost_sight(OTHER_GUILD)
    await for_some_turns(town.reconcile, history)
    assert len(history.asked_pages) == n_asked + 1

    town.up_to_date.lost_sight(GUILD)
    history.broken = {}
    history.delete(3)
    await swept(town, history)
    assert await contents(town) == history.contents()


async def test_a_delayed_channel_holds_up_no_other_and_is_left_alone(
    town: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel that Discord limits for an hour is asked once in it, and afterwards compared."""
    history = await after_a_gap(town, 5, SQUARE, MARKET)
    market = written(5, first_id=20, channel_id=OTHER_CHANNEL)
    history.write(market)
    await town.ingest.saved(GUILD, market)
    history.delete(3, 22)
    history.delayed, history.delay_s = {OTHER_CHANNEL}, 3_600.0
    history.asked_pages.clear()
    await swept(town, history)
    await for_some_turns(town.reconcile, history)
    assert history.asked_pages.count((OTHER_CHANNEL, None)) == 1
    assert sorted(await contents(town)) == [1, 2, 4, 5, *range(20, 25)]

    history.delayed = set()
    town.reconcile._not_before = {i: at - 3_601 for i, at in town.reconcile._not_before.items()}
    await swept(town, history, channel_ids=(OTHER_CHANNEL,))
    assert await contents(town) == history.contents()


async def test_what_nobody_expects_in_one_channel_holds_up_no_other(
    town: Rooms, caplog: pytest.LogCaptureFixture
) -> None:
    """A channel whose comparison fails is logged once and left alone for a while; channels and servers after it go on.

    A sweep that ended with it would begin with the same channel again, and never come to the others.
    """
    broken = location(99, name="broken")
    history = await after_a_gap(town, 5, SQUARE, broken)
    one = written(1, first_id=50, channel_id=99)
    history.write(one)
    await town.ingest.met(broken.server, broken.channel)
    await town.ingest.saved(GUILD, one)
    history.broken = {99: KeyError("author")}
    history.delete(3)
    history.asked_pages.clear()
    await swept(town, history)
    await for_some_turns(town.reconcile, history)

    assert sorted(await contents(town)) == [1, 2, 4, 5, 50]
    assert history.asked_pages.count((99, None)) == 1
    assert caplog.text.count("comparing channel 99 failed") == 1


async def test_f4_a_database_that_refuses_is_waited_for(town: Rooms, caplog: pytest.LogCaptureFixture) -> None:
    """While nothing can be stored the sweep goes on trying without a traceback, and ends as it should."""
    history = await after_a_gap(town, 5)
    history.delete(3)
    async with town.database.transaction() as transaction:
        await transaction.execute(
            "CREATE TRIGGER full BEFORE DELETE ON messages BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )
    async with beside(town.reconcile.sweep(lambda: [history])):
        await until(lambda: "no space" in caplog.text)
        async with town.database.transaction() as transaction:
            await transaction.execute("DROP TRIGGER full")
        await until(lambda: town.up_to_date.is_true(GUILD, CHANNEL, 0))
    assert await contents(town) == history.contents()
    assert "Traceback" not in caplog.text


async def test_a_thread_that_was_deleted_unheard_goes(town: Rooms) -> None:
    """A thread that Discord no longer has leaves nothing, whether reading or sweeping finds out."""
    for find_out in (read, swept):
        thread = location(77 + len(await tombstones(town)), kind=ChannelKind.THREAD, parent_id=CHANNEL)
        thread_id = thread.channel.channel_id
        history = PagedHistory(SQUARE, thread)
        history.write([message(500 + thread_id, channel_id=thread_id)])
        await read(town, history)
        town.up_to_date.session_began()
        history.gone = {thread_id}
        if find_out is read:
            await read(town, history)
        else:
            await for_some_turns(town.reconcile, history)

        assert await contents(town) == {}
        assert thread.channel not in await town.servers.channels(GUILD)
        assert 500 + thread_id in await tombstones(town)


async def test_a_thread_of_which_nothing_is_known_stays(town: Rooms) -> None:
    """A thread that is not listed, such as a private one, is no deleted one; nor is one that cannot be asked about."""
    history = PagedHistory(SQUARE, THREAD)
    history.write([message(500, channel_id=77)])
    await read(town, history)
    channels = await town.servers.channels(GUILD)
    for delayed in (set(), {77}):
        history.delayed = delayed
        await town.reconcile.drop_gone(history, set())

    assert await town.servers.channels(GUILD) == channels
    assert list(await contents(town)) == [500]


async def test_an_imported_thread_of_a_channel_that_is_no_more_stays(rooms: Rooms) -> None:
    """What was imported from a channel that Discord no longer has is kept, and its threads with it."""
    await rooms.ingest.met(THREAD.server, THREAD.channel)
    await rooms.ingest.saved(GUILD, [message(500, channel_id=77, origin=Origin.EXPORT)])

    class WithoutItsChannel(PagedHistory):
        def locate(self, channel):
            return None

        async def is_gone(self, channel):
            return True

    await rooms.reconcile.drop_gone(WithoutItsChannel(), set())
    assert list(await contents(rooms)) == [500]


# --- when it is due


async def test_a_compared_channel_is_not_asked_again(town: Rooms) -> None:
    """A channel that was compared whole is left alone, until something may have been missed."""
    history = await after_a_gap(town, 150)
    await swept(town, history)
    n_asked = len(history.asked_pages)
    await for_some_turns(town.reconcile, history)
    assert len(history.asked_pages) == n_asked

    town.up_to_date.lost_sight(GUILD)
    history.delete(7)
    await swept(town, history)
    assert await contents(town) == history.contents()


async def test_what_was_just_read_is_compared(town: Rooms) -> None:
    """A channel that was read down to its beginning needs no comparison until the period is over."""
    history = PagedHistory(SQUARE)
    history.write(written(250))
    began = datetime.now(UTC)
    await read(town, history)
    n_asked = len(history.asked_pages)
    await for_some_turns(town.reconcile, history)

    assert len(history.asked_pages) == n_asked
    [sweep] = await town.sweeps.of_server(GUILD)
    assert (sweep.reached_id, sweep.began_at) == (None, None)
    assert began - timedelta(seconds=1) <= sweep.done_at <= datetime.now(UTC)


async def test_a_channel_is_compared_anew_when_the_period_is_over(town: Rooms) -> None:
    """Even if nothing seems to have been missed, everything is compared again some day."""
    history = await after_a_gap(town, 150)
    await swept(town, history)
    history.delete(7)
    again = Reconcile(
        town.ingest,
        town.coverage,
        town.servers,
        town.sweeps,
        town.up_to_date,
        keeping=town.keeping,
        every=timedelta(seconds=-1),
    )
    async with beside(again.sweep(lambda: [history])):
        await until_it_is(history.contents(), lambda: contents(town))


async def test_the_sweep_goes_on_after_a_restart_and_then_goes_round_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ended half way through is followed by one that asks for the next page; then all is compared."""
    history = PagedHistory(SQUARE)
    history.write(written(350))
    async with open_to_write(tmp_path) as database:
        town = await rooms_over(database)
        await town.coverage.start(server())
        await read(town, history)
        town.up_to_date.session_began()
        monkeypatch.setattr("bot.services.reconcile.PAUSE_S", 600.0)
        history.delete(321, 221, 21)
        reached = 250  # of 349 messages the newest hundred begin there
        history.asked_pages.clear()
        async with beside(town.reconcile.sweep(lambda: [history])):
            await until_it_is([(CHANNEL, reached)], lambda: reached_ids(town))
        assert history.asked_pages == [(CHANNEL, None)]

    monkeypatch.setattr("bot.services.reconcile.PAUSE_S", 0.001)
    history.delete(349)
    history.asked_pages.clear()
    async with open_to_write(tmp_path) as database:
        town = await rooms_over(database)
        await town.coverage.load()
        await swept(town, history)
        assert history.asked_pages[0] == (CHANNEL, reached)
        assert history.asked_pages.count((CHANNEL, None)) == 1
        assert await contents(town) == history.contents()


async def test_servers_take_turns(town: Rooms) -> None:
    """A page of each server is compared before a second one of any."""
    await town.coverage.start(server(OTHER_GUILD))
    order: list[int] = []
    histories = []
    for guild_id, channel_id in ((GUILD, CHANNEL), (OTHER_GUILD, OTHER_CHANNEL)):
        history = PagedHistory(location(channel_id, guild_id=guild_id), guild_id=guild_id)
        history.write(written(250, guild_id=guild_id, channel_id=channel_id))
        await read(town, history)

        async def note(page: list[Message], guild_id: int = guild_id) -> None:
            order.append(guild_id)

        history.on_the_way = note
        histories.append(history)
    town.up_to_date.session_began()
    async with beside(town.reconcile.sweep(lambda: histories)):
        await until(lambda: town.up_to_date.is_true(OTHER_GUILD, OTHER_CHANNEL, 0))

    assert order == [GUILD, OTHER_GUILD] * 3


async def reached_ids(rooms: Rooms) -> list[tuple[int, int | None]]:
    return [(sweep.channel_id, sweep.reached_id) for sweep in await rooms.sweeps.of_server(GUILD)]


# --- before something is shown


async def rows_of(rooms: Rooms) -> list:
    return list((await rooms.messages.get_many(GUILD, await contents(rooms))).values())


async def test_what_is_as_stored_is_true_and_remembered(town: Rooms) -> None:
    """Discord is asked about each message once, and again after something may have been missed."""
    history = await after_a_gap(town, 5)
    rows = await rows_of(town)
    for gap in (lambda: None, town.up_to_date.session_began, lambda: town.up_to_date.lost_sight(GUILD)):
        gap()
        history.asked_about.clear()
        for _ in range(2):
            confirmed = await town.reconcile.confirm(rows, history, within=5)
            assert (confirmed.true_ids, confirmed.n_unknown) == ({1, 2, 3, 4, 5}, 0)
        assert sorted(history.asked_about) == [1, 2, 3, 4, 5]


async def test_what_was_compared_is_not_asked_about(town: Rooms) -> None:
    """After a comparison only what lies below it costs a request."""
    history = await after_a_gap(town, 102)
    await town.reconcile.compare_newest(history, SQUARE)
    confirmed = await town.reconcile.confirm(await rows_of(town), history, within=5)

    assert (len(confirmed.true_ids), sorted(history.asked_about)) == (102, [1, 2])


async def test_what_is_gone_or_rewritten_is_put_down_before_it_is_answered(town: Rooms) -> None:
    """What Discord no longer has, or has in other words, is not true, and the database knows it at once."""
    history = await after_a_gap(town, 5)
    rows = await rows_of(town)
    history.delete(2)
    history.write([rewritten(4)])
    confirmed = await town.reconcile.confirm(rows, history, within=5)

    assert (confirmed.true_ids, confirmed.n_unknown) == ({1, 3, 5}, 0)
    assert await contents(town) == history.contents()
    assert await tombstones(town) == {2}


async def test_a_file_that_was_replaced_is_not_as_it_was(town: Rooms) -> None:
    """Of a message without text its files are shown, so it is true only while they are the same."""
    history = await after_a_gap(town, 2)
    named = [message(i, "", attached=name) for i, name in ((60, "salaries-of-all.xlsx"), (61, "tide.pdf"))]
    await town.ingest.saved(GUILD, named)
    history.write([message(60, "", attached="menu.pdf", edited_at=utc("2030-01-01T00:00:00")), named[1]])
    rows = list((await town.messages.get_many(GUILD, [60, 61])).values())
    confirmed = await town.reconcile.confirm(rows, history, within=5)

    assert confirmed.true_ids == {61}
    assert (await town.messages.get_many(GUILD, [60]))[60].message.shown == "menu.pdf"


@pytest.mark.parametrize("seconds", [0.5, 0.123456])
async def test_an_export_may_word_it_differently_without_an_edit(rooms: Rooms, seconds: float) -> None:
    """A text of an export stays true where the message was not edited since, however finely Discord tells the time."""
    edited_at = EARLY + timedelta(seconds=seconds)
    exported_at = edited_at.replace(microsecond=edited_at.microsecond // 1000 * 1000)
    await rooms.ingest.saved(
        GUILD,
        [
            message(1, "hello @Bob", origin=Origin.EXPORT),
            message(2, "hello @Bob", origin=Origin.EXPORT, edited_at=exported_at),
            message(3, "hello @Bob", origin=Origin.EXPORT),
        ],
    )
    history = PagedHistory(SQUARE)
    history.write(
        [
            message(1, "hello <@502>"),
            message(2, "hello <@502>", edited_at=edited_at),
            message(3, "bye <@502>", edited_at=edited_at),
        ]
    )

    assert (await rooms.reconcile.confirm(await rows_of(rooms), history, within=5)).true_ids == {1, 2}


async def test_what_is_late_is_unknown_and_waited_for_no_longer(town: Rooms) -> None:
    """A request that hangs costs its message alone, and no more than the time that was given."""
    history = await after_a_gap(town, 5)
    history.hanging = {2, 4}
    async with asyncio.timeout(10):
        confirmed = await town.reconcile.confirm(await rows_of(town), history, within=0.05)

    assert (confirmed.true_ids, confirmed.n_unknown) == ({1, 3, 5}, 2)
    assert len(await contents(town)) == 5


@pytest.mark.parametrize("failure", [HistoryUnavailable("HTTP 403"), HistoryDelayed("HTTP 503", seconds=9)])
async def test_what_discord_does_not_tell_is_unknown(
    town: Rooms, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal and a server fault are no deletion, and are nothing to be alarmed at."""
    history = await after_a_gap(town, 3)
    history.broken = {CHANNEL: failure}
    confirmed = await town.reconcile.confirm(await rows_of(town), history, within=5)

    assert (confirmed.true_ids, confirmed.n_unknown) == (frozenset(), 3)
    assert len(await contents(town)) == 3
    assert "ERROR" not in {record.levelname for record in caplog.records}


async def test_what_nobody_expects_is_logged_and_unknown(town: Rooms, caplog: pytest.LogCaptureFixture) -> None:
    """A message that cannot be understood costs itself alone; the log names it by its id."""
    history = await after_a_gap(town, 3)

    class Damaged(PagedHistory):
        async def message(self, channel_id: int, message_id: int) -> Message | None:
            if message_id == 2:
                raise KeyError("author")
            return await history.message(channel_id, message_id)

    confirmed = await town.reconcile.confirm(await rows_of(town), Damaged(SQUARE), within=5)
    assert (confirmed.true_ids, confirmed.n_unknown) == ({1, 3}, 1)
    assert "message 2 could not be asked about" in caplog.text


async def test_f4_what_cannot_be_put_down_is_not_shown_all_the_same(town: Rooms) -> None:
    """When the database refuses, what is gone counts as gone, and what is as it was as true."""
    history = await after_a_gap(town, 3)
    rows = await rows_of(town)
    history.delete(2)
    async with town.database.transaction() as transaction:
        await transaction.execute(
            "CREATE TRIGGER full BEFORE DELETE ON messages BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )

    assert (await town.reconcile.confirm(rows, history, within=5)).true_ids == {1, 3}


async def test_where_discord_refuses_it_is_not_asked_again(town: Rooms) -> None:
    """A channel that answers 403 costs one request for each message of the first question, and then none."""
    history = await after_a_gap(town, 5)
    history.closed.add(CHANNEL)
    rows = list((await town.messages.get_many(GUILD, [1, 2, 3])).values())
    first = await town.reconcile.confirm(rows, history, within=1)
    n_asked = len(history.asked_about)
    again = await town.reconcile.confirm(rows, history, within=1)

    assert (first.n_unknown, again.n_unknown) == (3, 3)
    assert (n_asked, len(history.asked_about)) == (3, 3)


async def test_what_was_told_and_is_not_put_down_yet_is_not_shown(town: Rooms) -> None:
    """A deletion or an edit that waits in the inbox counts already; once it is put down, what is stored counts."""
    history = await after_a_gap(town, 5)
    await town.reconcile.compare_newest(history, SQUARE)
    rows = list((await town.messages.get_many(GUILD, [1, 2, 3])).values())
    town.up_to_date.was_told([1, 1])
    assert (await town.reconcile.confirm(rows, history, within=1)).true_ids == {2, 3}
    town.up_to_date.was_applied([1])
    assert (await town.reconcile.confirm(rows, history, within=1)).true_ids == {2, 3}
    town.up_to_date.was_applied([1])
    assert (await town.reconcile.confirm(rows, history, within=1)).true_ids == {1, 2, 3}

    await town.ingest.deleted(GUILD, [2])
    await town.ingest.saved(GUILD, [rewritten(3)])
    assert (await town.reconcile.confirm(rows, history, within=1)).true_ids == {1}


async def test_nothing_is_left_running_when_asking_is_cancelled(town: Rooms) -> None:
    """Whoever stops waiting for an answer stops the requests too."""
    history = await after_a_gap(town, 3)
    history.hanging = {1, 2, 3}
    before = asyncio.all_tasks()
    asking = asyncio.create_task(town.reconcile.confirm(await rows_of(town), history, within=60))
    await until(lambda: len(history.asked_about) == 3)
    asking.cancel()
    await asyncio.wait([asking])
    await until(lambda: asyncio.all_tasks() == before)


# --- everything together


@settings(max_examples=12, derandomize=True)
@given(st.randoms(use_true_random=False))
def test_f14_whatever_happened_while_away_the_database_equals_discord(dice: random.Random) -> None:
    """After a gap the catching up, the newest pages and one sweep make everything as Discord has it."""
    asyncio.run(_away_and_back(dice))


async def _away_and_back(dice: random.Random) -> None:
    # Recent ones, so that the newest pages are compared at once.
    epoch = snowflake_at(datetime.now(UTC) - timedelta(days=1))
    locations = [location(channel_id) for channel_id in (10, 20, 30)]
    history = PagedHistory(*locations)
    next_id = epoch

    def post(channel_id: int, n: int) -> list[int]:
        nonlocal next_id
        ids = list(range(next_id, next_id + n))
        next_id += n
        history.write([message(i, f"text {i}", channel_id=channel_id) for i in ids])
        return ids

    posted = {where.channel.channel_id: post(where.channel.channel_id, dice.randint(0, 300)) for where in locations}
    with tempfile.TemporaryDirectory() as folder:
        async with open_to_write(Path(folder)) as database:
            town = await rooms_over(database)
            await town.coverage.start(server())
            await read(town, history)
            assert await contents(town) == dict(sorted(history.contents().items()))
        for channel_id, ids in posted.items():
            for i in dice.sample(ids, len(ids) * dice.choice((0, 1, 10)) // 20):
                history.write([rewritten(i, f"rewritten {i}", channel_id=channel_id)])
            history.delete(*dice.sample(ids, len(ids) * dice.choice((0, 1, 19)) // 20))
            post(channel_id, dice.choice((0, 1, 150)))
        async with open_to_write(Path(folder)) as database:
            town = await rooms_over(database)
            await town.coverage.load()
            await read(town, history)
            await swept(town, history, channel_ids=tuple(i for i, ids in posted.items() if ids))
            assert await contents(town) == dict(sorted(history.contents().items()))
