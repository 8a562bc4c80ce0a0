"""What may no longer be kept goes, and may come back."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Rooms
from fakes import AsStored, KnownSurroundings, PagedHistory
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, beside, location, message, server

from bot.askers import Member
from bot.messages import ChannelKind, Location, Message, Origin, Query
from bot.services import withdrawal as module
from bot.services.events import Event, NamesChanged
from bot.services.history import PAGE
from bot.services.ingest import Tally
from bot.services.keeping import Kind
from bot.services.withdrawal import EVERY, Retention
from bot.storage.servers import Marks
from bot.times import snowflake_at

SQUARE = location()
NIGHT = replace(SQUARE, channel=replace(SQUARE.channel, is_age_restricted=True))
TOWER = location(OTHER_CHANNEL, name="tower", kind=ChannelKind.VOICE)
SECRET = location(77, kind=ChannelKind.PRIVATE_THREAD, parent_id=CHANNEL)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REFUSING = "CREATE TRIGGER refusing BEFORE UPDATE ON servers BEGIN SELECT RAISE(ABORT, 'no space'); END"


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """The first server wants to be indexed as a whole."""
    await rooms.coverage.start(server())
    return rooms


def ago(age: timedelta) -> int:
    """An id that was made so long ago."""
    return snowflake_at(datetime.now(UTC) - age)


async def stored(rooms: Rooms, guild_id: int = GUILD) -> list[int]:
    rows = await rooms.database.fetch(
        "SELECT message_id FROM messages WHERE guild_id = ? ORDER BY message_id", (guild_id,)
    )
    return [row[0] for row in rows]


async def read(rooms: Rooms, history: PagedHistory) -> Tally:
    tally = Tally()
    async for _ in rooms.backfill.read(history, tally):
        pass
    return tally


def hourly(n: int, **values: object) -> list[Message]:
    """Messages of the last so many hours and a half, the oldest first."""
    return [message(ago(HOUR * i + HOUR / 2), f"text {i}", **values) for i in reversed(range(n))]


# --- what is too old


async def test_what_is_too_old_goes_to_the_hour(town: Rooms) -> None:
    """A message goes when its id is older than the limit, and not before; other servers keep theirs."""
    messages = hourly(48)
    await town.ingest.saved(GUILD, messages)
    await town.ingest.saved(OTHER_GUILD, [replace(each, guild_id=OTHER_GUILD) for each in messages])
    assert await town.withdrawal.sweep() == 0

    assert await town.withdrawal.retain(server(), 1) == 24
    assert await stored(town) == [each.message_id for each in messages[24:]]
    assert len(await stored(town, OTHER_GUILD)) == 48
    town.keeping.retention_days = 0.5
    assert await town.withdrawal.sweep() == 12 + 36
    assert await stored(town) == [each.message_id for each in messages[36:]]


async def test_nothing_is_left_of_what_was_too_old(town: Rooms) -> None:
    """Row, vector, words, place in the queue, answers and the mirror go, without a tombstone; shares are redrawn."""
    old, young = ago(2 * DAY), ago(HOUR)
    await town.ingest.saved(GUILD, [message(old, "red fish"), message(young, "red bird")])
    await town.settle()
    await town.ingest.saved(GUILD, [message(old + 1, "red waits")])
    asker = Member(GUILD, 1, frozenset({CHANNEL}))
    page = await town.answers.ask(asker, Query(text="red"), history=AsStored(town.messages))
    await town.answers.shared(channel_id=CHANNEL, message_id=900, language="en", hits=page.hits)
    town.answers.may_be_stale.clear()
    town.keeping.retention_days = 1
    await town.withdrawal.sweep()

    for table in ("messages", "embeddings", "worded", "answer_hits"):
        assert await town.database.fetch(f"SELECT DISTINCT message_id FROM {table}") == [(young,)]
    assert await town.database.fetch("SELECT source_id FROM share_sources") == [(young,)]
    for table in ("pending", "unworded", "tombstones"):
        assert await town.database.fetch(f"SELECT * FROM {table}") == []
    assert town.mirror.ids(GUILD).tolist() == [young]
    assert town.answers.may_be_stale.is_set()
    assert [share.message_id for share in await town.answers.stale_shares()] == [900]


async def test_a_vector_that_was_made_of_what_went_is_made_anew(town: Rooms) -> None:
    """A short answer to a message that is too old no longer stands for it."""
    old, young = ago(2 * DAY), ago(HOUR)
    await town.ingest.saved(
        GUILD,
        [message(old, "which red fish is the one that swims to the pier?"), message(young, "still?", reply_to=old)],
    )
    await town.settle()
    assert sum("fish" in text for text in town.embedder.texts) == 2
    town.embedder.batches.clear()
    town.keeping.retention_days = 1
    await town.withdrawal.sweep()
    await town.settle()

    assert not any("fish" in text for text in town.embedder.texts)
    assert await town.indexer.reconcile() == 0


async def test_a_great_many_go_some_at_a_time(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, others get their turn to write in between."""
    monkeypatch.setattr("bot.storage.keeping._AT_ONCE", 10)
    await town.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 96)])
    taken: list[int] = []
    withdrawn = town.ingest.withdrawn

    async def watched(guild_id: int, ids: list[int]) -> int:
        taken.append(len(ids))
        return await withdrawn(guild_id, ids)

    monkeypatch.setattr(town.ingest, "withdrawn", watched)
    assert await town.withdrawal.retain(server(), 1) == 95
    assert taken == [*[10] * 9, 5]


async def test_the_history_is_read_down_to_the_border_and_no_further(town: Rooms) -> None:
    """Reading stops with the page that reaches the border, also after restarts, and nothing older is stored."""
    channel_id = ago(50 * DAY)
    where = location(channel_id)
    history = PagedHistory(where)
    history.write(messages := hourly(24 * 20, channel_id=channel_id))
    await town.keeping.retain(server(), 10)
    tally = await read(town, history)

    assert await stored(town) == [each.message_id for each in messages[-240:]]
    assert (tally.new, dict(tally.skipped)) == (240, {"too_old": 60})
    assert history.n_pages == 3
    await read(town, history)
    await town.withdrawal.sweep()
    await read(town, history)
    assert history.n_pages == 3


async def test_a_longer_limit_has_the_history_read_on(town: Rooms) -> None:
    """After a longer limit, or none, what was passed over and what was taken out is read down to the new border."""
    channel_id = ago(50 * DAY)
    where = location(channel_id)
    history = PagedHistory(where)
    history.write(messages := hourly(24 * 20, channel_id=channel_id))
    await read(town, history)
    for days, n in ((3, 72), (15, 360), (10, 240), (None, 480)):
        await town.withdrawal.retain(server(), days)
        await read(town, history)
        assert await stored(town) == [each.message_id for each in messages[-n:]]


async def test_a_young_channel_was_read_to_its_beginning(town: Rooms) -> None:
    """Where nothing can be older than the limit, there is nothing to be read when that changes."""
    channel_id = ago(2 * DAY)
    history = PagedHistory(location(channel_id))
    history.write(hourly(3, channel_id=channel_id))
    await town.withdrawal.retain(server(), 10)
    await read(town, history)
    await town.withdrawal.sweep()
    n_pages = history.n_pages
    await town.withdrawal.retain(server(), None)
    await read(town, history)

    assert history.n_pages == n_pages
    assert n_pages <= 2


async def test_what_was_missed_in_a_long_absence_is_read_later(town: Rooms) -> None:
    """Catching up from a mark below the border stores what is young; a longer limit brings the rest."""
    channel_id = ago(50 * DAY)
    where = location(channel_id)
    history = PagedHistory(where)
    history.write(messages := hourly(24 * 8, channel_id=channel_id))
    await town.ingest.met(where.server, where.channel)
    await town.ingest.saved(GUILD, [messages[0]], reached=Marks(channel_id, messages[0].message_id, 0))
    await town.keeping.retain(server(), 2)
    await read(town, history)
    assert await stored(town) == [each.message_id for each in (messages[0], *messages[-48:])]

    await town.withdrawal.retain(server(), 30)
    await read(town, history)
    assert await stored(town) == [each.message_id for each in messages]


async def test_reconciling_brings_nothing_back_that_was_too_old(town: Rooms) -> None:
    """A page that holds what was taken out stores only what is young, and deletes nothing."""
    channel_id = ago(50 * DAY)
    where = location(channel_id)
    history = PagedHistory(where)
    history.write(messages := hourly(PAGE, channel_id=channel_id))
    await read(town, history)
    await town.withdrawal.retain(server(), 2)
    town.up_to_date.session_began()
    await town.reconcile.compare_newest(history, where)

    assert await stored(town) == [each.message_id for each in messages[-48:]]
    assert await town.database.fetch("SELECT * FROM tombstones") == []


# --- when


async def test_the_last_sweep_is_told(town: Rooms) -> None:
    """When it was, how many went and when the next one is, of one server and of all; nothing before the first."""
    assert await town.withdrawal.last() is None
    await town.ingest.saved(GUILD, [message(1), message(2)])
    await town.ingest.saved(OTHER_GUILD, [message(3, guild_id=OTHER_GUILD)])
    town.keeping.retention_days = 1
    await town.withdrawal.sweep()

    of_all, of_one = await town.withdrawal.last(), await town.withdrawal.last(GUILD)
    assert (of_all.n_swept, of_one.n_swept, town.withdrawal.days) == (3, 2, 1)
    assert datetime.now(UTC) - HOUR < of_one.last_sweep_at <= datetime.now(UTC)
    assert of_one == Retention(of_one.last_sweep_at, of_one.last_sweep_at + EVERY, 2)
    assert EVERY <= HOUR
    await town.withdrawal.sweep()
    assert (await town.withdrawal.last()).n_swept == 0


async def test_what_becomes_too_old_goes_while_the_bot_runs(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked after at once and again and again, also after the database refused."""
    monkeypatch.setattr(module, "EVERY", timedelta(milliseconds=5))
    monkeypatch.setattr(module, "_AGAIN_S", 0.005)
    town.keeping.retention_days = 1
    async with beside(town.withdrawal.run()):
        for message_id in (1, 2):
            await town.messages.save(GUILD, [message(message_id)])
            await gone(town)
        async with town.database.transaction() as transaction:
            await transaction.execute(REFUSING)
        await asyncio.sleep(0.02)
        async with town.database.transaction() as transaction:
            await transaction.execute("DROP TRIGGER refusing")
        await town.messages.save(GUILD, [message(3)])
        await gone(town)


async def gone(town: Rooms) -> None:
    for _ in range(2_000):
        if not await stored(town):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never went")


# --- kinds


async def several(town: Rooms) -> None:
    """A message in the square, one of a bot there, one in a voice chat and one in a private thread, all kept."""
    for kind in Kind:
        await town.keeping.include(server(), kind)
    for where in (SQUARE, TOWER, SECRET):
        await town.ingest.met(where.server, where.channel)
    await town.ingest.saved(GUILD, [message(1, "red"), message(2, "red", is_bot=True)], reached=Marks(CHANNEL, 2, 0))
    for message_id, channel_id in ((3, OTHER_CHANNEL), (4, 77)):
        told = message(message_id, "red", channel_id=channel_id)
        await town.ingest.saved(GUILD, [told], reached=Marks(channel_id, message_id, 0))
    await town.ingest.saved(GUILD, [message(5, "red", channel_id=OTHER_CHANNEL, origin=Origin.EXPORT)])
    await town.settle()


@pytest.mark.parametrize(
    ("kind", "left"), [(Kind.BOTS, [1, 3, 4, 5]), (Kind.VOICE, [1, 2, 4]), (Kind.PRIVATE_THREADS, [1, 2, 3, 5])]
)
async def test_a_kind_that_is_turned_off_goes(town: Rooms, kind: Kind, left: list[int]) -> None:
    """All that is stored of it goes, imported or not, with its marks and without tombstones; all else stays."""
    await several(town)

    assert await town.withdrawal.bar(server(), kind) == 5 - len(left)
    assert await stored(town) == town.mirror.ids(GUILD).tolist() == left
    assert await town.database.fetch("SELECT * FROM tombstones") == []
    n_marks = {Kind.BOTS: 3}.get(kind, 2)
    assert await town.database.fetch("SELECT count(*) FROM marks") == [(n_marks,)]
    assert await town.withdrawal.clear(GUILD) == 0


@pytest.mark.parametrize("where", [SQUARE, TOWER, SECRET, NIGHT], ids=["bots", "voice", "private", "night"])
async def test_a_kind_that_is_turned_on_again_is_read(town: Rooms, where: Location) -> None:
    """What was taken out, and what was written while it was off, comes in with the history."""
    kind = {SQUARE: Kind.BOTS, TOWER: Kind.VOICE, SECRET: Kind.PRIVATE_THREADS, NIGHT: Kind.AGE_RESTRICTED}[where]
    channel_id = where.channel.channel_id
    history = PagedHistory(where)
    history.write(message(i, channel_id=channel_id, is_bot=kind is Kind.BOTS) for i in range(1, 251))
    await town.withdrawal.admit(server(), kind)
    await read(town, history)
    assert len(await stored(town)) == 250

    await town.withdrawal.bar(server(), kind)
    assert await stored(town) == []
    history.write([message(251, channel_id=channel_id, is_bot=kind is Kind.BOTS)])
    await read(town, history)
    assert await stored(town) == []
    await town.withdrawal.admit(server(), kind)
    await read(town, history)
    assert await stored(town) == list(range(1, 252))


async def test_a_private_thread_that_is_named_stays(town: Rooms) -> None:
    """Turning private threads off does not reach one that was started by itself, nor one that was stopped so."""
    await several(town)
    await town.coverage.start(server(), 77)
    await town.withdrawal.bar(server(), Kind.PRIVATE_THREADS)
    assert 4 in await stored(town)

    await town.coverage.stop(server(), 77)
    await town.withdrawal.clear(GUILD)
    assert 4 in await stored(town)


async def test_a_kind_is_turned_off_though_nothing_is_indexed_any_more(town: Rooms) -> None:
    """A stop of everything keeps what is stored, private threads too, until their kind is turned off."""
    await several(town)
    await town.coverage.stop(server())
    await town.keeping.exclude(server(), Kind.PRIVATE_THREADS)
    assert await town.withdrawal.clear(GUILD) == 0

    assert await town.withdrawal.bar(server(), Kind.PRIVATE_THREADS) == 1
    assert await stored(town) == [1, 2, 3, 5]


# --- channels that change


async def deal_with(rooms: Rooms, event: Event, surroundings: KnownSurroundings) -> None:
    await rooms.inbox.put(event)
    async with beside(rooms.inbox.run(surroundings)):
        await rooms.inbox.emptied()


async def test_a_channel_that_becomes_age_restricted_is_taken_out(town: Rooms) -> None:
    """With its threads, those that are not active too; once it is open to all ages again it is read again."""
    aside = location(77, kind=ChannelKind.THREAD, parent_id=CHANNEL)
    history = PagedHistory(SQUARE, aside)
    history.write([message(1), message(2, channel_id=77)])
    await read(town, history)
    assert await stored(town) == [1, 2]

    await deal_with(town, NamesChanged(GUILD), KnownSurroundings(NIGHT))
    assert await stored(town) == []
    assert await town.database.fetch("SELECT * FROM marks") == []
    await deal_with(town, NamesChanged(GUILD), KnownSurroundings(SQUARE))
    await read(town, history)
    assert await stored(town) == [1, 2]


async def test_an_age_restricted_channel_stays_where_such_are_kept(town: Rooms) -> None:
    """A channel may become age-restricted in a server that turned that on."""
    await town.ingest.saved(GUILD, [message(1)])
    await town.keeping.include(server(), Kind.AGE_RESTRICTED)
    await deal_with(town, NamesChanged(GUILD), KnownSurroundings(NIGHT))

    assert await stored(town) == [1]
