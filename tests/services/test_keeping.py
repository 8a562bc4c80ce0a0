"""Whether a message may be kept: every reason, on every way in."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from fakes import KnownSurroundings, PagedHistory
from hypothesis import given, settings
from hypothesis import strategies as st
from make import ADA, CHANNEL, GUILD, OTHER_GUILD, beside, exported_message, location, message, server, write_export

from bot.messages import ChannelKind, Location, Message, Origin
from bot.services.coverage import WHOLE_SERVER
from bot.services.events import MessageSaved
from bot.services.ingest import Tally
from bot.services.keeping import Keeping, Kind
from bot.storage.database import open_to_write
from bot.storage.keeping import KeepingStore
from bot.times import snowflake_at
from bot.words import LANGUAGES, Words

CATEGORY, THREAD, SELF = 5, 77, 700
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
SECRET = location(THREAD, kind=ChannelKind.PRIVATE_THREAD, parent_id=CHANNEL, category_id=CATEGORY)


def place(channel_id: int = CHANNEL, *, is_age_restricted: bool = False, **values: object) -> Location:
    """A channel or thread that may be age-restricted."""
    made = location(channel_id, **values)
    return replace(made, channel=replace(made.channel, is_age_restricted=is_age_restricted))


def ago(days: float) -> int:
    """An id that was made so many days ago."""
    return snowflake_at(datetime.now(UTC) - days * DAY)


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """The first server wants to be indexed as a whole; the bot has an account."""
    await rooms.coverage.start(server())
    await rooms.keeping.met_oneself(SELF)
    return rooms


# --- what is covered

NIGHT = place(is_age_restricted=True)
TOWER = place(kind=ChannelKind.VOICE)
KINDS = {Kind.AGE_RESTRICTED: NIGHT, Kind.VOICE: TOWER, Kind.PRIVATE_THREADS: SECRET}


@pytest.mark.parametrize(("kind", "where"), KINDS.items(), ids=list(KINDS))
async def test_a_kind_is_left_out_unless_its_server_turns_it_on(rooms: Rooms, kind: Kind, where: Location) -> None:
    """No word on what is above opens it; turned on it follows those words, also when the database is reopened."""
    for channel_id in (WHOLE_SERVER, CATEGORY, *where.path[1:]):
        await rooms.coverage.start(server(), channel_id)
        assert not rooms.keeping.covers(where)

    await rooms.keeping.include(server(), kind)
    assert rooms.keeping.covers(where)
    again = Keeping(rooms.coverage, KeepingStore(rooms.database))
    await again.load()
    assert (again.covers(where), again.guild_ids) == (True, {GUILD})
    for channel_id in where.path:
        await rooms.coverage.stop(server(), channel_id)
    assert not rooms.keeping.covers(where)

    await rooms.coverage.start(server(), where.channel.channel_id)
    await rooms.keeping.exclude(server(), kind)
    assert rooms.keeping.covers(where) == (kind is Kind.PRIVATE_THREADS)


async def test_kinds_of_one_server_are_no_others(rooms: Rooms) -> None:
    """What a server turns on stays off in the others."""
    for guild_id in (GUILD, OTHER_GUILD):
        await rooms.coverage.start(server(guild_id))
    await rooms.keeping.include(server(), Kind.VOICE)

    assert rooms.keeping.covers(TOWER)
    assert not rooms.keeping.covers(location(CHANNEL, guild_id=OTHER_GUILD, kind=ChannelKind.VOICE))


async def test_a_private_thread_is_covered_by_a_word_on_itself(rooms: Rooms) -> None:
    """With its kind off neither the server nor the channel opens a private thread; its own word does."""
    for channel_id in (WHOLE_SERVER, CATEGORY, CHANNEL):
        await rooms.coverage.start(server(), channel_id)
        assert not rooms.keeping.covers(SECRET)
    await rooms.coverage.start(server(), THREAD)
    assert rooms.keeping.covers(SECRET)

    await rooms.coverage.stop(server(), THREAD)
    assert not rooms.keeping.covers(SECRET)


async def test_the_shorter_limit_counts(rooms: Rooms) -> None:
    """Of the installation's days and the server's own the shorter ones decide; without any, age does not matter."""
    assert (rooms.keeping.days(GUILD), rooms.keeping.border_id(GUILD)) == (None, 0)
    for installation, own in itertools.product((None, 0.5, 3, 30), (None, 1, 10)):
        rooms.keeping.retention_days = installation
        await rooms.keeping.retain(server(), own)
        days = min((d for d in (installation, own) if d is not None), default=None)
        assert rooms.keeping.days(GUILD) == days
        assert rooms.keeping.days(OTHER_GUILD) == installation
        if days is not None:
            assert ago(days + 0.001) < rooms.keeping.border_id(GUILD) <= ago(days)


# --- every reason on every way in


Way = Callable[[Rooms, Location, Message, Path], Awaitable[None]]


async def live(town: Rooms, where: Location, told: Message, folder: Path) -> None:
    await town.inbox.put(MessageSaved(told, where))
    async with beside(town.inbox.run(KnownSurroundings(where))):
        await town.inbox.emptied()


async def edited(town: Rooms, where: Location, told: Message, folder: Path) -> None:
    """It was stored while it was allowed, and is edited now."""
    await store_anyhow(town, where, told)
    await live(town, where, told, folder)


async def read(town: Rooms, where: Location, *messages: Message) -> None:
    history = PagedHistory(where)
    history.write(messages)
    async for _ in town.backfill.read(history, Tally()):
        pass


async def backfill(town: Rooms, where: Location, told: Message, folder: Path) -> None:
    await read(town, where, told)


async def catch_up(town: Rooms, where: Location, told: Message, folder: Path) -> None:
    """The channel was read up to just before the message."""
    await town.ingest.met(where.server, where.channel)
    async with town.database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO marks VALUES (?, ?, ?, 0)", (GUILD, where.channel.channel_id, told.message_id - 1)
        )
    await read(town, where, told)


async def reconcile(town: Rooms, where: Location, told: Message, folder: Path) -> None:
    """The message should have been stored, as far as the marks tell."""
    await town.ingest.met(where.server, where.channel)
    async with town.database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO marks VALUES (?, ?, ?, 0)", (GUILD, where.channel.channel_id, told.message_id)
        )
    history = PagedHistory(where)
    history.write([told])
    await town.reconcile.compare_newest(history, where)


async def confirm(town: Rooms, where: Location, told: Message, folder: Path) -> None:
    """It is stored, and asked about before it is shown."""
    await store_anyhow(town, where, told)
    rows = list((await town.messages.get_many(GUILD, [told.message_id])).values())
    town.up_to_date.session_began()
    history = PagedHistory(where)
    history.write([told])
    confirmed = await town.reconcile.confirm(rows, history, within=5)
    assert confirmed.true_ids <= set(await town.messages.stored_ids(GUILD, [told.message_id]))


async def imported(town: Rooms, where: Location, told: Message, folder: Path) -> None:
    await town.ingest.met(where.server, where.channel)
    author = exported_message(1)["author"] | {"id": str(told.author_id), "isBot": told.is_bot}
    kind = {ChannelKind.VOICE: "GuildVoiceChat", ChannelKind.PRIVATE_THREAD: "GuildPrivateThread"}
    channel = {"id": str(where.channel.channel_id), "type": kind.get(where.channel.kind, "GuildTextChat")}
    values = {"author": author, "type": "GuildMemberJoin" if told.is_notice else "Default"}
    one = exported_message(told.message_id, **values)
    await town.importer.run([write_export(folder / "export.json", [one], channel=channel | {"name": "x"})])


async def store_anyhow(town: Rooms, where: Location, told: Message) -> None:
    """Have a message stored as if it had been allowed."""
    await town.ingest.met(where.server, where.channel)
    await town.messages.save(GUILD, [told])
    await town.settle()


WAYS = [live, edited, backfill, catch_up, reconcile, confirm, imported]
RECENT = ago(0.5)
ALLOWED = (location(), {})
REASONS: dict[str, tuple[Location, dict[str, object]]] = {
    "notice": (location(), {"is_notice": True}),
    "bot": (location(), {"is_bot": True}),
    "own": (location(), {"author_id": SELF, "is_bot": True}),
    "age_restricted": (NIGHT, {}),
    "voice": (TOWER, {}),
    "private_threads": (SECRET, {}),
    "too_old": (location(), {"message_id": ago(1.5)}),
}


def told_in(where: Location, values: dict[str, object]) -> Message:
    return message(**{"message_id": RECENT, "channel_id": where.channel.channel_id} | values)


async def kept(town: Rooms, way: Way, where: Location, values: dict[str, object], folder: Path) -> bool:
    """Whether a message stays or comes in on a way, in a server that keeps messages for a day."""
    await town.keeping.retain(server(), 1)
    told = told_in(where, values)
    await way(town, where, told, folder)
    rows = await town.database.fetch("SELECT message_id FROM messages")
    assert town.mirror.ids(GUILD).tolist() == [i for (i,) in rows if way in (edited, confirm)]
    assert await town.database.fetch("SELECT * FROM tombstones") == []
    return bool(rows)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("reason", REASONS)
async def test_what_may_not_be_kept_comes_in_on_no_way(town: Rooms, tmp_path: Path, way: Way, reason: str) -> None:
    """Whatever the reason and the way, nothing is stored, and what was is taken out, without a tombstone."""
    if reason == "notice" and way in (edited, confirm):
        pytest.skip("a message that could not be understood this time is no reason to lose what is stored")
    assert not await kept(town, way, *REASONS[reason], tmp_path)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_what_may_be_kept_comes_in_on_every_way(town: Rooms, tmp_path: Path, way: Way) -> None:
    """The same message without any reason against it is stored: the ways are real ones."""
    assert await kept(town, way, *ALLOWED, tmp_path)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", Kind)
async def test_what_is_turned_on_comes_in_on_every_way(town: Rooms, tmp_path: Path, way: Way, kind: Kind) -> None:
    """A kind that is on is kept like all the rest; an export of a private thread is refused as ever."""
    await town.keeping.include(server(), kind)
    where, values = REASONS[{Kind.BOTS: "bot"}.get(kind, kind)]
    is_kept = await kept(town, way, where, values, tmp_path)

    assert is_kept == (kind is not Kind.PRIVATE_THREADS or way is not imported)


@dataclass(frozen=True)
class Case:
    """What a server set, and a message that comes in."""

    on: frozenset[Kind]
    days: int | None
    where: Location
    age: float
    is_bot: bool
    is_own: bool
    is_notice: bool

    @property
    def message(self) -> Message:
        author_id = SELF if self.is_own else ADA
        values = {"author_id": author_id, "is_bot": self.is_bot, "is_notice": self.is_notice}
        return told_in(self.where, {"message_id": ago(self.age)} | values)

    @property
    def is_to_be_kept(self) -> bool:
        needed = {kind for kind, of_kind in KINDS.items() if of_kind == self.where}
        needed |= {Kind.BOTS} if self.is_bot else set()
        is_young = self.days is None or self.age < self.days
        return needed <= self.on and is_young and not self.is_own and not self.is_notice


CASES = st.builds(
    Case,
    on=st.frozensets(st.sampled_from(list(Kind))),
    days=st.sampled_from([None, 1, 10]),
    where=st.sampled_from([location(), NIGHT, TOWER, SECRET]),
    age=st.sampled_from([0.5, 1.5, 11]),
    is_bot=st.booleans(),
    is_own=st.booleans(),
    is_notice=st.booleans(),
)


@settings(max_examples=80)
@given(case=CASES, way=st.sampled_from([live, backfill, catch_up, reconcile]))
async def test_any_settings_decide_alike_on_any_way(tmp_path_factory, case: Case, way: Way) -> None:
    """Stored is exactly what the settings allow, worked out here from their meaning."""
    folder = tmp_path_factory.mktemp("any")
    async with open_to_write(folder) as database:
        town = await rooms_over(database)
        await town.coverage.start(server())
        await town.keeping.met_oneself(SELF)
        await town.keeping.retain(server(), case.days)
        for kind in case.on:
            await town.keeping.include(server(), kind)
        await way(town, case.where, case.message, folder)
        stored = await database.fetch("SELECT message_id FROM messages")

    assert bool(stored) == case.is_to_be_kept


# --- words, and what an import brings


async def test_every_reason_has_words(town: Rooms) -> None:
    """Whatever a message is counted under can be told in every language."""
    for language in LANGUAGES:
        for reason in (*REASONS, "unwanted", "deleted"):
            assert Words(language)(f"skipped.{reason}")
        for kind in Kind:
            assert Words(language)(f"kinds.{kind}")


@pytest.mark.parametrize(
    ("told", "is_kept"),
    [
        pytest.param({}, True, id="nothing-said"),
        pytest.param({WHOLE_SERVER: True}, True, id="whole-server"),
        pytest.param({WHOLE_SERVER: False}, False, id="stopped"),
        pytest.param({WHOLE_SERVER: True, CHANNEL: False}, False, id="denied"),
        pytest.param({WHOLE_SERVER: True, CATEGORY: False}, False, id="category-denied"),
        pytest.param({CHANNEL + 1: True}, False, id="others-allowed"),
        pytest.param({CHANNEL: True}, True, id="allowed"),
    ],
)
async def test_an_import_follows_what_the_server_said(rooms: Rooms, tmp_path: Path, told, is_kept) -> None:
    """A server that said nothing can be imported; one that did gets what it wants indexed, counted by reason."""
    await rooms.servers.cover(server(), told)
    await rooms.coverage.load()
    channel = {"id": str(CHANNEL), "type": "GuildTextChat", "categoryId": str(CATEGORY), "name": "square"}
    path = write_export(tmp_path / "export.json", [exported_message(1)], channel=channel)
    report = await rooms.importer.run([path])

    assert (report.tally.new, dict(report.tally.skipped)) == ((1, {}) if is_kept else (0, {"unwanted": 1}))


async def test_an_import_that_is_not_wanted_takes_nothing_away(rooms: Rooms, tmp_path: Path) -> None:
    """What is stored of a channel that was stopped stays, however often it is imported."""
    await rooms.ingest.saved(GUILD, [message(1, "here", origin=Origin.EXPORT)])
    await rooms.coverage.start(server())
    await rooms.coverage.stop(server(), CHANNEL)
    await rooms.importer.run([write_export(tmp_path / "export.json", [exported_message(1, "there")])])

    assert await rooms.database.fetch("SELECT content FROM messages") == [("here",)]


async def test_an_export_does_not_know_what_is_age_restricted(town: Rooms, tmp_path: Path) -> None:
    """That a channel is age-restricted is not forgotten because of an export of it."""
    await town.ingest.met(NIGHT.server, NIGHT.channel)
    report = await town.importer.run([write_export(tmp_path / "export.json", [exported_message(1)])])

    assert dict(report.tally.skipped) == {"age_restricted": 1}
    assert [one.is_age_restricted for one in await town.ingest.channels(GUILD)] == [True]


async def test_a_thread_is_as_age_restricted_as_its_channel(town: Rooms) -> None:
    """A thread that was told without its channel's restriction has it all the same."""
    await town.ingest.met(NIGHT.server, NIGHT.channel)
    aside = location(THREAD, kind=ChannelKind.THREAD, parent_id=CHANNEL)
    await town.ingest.met(aside.server, aside.channel)

    assert dict((await town.ingest.saved(GUILD, [message(1, channel_id=THREAD)])).skipped) == {"age_restricted": 1}


async def test_no_marks_are_left_of_a_channel_that_was_shut_while_its_page_was_on_its_way(town: Rooms) -> None:
    """What was not stored for that reason is read once it may be, since nothing says that it was read."""
    await town.ingest.met(location().server, location().channel)
    history = PagedHistory(location())
    history.write([message(RECENT)])

    async def shut(page: list[Message]) -> None:
        await town.ingest.met(NIGHT.server, NIGHT.channel)

    history.on_the_way = shut
    async for _ in town.backfill.read(history, Tally()):
        pass

    assert await town.servers.marks(GUILD, CHANNEL) is None
    assert await town.messages.count() == 0
