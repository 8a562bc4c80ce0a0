"""Works in processes that end themselves at a turn: nothing is cleaned up, nothing is flushed."""

import asyncio
import itertools
import os
import shutil
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

from faults.storing import FORKING, opened
from faults.turns import Turns
from make import ADA, CHANNEL, GUILD, OTHER_CHANNEL, channel, message, server, utc

from bot.app import App
from bot.index import workshop
from bot.services import erasure
from bot.storage.database import Database, open_to_write
from bot.storage.servers import Marks

LIVED, FAILED, DIED = 0, 1, 7
_LATER = utc("2024-01-01T00:00:00")
_TRUTH = (
    "SELECT message_id, content FROM messages ORDER BY message_id",
    "SELECT message_id FROM tombstones ORDER BY message_id",
    "SELECT * FROM marks ORDER BY channel_id",
)


async def life(app: App, has_done: Callable[[], Awaitable[None]]) -> None:
    """Save, embed, edit, delete, read a page, lose channels; `has_done` is awaited after each of them."""
    ingest = app.ingest
    await ingest.met(server(), channel())
    await ingest.met(server(), channel(OTHER_CHANNEL, name="market"))
    await app.indexer.reconcile()
    await has_done()
    await ingest.saved(GUILD, [message(i, f"text {i}") for i in (1, 2, 3)], reached=Marks(CHANNEL, 3, 0))
    await has_done()
    await _embed(app)
    await has_done()
    await ingest.saved(GUILD, [message(1, "another text", edited_at=_LATER)], risen={CHANNEL: 4})
    await has_done()
    await ingest.deleted(GUILD, [2])
    await has_done()
    market = [message(i, f"text {i}", channel_id=OTHER_CHANNEL) for i in (11, 12)]
    await ingest.saved(GUILD, market, reached=Marks(OTHER_CHANNEL, 12, 11))
    await has_done()
    await _embed(app)
    await has_done()
    await ingest.channels_closed(GUILD, [CHANNEL])
    await has_done()
    await ingest.channels_deleted(GUILD, [OTHER_CHANNEL])
    await has_done()


async def _embed(app: App) -> None:
    async for _ in app.indexer.drain():
        pass


async def truth(database: Database) -> list[list[tuple[Any, ...]]]:
    """What is held: texts, tombstones, marks."""
    return [await database.fetch(sql) for sql in _TRUTH]


async def _live(folder: Path) -> None:
    done = folder / "done"

    async def has_done() -> None:
        with done.open("ab", buffering=0) as file:
            file.write(b".")

    async with opened(folder) as app:
        await life(app, has_done)


async def _forget(folder: Path) -> None:
    """Forget Ada in several commits, with a file of the index beside, in a process that does nothing else."""
    erasure._AT_ONCE, workshop._EXACT_BYTES = 15, 0
    async with opened(folder) as app:
        await app.erasure.forget_author(ADA)


async def _open(folder: Path) -> None:
    async with open_to_write(folder):
        pass


def n_done(folder: Path) -> int:
    """How many steps a life in a folder had done."""
    done = folder / "done"
    return done.stat().st_size if done.exists() else 0


def die_everywhere(work: str, template: Path, folder: Path) -> list[Path]:
    """Do a work in processes of which each dies one turn later than the one before, until one lives.

    Each has a folder of its own, which begins as a copy of the template; all of these, that of the survivor last.
    """
    dying = FORKING.Process(target=_die_everywhere, args=(work, template, folder))
    dying.start()
    dying.join()
    assert dying.exitcode == LIVED
    dying.close()
    return sorted(folder.iterdir(), key=lambda path: int(path.name))


def _die_everywhere(work: str, template: Path, folder: Path) -> None:
    code = DIED
    turns = itertools.count(1)
    while code == DIED:
        turn = next(turns)
        copy = shutil.copytree(template, folder / str(turn))
        if (process := os.fork()) == 0:
            _die_at(turn, _WORK[work](copy))
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    sys.exit(code)


def _die_at(turn: int, work: Coroutine[Any, Any, None]) -> NoReturn:
    def at(n: int) -> None:
        if n == turn:
            os._exit(DIED)

    async def working() -> None:
        await Turns(work, at)

    try:
        asyncio.run(working())
    except BaseException:  # noqa: BLE001  # nothing may get out of here into the code of the process above
        traceback.print_exc()
        os._exit(FAILED)
    os._exit(LIVED)


_WORK = {"live": _live, "open": _open, "forget": _forget}
