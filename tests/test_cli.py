"""The terminal door as operators use it: whole processes, their output and their exit status."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from make import ADA, CHANNEL, GUILD, exported_message, write_export
from openai_server import KEY, EmbeddingsServer
from sqlcipher3 import dbapi2 as sqlite

from bot.storage.lock import writing_to
from bot.times import snowflake_at

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
KEYS = ["message_id", "guild_id", "channel_id", "author_id", "created_at", "score", "content", "url"]

# The worked example of the article on embeddings and Faiss that the bot's design follows.
STORED = (
    "夕食は何にしますか?",
    "外は雨が降っていますか?",
    "朝は何時に起きますか?",
    "お風呂上がりは牛乳を飲みますか?",
    "お風呂上がりはビールですよね",
)
ASKED = "今日は温泉街を観光した"


def bot(*arguments: str, text: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one verb in the working directory, with the settings given and no others."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "80", **settings}
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=False, timeout=90)


def rows(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def bath(tmp_path: Path) -> Path:
    """The article's five sentences, imported."""
    first = 1_300_000_000_000_000_000
    path = write_export(tmp_path / "bath.json", [exported_message(first + i, text) for i, text in enumerate(STORED)])
    done = bot("import", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 files read, 5 new, 0 changed, 0 already there, 0 skipped" in done.stdout
    assert "5 embedded in" in done.stdout
    return path


def test_the_worked_example_of_the_article_comes_out(bath: Path) -> None:
    """Asked about a day in a hot-spring town, the nearest of five sentences is the one about beer after the bath."""
    done = bot("similar", ASKED, "--json")

    found = rows(done)
    assert done.returncode == 0
    assert found[0]["content"] == STORED[-1]
    assert [round(row["score"], 4) for row in found[:2]] == [0.1591, 0.1577]
    assert sorted(row["content"] for row in found) == sorted(STORED)
    assert [list(row) for row in found] == [KEYS] * 5


@pytest.mark.parametrize("index", ["flat", "flat-l2", "ivf-flat", "SQ8"])
def test_every_index_gives_the_same_answer(bath: Path, index: str) -> None:
    """Ids and scores do not depend on FAISS_INDEX."""
    assert rows(bot("similar", ASKED, "--json", FAISS_INDEX=index)) == rows(bot("similar", ASKED, "--json"))


def test_ids_are_strings_and_times_utc(bath: Path) -> None:
    """What a script reads is exact: ids as text, times with their zone, a score that is not rounded."""
    row = rows(bot("similar", ASKED, "--limit", "1", "--json"))[0]

    assert (row["message_id"], row["guild_id"], row["channel_id"]) == ("1300000000000000004", str(GUILD), str(CHANNEL))
    assert row["author_id"] == str(ADA)
    assert row["created_at"].endswith("+00:00")
    assert row["score"] != round(row["score"], 6)


def test_similar_to_a_stored_message(bath: Path) -> None:
    """A message finds its like without itself, as a person reads it: author, channel, age, score, quote, link."""
    done = bot("similar", "--message", "1300000000000000003", "--limit", "1")

    assert done.returncode == 0
    assert STORED[-1] in done.stdout
    assert "Ada in #square" in done.stdout
    assert f"https://discord.com/channels/{GUILD}/{CHANNEL}/1300000000000000004" in done.stdout


def test_filters_take_ids_and_dates(bath: Path) -> None:
    """Channel, author and server by id, and days or ages, narrow the answer."""

    def n_found(*options: str) -> int:
        return len(rows(bot("similar", ASKED, "--json", *options)))

    assert n_found("--channel", str(CHANNEL), "--author", str(ADA), "--server", str(GUILD)) == 5
    assert n_found("--channel", "999") == 0
    assert n_found("--after", "2024-10-27", "--before", "2024-10-28") == 5
    assert n_found("--before", "2024-10-27") == n_found("--after", "2024-10-28") == 0
    assert n_found("--before", "1d") == 5
    assert n_found("--min-score", "0.158") == 1


def test_nothing_found_is_no_failure(bath: Path) -> None:
    """No hit: exit 0, nothing on standard output, a word on standard error."""
    done = bot("similar", ASKED, "--channel", "999", "--json")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Nothing found.\n")


@pytest.mark.parametrize(("limit", "n"), [("0", 1), ("-5", 1), ("1000000000", 5)])
def test_b17_a_limit_outside_is_clamped_with_a_word(bath: Path, limit: str, n: int) -> None:
    """Outside 1 to 100 the nearest limit is used, and said."""
    done = bot("similar", ASKED, "--json", f"--limit={limit}")

    assert (done.returncode, len(rows(done))) == (0, n)
    assert "outside 1 to 100" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("similar",), id="neither-text-nor-message"),
        pytest.param(("similar", "a", "--message", "1"), id="both"),
        pytest.param(("similar", "a", "--limit", "all"), id="b17-limit"),
        pytest.param(("similar", "a", "--channel", "1.5e17"), id="b16-float"),
        pytest.param(("similar", "a", "--author", "0"), id="b16-zero"),
        pytest.param(("similar", "--message", str(2**63)), id="b16-large"),
        pytest.param(("similar", "a", "--after", "yesterday"), id="b19-day"),
        pytest.param(("similar", "a", "--mode", "nearest"), id="mode"),
        pytest.param(("import",), id="no-path"),
        pytest.param(("backup",), id="no-target"),
        pytest.param(("restore", ""), id="empty-backup"),
        pytest.param(("frobnicate",), id="no-such-verb"),
    ],
)
def test_wrong_usage_exits_2_without_a_traceback(arguments: tuple[str, ...]) -> None:
    """What is typed wrongly is told, and nothing is touched."""
    refuses(*arguments)


@pytest.mark.parametrize("threshold", ["nan", "inf", "-inf", "2"])
def test_b18_a_threshold_that_is_no_cosine_is_refused(threshold: str) -> None:
    """What lies outside of -1 to 1, or is no number, is no threshold."""
    refuses("similar", "a", "--min-score", threshold)


def refuses(*arguments: str) -> None:
    """The arguments are told to be wrong, without a traceback, before anything is opened."""
    done = bot(*arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error" in done.stderr
    assert not Path("data").exists()


def test_before_anything_is_stored(tmp_path: Path) -> None:
    """Reading verbs answer on an empty folder and leave it empty."""
    similar, status, doctor = bot("similar", "hello"), bot("status", "--json"), bot("doctor")

    assert (similar.returncode, similar.stdout) == (0, "")
    assert "Nothing is stored yet" in similar.stderr
    usage = rows(status)[0]["usage"]
    assert (usage["tokens"], usage["budget_dollars"], usage["by_server"]) == (0, None, [])
    assert rows(status)[0] | {"model_key": "", "index_bytes": 0, "usage": None} == {
        "usage": None,
        "not_offered": [],
        "parked_reasons": {},
        "outage": None,
        "former": None,
        "retention_days": None,
        "retention": None,
        "by_server": [],
        "messages": 0,
        "embedded": 0,
        "pending": 0,
        "parked": 0,
        "unworded": 0,
        "servers": 0,
        "model_key": "",
        "dim": 512,
        "index": "auto",
        "index_bytes": 0,
        "database_bytes": 0,
    }
    assert doctor.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_old_is_neither_imported_nor_kept(tmp_path: Path) -> None:
    """With RETENTION_DAYS an import leaves out what is older and takes out what was there; `status` tells it."""
    old, young = 1_300_000_000_000_000_000, snowflake_at(datetime.now(UTC))
    path = write_export(tmp_path / "a.json", [exported_message(old, "old"), exported_message(young, "young")])
    bot("import", str(path))
    again = bot("import", str(path), RETENTION_DAYS="30")
    status = bot("status", RETENTION_DAYS="30")
    told = rows(bot("status", "--json", RETENTION_DAYS="30"))[0]

    assert "0 new, 0 changed, 1 already there, 1 skipped (1 older than they may be)" in again.stdout
    assert (told["messages"], told["embedded"], told["retention_days"]) == (1, 1, 30)
    assert told["retention"]["n_swept"] == 0
    assert datetime.fromisoformat(told["retention"]["last_sweep_at"]) < datetime.now(UTC)
    assert "Days that messages are kept" in status.stdout
    assert "Messages that had become too old were last taken out at " in status.stdout
    assert rows(bot("similar", "old", "--json", RETENTION_DAYS="30"))[0]["content"] == "young"


def test_the_chat_in_the_terminal_keeps_the_limit_too(tmp_path: Path) -> None:
    """What has become too old goes when the chat begins."""
    path = write_export(tmp_path / "a.json", [exported_message(1_300_000_000_000_000_000, "old")])
    bot("import", str(path))
    bot("console", text="young\n", RETENTION_DAYS="30")

    assert rows(bot("status", "--json"))[0]["messages"] == 1
    assert rows(bot("similar", "old", "--json"))[0]["content"] == "young"


def test_import_without_embedding_then_rebuild(tmp_path: Path) -> None:
    """`--no-embed` only stores; `status` and `similar` say what waits; `rebuild` embeds it."""
    path = write_export(tmp_path / "a.json", [exported_message(i, f"text {i}") for i in range(1, 4)])
    imported = bot("import", "--no-embed", str(path))
    waiting = rows(bot("status", "--json"))[0]
    similar = bot("similar", "text")
    unwell = bot("doctor", "--json")
    rebuilt = bot("rebuild")
    done = rows(bot("status", "--json"))[0]

    assert imported.returncode == similar.returncode == rebuilt.returncode == 0
    assert "3 messages are stored and still wait" in imported.stdout
    assert (waiting["messages"], waiting["embedded"], waiting["pending"]) == (3, 0, 3)
    assert "3 messages wait for their embedding" in similar.stderr
    assert unwell.returncode == 1
    assert [row["subject"] for row in rows(unwell) if not row["is_well"]] == ["queue"]
    assert "3 messages embedded" in rebuilt.stdout
    assert (done["embedded"], done["pending"]) == (3, 0)
    assert done["database_bytes"] > 0


def test_wrong_files_are_named_one_by_one_and_the_others_go_on(tmp_path: Path) -> None:
    """Each bad file gets a line with the reason; the good one is imported; the exit status is 1."""
    write_export(tmp_path / "good.json", [exported_message(1)])
    (tmp_path / "bad.json").write_text("<html></html>")
    done = bot("import", "--no-embed", "good.json", "bad.json", "missing.json")

    assert done.returncode == 1
    assert "1 files read, 1 new" in done.stdout
    assert done.stderr.splitlines() == [
        "bad.json: this is HTML; export again with `--format Json`.",
        "missing.json: there is no such file.",
    ]


def test_skipped_messages_are_counted_by_reason(tmp_path: Path) -> None:
    """What an import leaves out is told with the reasons."""
    bot_author = {"id": "9", "name": "robot", "isBot": True}
    messages = [
        exported_message(1),
        exported_message(2, author=bot_author),
        exported_message("x"),
        exported_message(3, type="7"),
    ]
    done = bot("import", "--no-embed", str(write_export(tmp_path / "a.json", messages)))

    assert (
        "1 new, 0 changed, 0 already there, 3 skipped (1 without a usable id, 1 of bots, 1 notices of Discord)"
        in done.stdout
    )


def test_b45_a_writing_verb_is_refused_while_another_writes(bath: Path) -> None:
    """The second writer is told which process holds the folder; readers work beside it."""
    with writing_to(Path("data"), "console"):
        refused = [bot("rebuild"), bot("retry"), bot("restore", "copy.db")]
        similar = bot("similar", ASKED, "--json")

    for done in refused:
        assert (done.returncode, done.stdout) == (1, "")
        assert f"in use by process {os.getpid()} (python -m bot console)" in done.stderr
    assert rows(similar)[0]["content"] == STORED[-1]


def test_b40_all_settings_problems_are_told_at_once() -> None:
    """Every bad setting is named in one go, and no secret is repeated."""
    done = bot("status", EMBEDDER="magic", EMBEDDING_DIMENSIONS="many", OPENAI_API_KEY="sk-secret\nvalue")

    assert done.returncode == 1
    assert sorted(line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]) == [
        "EMBEDDER",
        "EMBEDDING_DIMENSIONS",
        "OPENAI_API_KEY",
    ]
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_index_that_cannot_be_used_is_refused_at_start() -> None:
    """FAISS_INDEX=hnsw cannot remove, and that is said."""
    done = bot("status", FAISS_INDEX="hnsw")

    assert done.returncode == 1
    assert "FAISS_INDEX=hnsw cannot be used: it cannot remove" in done.stderr


@pytest.mark.parametrize(
    "verb",
    [
        ("status",),
        ("similar", "a"),
        ("doctor",),
        ("retry",),
        ("rebuild",),
        ("import", "x.json"),
        ("console",),
        ("backup", "copy.db"),
    ],
)
def test_b44_a_foreign_database_is_one_sentence_for_every_verb(verb: tuple[str, ...]) -> None:
    """Whatever stands in place of the database is left alone, and the sentence says what to do."""
    Path("data").mkdir()
    Path("data/bot.db").write_text("not a database at all " * 100)
    before = Path("data/bot.db").read_bytes()
    done = bot(*verb)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be opened" in done.stderr
    assert Path("data/bot.db").read_bytes() == before


@pytest.mark.parametrize("verb", [("status",), ("doctor", "--json"), ("similar", "a")])
def test_a_data_folder_that_is_a_file_is_one_sentence_for_those_who_only_read(verb: tuple[str, ...]) -> None:
    """It is no empty community, and no failure that should not have been."""
    Path("notes.txt").write_text("not a folder")
    done = bot(*verb, DATA_DIR="notes.txt")

    assert (done.returncode, done.stdout) == (1, "")
    told = "The data folder notes.txt cannot be used (it is a file): mend it, or set DATA_DIR to another one."
    assert done.stderr.split() == told.split()


def test_a_changed_model_is_told_and_until_it_is_through_the_former_one_answers(bath: Path) -> None:
    """The state names whose vectors answer and how many they are, the doctor says what mends it, and the answer to a
    question is what it was, although nothing reaches the server of the model that is set."""
    with_other = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    done = bot("status", "--json", **with_other)
    doctor = bot("doctor", "--json", **with_other)

    status = rows(done)[0]
    assert (status["embedded"], status["pending"], status["dim"]) == (0, 5, 3072)
    assert (status["former"]["dim"], status["former"]["embedded"]) == (512, 5)
    assert any("`python -m bot retry` to embed" in row["verdict"] for row in rows(doctor) if not row["is_well"])
    asked = bot("similar", ASKED, "--json", **with_other)
    assert rows(asked) == rows(bot("similar", ASKED, "--json"))
    assert asked.stderr == ""


def test_what_a_change_of_the_model_comes_to_is_told_before_anything_is_embedded(bath: Path) -> None:
    """Whatever verb embeds tells how much that is, what it costs, and what becomes of the vectors that there are."""
    with_other = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    for verb in (["retry"], ["rebuild"], ["import", "data"]):
        told = bot(*verb, **with_other).stderr
        assert "Another model is set: 5 messages are embedded anew, some" in told, verb
        assert "and then its vectors are deleted" in told, verb
    assert "Another model" not in bot("import", "--no-embed", "data", **with_other).stderr
    assert "Another model" not in bot("retry").stderr


def test_an_unreachable_server_is_one_sentence(tmp_path: Path) -> None:
    """When the API cannot be reached the answer says so and what to check; meaning alone then finds nothing."""
    assert bot("import", "--no-embed", str(write_export(tmp_path / "a.json", [exported_message(1)]))).returncode == 0
    unreachable = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    by_meaning = bot("similar", ASKED, "--mode", "meaning", **unreachable)
    by_both = bot("similar", ASKED, **unreachable)

    assert (by_meaning.returncode, by_both.returncode) == (1, 0)
    for done in (by_meaning, by_both):
        assert "OPENAI_BASE_URL" in done.stderr
        assert "sk-none" not in done.stderr
        assert "Traceback" not in done.stderr


def test_the_terminal_speaks_japanese_where_it_is_set(bath: Path) -> None:
    """LANG=ja_JP.UTF-8 gives Japanese answers, on every stream."""
    done = bot("similar", ASKED, "--channel", "999", LANG="ja_JP.UTF-8")

    assert done.stderr == "見つかりませんでした。\n"


def test_a_reader_that_stops_reading_is_no_failure(bath: Path) -> None:
    """`similar --json | head -1` ends quietly."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = f"'{sys.executable}' -m bot similar '{ASKED}' --json --limit 5 | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, check=False, timeout=90
    )

    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.parametrize(
    "verb", ["run", "console", "import", "similar", "status", "doctor", "retry", "rebuild", "backup", "restore"]
)
def test_every_verb_has_help(verb: str) -> None:
    """`--help` says what a verb does, needs no setting and touches nothing."""
    done = bot(verb, "--help", EMBEDDER="magic")

    assert done.returncode == 0
    assert "Usage:" in done.stdout
    assert not Path("data").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param({"FAISS_INDEX": "Flat}"}, "FAISS_INDEX=Flat}", id="index"),
        pytest.param({"OPENAI_BASE_URL": "http://[::1"}, "OPENAI_BASE_URL", id="address"),
        pytest.param({"OPENAI_BASE_URL": "http://"}, "OPENAI_BASE_URL", id="no-host"),
        pytest.param({"OPENAI_API_KEY": "sk-ключ"}, "OPENAI_API_KEY", id="key"),
        pytest.param({"DATA_DIR": "/proc/nowhere"}, "/proc/nowhere", id="folder"),
        pytest.param({"DATA_DIR": "x" * 300}, "xxx", id="long-folder"),
    ],
)
def test_b40_a_setting_that_cannot_work_is_told_by_name(settings: dict[str, str], told: str) -> None:
    """The sentence names the setting or the folder, and asks nobody to report a bug."""
    done = bot("console", **settings)

    assert done.returncode == 1
    assert told in done.stderr
    assert "report" not in done.stderr


def test_a_terminal_that_knows_few_characters_is_no_failure(bath: Path) -> None:
    """Where standard output is ASCII the others are shown by their codes."""
    done = bot("similar", ASKED, "--limit", "1", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "\\u304a" in done.stdout


def test_an_empty_path_is_wrong_usage() -> None:
    """An unset variable in a script does not import the folder that one stands in."""
    assert bot("import", "").returncode == 2


def change(*statements: str) -> None:
    """Do to the database what only time or a fault does."""
    connection = sqlite.connect("data/bot.db", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_a_backup_is_made_beside_a_running_bot_and_restored(bath: Path) -> None:
    """The copy is told with its place and size, is never overwritten, and comes back only where that is said."""
    with writing_to(Path("data"), "run"):
        made = bot("backup", "copy.db")
    again = bot("backup", "copy.db")
    change("DELETE FROM messages WHERE message_id % 10 = 4")
    refused = bot("restore", "copy.db")
    restored = bot("restore", "copy.db", "--replace")
    found = rows(bot("similar", ASKED, "--json"))

    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("Backed up to copy.db: 5 messages, ")
    assert Path("copy.db").stat().st_mode & 0o777 == 0o600
    assert (again.returncode, refused.returncode) == (1, 1)
    assert "exists already" in again.stderr
    assert "--replace" in refused.stderr
    assert (restored.returncode, restored.stderr) == (0, "")
    assert restored.stdout.startswith("Restored data/bot.db: 5 messages, ")
    assert "compares what it holds with Discord" in restored.stdout
    assert found[0]["content"] == STORED[-1]


def test_backup_and_restore_tell_what_they_cannot_do(tmp_path: Path) -> None:
    """Each refusal is one sentence, and leaves no file."""
    (tmp_path / "notes.txt").write_text("no database " * 100)
    nothing, foreign, missing = bot("backup", "copy.db"), bot("restore", "notes.txt"), bot("restore", "missing.db")

    for done, words in ((nothing, "nothing to back up"), (foreign, "cannot be restored"), (missing, "not a file")):
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert words in done.stderr
    assert not list(tmp_path.glob("*.db"))


PASSPHRASE = "correct horse battery staple"


def everything_in(folder: str) -> bytes:
    return b"".join(path.read_bytes() for path in Path(folder).rglob("*") if path.is_file())


def test_what_is_stored_is_encrypted_and_decrypted_again(bath: Path) -> None:
    """With its key every verb works and no file holds a text; without it none does, nor with it afterwards."""
    secret = STORED[-1].encode()
    assert secret in everything_in("data")
    Path("key").write_text(f"{PASSPHRASE}\n")
    encrypted = bot("encrypt", DATA_KEY=PASSPHRASE)
    assert secret not in everything_in("data")
    key = {"DATA_KEY_FILE": "key"}
    done = [
        bot(*verb, **key) for verb in (("status", "--json"), ("doctor",), ("import", str(bath)), ("backup", "copy.db"))
    ]
    found = rows(bot("similar", ASKED, "--json", **key))
    refused = [bot(*verb) for verb in (("similar", ASKED), ("status",), ("import", str(bath)), ("restore", "copy.db"))]
    wrong = bot("rebuild", DATA_KEY="another passphrase")
    restored = bot("restore", "copy.db", "--replace", **key)
    nothing_in_it = secret not in everything_in("data") + Path("copy.db").read_bytes()
    decrypted = bot("decrypt", **key)

    assert (encrypted.returncode, encrypted.stderr) == (0, "")
    assert encrypted.stdout.startswith("Encrypted data/bot.db: 5 messages, ")
    assert [(one.returncode, one.stderr) for one in [*done, restored]] == [(0, "")] * 5
    assert "encrypted; 5 messages" in done[1].stdout
    assert found[0]["content"] == STORED[-1]
    assert nothing_in_it
    for one in [*refused, wrong]:
        assert (one.returncode, one.stdout, one.stderr.count("\n")) == (1, "", 1)
        assert "DATA_KEY" in one.stderr
    assert (decrypted.returncode, decrypted.stderr) == (0, "")
    assert rows(bot("similar", ASKED, "--json"))[0]["content"] == STORED[-1]
    assert bot("status", **key).stderr.startswith("data/bot.db was left alone: it is not encrypted")
    assert not any(PASSPHRASE in one.stdout + one.stderr for one in [encrypted, *done, *refused, wrong, decrypted])


def test_a_key_before_the_first_message_encrypts_from_the_beginning(tmp_path: Path) -> None:
    """Nothing is ever written in the clear, and `encrypt` has nothing left to do."""
    digits = "0123456789abcdef" * 4
    done = bot("console", text="a sentence of mine\n/similar sentence\n", DATA_KEY=digits)
    again = bot("encrypt", DATA_KEY=digits)

    assert done.returncode == again.returncode == 0
    assert "a sentence of mine" in done.stdout
    assert b"sentence" not in everything_in("data")
    assert digits.encode() not in everything_in("data")
    assert again.stdout == "It is encrypted with this key already.\n"


def test_encrypt_and_decrypt_tell_what_they_cannot_do(bath: Path) -> None:
    """Each refusal is one sentence: no key, a bad one, no database, and a running bot, which is named."""
    with writing_to(Path("data"), "run"):
        running = bot("encrypt", DATA_KEY=PASSPHRASE)
    without, short = bot("encrypt"), bot("decrypt", DATA_KEY="short")
    nothing = bot("encrypt", DATA_KEY=PASSPHRASE, DATA_DIR="empty")

    for done, words in (
        (running, "python -m bot run"),
        (without, "no key is set"),
        (short, "DATA_KEY: must be 64 hexadecimal digits"),
        (nothing, "no database yet"),
    ):
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
    assert bot("decrypt", DATA_KEY=PASSPHRASE).stdout == "It is not encrypted.\n"


def test_a_long_message_is_quoted_from_the_part_that_answers(tmp_path: Path) -> None:
    """With a sign before it that there was more; as JSON its content is whole, and nothing else is told."""
    bees, taxes = (
        "The bees have swarmed again into the pear tree. " * 6,
        "The tax office wants the form by Friday. " * 6,
    )
    bot("import", str(write_export(tmp_path / "a.json", [exported_message(1, bees + taxes)])))
    shown, as_json = (bot("similar", "when is the tax form due?", *more) for more in ((), ("--json",)))

    assert shown.stdout.splitlines()[1].startswith("    …The tax office wants the form by Friday.")
    [hit] = rows(as_json)
    assert hit["content"] == bees + taxes
    assert " ".join(hit) == "message_id guild_id channel_id author_id created_at score content url"


def test_what_waits_for_its_words_is_told_while_there_is_some(bath: Path) -> None:
    """`status` has a line for it then, and always a key."""
    before = bot("status")
    change("INSERT INTO unworded SELECT guild_id, message_id FROM messages LIMIT 2")
    after, after_json = bot("status"), bot("status", "--json")

    assert "Waiting for the index of words" not in before.stdout
    assert re.search(r"Waiting for the index of words +2\b", after.stdout)
    assert rows(after_json)[0]["unworded"] == 2


def test_f23_what_was_set_aside_is_tried_again(bath: Path) -> None:
    """`status` tells the reasons, `doctor` the verb, and `retry` how many were embedded and set aside again."""
    change(
        "DELETE FROM embeddings",
        "INSERT INTO pending SELECT message_id, guild_id, 'refused: HTTP 400' FROM messages",
        "UPDATE messages SET content = 'no such text' WHERE message_id % 10 = 0",
    )
    status, status_json, doctor = bot("status"), bot("status", "--json"), bot("doctor")
    retried = bot("retry")
    after = rows(bot("status", "--json"))[0]

    assert "5: refused: HTTP 400" in status.stdout
    assert rows(status_json)[0]["parked_reasons"] == {"refused: HTTP 400": 5}
    assert "python -m bot retry" in doctor.stdout
    assert (retried.returncode, retried.stdout) == (0, "4 messages embedded\n1 messages set aside again\n")
    assert (after["embedded"], after["parked"], after["parked_reasons"]) == (4, 1, {"damaged": 1})
    assert "the stored text is damaged" in bot("status").stdout


def test_f7_a_damaged_text_is_not_shown_and_mended_by_importing_it_again(bath: Path) -> None:
    """No answer has it, `doctor` counts it, and the export that it came from restores it with its vector."""
    change("UPDATE messages SET content = 'お風呂上がりはビ' || CAST(x'ff' AS TEXT) WHERE message_id % 10 = 4")
    similar, doctor = bot("similar", ASKED, "--json"), bot("doctor")
    imported = bot("import", str(bath))

    assert len(rows(similar)) == 4
    assert doctor.returncode == 1
    assert "1 are damaged" in doctor.stdout
    assert "1 changed, 4 already there" in imported.stdout
    assert len(rows(bot("similar", ASKED, "--json"))) == 5
    assert bot("doctor").returncode == 0


def test_f20_an_outage_is_told_in_words_and_in_json(bath: Path) -> None:
    """Reason, beginning and next try, as a person reads them and as a script does."""
    change("INSERT INTO outage VALUES (1, 'out_of_money', 'HTTP 429', 1740830400000, 1740830700000)")
    status, as_json = bot("status"), rows(bot("status", "--json"))[0]

    assert "the account has no credit left" in status.stdout
    assert "since 2025-03-01 12:00 UTC; next try at 2025-03-01 12:05 UTC." in status.stdout
    assert as_json["outage"] == {
        "code": "out_of_money",
        "detail": "HTTP 429",
        "began_at": "2025-03-01T12:00:00+00:00",
        "next_try_at": "2025-03-01T12:05:00+00:00",
    }
    assert "stands still since 2025-03-01 12:00 UTC" in bot("doctor").stdout


def test_what_is_stored_is_for_its_owner_alone() -> None:
    """Under the usual umask the folder and every file in it are closed to others, also while somebody writes."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "bot", "console"]
    chat = subprocess.Popen(command, env=environment, umask=0o022, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with chat:
        while b"/help" not in chat.stdout.readline():
            assert chat.poll() is None
        modes = {path.name: path.stat().st_mode & 0o777 for path in Path("data").iterdir()}
        chat.communicate(b"/quit\n", timeout=60)

    assert modes == dict.fromkeys(("bot.db", "bot.db-wal", "bot.db-shm", "bot.lock", "bot.lock.json"), 0o600)
    assert Path("data").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_chat_that_is_ended_by_a_signal_leaves_nothing_that_was_deleted(number: signal.Signals) -> None:
    """Everything is closed as at the end of the input: the log is emptied, and the text is in no file."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot", "console"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as chat:
        chat.stdin.write("a secret that is to go\n")
        chat.stdin.flush()
        told = next(line for line in chat.stdout if line.startswith("Stored as "))
        chat.stdin.write(f"/delete {told.split()[-1].strip('.')}\n")
        chat.stdin.flush()
        assert next(chat.stdout) == "Deleted.\n"
        chat.send_signal(number)
        assert chat.stdout.read().endswith("Bye.\n")
        assert chat.wait(20) == 0

    assert not any(b"secret" in path.read_bytes() for path in Path("data").rglob("*") if path.is_file())


def test_words_alone_are_asked_for(bath: Path) -> None:
    """A hit by words has no score, in words and in JSON; the terminal says what it has instead."""
    by_words = bot("similar", "お風呂上がり", "--mode", "words", "--json")

    assert {row["content"] for row in rows(by_words)} == {text for text in STORED if "お風呂上がり" in text}
    assert {row["score"] for row in rows(by_words)} == {None}
    assert "same words" in bot("similar", "お風呂上がり", "--mode", "words").stdout
    assert bot("similar", "quokka", "--mode", "words").stderr == "Nothing found.\n"


def test_the_search_is_measured(bath: Path, tmp_path: Path) -> None:
    """`eval` prints a table, or an object a figure, and leaves alone what is stored."""
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "docs.jsonl").write_text('{"id": "a", "content": "a cat"}\n{"id": "b", "content": "a train"}\n', "utf-8")
    (folder / "queries.jsonl").write_text('{"id": "q", "content": "cats"}\n', "utf-8")
    (folder / "qrels.tsv").write_text("q\t0\ta\t1\n", "utf-8")
    table, as_json = bot("eval", str(folder)), rows(bot("eval", str(folder), "--json"))

    assert "nDCG@10" in table.stdout
    assert all(set(row) == {"dataset", "system", "metric", "value", "low", "high"} for row in as_json)
    assert {row["system"] for row in as_json} == {"words", "vector", "ours"}
    [first] = [row for row in as_json if (row["system"], row["metric"]) == ("ours", "P@1")]
    assert first == {"dataset": "sets", "system": "ours", "metric": "P@1", "value": 1.0, "low": 1.0, "high": 1.0}
    assert rows(bot("status", "--json"))[0]["messages"] == 5


def test_what_cannot_be_measured_is_told(tmp_path: Path) -> None:
    """A folder without sets is one sentence."""
    done = bot("eval", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}: there are no files named")


async def test_an_import_stops_at_the_budget_and_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was stored stays and waits; status tells the month by server, and doctor what to raise."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with EmbeddingsServer() as api:
        paid = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": api.base_url, "EMBEDDING_DIMENSIONS": "8"}
        paid |= {"EMBEDDING_PRICE_USD": "1000", "EMBED_MONTHLY_BUDGET_USD": "0.5"}  # a byte is a thousandth of a dollar
        done = await asyncio.to_thread(bot, "import", str(SAMPLE), **paid)
        status = await asyncio.to_thread(bot, "status", **paid)
        told = rows(await asyncio.to_thread(bot, "status", "--json", **paid))[0]
        doctor = await asyncio.to_thread(bot, "doctor", **paid)
        paid |= {"ALLOWED_SERVERS": "4711", "EMBED_SERVER_BUDGET_USD": "0.25"}
        elsewhere = await asyncio.to_thread(bot, "status", **paid)

    assert done.returncode == 0
    assert "messages are stored and still wait for their embedding" in done.stdout
    assert "What embeddings may cost in a month is spent" in done.stderr
    usage = told["usage"]
    assert told["pending"] > 0
    assert usage["tokens"] == sum(asked.n_bytes for asked in api.requests if asked.n_texts > 2)
    assert usage["dollars"] == pytest.approx(usage["tokens"] / 1_000)
    assert (usage["is_spent"], usage["budget_dollars"]) == (True, 0.5)
    assert sum(one["tokens"] for one in usage["by_server"]) == usage["tokens"]
    assert "All servers together may cost US$ 0.50 a month." in status.stdout
    assert "That is spent: nothing is embedded before next month" in status.stdout
    assert "are spent: nothing is embedded until next month; raise EMBED_MONTHLY_BUDGET_USD" in doctor.stdout
    assert f"Not on ALLOWED_SERVERS: {usage['by_server'][0]['guild_id']}" in elsewhere.stdout
    assert "Each server may cost US$ 0.25 a month." in elsewhere.stdout
    assert "Each server may cost" not in status.stdout
