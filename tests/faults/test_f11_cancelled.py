"""F11: a task is cancelled in the middle."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes import KnownSurroundings, PagedHistory
from faults.storing import opened
from faults.turns import cancelled_at
from make import GUILD, location, message, server, utc

from bot.app import App
from bot.services.events import MessageSaved
from bot.services.ingest import Tally
from bot.storage.database import Database, open_to_write

_LATER = utc("2024-01-01T00:00:00")


@dataclass(frozen=True)
class Cancelled:
    """The services, over a database that a work was cancelled on."""

    app: App
    database: Database

    async def ids(self, table: str = "messages") -> set[int]:
        return {row[0] for row in await self.database.fetch(f"SELECT message_id FROM {table}")}

    async def is_well(self) -> None:
        """Nothing is open, the next operation works, and each message has its vector or waits for it, not both."""
        next_id = max(await self.ids() | await self.ids("tombstones"), default=0) + 1
        await self.app.ingest.saved(GUILD, [message(next_id)])
        assert not self.database._writer.in_transaction
        embedded, pending, stored = await self.ids("embeddings"), await self.ids("pending"), await self.ids()
        assert embedded | pending == stored
        assert not embedded & pending
        assert not stored & await self.ids("tombstones")

    async def follows(self) -> None:
        """After all is embedded the mirror holds what is stored."""
        async for _ in self.app.indexer.drain():
            pass
        await self.app.indexer.reconcile()
        assert set(self.app.indexer._mirror.ids(GUILD).tolist()) == await self.ids()


@pytest.fixture
async def cancelled(quick_folder: Path) -> AsyncIterator[Cancelled]:
    async with opened(quick_folder) as app:
        await app.coverage.start(server())
        await app.indexer.reconcile()
        yield Cancelled(app, app.ingest._messages._database)


async def at_every_turn(work: Callable[[int], Awaitable[None]], check: Callable[[int], Awaitable[None]]) -> int:
    """Do a work again and again, cancelled one turn later each time, until it is through; how many turns it has."""
    turn, was_cancelled = 0, True
    while was_cancelled:
        turn += 1
        was_cancelled = await cancelled_at(turn, work(turn))
        await check(turn)
    return turn - 1


def four(turn: int) -> range:
    return range(1_000 * turn, 1_000 * turn + 4)


async def test_f11_a_save_is_whole_or_not_there(cancelled: Cancelled) -> None:
    """Cancelled anywhere, of four messages all are stored and wait for a vector, or none."""

    async def save(turn: int) -> None:
        await cancelled.app.ingest.saved(GUILD, [message(i) for i in four(turn)])

    async def check(turn: int) -> None:
        assert len(await cancelled.ids() & set(four(turn))) in (0, 4)
        await cancelled.is_well()

    assert await at_every_turn(save, check) > 10
    await cancelled.follows()


async def test_f11_an_edit_leaves_the_old_text_or_the_new_one(cancelled: Cancelled) -> None:
    """Cancelled anywhere, an edited message has the vector of the text that it has, or waits for it."""
    app = cancelled.app

    async def edit(turn: int) -> None:
        await app.ingest.saved(GUILD, [message(i, f"new {turn}", edited_at=_LATER) for i in four(turn)])

    async def check(turn: int) -> None:
        texts = await cancelled.database.fetch(
            "SELECT DISTINCT content FROM messages WHERE message_id BETWEEN ? AND ?", (four(turn)[0], four(turn)[-1])
        )
        assert texts in ([(f"new {turn}",)], [("old",)])
        await cancelled.is_well()
        await cancelled.follows()
        await app.ingest.saved(GUILD, [message(i, "old") for i in four(turn + 1)])
        await cancelled.follows()

    await app.ingest.saved(GUILD, [message(i, "old") for i in four(1)])
    await cancelled.follows()
    assert await at_every_turn(edit, check) > 10


async def test_f11_a_deletion_is_whole_or_not_there(cancelled: Cancelled) -> None:
    """Cancelled anywhere, of four messages all are gone and have tombstones, or none."""
    app = cancelled.app

    async def delete(turn: int) -> None:
        await app.ingest.deleted(GUILD, four(turn))

    async def check(turn: int) -> None:
        assert len(await cancelled.ids() & set(four(turn))) in (0, 4)
        assert len(await cancelled.ids("tombstones") & set(four(turn))) in (0, 4)
        await cancelled.is_well()
        await app.ingest.saved(GUILD, [message(i) for i in four(turn + 1)])

    await app.ingest.saved(GUILD, [message(i) for i in four(1)])
    assert await at_every_turn(delete, check) > 6
    await cancelled.follows()


async def test_f11_what_was_not_embedded_stays_queued(cancelled: Cancelled) -> None:
    """Cancelled anywhere while it embeds, the indexer leaves each message with its vector or in the queue."""
    app = cancelled.app

    async def drain(turn: int) -> None:
        async for _ in app.indexer.drain():
            pass

    async def check(turn: int) -> None:
        assert len(await cancelled.ids("pending") & set(four(turn))) in (0, 2, 4)
        await cancelled.is_well()
        await app.ingest.saved(GUILD, [message(i, f"text {i // 2}") for i in four(turn + 1)])

    await app.ingest.saved(GUILD, [message(i, f"text {i // 2}") for i in four(1)])
    assert await at_every_turn(drain, check) > 10
    await cancelled.follows()


async def test_f11_a_page_of_history_moves_its_mark_or_comes_again(cancelled: Cancelled) -> None:
    """Cancelled anywhere while it reads a history, the bot knows of no message above its mark that it lacks."""
    app = cancelled.app
    history = PagedHistory(location())

    async def read(turn: int) -> None:
        history.write(message(i) for i in four(turn))
        async for _ in app.backfill.read(history, Tally()):
            pass

    async def check(turn: int) -> None:
        marks = await cancelled.database.fetch("SELECT high_id, low_id FROM marks")
        stored = await cancelled.ids()
        written = {i for earlier in range(1, turn + 1) for i in four(earlier)}
        missing = written - stored
        assert not any(low_id <= i <= high_id for high_id, low_id in marks for i in missing)
        assert not cancelled.database._writer.in_transaction

    assert await at_every_turn(read, check) > 10
    assert {i for turn in range(1, 12) for i in four(turn)} <= await cancelled.ids()


async def test_f11_the_inbox_leaves_nothing_half_done(cancelled: Cancelled) -> None:
    """Cancelled anywhere, the task that empties the inbox has stored a batch or not, and another one goes on."""
    app = cancelled.app

    async def is_through(turn: int) -> None:
        while not set(four(turn)) <= await cancelled.ids():  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)  # to the end of what follows a commit

    for turn in itertools.count(1):
        for i in four(turn):
            await app.inbox.put(MessageSaved(message(i), location()))
        running = asyncio.create_task(cancelled_at(turn, app.inbox.run(KnownSurroundings())))
        through = asyncio.create_task(is_through(turn))
        await asyncio.wait([running, through], return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            break
        through.cancel()
        assert len(await cancelled.ids() & set(four(turn))) in (0, 4)
        await cancelled.is_well()
    running.cancel()
    assert turn > 15


@pytest.mark.parametrize("is_there", [False, True])
async def test_f11_opening_leaves_neither_a_thread_nor_a_descriptor(quick_folder: Path, is_there: bool) -> None:
    """Cancelled anywhere while it is made, opened or closed, a database keeps no file open and can be opened again."""
    folder = quick_folder / "data"
    folder.mkdir()

    async def open_and_close(turn: int) -> None:
        async with open_to_write(folder if is_there else folder / str(turn)):
            pass

    async def check(turn: int) -> None:
        where = folder if is_there else folder / str(turn)
        if open_files(folder):
            gc.collect()  # what was cancelled goes with its task
        assert open_files(folder) == []
        async with open_to_write(where) as database:
            assert await database.problems() == []
        (folder / str(turn + 1)).mkdir()

    (folder / "1").mkdir()
    if is_there:
        async with open_to_write(folder):
            pass
    assert await at_every_turn(open_and_close, check) > 10


def open_files(folder: Path) -> list[str]:
    """The files below a folder that this process holds open."""
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [str(link) for link in links if folder in link.parents]
