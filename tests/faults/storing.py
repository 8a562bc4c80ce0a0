"""A process that does nothing but store, and what must be true of its folder whenever it is killed.

What it does follows from a seed, so whoever killed it knows from the number of operations that it had acknowledged
what must be there, and what may be there beyond: the one operation that it was at.
"""

import asyncio
import multiprocessing
import random
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from fakes import WordEmbedder
from make import CHANNEL, GUILD, channel, message, server, utc

import bot.app
from bot.app import App, open_app
from bot.messages import Message
from bot.services.ingest import Ingest
from bot.settings import EmbedderKind, Settings
from bot.storage.servers import Marks

# Processes that come from one which has imported what takes long, and has done nothing else.
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["bot.app", "pytest"])  # the latter since each of them imports what runs here

_BEGAN = utc("2024-01-01T00:00:00")
_PROVIDED = "SELECT message_id FROM pending UNION SELECT message_id FROM embeddings"
_MANY = 400  # messages, from which on more are deleted than saved
_LONGEST_S = 0.5  # that a process may live on, once it stores

Held = Mapping[int, int | None]  # by message: which of its texts is the newest, or None once it was deleted


@dataclass(frozen=True, slots=True)
class Operation:
    """Messages that are saved together, each in one of its versions, or messages that are deleted together."""

    saved: Mapping[int, int]
    deleted: tuple[int, ...] = ()

    def after(self, held: Held) -> dict[int, int | None]:
        """What is to be held afterwards; what was deleted does not come back."""
        came = {i: version for i, version in self.saved.items() if held.get(i, 0) is not None}
        return {**held, **came, **dict.fromkeys(self.deleted)}

    @property
    def messages(self) -> list[Message]:
        return [
            message(i, text_of(i, version), edited_at=_BEGAN + timedelta(seconds=version) if version > 1 else None)
            for i, version in self.saved.items()
        ]

    async def done_by(self, ingest: Ingest) -> None:
        if self.saved:
            await ingest.saved(GUILD, self.messages, reached=Marks(CHANNEL, max(self.saved), 0))
        if self.deleted:
            await ingest.deleted(GUILD, self.deleted)


def operations(seed: int, held: Held) -> Iterator[Operation]:
    """What is done one after the other, without end, where this much is held: new texts, edits, deletions."""
    dice = random.Random(seed)
    while True:
        operation = _operation(dice, held)
        held = operation.after(held)
        yield operation


def _operation(dice: random.Random, held: Held) -> Operation:
    there = [i for i, version in held.items() if version is not None]
    gone = [i for i, version in held.items() if version is None]
    kind = dice.choice(("new", "new", "edited", "deleted", "late"))
    if len(there) > _MANY:
        return Operation({}, tuple(dice.sample(there, 50)))
    if kind == "edited" and there:
        return Operation({i: (held[i] or 0) + 1 for i in dice.sample(there, min(len(there), 5))})
    if kind == "deleted" and there:
        return Operation({}, tuple(dice.sample(there, min(len(there), dice.randrange(1, 8)))))
    if kind == "late" and gone:
        return Operation({dice.choice(gone): 9})
    first = max(held, default=0) + 1
    return Operation(dict.fromkeys(range(first, first + dice.randrange(1, 20)), 1))


def text_of(message_id: int, version: int) -> str:
    """The text of a message in one of its versions: short, long, or longer than a page of the file."""
    dice = random.Random(f"{message_id} {version}")
    return f"{message_id} version {version}" + f" {dice.randrange(10**6)} word" * dice.choice((0, 3, 40, 2_000))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[App]:
    """The bot's services as `run` opens them, with an embedder that counts words."""

    @asynccontextmanager
    async def words(_: Settings) -> AsyncIterator[WordEmbedder]:
        yield WordEmbedder()

    real, bot.app.open_embedder = bot.app.open_embedder, words
    try:
        async with open_app(Settings(_env_file=None, data_dir=folder, embedder=EmbedderKind.LOCAL), "run") as app:
            await app.ingest.met(server(), channel())
            yield app
    finally:
        bot.app.open_embedder = real


def store(folder: Path, seed: int, held: Held, acknowledging: Connection) -> None:
    """What the process does until it is killed; it sends something when it begins and after each commit."""

    async def storing() -> None:
        async with opened(folder) as app:
            acknowledging.send(0)
            for n, operation in enumerate(operations(seed, held), start=1):
                await operation.done_by(app.ingest)
                acknowledging.send(n)

    asyncio.run(storing())


@dataclass(frozen=True, slots=True)
class Seen:
    """What a folder holds, as another program reads it: its texts, its tombstones, what it complains of.

    What is `provided` for has a vector or waits for one; the high mark is None where there are no marks.
    """

    texts: dict[int, str]
    n_rows: int
    buried: frozenset[int]
    provided: frozenset[int]
    high_id: int | None
    complaints: tuple[str, ...]

    def is_(self, held: Held) -> bool:
        """Whether it is this and nothing else."""
        return not self.differs_from(held) and self.n_rows == len(self.texts) and not self.complaints

    def differs_from(self, held: Held) -> set[int]:
        """The messages that are not as they should be, 0 standing for the high mark."""
        there = {i: text_of(i, version) for i, version in held.items() if version is not None}
        wrong = {i for i in held.keys() | self.texts.keys() if there.get(i) != self.texts.get(i)}
        wrong |= (held.keys() - there.keys()) ^ self.buried
        wrong |= there.keys() ^ self.provided
        return wrong if self.high_id in (None, max(held, default=0)) else wrong | {0}


def look_at(folder: Path) -> Seen:
    """Read a copy of a folder that nobody writes to, so that the next process finds what the last one left."""
    if not (folder / "bot.db").exists():
        return Seen({}, 0, frozenset(), frozenset(), None, ())
    with tempfile.TemporaryDirectory() as copy:
        for file in folder.glob("bot.db*"):
            shutil.copy(file, copy)
        with closing(sqlite3.connect(Path(copy) / "bot.db")) as connection:
            return _read(connection)


def _read(connection: sqlite3.Connection) -> Seen:
    connection.execute("PRAGMA synchronous = OFF")  # the copy is thrown away
    complaints = connection.execute("PRAGMA integrity_check").fetchall()
    complaints += connection.execute("PRAGMA foreign_key_check").fetchall()
    texts = connection.execute("SELECT message_id, content FROM messages NOT INDEXED").fetchall()
    return Seen(
        texts=dict(texts),
        n_rows=len(texts),
        buried=frozenset(i for (i,) in connection.execute("SELECT message_id FROM tombstones")),
        provided=frozenset(i for (i,) in connection.execute(_PROVIDED)),
        high_id=connection.execute("SELECT max(high_id) FROM marks").fetchone()[0],
        complaints=tuple(str(row) for row in complaints if row != ("ok",)),
    )


def explained(seen: Seen, held: Held, doing: Iterator[Operation], n_acknowledged: int) -> dict[int, int | None] | None:
    """What is held after so many operations, or one more, whichever was seen; None where it is neither."""
    for _ in range(n_acknowledged):
        held = next(doing).after(held)
    for candidate in (dict(held), next(doing).after(held)):
        if seen.is_(candidate):
            return candidate
    print("not as they should be:", sorted(seen.differs_from(held)), *seen.complaints)
    return None


@dataclass(frozen=True, slots=True)
class Survival:
    """How many processes were killed, what they had acknowledged, and what of that was not there, or twice."""

    rounds: int
    acknowledged: int
    lost: int
    doubled: int


async def kill_rounds(folder: Path, *, rounds: int, seed: int) -> Survival:
    """Have processes store into one folder and kill each; ends with the first one after which not all is well."""
    dice = random.Random(seed)
    held: dict[int, int | None] = {}
    acknowledged = 0
    for n_rounds in range(1, rounds + 1):
        round_seed = dice.randrange(2**32)
        n = await _killed(folder, round_seed, held, dice)
        acknowledged += n
        seen = look_at(folder)
        found = explained(seen, held, operations(round_seed, held), n)
        if found is None:
            print(f"round {n_rounds} of --seed {seed}, after {n} operations")
            lost = len(seen.differs_from(_after(held, round_seed, n)) or seen.complaints)
            return Survival(n_rounds, acknowledged, lost=lost, doubled=seen.n_rows - len(seen.texts))
        held = found
    return Survival(rounds, acknowledged, lost=0, doubled=0)


def _after(held: Held, seed: int, n_operations: int) -> Held:
    for _, operation in zip(range(n_operations), operations(seed, held), strict=False):
        held = operation.after(held)
    return held


async def _killed(folder: Path, seed: int, held: Held, dice: random.Random) -> int:
    """One process from its start to its end; how many operations it had acknowledged."""
    receiving, acknowledging = FORKING.Pipe(duplex=False)
    process = FORKING.Process(target=store, args=(folder, seed, held, acknowledging), daemon=True)
    process.start()
    acknowledging.close()
    if dice.random() < 0.8:  # the others may die while they start
        await asyncio.to_thread(receiving.poll, 30)
    await asyncio.sleep(dice.uniform(0, _LONGEST_S))
    process.kill()
    await asyncio.to_thread(process.join)
    process.close()
    return max(_all_sent(receiving), default=0)


def _all_sent(receiving: Connection) -> Iterator[int]:
    """What a process sent until it died."""
    with receiving:
        while True:
            try:
                yield receiving.recv()
            except (EOFError, ConnectionResetError):
                return
