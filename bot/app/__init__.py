"""Where everything is built: settings in, services out, closed in reverse."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.app.spaces import generation_of, open_embedder, open_spaces
from bot.embedding.tokens import Tokenizer
from bot.services.announcements import Announcements
from bot.services.answers import Answers
from bot.services.audit import Audit
from bot.services.backfill import Backfill
from bot.services.backgrounds import Backgrounds
from bot.services.coverage import Coverage
from bot.services.duplicates import Duplicates
from bot.services.erasure import Erasure
from bot.services.fusion import Fusion
from bot.services.gathering import Gathering
from bot.services.groups import Groups
from bot.services.habits import Habits
from bot.services.importer import Importer
from bot.services.inbox import Inbox
from bot.services.indexer import Indexer
from bot.services.ingest import Ingest
from bot.services.keeping import Keeping
from bot.services.landscapes import Landscapes
from bot.services.limits import Allowance
from bot.services.prices import Prices
from bot.services.privacy import Practice, Privacy
from bot.services.proof import Proof
from bot.services.questions import QuestionVectors
from bot.services.reconcile import Reconcile
from bot.services.related import Related
from bot.services.repeats import Repeats
from bot.services.search import Search
from bot.services.spaces import Spaces
from bot.services.spending import Spending
from bot.services.status import Inspector
from bot.services.traces import Tracker
from bot.services.trends import Trends
from bot.services.upkeep import Upkeep
from bot.services.uptodate import UpToDate
from bot.services.verdicts import Verdicts
from bot.services.walk import Walker
from bot.services.wavenotices import WaveNotices
from bot.services.waves import Waves
from bot.services.withdrawal import Withdrawal
from bot.settings import Settings
from bot.storage.answers import AnswerStore, ShareStore
from bot.storage.audit import AuditStore
from bot.storage.cipher import data_key
from bot.storage.database import Database, open_to_read, open_to_write
from bot.storage.duplicates import DuplicateStore
from bot.storage.erasure import ErasureStore
from bot.storage.evidence import EvidenceStore
from bot.storage.generations import GenerationStore
from bot.storage.groups import GroupStore
from bot.storage.keeping import KeepingStore
from bot.storage.ledger import Ledger
from bot.storage.lexicon import Lexicon
from bot.storage.lock import writing_to
from bot.storage.members import MemberStore
from bot.storage.messages import MessageStore
from bot.storage.optouts import OptOutStore
from bot.storage.related import RelatedStore
from bot.storage.servers import ServerStore
from bot.storage.sessions import begin_session
from bot.storage.sweeps import SweepStore
from bot.storage.verdicts import VerdictStore
from bot.storage.waves import WaveStore

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
    gathering: Gathering
    groups: Groups
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
    spending: Spending
    verdicts: Verdicts
    related: Related
    trends: Trends
    landscapes: Landscapes
    duplicates: Duplicates
    repeats: Repeats
    waves: Waves
    notices: WaveNotices


@asynccontextmanager
async def open_app(settings: Settings, verb: str) -> AsyncIterator[App]:
    """The services over a data folder that only this process writes to. Raises BotError."""
    async with AsyncExitStack() as stack:
        stack.enter_context(writing_to(settings.data_dir, verb))
        embedder = await stack.enter_async_context(open_embedder(settings))
        database = await stack.enter_async_context(open_to_write(settings.data_dir, data_key(settings.key_of_the_data)))
        await begin_session(database)
        await GenerationStore(database, generation_of(embedder)).make_current()
        app = _app(settings, database, await open_spaces(stack, settings, database, embedder, is_writing=True))
        await app.privacy.keep_promises()
        await app.coverage.load()
        await app.keeping.load()
        yield app


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[App]:
    """The services beside a process that may be writing: they can read and search. Raises BotError."""
    async with AsyncExitStack() as stack:
        embedder = await stack.enter_async_context(open_embedder(settings))
        database = await stack.enter_async_context(open_to_read(settings.data_dir, data_key(settings.key_of_the_data)))
        yield _app(settings, database, await open_spaces(stack, settings, database, embedder, is_writing=False))


def _app(settings: Settings, database: Database, spaces: Spaces) -> App:
    messages, servers, evidence = MessageStore(database), ServerStore(database), EvidenceStore(database)
    coverage, kept = Coverage(servers, settings.offered_to), KeepingStore(database)
    keeping = Keeping(coverage, kept, retention_days=settings.retention_days)
    ingest = Ingest(messages, servers, spaces, keeping)
    lexicon = Lexicon(database)
    spending = _spending(settings, database, spaces)
    indexer = Indexer(spaces, servers, lexicon, spending)
    search = Search(messages, servers, spaces, Fusion(lexicon, servers), questions=QuestionVectors(), spending=spending)
    up_to_date = UpToDate()
    every = timedelta(days=settings.reconcile_days)
    reconcile = Reconcile(ingest, coverage, servers, SweepStore(database), up_to_date, keeping=keeping, every=every)
    walker = Walker(ingest, keeping, servers, reconcile, up_to_date)
    shares, verdicts = ShareStore(database), Verdicts(VerdictStore(database), spaces)
    answers, marks = Answers(search, reconcile, AnswerStore(database), shares), DuplicateStore(database)
    audit, groups = Audit(AuditStore(database)), GroupStore(database)
    gathering = Gathering(spaces, Backgrounds(lexicon), lexicon, groups)
    erasure = Erasure(ErasureStore(database), servers, spaces, ingest, answers)
    practice = Practice(settings.embedding_service, settings.removal_grace_hours)
    withdrawal = Withdrawal(ingest, keeping, kept, answers)
    alike = WaveStore(database, spaces.embeddings.generation)
    waves = _waves(spaces, alike, lexicon, verdicts)
    indexer.has_stored = waves.stored
    inspector = Inspector(
        database=database,
        messages=messages,
        lexicon=lexicon,
        servers=servers,
        spaces=spaces,
        withdrawal=withdrawal,
        spending=spending,
        offered_to=settings.offered_to,
    )
    return App(
        ingest=ingest,
        importer=Importer(ingest),
        indexer=indexer,
        search=search,
        inspector=inspector,
        answers=answers,
        gathering=gathering,
        groups=Groups(gathering, answers, search, reconcile, groups),
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
            practice,
            OptOutStore(database),
            MemberStore(database),
            messages,
            erasure,
            servers=servers,
            keeping=keeping,
            audit=audit,
        ),
        questions=_allowance(settings),
        presses=_allowance(settings, times=_PRESSES_A_QUESTION),
        audit=audit,
        tracker=Tracker(evidence, servers, spaces),
        proof=Proof(evidence, database, spaces),
        spending=spending,
        verdicts=verdicts,
        related=Related(RelatedStore(database), shares, search, reconcile, verdicts),
        trends=Trends(search),
        landscapes=Landscapes(lexicon, servers, spaces),
        duplicates=Duplicates(marks, search, answers, verdicts),
        repeats=Repeats(marks, search, reconcile),
        waves=waves,
        notices=WaveNotices(alike, waves, search, reconcile, verdicts),
    )


def _waves(spaces: Spaces, store: WaveStore, lexicon: Lexicon, verdicts: Verdicts) -> Waves:
    habits = Habits(store, spaces, Backgrounds(lexicon), verdicts)
    return Waves(store, habits, dim=spaces.embeddings.generation.dim)


def _allowance(settings: Settings, times: int = 1) -> Allowance:
    return Allowance(
        per_member=times * settings.member_queries_per_minute, per_server=times * settings.server_queries_per_minute
    )


def _spending(settings: Settings, database: Database, spaces: Spaces) -> Spending:
    told = settings.embedding_price_usd
    prices = Prices({} if told is None else {spaces.embedder.model_key: told})
    return Spending(
        Ledger(database),
        prices,
        count=Tokenizer(),
        budget=settings.embed_monthly_budget_usd,
        cap=settings.embed_server_budget_usd,
    )
