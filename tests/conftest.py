"""What every test may ask for."""

import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
import stamina
from canaries import nothing_private_is_logged, watched_logs
from fakes import WordEmbedder, words_in
from make import channel, server

from bot.index.mirror import Mirror
from bot.index.workshop import Workshop
from bot.messages import Generation
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
from bot.services.importer import Importer
from bot.services.inbox import Inbox
from bot.services.indexer import Indexer
from bot.services.ingest import Ingest
from bot.services.keeping import Keeping
from bot.services.prices import Prices
from bot.services.privacy import Practice, Privacy
from bot.services.questions import QuestionVectors
from bot.services.reconcile import Reconcile
from bot.services.repeats import Repeats
from bot.services.search import Search
from bot.services.spaces import Spaces
from bot.services.spending import Spending
from bot.services.uptodate import UpToDate
from bot.services.verdicts import Verdicts
from bot.services.walk import Walker
from bot.services.withdrawal import Withdrawal
from bot.settings import Settings
from bot.storage.answers import AnswerStore, ShareStore
from bot.storage.audit import AuditStore
from bot.storage.cipher import DataKey
from bot.storage.database import Database, open_to_write
from bot.storage.duplicates import DuplicateStore
from bot.storage.embeddings import EmbeddingStore
from bot.storage.erasure import ErasureStore
from bot.storage.groups import GroupStore
from bot.storage.keeping import KeepingStore
from bot.storage.ledger import Ledger
from bot.storage.lexicon import Lexicon
from bot.storage.members import MemberStore
from bot.storage.messages import MessageStore
from bot.storage.optouts import OptOutStore
from bot.storage.servers import ServerStore
from bot.storage.sessions import Sessions
from bot.storage.sweeps import SweepStore
from bot.storage.vectors import VectorReader
from bot.storage.verdicts import VerdictStore
from bot.texts import TEXT_VERSION

__all__ = ["nothing_private_is_logged", "watched_logs"]  # fixtures of all tests

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Chance, repeated: pytest knows options only of the outermost conftest."""
    parser.addoption("--seed", type=int, help="the seed that a failing test of faults has printed")


@pytest.fixture(autouse=True)
def a_folder_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in an empty folder, without the settings and the language of the machine."""
    monkeypatch.chdir(tmp_path)
    for name in (*(field.upper() for field in Settings.model_fields), "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def retries_without_waiting() -> AsyncIterator[None]:
    """Retries happen, at once."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def key() -> DataKey | None:
    """The key of the database: none, unless a test is marked to run with one as well."""
    return None


@pytest.fixture
async def database(tmp_path: Path, key: DataKey | None) -> AsyncIterator[Database]:
    async with open_to_write(tmp_path, key) as opened:
        yield opened


@dataclass
class Rooms:
    """The services over a temporary database, with an embedder that counts words."""

    database: Database
    embedder: WordEmbedder
    messages: MessageStore
    servers: ServerStore
    embeddings: EmbeddingStore
    mirror: Mirror
    spaces: Spaces
    ingest: Ingest
    indexer: Indexer
    search: Search
    importer: Importer
    answers: Answers
    gathering: Gathering
    groups: Groups
    coverage: Coverage
    keeping: Keeping
    withdrawal: Withdrawal
    up_to_date: UpToDate
    sweeps: SweepStore
    reconcile: Reconcile
    backfill: Backfill
    inbox: Inbox
    erasure: Erasure
    audit: Audit
    privacy: Privacy
    spending: Spending
    marks: DuplicateStore
    duplicates: Duplicates
    verdicts: Verdicts
    repeats: Repeats

    async def settle(self) -> None:
        """Embed what waits and mirror it."""
        async for _ in self.indexer.drain():
            pass
        await self.indexer.reconcile()


async def rooms_over(
    database: Database,
    embedder: WordEmbedder | None = None,
    *,
    folder: Path | None = None,
    spending: Spending | None = None,
) -> Rooms:
    """The services over a database, with two servers known; what is kept of their indexes goes into the folder.

    Unless `spending` says otherwise nothing has a price.
    """
    spending = spending or Spending(Ledger(database), Prices(), count=words_in)
    embedder = embedder or WordEmbedder()
    embeddings = EmbeddingStore(database, Generation(embedder.model_key, embedder.dim, TEXT_VERSION))
    await embeddings.generations.make_current()
    messages, servers = MessageStore(database), ServerStore(database)
    reader = VectorReader(database.path, embeddings.generation, batch_bytes=2**20, key=database.key)
    workshop = Workshop(
        embedder.dim, reader.of, pool=ThreadPoolExecutor(2), folder=folder, stamps=Sessions(reader) if folder else None
    )
    mirror = Mirror(workshop)
    spaces = Spaces(embeddings, embedder, mirror)
    coverage, kept = Coverage(servers), KeepingStore(database)
    keeping = Keeping(coverage, kept)
    ingest = Ingest(messages, servers, spaces, keeping)
    lexicon = Lexicon(database)
    search = Search(messages, servers, spaces, Fusion(lexicon, servers), questions=QuestionVectors(), spending=spending)
    up_to_date, sweeps = UpToDate(), SweepStore(database)
    reconcile = Reconcile(ingest, coverage, servers, sweeps, up_to_date, keeping=keeping, every=timedelta(days=7))
    walker = Walker(ingest, keeping, servers, reconcile, up_to_date)
    answers = Answers(search, reconcile, AnswerStore(database), ShareStore(database))
    audit, groups = Audit(AuditStore(database)), GroupStore(database)
    gathering = Gathering(spaces, Backgrounds(lexicon), lexicon, groups)
    marks, verdicts = DuplicateStore(database), Verdicts(VerdictStore(database), spaces)
    erasure = Erasure(ErasureStore(database), servers, spaces, ingest, answers)
    withdrawal = Withdrawal(ingest, keeping, kept, answers)
    for guild_id in (1000, 2000):
        await ingest.met(server(guild_id), channel(guild_id=guild_id))
    return Rooms(
        database=database,
        embedder=embedder,
        messages=messages,
        servers=servers,
        embeddings=embeddings,
        mirror=mirror,
        ingest=ingest,
        indexer=Indexer(spaces, servers, lexicon, spending),
        spaces=spaces,
        search=search,
        importer=Importer(ingest),
        answers=answers,
        gathering=gathering,
        groups=Groups(gathering, answers, search, reconcile, groups),
        coverage=coverage,
        keeping=keeping,
        withdrawal=withdrawal,
        sweeps=sweeps,
        reconcile=reconcile,
        backfill=Backfill(walker, keeping, servers, reconcile, up_to_date),
        inbox=Inbox(ingest, coverage, answers, up_to_date, keeping=keeping, withdrawal=withdrawal),
        up_to_date=up_to_date,
        erasure=erasure,
        audit=audit,
        privacy=Privacy(
            Practice(None, 24),
            OptOutStore(database),
            MemberStore(database),
            messages,
            erasure,
            servers=servers,
            keeping=keeping,
            audit=audit,
        ),
        spending=spending,
        marks=marks,
        duplicates=Duplicates(marks, search, answers, verdicts),
        verdicts=verdicts,
        repeats=Repeats(marks, search, reconcile),
    )


@pytest.fixture
async def rooms(database: Database) -> Rooms:
    return await rooms_over(database)


@pytest.fixture
def shared_data() -> Path:
    """The real chat messages beside the checkout, where they are to be had."""
    folder = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real messages in {folder}: set SHARED_DATA to run this test")
    return folder
