"""How much is stored, and whether it is sound."""

import os
import shlex
from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder, words_in
from make import GUILD, OTHER_GUILD, message, utc

from bot.errors import EmbeddingError
from bot.services import findings as module
from bot.services.prices import Prices
from bot.services.spaces import Space
from bot.services.spending import Spending
from bot.services.status import Finding, Former, Inspector, ServerStatus, Stored
from bot.storage.ledger import Ledger
from bot.storage.lexicon import Lexicon
from bot.storage.sessions import begin_session
from bot.words import LANGUAGES, Words


def inspector(rooms: Rooms) -> Inspector:
    return Inspector(
        database=rooms.database,
        messages=rooms.messages,
        lexicon=Lexicon(rooms.database),
        servers=rooms.servers,
        spaces=rooms.spaces,
        withdrawal=rooms.withdrawal,
        spending=rooms.spending,
    )


async def test_a_server_is_told_its_own_numbers(rooms: Rooms) -> None:
    """Stored, embedded, waiting and set aside are counted in one server, without a trace of another."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "poison"), message(3, "")])
    await rooms.ingest.saved(OTHER_GUILD, [message(i, f"text {i}", guild_id=OTHER_GUILD) for i in range(4, 9)])
    rooms.embedder.poison = {"poison"}
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(9, "waits")])

    assert await inspector(rooms).server(GUILD) == ServerStatus(
        messages=4, embedded=1, pending=1, parked=1, model_key="words", unworded=1
    )
    assert await inspector(rooms).server(OTHER_GUILD) == ServerStatus(
        messages=5, embedded=5, pending=0, parked=0, model_key="words"
    )


async def test_messages_that_wait_for_their_words_are_told(rooms: Rooms) -> None:
    """Of one server and of all, until they are in the full-text index; what says nothing has none to wait for."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "two"), message(3, "")])
    await rooms.ingest.saved(OTHER_GUILD, [message(4, "four", guild_id=OTHER_GUILD)])
    told = inspector(rooms)
    assert ((await told.server(GUILD)).unworded, (await told.status()).unworded) == (2, 3)

    await rooms.indexer.take_in_words()
    assert ((await told.server(GUILD)).unworded, (await told.status()).unworded) == (0, 0)


async def test_a_server_that_is_not_known_has_nothing(rooms: Rooms) -> None:
    """All numbers are 0 where nothing was ever stored."""
    assert await inspector(rooms).server(3000) == ServerStatus(0, 0, 0, 0, "words")


NEXT_TRY = utc("2025-03-01T12:00:00")


async def findings(rooms: Rooms) -> dict[str, Finding]:
    return {finding.subject: finding async for finding in inspector(rooms).examine()}


async def verdicts(rooms: Rooms) -> dict[str, str]:
    """What is not well, by subject."""
    return {subject: found.verdict for subject, found in (await findings(rooms)).items() if not found.is_well}


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """The data folder, for its owner alone."""
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.mark.usefixtures("own_folder")
async def test_all_is_well_when_all_is_well(rooms: Rooms) -> None:
    """A sound database has no finding, whatever waits for nothing."""
    await rooms.ingest.saved(GUILD, [message(1, "one")])
    await rooms.settle()

    assert await verdicts(rooms) == {}
    assert list(await findings(rooms)) == [
        "settings",
        "data_folder",
        "modes",
        "sqlite",
        "database",
        "log",
        "texts",
        "vectors",
        "queue",
        "mirror",
        "embedder",
    ]


@pytest.mark.usefixtures("own_folder")
async def test_f20_an_outage_is_shown_while_it_lasts(rooms: Rooms) -> None:
    """The state of the whole, that of a server and the doctor tell the same outage, and none when it is over."""
    await rooms.embeddings.outage.put("out_of_money", "HTTP 429", next_try_at=NEXT_TRY)
    outage = await rooms.embeddings.outage.get()

    assert (await inspector(rooms).status()).outage == (await inspector(rooms).server(GUILD)).outage == outage
    assert (outage.code, outage.next_try_at) == ("out_of_money", NEXT_TRY)
    found = (await findings(rooms))["outage"]
    assert (found.verdict, found.is_well, found.values["code"]) == ("embedder_out", False, "out_of_money")

    await rooms.embeddings.outage.end()
    assert (await inspector(rooms).status()).outage is None
    assert "outage" not in await findings(rooms)


@pytest.mark.usefixtures("own_folder")
async def test_f23_what_was_set_aside_is_told_with_its_reasons(rooms: Rooms) -> None:
    """The reasons are counted, and the doctor advises to try again rather than to rebuild."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "poison"), message(3, "poison")])
    rooms.embedder.poison = {"poison"}
    await rooms.settle()

    assert (await inspector(rooms).status()).parked_reasons == {"refused: HTTP 400": 2}
    assert await verdicts(rooms) == {"queue": "set_aside"}
    await rooms.ingest.saved(GUILD, [message(2, "two"), message(3, "three")])
    assert await verdicts(rooms) == {"queue": "stuck"}


@pytest.mark.usefixtures("own_folder")
async def test_f7_damaged_texts_are_counted(rooms: Rooms) -> None:
    """The doctor looks at every text."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 6)])
    await rooms.settle()
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE messages SET content = 'vext' WHERE message_id IN (2, 4)")

    found = (await findings(rooms))["texts"]
    assert (found.verdict, found.is_well, found.values) == ("bad_texts", False, {"n": 2})


async def test_what_others_can_read_is_told_with_the_commands_that_mend_it(rooms: Rooms, own_folder: Path) -> None:
    """The folder and each file of ours in it count; what else lies there does not."""
    own_folder.chmod(0o755)
    for name in ("bot.lock", "bot.lock.json", "README.md"):
        (own_folder / name).touch(0o644)
    (own_folder / "bot.db-wal").chmod(0o640)
    found = (await findings(rooms))["modes"]

    assert found.verdict == "open_modes"
    assert found.values["commands"] == (
        f"chmod 700 {own_folder}; chmod 600 {own_folder}/bot.db-wal {own_folder}/bot.lock {own_folder}/bot.lock.json"
    )
    for command in found.values["commands"].split("; "):
        _, mode, *paths = shlex.split(command)
        for path in paths:
            Path(path).chmod(int(mode, 8))
    assert await verdicts(rooms) == {}


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize(("version", "is_well"), [("3.51.2", False), ("3.9.0", False), ("3.51.3", True), ("4.0", True)])
async def test_an_old_sqlite_is_told(rooms: Rooms, monkeypatch: pytest.MonkeyPatch, version: str, is_well) -> None:
    """Versions are compared by their numbers."""
    monkeypatch.setattr(module, "SQLITE_VERSION", version)

    assert await verdicts(rooms) == ({} if is_well else {"sqlite": "old_sqlite"})


@pytest.mark.usefixtures("own_folder")
async def test_f4_room_is_wanted_for_a_second_copy(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free is held against a gibibyte and against the size of the database."""
    n_bytes = await rooms.database.file_size()

    async def verdict(*, free: int, least: int) -> str:
        monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
        monkeypatch.setattr(module, "_LEAST_FREE", least)
        return (await findings(rooms))["data_folder"].verdict

    assert await verdict(free=n_bytes // 2, least=1) == "low_space"
    assert await verdict(free=n_bytes * 2, least=n_bytes * 3) == "low_space"
    assert await verdict(free=n_bytes * 4, least=n_bytes * 3) == "ok_data_folder"


@pytest.mark.usefixtures("own_folder")
async def test_f6_a_long_log_tells_of_a_reader_that_never_ends(rooms: Rooms) -> None:
    """A log that grew far over what it is cut to is a finding."""
    with (rooms.database.path.parent / "bot.db-wal").open("r+b") as log:
        whole = log.seek(0, os.SEEK_END)
        log.truncate(200 * 2**20)  # a hole behind the log's end, which SQLite does not look at
    assert await verdicts(rooms) == {"log": "long_log"}

    os.truncate(rooms.database.path.parent / "bot.db-wal", whole)
    assert await verdicts(rooms) == {}


async def test_the_state_of_all_is_told_server_by_server(rooms: Rooms) -> None:
    """Each server has its numbers, and the memory of all indexes is their sum, whether or not they are loaded."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "two")])
    await rooms.ingest.saved(OTHER_GUILD, [message(3, "three", guild_id=OTHER_GUILD)])
    async for _ in rooms.indexer.drain():
        pass
    status = await inspector(rooms).status()

    assert [(one.guild_id, one.messages, one.embedded) for one in status.by_server] == [
        (str(GUILD), 2, 2),
        (str(OTHER_GUILD), 1, 1),
    ]
    assert (status.servers, status.index, status.former) == (2, "auto", None)
    assert status.index_bytes == 3 * (128 + 45)
    await rooms.indexer.reconcile()
    assert (await inspector(rooms).status()).index_bytes == status.index_bytes


@pytest.mark.usefixtures("own_folder")
async def test_f25_a_former_model_is_told_while_it_answers(rooms: Rooms) -> None:
    """Its name and how many vectors it has, beside how many the model that is set still lacks."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "two")])
    await rooms.settle()
    new = await rooms_over(rooms.database, WordEmbedder(32, model_key="other words"))
    new.spaces.former = Space(rooms.embeddings, rooms.embedder, rooms.mirror)
    status = await inspector(new).status()

    assert (status.model_key, status.embedded, status.pending) == ("other words", 0, 2)
    assert status.former == Former("words", 64, 2)
    assert await verdicts(new) == {"queue": "stuck"}
    assert await inspector(new).server(GUILD) == ServerStatus(2, 2, 2, 0, "other words")
    assert await inspector(new).stored() == Stored(messages=2, pending=0)
    await new.settle()
    assert (await inspector(new).status()).former is None
    assert await verdicts(new) == {}


@pytest.mark.usefixtures("own_folder")
async def test_an_index_that_the_bot_has_yet_to_make_is_told_and_is_well(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor makes no index that takes long; it says for how many messages there is none."""
    monkeypatch.setattr("bot.index.guild._QUICK", 2)
    await rooms.ingest.saved(GUILD, [message(n, f"text {n}") for n in range(1, 4)])
    await rooms.ingest.saved(OTHER_GUILD, [message(n, f"text {n}", guild_id=OTHER_GUILD) for n in (4, 5)])
    async for _ in rooms.indexer.drain():
        pass
    found = (await findings(rooms))["mirror"]

    assert (found.verdict, found.is_well) == ("mirror_to_be_made", True)
    assert (found.values["n"], found.values["absent"]) == (2, 3)
    await rooms.indexer.reconcile()
    assert (await findings(rooms))["mirror"].verdict == "ok_mirror"


async def test_a_mirror_that_others_can_read_is_told(
    rooms: Rooms, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of indexes are as private as the database that they are made of."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)
    await begin_session(rooms.database)
    kept = await rooms_over(rooms.database, folder=own_folder / "mirror" / "x")
    await kept.ingest.saved(GUILD, [message(n, f"text {n}") for n in range(1, 4)])
    await kept.settle()
    assert await verdicts(kept) == {}
    path = own_folder / "mirror" / "x" / f"{GUILD}.mirror"
    path.chmod(0o644)

    assert (await findings(kept))["modes"].values["commands"] == f"chmod 600 {path}"


@pytest.mark.usefixtures("own_folder")
async def test_a_server_whose_index_has_no_room_is_not_well(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named by how many messages it has, whatever the others have."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "two")])
    await rooms.ingest.saved(OTHER_GUILD, [message(3, "three", guild_id=OTHER_GUILD)])
    await rooms.settle()
    monkeypatch.setattr(rooms.mirror.workshop.room, "n_bytes", 128 + 45)
    found = (await findings(rooms))["mirror"]

    assert (found.verdict, found.is_well, found.values) == ("no_room", False, {"n": 1, "messages": 2})


@pytest.mark.usefixtures("own_folder")
async def test_a_model_that_does_not_answer_is_one_finding_among_the_others(rooms: Rooms) -> None:
    """Everything else is looked at, and the last finding says what the matter with the model is."""
    rooms.embedder.failure = EmbeddingError("unreachable", "no answer", retryable=True)
    found = await findings(rooms)

    assert [one for one in found.values() if not one.is_well] == [found["embedder"]]
    assert list(found)[-1] == "embedder"
    assert found["embedder"].values == {"code": "unreachable", "detail": "no answer", "model_key": "words"}


@pytest.mark.usefixtures("own_folder")
async def test_a_damaged_vector_is_no_fault_of_the_mirror(rooms: Rooms) -> None:
    """It is told as what it is, and that it is mirrored no more needs no report."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "two")])
    await rooms.settle()
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE embeddings SET checksum = checksum + 1 WHERE message_id = 1")
    again = await rooms_over(rooms.database)

    assert await verdicts(again) == {"vectors": "bad_vectors"}


async def test_the_state_tells_how_long_messages_are_kept(rooms: Rooms) -> None:
    """The installation's limit is told with the last sweep over all servers; nothing where there is none."""
    before = await inspector(rooms).status()
    assert (before.retention_days, before.retention) == (None, None)
    await rooms.ingest.saved(GUILD, [message(1, "old")])
    rooms.keeping.retention_days = 30
    await rooms.withdrawal.sweep()

    after = await inspector(rooms).status()
    assert (after.messages, after.retention_days, after.retention.n_swept) == (0, 30, 1)
    assert after.retention == await rooms.withdrawal.last()


# --- money


async def paid(
    rooms: Rooms, *, budget: float | None = None, cap: float | None = None, price: float | None = 1e6
) -> Inspector:
    """An inspector of the same database, with a model of which a word costs a dollar."""
    key = "openai:words"
    spending = Spending(
        Ledger(rooms.database), Prices({} if price is None else {key: price}), count=words_in, budget=budget, cap=cap
    )
    paying = await rooms_over(rooms.database, WordEmbedder(model_key=key), spending=spending)
    await paying.settle()
    return inspector(paying)


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize(
    ("budget", "cap", "price", "verdict", "is_well", "names"),
    [
        (None, None, 1e6, "no_budget", True, None),
        (None, 15.0, 1e6, "server_budget", True, None),
        (None, 5.0, 1e6, "spent_servers", False, None),
        (20.0, 5.0, 1e6, "spent_servers", False, None),
        (20.0, 15.0, 1e6, "ok_budget", True, None),
        (10.0, None, 1e6, "near_budget", True, None),
        (8.0, None, 1e6, "spent_budget", False, None),
        (None, None, None, "no_price", True, ""),
        (8.0, None, None, "idle_budget", False, "EMBED_MONTHLY_BUDGET_USD"),
        (None, 5.0, None, "idle_budget", False, "EMBED_SERVER_BUDGET_USD"),
        (8.0, 5.0, None, "idle_budget", False, "EMBED_MONTHLY_BUDGET_USD, EMBED_SERVER_BUDGET_USD"),
    ],
)
async def test_doctor_tells_how_the_budget_stands(  # noqa: PLR0917  # one row of the table
    rooms: Rooms, budget, cap, price, verdict, is_well, names
) -> None:
    """A budget that is used up, or that cannot act without a price, is a finding; what has no limit is told."""
    await rooms.ingest.saved(GUILD, [message(1, "one two three four five six seven eight")])
    async for found in (await paid(rooms, budget=budget, cap=cap, price=price)).examine():
        if found.subject == "budget":
            break
    else:
        pytest.fail("nothing is told of money")

    assert (found.verdict, found.is_well, found.values.get("names")) == (verdict, is_well, names)
    for language in LANGUAGES:
        assert Words(language)(f"doctor.{found.verdict}", **found.values)


@pytest.mark.usefixtures("own_folder")
async def test_a_model_that_costs_nothing_has_no_budget(rooms: Rooms) -> None:
    """Doctor does not speak of money where there is none to be spent, and status tells of no tokens."""
    await rooms.ingest.saved(GUILD, [message(1, "one")])
    await rooms.settle()
    status = await inspector(rooms).status()

    assert "budget" not in await findings(rooms)
    assert (status.usage.tokens, status.usage.by_server) == (0, [])
    assert (await inspector(rooms).server(GUILD)).usage is None


async def test_status_tells_the_month_by_server(rooms: Rooms) -> None:
    """Tokens, texts, dollars and budgets, of all servers and of each."""
    await rooms.ingest.saved(GUILD, [message(1, "one two"), message(2, "three")])
    await rooms.ingest.saved(OTHER_GUILD, [message(3, "four", guild_id=OTHER_GUILD)])
    await Ledger(rooms.database).put_budget(GUILD, 3e6)
    paying = await paid(rooms, budget=5.0)
    usage = (await paying.status()).usage

    assert (usage.tokens, usage.texts, usage.dollars, usage.budget_dollars, usage.is_priced) == (4, 3, 4.0, 5.0, True)
    assert (usage.is_nearly_spent, usage.is_spent) == (True, False)
    told = [(one.guild_id, one.tokens, one.dollars, one.budget_dollars, one.is_spent) for one in usage.by_server]
    assert told == [(str(GUILD), 3, 3.0, 3.0, True), (str(OTHER_GUILD), 1, 1.0, None, False)]
    server = (await paying.server(GUILD)).usage
    assert server == usage.by_server[0]
    assert (usage.server_budget_dollars, server.is_capped) == (None, False)
    capped = (await (await paid(rooms, cap=2.0)).status()).usage
    assert capped.server_budget_dollars == 2.0
    assert [(one.budget_dollars, one.is_spent, one.is_capped) for one in capped.by_server] == [
        (2.0, True, True),
        (2.0, False, True),
    ]


@pytest.mark.usefixtures("own_folder")
async def test_servers_that_may_not_use_the_bot_are_told(rooms: Rooms) -> None:
    """Where the operator has named servers, status names those that are stored beside them, and doctor counts them."""
    spaces, spending = rooms.spaces, rooms.spending
    named = Inspector(
        database=rooms.database,
        messages=rooms.messages,
        lexicon=Lexicon(rooms.database),
        servers=rooms.servers,
        spaces=spaces,
        withdrawal=rooms.withdrawal,
        spending=spending,
        offered_to=frozenset({GUILD}),
    )
    assert (await named.status()).not_offered == [str(OTHER_GUILD)]
    [found] = [one async for one in named.examine() if one.subject == "offered"]
    assert (found.verdict, found.is_well, found.values) == ("others_stored", True, {"n": 1, "n_all": 2})

    assert (await inspector(rooms).status()).not_offered == []
    assert "offered" not in await findings(rooms)
