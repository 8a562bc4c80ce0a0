"""Chat stored, embedded, mirrored and searched in this very process."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.exports import mixed_texts
from bench.figures import Figure
from bot.app import App, open_app
from bot.askers import EVERYTHING, Operator
from bot.embedding.local import LocalEmbedder
from bot.index.exact import ExactIndex
from bot.index.faiss import NAMED
from bot.index.mirror import Mirror
from bot.index.recall import recall
from bot.index.workshop import Workshop
from bot.messages import Generation, Mode, Query
from bot.services.fusion import Fusion, asked
from bot.services.indexer import Indexer
from bot.services.prices import Prices
from bot.services.questions import QuestionVectors
from bot.services.search import Question, Search
from bot.services.spaces import Space, Spaces
from bot.services.spending import Spending
from bot.settings import Settings
from bot.storage.database import open_to_read
from bot.storage.embeddings import EmbeddingStore
from bot.storage.ledger import Ledger
from bot.storage.lexicon import Lexicon
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore
from bot.storage.vectors import VectorReader
from bot.texts import TEXT_VERSION
from bot.vectors import Vectors, cosines

N_QUERIES = 200
N_BARE = 4_096


async def storage_figures(folder: Path, exports: list[Path]) -> list[Figure]:
    """From exports to answers, without Discord: stored, embedded, mirrored by each kind of index and searched."""
    settings = Settings(_env_file=None, data_dir=folder / "data", embedder="local", discord_token=None)
    async with open_app(settings, "bench") as app:
        figures = [*await _storing(app, exports), *await _embedding(app, exports)]
    async with open_to_read(settings.data_dir) as database:
        embedder = LocalEmbedder()
        embeddings = EmbeddingStore(database, Generation(embedder.model_key, embedder.dim, TEXT_VERSION))
        messages, servers = MessageStore(database), ServerStore(database)
        queries = await _queries(embeddings, servers)
        oracle = await _oracle(embeddings, servers)
        figures += await _precision(embedder, exports)
        reader, pool = VectorReader(database.path, embeddings.generation, batch_bytes=2**20), ThreadPoolExecutor(2)
        for name, kind in {"auto": None, **NAMED}.items():
            spaces = Spaces(embeddings, embedder, Mirror(Workshop(embedder.dim, reader.of, pool=pool, kind=kind)))
            started = time.perf_counter()
            lexicon = Lexicon(database)
            spending = Spending(Ledger(database), Prices(), count=lambda texts: [0 for _ in texts])
            await Indexer(spaces, servers, lexicon, spending).reconcile()
            figures.append(Figure(f"start: mirror filled from SQLite, {name}", time.perf_counter() - started, "s"))
            search = Search(
                messages, servers, spaces, Fusion(lexicon, servers), questions=QuestionVectors(), spending=spending
            )
            wanted = "10 or less" if name == "auto" else ""
            figures += await _searching(search, spaces.current, queries, name, wanted)
            figures.append(_recall(spaces.mirror, oracle, queries, name))
    return figures


async def _storing(app: App, exports: list[Path]) -> list[Figure]:
    started = time.perf_counter()
    report = await app.importer.run(exports)
    first = report.tally.new / (time.perf_counter() - started)
    started = time.perf_counter()
    again = await app.importer.run(exports)
    return [
        Figure("messages", report.tally.new, ""),
        Figure("import, durable, without embedding", first, "messages/s", "20,000 or more"),
        Figure("import of the same files again", again.tally.unchanged / (time.perf_counter() - started), "messages/s"),
    ]


async def _embedding(app: App, exports: list[Path]) -> list[Figure]:
    """The whole drain, and the bare model on the same kind of texts before and after it."""
    model = LocalEmbedder()._model  # noqa: SLF001  # the bare model is the yardstick
    texts = mixed_texts(exports)[:N_BARE]
    model.encode(texts[:64])
    before = _rate(lambda: model.encode(texts), len(texts))
    await app.search.similar(Operator(), Query(text="let the model be read before the clock starts"))
    status = await app.inspector.status()
    started = time.perf_counter()
    await app.indexer.take_in_words()
    worded = status.messages / (time.perf_counter() - started)
    started = time.perf_counter()
    async for _ in app.indexer.drain():
        pass
    drained = status.pending / (time.perf_counter() - started)
    bare = (before + _rate(lambda: model.encode(texts), len(texts))) / 2
    return [
        Figure("words into the full-text index, durable", worded, "messages/s"),
        Figure("embedding, durable, equal texts once", drained, "messages/s"),
        Figure("the bare model, before and after", bare, "texts/s"),
        Figure("embedding against the bare model", 100 * drained / bare, "%", "90 or more"),
    ]


async def _searching(search: Search, space: Space, queries: Vectors, name: str, wanted: str) -> list[Figure]:
    """From query vector to hits with their rows."""
    query = Query(text="asked by its vector", mode=Mode.MEANING)
    for vector in queries[:10]:
        await search.nearest(Question(Operator(), query, asked(""), vector, space, EVERYTHING))
    times = []
    for vector in queries:
        started = time.perf_counter()
        await search.nearest(Question(Operator(), query, asked(""), vector, space, EVERYTHING))
        times.append(1000 * (time.perf_counter() - started))
    return [
        Figure(f"search, {name}, median", float(np.median(times)), "ms", wanted),
        Figure(f"search, {name}, p95", float(np.quantile(times, 0.95)), "ms"),
    ]


def _recall(mirror: Mirror, oracle: dict[int, ExactIndex], queries: Vectors, name: str) -> Figure:
    shares = [
        recall(mirror._indexes[guild_id], exact, queries[:50], k=10)  # noqa: SLF001  # server by server
        for guild_id, exact in oracle.items()
    ]
    return Figure(f"recall@10 against exact, {name}", float(np.mean(shares)), "")


async def _precision(embedder: LocalEmbedder, exports: list[Path]) -> list[Figure]:
    """What half precision keeps of a cosine, and what it costs, on different texts."""
    vectors = await embedder.embed(list(dict.fromkeys(mixed_texts(exports)))[:N_BARE])
    halves = vectors.astype(np.float16).astype(np.float32)
    asked = vectors[:: max(len(vectors) // N_QUERIES, 1)]
    exact = [cosines(vectors, query) for query in asked]
    rounded = [cosines(halves, query) for query in asked]
    same = [set(np.argsort(-e)[:10]) == set(np.argsort(-r)[:10]) for e, r in zip(exact, rounded, strict=True)]
    worst = max(float(np.abs(e - r).max()) for e, r in zip(exact, rounded, strict=True))
    return [
        Figure("float16: largest error of a cosine", worst, ""),
        Figure("float16: top tens with the same members", 100 * float(np.mean(same)), "%"),
        Figure("float16: bytes a vector", 2 * embedder.dim, "bytes"),
        Figure("float32: bytes a vector", 4 * embedder.dim, "bytes"),
    ]


async def _oracle(embeddings: EmbeddingStore, servers: ServerStore) -> dict[int, ExactIndex]:
    exact: dict[int, ExactIndex] = {}
    for server in await servers.servers():
        exact[server.guild_id] = ExactIndex(embeddings.generation.dim)
        ids = await embeddings.ids(server.guild_id)
        exact[server.guild_id].upsert(await embeddings.get_many(server.guild_id, ids))
    return exact


async def _queries(embeddings: EmbeddingStore, servers: ServerStore) -> Vectors:
    """Vectors of stored messages, moved a little: questions like what was said, but not the same."""
    rng = np.random.default_rng(0)
    found = []
    for server in await servers.servers():
        ids = await embeddings.ids(server.guild_id)
        found.append((await embeddings.get_many(server.guild_id, rng.choice(ids, N_QUERIES))).vectors)
    vectors = rng.permutation(np.concatenate(found))[:N_QUERIES]
    moved = vectors + rng.standard_normal(vectors.shape).astype(np.float32) * 0.02
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def _rate(work: Callable[[], object], n: int) -> float:
    started = time.perf_counter()
    work()
    return n / (time.perf_counter() - started)
