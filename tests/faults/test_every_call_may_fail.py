"""Every call fails once, or from then on for a while, and the end is that of an undisturbed run.

A scripted day of one server: indexing begins, 250 messages of two channels are read, meanwhile people write, edit and
delete, everything is embedded, somebody asks. It is lived again and again, with the first call of a seam failing, the
second, the third, until a day makes fewer calls than that.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest
from conftest import Rooms, rooms_over
from fakes import KnownSurroundings, PagedHistory, WordEmbedder
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, beside, location, message, server, utc

from bot.askers import Operator
from bot.errors import BotError, EmbeddingError, HistoryDelayed, StorageFailed
from bot.messages import Location, Message, Query
from bot.services.events import HistoryRead, MessageSaved, MessagesDeleted
from bot.services.history import Place
from bot.services.ingest import Tally
from bot.storage.database import Database, Parameters, Row, Transaction
from bot.vectors import Vectors

SQUARE, MARKET = location(CHANNEL), location(OTHER_CHANNEL, name="market")
PLACES = {CHANNEL: SQUARE, OTHER_CHANNEL: MARKET}
ASKED = "the 2007th text of the town"
A_WHILE_S = 0.02  # some twenty retries long, as patched below


# What fails.


@dataclass
class Calls:
    """The calls of one seam, counted while the day lasts; the n-th fails, alone or with those of some time after it."""

    fail_at: int = 0
    lasts_s: float = 0.0
    is_day: bool = False
    n: int = 0
    n_failed: int = 0
    began: float = 0.0

    def happen(self, error: BotError) -> None:
        """A call is made. Raises the error if it is to fail."""
        if not self.is_day:
            return
        self.n += 1
        if self.n == self.fail_at:
            self.began = time.monotonic()
        elif not (self.began and time.monotonic() - self.began < self.lasts_s):
            return
        self.n_failed += 1
        raise error


class FailingDatabase(Database):
    """Refuses to read, to begin, and to commit."""

    def __init__(self, opened: Database, calls: Calls) -> None:
        super().__init__(opened.path, writer=opened._writer, reader=opened._reader)
        self._calls = calls

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        self._calls.happen(StorageFailed("disk I/O error"))
        return await super().fetch(sql, parameters)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._calls.happen(StorageFailed("database or disk is full"))
        async with super().transaction() as transaction:
            yield transaction
            self._calls.happen(StorageFailed("disk I/O error"))


class FailingEmbedder(WordEmbedder):
    """Does not answer."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._calls.happen(EmbeddingError("server_failed", "HTTP 503", retryable=True))
        return await super().embed(texts)


class FailingHistory(PagedHistory):
    """Cannot be asked now, whatever it is asked for."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(SQUARE, MARKET)
        self._calls = calls

    async def places(self) -> AsyncIterator[Place]:
        self._fail()
        async for place in super().places():
            yield place
            self._fail()

    async def page(self, location: Location, **around: Any) -> list[Message]:
        self._fail()
        return await super().page(location, **around)

    async def message(self, channel_id: int, message_id: int) -> Message | None:
        self._fail()
        return await super().message(channel_id, message_id)

    def _fail(self) -> None:
        self._calls.happen(HistoryDelayed("HTTP 503", seconds=0.001))


# A day.


@dataclass
class Town:
    """The services, what Discord holds, and the faults of the day."""

    rooms: Rooms
    history: FailingHistory
    calls: Calls

    async def live(self) -> dict[str, Any]:
        """Live the day; what there is at its end."""
        rooms, surroundings = self.rooms, KnownSurroundings(SQUARE, MARKET)
        beside_it = (
            lambda: rooms.inbox.run(surroundings),
            lambda: rooms.indexer.keep_up(rooms.ingest.has_pending),
        )
        async with AsyncExitStack() as stack:
            self.calls.is_day = True
            await insist(rooms.coverage.load)
            await insist(rooms.indexer.reconcile)
            for work in beside_it:
                await stack.enter_async_context(beside(kept_running(work)))
            await insist(lambda: rooms.coverage.start(server()))
            reading = asyncio.create_task(self.read())
            await self.talk()
            await reading
            await self.settled()
            await insist(lambda: rooms.search.similar(Operator(), Query(text=ASKED, limit=5)))
            rooms.up_to_date.session_began()
            await self.read()
            await self.settled()
            self.calls.is_day = False
        return await self.state()

    async def read(self) -> None:
        """Read the history, as often as it fails, as the reader does."""
        while True:
            try:
                async for _ in self.rooms.backfill.read(self.history, Tally()):
                    pass
            except BotError:
                await asyncio.sleep(0.001)
            else:
                await self.rooms.inbox.put(HistoryRead(GUILD))
                return

    async def talk(self) -> None:
        """People write, edit and delete, in both channels, of what was read already and what was not."""
        for n in range(2001, 2011):
            await self.say(text(n, CHANNEL))
        for n in (2003, 140, 20):
            await self.say(replace(text(n, CHANNEL), content=f"rewritten {n}", edited_at=utc("2026-01-01T00:00:00")))
        await self.delete(2005, 130, 30)
        await asyncio.sleep(0)
        await self.say(replace(text(2011, OTHER_CHANNEL), content=ASKED), is_located=False)
        await self.delete(*range(1050, 1061))
        await self.settled()
        await self.say(text(2012, OTHER_CHANNEL))
        await self.say(replace(text(2001, CHANNEL), content=ASKED, edited_at=utc("2026-01-02T00:00:00")))
        await self.settled()
        await self.delete(2002)
        await self.say(text(2013, CHANNEL))

    async def say(self, said: Message, *, is_located: bool = True) -> None:
        self.history.write([said])
        await self.rooms.inbox.put(MessageSaved(said, PLACES[said.channel_id] if is_located else None))

    async def delete(self, *message_ids: int) -> None:
        for message_id in message_ids:
            self.history.delete(message_id)
        await self.rooms.inbox.put(MessagesDeleted(GUILD, message_ids))

    async def settled(self) -> None:
        """Wait until what was said has been put down, and until all of it is embedded and mirrored."""
        await self.rooms.inbox.emptied()
        # Without being counted; and the database sets no event.
        while await Database.fetch(self.rooms.database, "SELECT 1 FROM pending"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        async with self.rooms.spaces.in_step:
            pass
        while self.rooms.indexer._is_behind:  # noqa: ASYNC110  # nor does the indexer
            await asyncio.sleep(0.001)

    async def state(self) -> dict[str, Any]:
        """All that is stored and mirrored, and what is answered."""
        fetch = self.rooms.database.fetch
        hits = await self.rooms.search.similar(Operator(), Query(text=ASKED, limit=5))
        return {table: await fetch(sql) for table, sql in STATE.items()} | {
            "mirror": self.rooms.mirror.ids(GUILD).tolist(),
            "answer": [(hit.message.message_id, hit.message.content, round(hit.score, 6)) for hit in hits],
        }


def shorter(differing: dict[str, tuple[list[Any], list[Any]]]) -> dict[str, Any]:
    """What is there and should not be, and what is not there and should be, a few of each."""
    return {
        what: ([one for one in found if one not in expected][:3], [one for one in expected if one not in found][:3])
        for what, (found, expected) in differing.items()
    }


STATE = MappingProxyType(
    {
        "messages": "SELECT message_id, channel_id, author_id, origin, edited_at, content_hash, content FROM messages",
        "vectors": "SELECT message_id, content_hash, checksum, vector FROM embeddings ORDER BY message_id",
        "waiting": "SELECT message_id, parked FROM pending",
        "marks": "SELECT channel_id, high_id, low_id FROM marks",
        "tombstones": "SELECT message_id FROM tombstones",
        "coverage": "SELECT channel_id, is_indexed FROM coverage",
        "channels": "SELECT guild_id, channel_id, name FROM channels",
    }
)


def text(message_id: int, channel_id: int) -> Message:
    return message(message_id, f"the {message_id}th text of the town", channel_id=channel_id)


async def insist(work: Callable[[], Awaitable[Any]]) -> None:
    """Do what a person does: try again when one was told that it failed."""
    while True:
        with suppress(BotError):
            await work()
            return
        await asyncio.sleep(0.001)


async def kept_running(work: Callable[[], Awaitable[None]]) -> None:
    """Begin anew what has failed, as the client does."""
    while True:
        with suppress(Exception):
            await work()
        await asyncio.sleep(0.001)


@asynccontextmanager
async def town(opened: Database, seam: str, calls: Calls) -> AsyncIterator[Town]:
    """A server of which nothing is stored, one of whose seams fails; everything of it is dropped at the end."""
    history = FailingHistory(calls if seam == "Discord" else Calls())
    history.write(text(n, CHANNEL) for n in range(1, 151))
    history.write(text(n, OTHER_CHANNEL) for n in range(1001, 1101))
    database = FailingDatabase(opened, calls if seam == "SQLite" else Calls())
    rooms = await rooms_over(database, FailingEmbedder(calls if seam == "the embeddings API" else Calls()))
    try:
        yield Town(rooms, history, calls)
    finally:
        calls.is_day = False
        for guild_id in (GUILD, OTHER_GUILD):
            await rooms.servers.forget(guild_id)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again at once."""
    monkeypatch.setattr("bot.services.indexer._FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("bot.services.indexer._LONGEST_PAUSE_S", 0.002)
    monkeypatch.setattr("bot.services.inbox._RETRY_S", 0.001)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("lasts_s", [0.0, A_WHILE_S], ids=["once", "for a while"])
@pytest.mark.parametrize("seam", ["SQLite", "the embeddings API", "Discord"])
async def test_whichever_call_fails_the_end_is_the_same(database: Database, seam: str, lasts_s: float) -> None:
    """Messages, vectors, marks, tombstones, mirror and answer are those of an undisturbed day, whichever call of the
    database, of the embeddings API or of Discord failed, once or from then on until somebody has mended it."""
    began = time.monotonic()
    undisturbed = Calls()
    async with town(database, seam, undisturbed) as lived:
        expected = await lived.live()
    assert (len(expected["messages"]), expected["waiting"], len(expected["vectors"])) == (248, [], 248)
    breaches = {}
    for n in itertools.count(1):
        calls = Calls(fail_at=n, lasts_s=lasts_s)
        async with town(database, seam, calls) as lived, asyncio.timeout(20):
            found = await lived.live()
        if differing := {what: (found[what], expected[what]) for what in expected if found[what] != expected[what]}:
            breaches[n] = shorter(differing)
        if not calls.n_failed:
            break
    print(f"{seam}, for {lasts_s} s: {n - 1} calls failed one after the other, {time.monotonic() - began:.1f} s")
    assert n > 3
    assert not breaches, "\n".join(f"after call {number} failed: {breach}" for number, breach in breaches.items())
