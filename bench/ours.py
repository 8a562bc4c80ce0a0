"""The project's own engine as a contender: the whole search, from the query's vector to hits with their rows."""

import asyncio
import shutil
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bench.contenders.base import Allowed, n_bytes_in
from bench.corpus import Corpus
from bench.database import FOLDER, GUILD_ID, MODEL_KEY
from bot.askers import Operator, Scope
from bot.index.mirror import Mirror, mirror_folder
from bot.index.room import Room
from bot.index.workshop import Workshop
from bot.messages import Generation, Mode, Query
from bot.services.coverage import Coverage
from bot.services.fusion import Fusion
from bot.services.indexer import Indexer
from bot.services.ingest import Ingest
from bot.services.keeping import Keeping
from bot.services.prices import Prices
from bot.services.questions import QuestionVectors
from bot.services.search import Search
from bot.services.spaces import Spaces
from bot.services.spending import Spending
from bot.storage.database import open_to_write
from bot.storage.embeddings import EmbeddingStore
from bot.storage.keeping import KeepingStore
from bot.storage.ledger import Ledger
from bot.storage.lexicon import Lexicon
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore
from bot.storage.sessions import Sessions, begin_session
from bot.storage.vectors import VectorReader
from bot.texts import TEXT_VERSION
from bot.vectors import Ids, Vectors

T = TypeVar("T")
_ASKED = "what is asked has its vector already"


class Given:
    """An embedder whose answer is `vector`, unit float32 [dim], whatever the text."""

    model_key = MODEL_KEY

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.vector = np.zeros(dim, np.float32)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.tile(self.vector, (len(texts), 1))


class Ours:
    """The services over the database that bench.database has made of the corpus.

    Deletes from it in earnest; the next run puts back what is missing.
    """

    about = (
        "this bot: a question through bot.services.search to stored messages with their texts; on disk is the whole "
        "database, which is filled before the build; each deletion is a durable transaction that leaves a tombstone"
    )

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._folder, self._own_folder = corpus.folder / FOLDER, folder
        self._embedder = Given(corpus.dim)
        self._query = corpus.queries[0]
        self._generation = Generation(MODEL_KEY, corpus.dim, TEXT_VERSION)
        self._runner, self._opened = asyncio.Runner(), AsyncExitStack()

    def build(self) -> None:
        """As a first start would: a question is answered before there is an index, then the index is made."""
        shutil.rmtree(mirror_folder(self._folder, self._generation), ignore_errors=True)
        started = time.perf_counter()
        self.open()
        self.search(self._query, 10)
        self.about += (
            f"; without a cache the first answer, an exact one, came after {time.perf_counter() - started:.1f} s"
        )
        self.run(self._indexer.reconcile())

    def save(self) -> None:
        """The index was saved when it was made."""

    def open(self) -> None:
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in its event loop."""
        return self._runner.run(work)

    async def _open(self) -> None:
        """As bot.app does."""
        database = await self._opened.enter_async_context(open_to_write(self._folder))
        await begin_session(database)
        reader = VectorReader(database.path, self._generation, batch_bytes=8 * 2**20)
        pool = self._opened.enter_context(ThreadPoolExecutor(2))
        workshop = Workshop(
            self._generation.dim,
            reader.of,
            pool=pool,
            folder=mirror_folder(self._folder, self._generation),
            stamps=Sessions(reader),
            room=Room(2**40),  # what it takes is what is measured
        )
        spaces = Spaces(EmbeddingStore(database, self._generation), self._embedder, Mirror(workshop))
        self.mirror = spaces.mirror
        self._opened.callback(spaces.mirror.close)
        messages, servers = MessageStore(database), ServerStore(database)
        keeping = Keeping(Coverage(servers), KeepingStore(database))
        lexicon = Lexicon(database)
        spending = Spending(Ledger(database), Prices(), count=lambda texts: [0 for _ in texts])
        self._search = Search(
            messages, servers, spaces, Fusion(lexicon, servers), questions=QuestionVectors(), spending=spending
        )
        self._ingest = Ingest(messages, servers, spaces, keeping)
        self._indexer = Indexer(spaces, servers, lexicon, spending)
        await self._indexer.load()

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        return self.run(self.answer(query, k, allowed))

    async def answer(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        self._embedder.vector = query
        scope = Scope(
            guild_ids=frozenset({GUILD_ID}),
            channel_ids=allowed.channel_ids if allowed else None,
            author_ids=allowed.author_ids if allowed else None,
        )
        hits = await self._search.similar(Operator(), Query(text=_ASKED, limit=k, within=scope, mode=Mode.MEANING))
        return np.array([hit.message.message_id for hit in hits], np.int64)

    def delete(self, message_id: int) -> None:
        self.run(self._ingest.deleted(GUILD_ID, [message_id]))

    def n_bytes_on_disk(self) -> int:
        return n_bytes_in(self._folder) + n_bytes_in(self._own_folder)

    def close(self) -> None:
        self._runner.run(self._opened.aclose())
        self._runner.close()
