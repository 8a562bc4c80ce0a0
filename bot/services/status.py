"""What there is, and whether it is sound."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bot.embedding.base import Embedder
from bot.index.mirror import Mirror
from bot.services.indexer import Indexer
from bot.storage.database import SQLITE_VERSION, Database
from bot.storage.embeddings import EmbeddingStore
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore
from bot.vectors import cosines

_GIB = 2**30
_LEAST_FREE_GIB = 1.0
_OTHERS_CAN_READ = 0o077
_SELF_TEST = "外は雨が降っていますか? Is it raining outside?"
_SELF_SCORE = 0.999


@dataclass(frozen=True, slots=True)
class Status:
    """How much is stored, by what it is embedded and found; the field names are the JSON keys."""

    messages: int
    embedded: int
    pending: int
    parked: int
    servers: int
    model_key: str
    dim: int
    index: str
    index_bytes: int
    database_bytes: int


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How much of one server is stored, and how far embedding it has come."""

    messages: int
    embedded: int
    pending: int
    parked: int
    model_key: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `subject` and `verdict` are keys of the words, which take the values."""

    subject: str
    verdict: str
    is_well: bool
    values: dict[str, object]


class Inspector:
    """Counts and checks; changes nothing."""

    def __init__(
        self,
        *,
        database: Database,
        messages: MessageStore,
        servers: ServerStore,
        embeddings: EmbeddingStore,
        embedder: Embedder,
        indexer: Indexer,
        mirror: Mirror,
        index: str,
        index_bytes_a_message: int,
    ) -> None:
        self._database = database
        self._messages = messages
        self._servers = servers
        self._embeddings = embeddings
        self._embedder = embedder
        self._indexer = indexer
        self._mirror = mirror
        self._index = index
        self._index_bytes_a_message = index_bytes_a_message

    async def server(self, guild_id: int) -> ServerStatus:
        counts = await self._embeddings.counts(guild_id)
        return ServerStatus(
            messages=await self._messages.count(guild_id),
            embedded=counts.embedded,
            pending=counts.pending,
            parked=counts.parked,
            model_key=self._embedder.model_key,
        )

    async def status(self) -> Status:
        counts = await self._embeddings.counts()
        return Status(
            messages=await self._messages.count(),
            embedded=counts.embedded,
            pending=counts.pending,
            parked=counts.parked,
            servers=len(await self._servers.servers()),
            model_key=self._embedder.model_key,
            dim=self._embedder.dim,
            index=self._index,
            index_bytes=counts.embedded * self._index_bytes_a_message,
            database_bytes=await self._database.file_size(),
        )

    async def examine(self) -> AsyncIterator[Finding]:
        """Look at everything that may be wrong, the cheap things first. Raises EmbeddingError."""
        yield Finding("settings", "ok_settings", is_well=True, values={})
        yield await asyncio.to_thread(_data_folder, self._database.path)
        yield Finding("sqlite", "ok_sqlite", is_well=True, values={"version": SQLITE_VERSION})
        yield await self._database_file()
        yield await self._vectors()
        yield await self._queue()
        yield await self._mirrored()
        yield await self._self_test()

    async def _database_file(self) -> Finding:
        if problems := await self._database.problems():
            return Finding("database", "bad_database", is_well=False, values={"problems": "; ".join(problems)})
        n_messages = await self._messages.count()
        return Finding("database", "ok_database", is_well=True, values={"messages": n_messages})

    async def _vectors(self) -> Finding:
        if n_damaged := len([damaged async for damaged in self._embeddings.damaged()]):
            return Finding("vectors", "bad_vectors", is_well=False, values={"n": n_damaged})
        if others := await self._embeddings.others():
            names = ", ".join(map(str, others))
            return Finding("vectors", "other_vectors", is_well=False, values={"others": names})
        counts = await self._embeddings.counts()
        return Finding("vectors", "ok_vectors", is_well=True, values={"embedded": counts.embedded})

    async def _queue(self) -> Finding:
        if n_lost := await self._embeddings.n_lost():
            return Finding("queue", "lost", is_well=False, values={"n": n_lost})
        counts = await self._embeddings.counts()
        is_empty = not counts.pending and not counts.parked
        values: dict[str, object] = {"pending": counts.pending, "parked": counts.parked}
        return Finding("queue", "ok_queue" if is_empty else "stuck", is_well=is_empty, values=values)

    async def _mirrored(self) -> Finding:
        await self._indexer.reconcile()
        counts = await self._embeddings.counts()
        is_well = len(self._mirror) == counts.embedded
        values: dict[str, object] = {"n": len(self._mirror), "embedded": counts.embedded, "kind": self._index}
        return Finding("mirror", "ok_mirror" if is_well else "bad_mirror", is_well=is_well, values=values)

    async def _self_test(self) -> Finding:
        vectors = await self._embedder.embed([_SELF_TEST, _SELF_TEST])
        score = float(cosines(vectors[:1], vectors[1])[0])
        is_well = score > _SELF_SCORE
        values: dict[str, object] = {
            "model_key": self._embedder.model_key,
            "dim": self._embedder.dim,
            "score": score,
        }
        return Finding("embedder", "ok_embedder" if is_well else "bad_embedder", is_well=is_well, values=values)


def _data_folder(database: Path) -> Finding:
    folder = database.parent
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free_gib = shutil.disk_usage(existing).free / _GIB
    if database.exists() and database.stat().st_mode & _OTHERS_CAN_READ:
        return Finding("data_folder", "open_modes", is_well=False, values={"path": database})
    values: dict[str, object] = {"path": folder, "free_gib": free_gib}
    is_well = free_gib >= _LEAST_FREE_GIB
    return Finding("data_folder", "ok_data_folder" if is_well else "low_space", is_well=is_well, values=values)
