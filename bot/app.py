"""Where everything is built: settings in, services out, closed in reverse."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.embedding.base import Embedder
from bot.index.faiss import FaissIndex, faiss_kind
from bot.index.mirror import Mirror
from bot.messages import Generation
from bot.services.announcements import Announcements
from bot.services.answers import Answers
from bot.services.backfill import Backfill
from bot.services.coverage import Coverage
from bot.services.importer import Importer
from bot.services.inbox import Inbox
from bot.services.indexer import Indexer
from bot.services.ingest import Ingest
from bot.services.reconcile import Reconcile
from bot.services.search import Search
from bot.services.status import Inspector
from bot.services.upkeep import Upkeep
from bot.services.uptodate import UpToDate
from bot.services.walk import Walker
from bot.settings import Settings
from bot.storage.answers import AnswerStore, ShareStore
from bot.storage.backup import Backup, Progress, back_up, restore
from bot.storage.database import Database, open_to_read, open_to_write
from bot.storage.embeddings import EmbeddingStore
from bot.storage.lock import writing_to
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore
from bot.storage.sweeps import SweepStore
from bot.texts import TEXT_VERSION


@dataclass(frozen=True, slots=True)
class App:
    """The services, ready to be used by any door."""

    ingest: Ingest
    importer: Importer
    indexer: Indexer
    search: Search
    inspector: Inspector
    answers: Answers
    coverage: Coverage
    backfill: Backfill
    inbox: Inbox
    reconcile: Reconcile
    up_to_date: UpToDate
    announcements: Announcements
    upkeep: Upkeep


@asynccontextmanager
async def open_app(settings: Settings, verb: str) -> AsyncIterator[App]:
    """The services over a data folder that only this process writes to. Raises BotError."""
    async with AsyncExitStack() as stack:
        stack.enter_context(writing_to(settings.data_dir, verb))
        embedder = await stack.enter_async_context(_open_embedder(settings))
        database = await stack.enter_async_context(open_to_write(settings.data_dir))
        embeddings = _embeddings(database, embedder)
        await embeddings.make_current()
        yield _app(settings, database, embeddings, embedder)


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[App]:
    """The services beside a process that may be writing: they can read and search. Raises BotError."""
    async with _open_embedder(settings) as embedder, open_to_read(settings.data_dir) as database:
        yield _app(settings, database, _embeddings(database, embedder), embedder)


def make_backup(settings: Settings, target: Path, on_progress: Progress) -> Backup:
    """A copy of the database, also while another process writes to it. Raises BotError."""
    return back_up(settings.data_dir, target, now=datetime.now(UTC), on_progress=on_progress)


def restore_backup(settings: Settings, source: Path, on_progress: Progress, *, replace: bool) -> Backup:
    """A backup put in the place of the database, which `replace` gives up. Raises BotError."""
    with writing_to(settings.data_dir, "restore"):
        return restore(source, settings.data_dir, replace=replace, on_progress=on_progress)


def _embeddings(database: Database, embedder: Embedder) -> EmbeddingStore:
    return EmbeddingStore(database, Generation(embedder.model_key, embedder.dim, TEXT_VERSION))


def _app(settings: Settings, database: Database, embeddings: EmbeddingStore, embedder: Embedder) -> App:
    kind = faiss_kind(settings.faiss_index, dim=embedder.dim)
    mirror = Mirror(lambda: FaissIndex(embedder.dim, kind))
    messages, servers = MessageStore(database), ServerStore(database)
    ingest = Ingest(messages, servers, mirror)
    indexer = Indexer(embeddings, servers, embedder, mirror)
    inspector = Inspector(
        database=database,
        messages=messages,
        servers=servers,
        embeddings=embeddings,
        embedder=embedder,
        indexer=indexer,
        mirror=mirror,
        index=kind.name,
        index_bytes_a_message=kind.bytes_a_message(embedder.dim),
    )
    search = Search(messages, servers, embeddings, embedder, mirror)
    coverage, up_to_date = Coverage(servers), UpToDate()
    every = timedelta(days=settings.reconcile_days)
    reconcile = Reconcile(ingest, coverage, servers, SweepStore(database), up_to_date, every=every)
    walker = Walker(ingest, coverage, servers, reconcile, up_to_date)
    answers = Answers(search, reconcile, AnswerStore(database), ShareStore(database))
    return App(
        ingest=ingest,
        importer=Importer(ingest),
        indexer=indexer,
        search=search,
        inspector=inspector,
        answers=answers,
        coverage=coverage,
        backfill=Backfill(walker, coverage, servers, reconcile, up_to_date),
        inbox=Inbox(ingest, coverage, answers, up_to_date),
        reconcile=reconcile,
        up_to_date=up_to_date,
        announcements=Announcements(servers),
        upkeep=Upkeep(database),
    )


@asynccontextmanager
async def _open_embedder(settings: Settings) -> AsyncIterator[Embedder]:
    # Imported here so that neither door waits for the other's libraries.
    if not settings.uses_openai or settings.openai_api_key is None:
        from bot.embedding.local import LocalEmbedder  # noqa: PLC0415

        yield LocalEmbedder()
        return
    from bot.embedding.openai import open_openai  # noqa: PLC0415

    async with open_openai(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=settings.embedding_model,
        dimensions=settings.embedding_dimensions,
    ) as embedder:
        yield embedder
