"""The spaces that vectors lie in: their embedders and mirrors, opened and closed."""

import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from bot.embedding.base import Embedder
from bot.errors import EmbeddingError, IndexUnsuitable
from bot.index.cache import Opener, open_plain
from bot.index.faiss import FaissKind, faiss_kind
from bot.index.mirror import Mirror, forget_generations_but, mirror_folder
from bot.index.room import Room, left_for_indexes
from bot.index.workshop import Workshop
from bot.messages import Generation
from bot.services.spaces import Space, Spaces
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.embeddings import EmbeddingStore
from bot.storage.sessions import Sessions
from bot.storage.vectors import VectorReader
from bot.texts import TEXT_VERSION

_BATCH_BYTES = 8 * 2**20  # of vectors that are read at a time
_N_THREADS = 2  # for one search


def generation_of(embedder: Embedder) -> Generation:
    return Generation(embedder.model_key, embedder.dim, TEXT_VERSION)


async def open_spaces(
    stack: AsyncExitStack, settings: Settings, database: Database, embedder: Embedder, *, is_writing: bool
) -> Spaces:
    """The space of the model that is set, and until it is whole that of another one which has vectors that it lacks."""
    mirrors = _Mirrors(stack, settings, database, is_writing=is_writing)
    embeddings = EmbeddingStore(database, generation_of(embedder))
    spaces = Spaces(embeddings, embedder, mirrors.of(embeddings.generation))
    if (generation := await embeddings.generations.former()) is not None:
        spaces.former = Space(
            EmbeddingStore(database, generation),
            await _former_embedder(stack, settings, generation),
            mirrors.of_former(generation),
        )
    if is_writing:
        folders = [mirror.workshop.folder for mirror in spaces.mirrors]
        forget_generations_but(settings.data_dir, [folder for folder in folders if folder is not None])
    return spaces


class _Mirrors:
    """Makes the mirrors of generations, which share threads and memory. Who only reads leaves their files alone."""

    def __init__(self, stack: AsyncExitStack, settings: Settings, database: Database, *, is_writing: bool) -> None:
        self._stack, self._settings, self._database = stack, settings, database
        self._is_writing = is_writing
        self._limit_bytes = settings.memory_limit_mb * 2**20
        self._room = Room(left_for_indexes(self._limit_bytes))
        self._pool = stack.enter_context(_pool("search"))
        self._scan_pool = stack.enter_context(_pool("scan"))

    def of_former(self, generation: Generation) -> Mirror:
        """A mirror for a while: a kind that does not suit vectors of this dimension is not what that fails for."""
        try:
            return self.of(generation)
        except IndexUnsuitable:
            return self._of(generation, None)

    def of(self, generation: Generation) -> Mirror:
        """Raises IndexUnsuitable."""
        return self._of(generation, _kind(self._settings, generation))

    def _of(self, generation: Generation, kind: FaissKind | None) -> Mirror:
        batch_bytes = min(self._limit_bytes // 64, _BATCH_BYTES)
        reader = VectorReader(self._database.path, generation, batch_bytes=batch_bytes, key=self._database.key)
        self._stack.callback(reader.close)
        workshop = Workshop(
            generation.dim,
            reader.of,
            pool=self._pool,
            scan_pool=self._scan_pool,
            kind=kind,
            folder=mirror_folder(self._settings.data_dir, generation),
            stamps=Sessions(reader),
            limit_bytes=self._limit_bytes,
            room=self._room,
            may_write=self._is_writing,
            open_file=_opener(self._database),
        )
        mirror = Mirror(workshop)
        if self._is_writing:
            self._stack.callback(mirror.close)
        self._stack.callback(workshop.stop)
        return mirror


def _opener(database: Database) -> Opener:
    """What is beside an encrypted database is encrypted as well."""
    if database.key is None:
        return open_plain
    from bot.index.sealing import Seal  # noqa: PLC0415  # few need its library

    return Seal(database.key.secret).open


def _kind(settings: Settings, generation: Generation) -> FaissKind | None:
    return None if settings.faiss_index == "auto" else faiss_kind(settings.faiss_index, dim=generation.dim)


@contextmanager
def _pool(name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads that share a search. What an index is made for may still hold one when the process ends."""
    n_threads = min(os.cpu_count() or 1, _N_THREADS)
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix=name)
    # All of them begin now: one that is begun by a thread that gives way to others would give way as well.
    all_there = threading.Barrier(n_threads + 1)
    for _ in range(n_threads):
        pool.submit(all_there.wait)
    all_there.wait()
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def open_embedder(settings: Settings) -> AsyncIterator[Embedder]:
    # Imported here so that neither door waits for the other's libraries.
    if not settings.uses_openai or settings.openai_api_key is None:
        from bot.embedding.local import LocalEmbedder  # noqa: PLC0415

        yield LocalEmbedder()
        return
    async with _open_openai(settings, settings.embedding_model, settings.embedding_dimensions) as embedder:
        yield embedder


@asynccontextmanager
async def _open_openai(settings: Settings, model: str, dimensions: int | None) -> AsyncIterator[Embedder]:
    from bot.embedding.openai import open_openai  # noqa: PLC0415  # as above

    assert settings.openai_api_key is not None
    async with open_openai(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=model,
        dimensions=dimensions,
    ) as embedder:
        yield embedder


async def _former_embedder(stack: AsyncExitStack, settings: Settings, generation: Generation) -> Embedder | None:
    """The embedder that made a generation, if the settings still allow it."""
    from bot.embedding.local import LocalEmbedder  # noqa: PLC0415  # as above

    local = LocalEmbedder()
    if _made(local, generation):
        return local
    if not settings.may_use_openai:
        return None
    from bot.embedding.openai import model_of  # noqa: PLC0415  # as above

    if (model := model_of(generation.model_key, settings.openai_base_url)) is None:
        return None
    dimensions = None
    for _ in range(2):  # whether it was asked for its dimensions nobody has kept
        try:
            embedder = await stack.enter_async_context(_open_openai(settings, model, dimensions))
        except EmbeddingError:
            return None
        if _made(embedder, generation):
            return embedder
        dimensions = generation.dim
    return None


def _made(embedder: Embedder, generation: Generation) -> bool:
    """Whether vectors of a generation can be compared with an embedder's, whatever version of the text they are of."""
    return (embedder.model_key, embedder.dim) == (generation.model_key, generation.dim)
