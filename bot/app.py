"""Where everything is built: settings in, services out, closed in reverse."""

import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.embedding.base import Embedder
from bot.errors import EmbeddingError, IndexUnsuitable
from bot.index.cache import Opener, open_plain
from bot.index.faiss import FaissKind, faiss_kind
from bot.index.mirror import Mirror, forget_generations_but, mirror_folder
from bot.index.room import Room, left_for_indexes
from bot.index.workshop import Workshop
from bot.messages import Generation
from bot.services.announcements import Announcements
from bot.services.answers import Answers
from bot.services.audit import Audit
from bot.services.backfill import Backfill
from bot.services.coverage import Coverage
from bot.services.erasure import Erasure
from bot.services.fusion import Fusion
from bot.services.importer import Importer
from bot.services.inbox import Inbox
from bot.services.indexer import Indexer
from bot.services.ingest import Ingest
from bot.services.keeping import Keeping
from bot.services.limits import Allowance
from bot.services.privacy import Practice, Privacy
from bot.services.proof import Proof
from bot.services.questions import QuestionVectors
from bot.services.reconcile import Reconcile
from bot.services.search import Search
from bot.services.spaces import Space, Spaces
from bot.services.status import Inspector
from bot.services.traces import Tracker
from bot.services.upkeep import Upkeep
from bot.services.uptodate import UpToDate
from bot.services.walk import Walker
from bot.services.withdrawal import Withdrawal
from bot.settings import Settings
from bot.storage.answers import AnswerStore, ShareStore
from bot.storage.audit import AuditStore
from bot.storage.cipher import data_key
from bot.storage.database import Database, open_to_read, open_to_write
from bot.storage.embeddings import EmbeddingStore
from bot.storage.erasure import ErasureStore
from bot.storage.evidence import EvidenceStore
from bot.storage.generations import GenerationStore
from bot.storage.keeping import KeepingStore
from bot.storage.lexicon import Lexicon
from bot.storage.lock import writing_to
from bot.storage.members import MemberStore
from bot.storage.messages import MessageStore
from bot.storage.optouts import OptOutStore
from bot.storage.servers import ServerStore
from bot.storage.sessions import Sessions, begin_session
from bot.storage.sweeps import SweepStore
from bot.storage.vectors import VectorReader
from bot.texts import TEXT_VERSION

_BATCH_BYTES = 8 * 2**20  # of vectors that are read at a time
_N_THREADS = 2  # for one search
_PRESSES_A_QUESTION = 2  # who turns pages asks for less than who asks


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
    keeping: Keeping
    withdrawal: Withdrawal
    backfill: Backfill
    inbox: Inbox
    reconcile: Reconcile
    up_to_date: UpToDate
    announcements: Announcements
    upkeep: Upkeep
    erasure: Erasure
    privacy: Privacy
    questions: Allowance
    presses: Allowance
    audit: Audit
    tracker: Tracker
    proof: Proof


@asynccontextmanager
async def open_app(settings: Settings, verb: str) -> AsyncIterator[App]:
    """The services over a data folder that only this process writes to. Raises BotError."""
    async with AsyncExitStack() as stack:
        stack.enter_context(writing_to(settings.data_dir, verb))
        embedder = await stack.enter_async_context(_open_embedder(settings))
        database = await stack.enter_async_context(open_to_write(settings.data_dir, data_key(settings.key_of_the_data)))
        await begin_session(database)
        await GenerationStore(database, _generation(embedder)).make_current()
        app = _app(settings, database, await _spaces(stack, settings, database, embedder, is_writing=True))
        await app.privacy.keep_promises()
        await app.coverage.load()
        await app.keeping.load()
        yield app


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[App]:
    """The services beside a process that may be writing: they can read and search. Raises BotError."""
    async with AsyncExitStack() as stack:
        embedder = await stack.enter_async_context(_open_embedder(settings))
        database = await stack.enter_async_context(open_to_read(settings.data_dir, data_key(settings.key_of_the_data)))
        yield _app(settings, database, await _spaces(stack, settings, database, embedder, is_writing=False))


def _generation(embedder: Embedder) -> Generation:
    return Generation(embedder.model_key, embedder.dim, TEXT_VERSION)


async def _spaces(
    stack: AsyncExitStack, settings: Settings, database: Database, embedder: Embedder, *, is_writing: bool
) -> Spaces:
    """The space of the model that is set, and until it is whole that of another one which has vectors that it lacks."""
    mirrors = _Mirrors(stack, settings, database, is_writing=is_writing)
    embeddings = EmbeddingStore(database, _generation(embedder))
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


def _app(settings: Settings, database: Database, spaces: Spaces) -> App:
    messages, servers, evidence = MessageStore(database), ServerStore(database), EvidenceStore(database)
    coverage, kept = Coverage(servers), KeepingStore(database)
    keeping = Keeping(coverage, kept, retention_days=settings.retention_days)
    ingest = Ingest(messages, servers, spaces, keeping)
    lexicon = Lexicon(database)
    indexer = Indexer(spaces, servers, lexicon)
    search = Search(messages, servers, spaces, Fusion(lexicon, servers), QuestionVectors())
    up_to_date = UpToDate()
    every = timedelta(days=settings.reconcile_days)
    reconcile = Reconcile(ingest, coverage, servers, SweepStore(database), up_to_date, keeping=keeping, every=every)
    walker = Walker(ingest, keeping, servers, reconcile, up_to_date)
    answers = Answers(search, reconcile, AnswerStore(database), ShareStore(database))
    audit = Audit(AuditStore(database))
    erasure = Erasure(ErasureStore(database), servers, spaces, ingest, answers)
    practice = Practice(settings.embedding_service, settings.removal_grace_hours)
    withdrawal = Withdrawal(ingest, keeping, kept, answers)
    inspector = Inspector(database=database, messages=messages, servers=servers, spaces=spaces, withdrawal=withdrawal)
    return App(
        ingest=ingest,
        importer=Importer(ingest),
        indexer=indexer,
        search=search,
        inspector=inspector,
        answers=answers,
        coverage=coverage,
        keeping=keeping,
        withdrawal=withdrawal,
        backfill=Backfill(walker, keeping, servers, reconcile, up_to_date),
        inbox=Inbox(ingest, coverage, answers, up_to_date, keeping=keeping, withdrawal=withdrawal),
        reconcile=reconcile,
        up_to_date=up_to_date,
        announcements=Announcements(servers),
        upkeep=Upkeep(database),
        erasure=erasure,
        privacy=Privacy(
            practice, OptOutStore(database), MemberStore(database), messages, erasure, keeping=keeping, audit=audit
        ),
        questions=_allowance(settings),
        presses=_allowance(settings, times=_PRESSES_A_QUESTION),
        audit=audit,
        tracker=Tracker(evidence, servers, spaces),
        proof=Proof(evidence, database, spaces),
    )


def _allowance(settings: Settings, times: int = 1) -> Allowance:
    return Allowance(
        per_member=times * settings.member_queries_per_minute, per_server=times * settings.server_queries_per_minute
    )


@asynccontextmanager
async def _open_embedder(settings: Settings) -> AsyncIterator[Embedder]:
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
