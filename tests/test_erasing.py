"""The verbs that erase, as operators use them: whole processes, what they print, and what is left in the files."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from make import ADA, BOB, GUILD, exported_message, write_export
from sqlcipher3 import dbapi2 as sqlite
from test_cli import ROOT, bot, rows

from bot.storage.lock import writing_to

FIRST = 1_300_000_000_000_000_000
SECRET = "the combination of the old safe is written behind the clock"
OTHERS = "somebody else wrote this about the weather in the mountains"
BY_BOB = {"author": {"id": str(BOB), "name": "bob", "nickname": "Bob", "isBot": False}}
ADAS_WORDS = [SECRET, "and the key to it hangs beside the kitchen door", "ok"]


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Three messages of Ada's and two of Bob's, one of them a short answer to her."""
    answer = {"reference": {"messageId": str(FIRST), "channelId": "10", "guildId": str(GUILD)}, "type": "Reply"}
    messages = [exported_message(FIRST + i, text) for i, text in enumerate(ADAS_WORDS)]
    messages += [
        exported_message(FIRST + 3, OTHERS, **BY_BOB),
        exported_message(FIRST + 4, "really?", **BY_BOB, **answer),
    ]
    path = write_export(tmp_path / "town.json", messages)
    assert bot("import", str(path)).returncode == 0
    return path


def stored() -> list[str]:
    connection = sqlite.connect("data/bot.db")
    try:
        return [row[0] for row in connection.execute("SELECT content FROM messages ORDER BY message_id")]
    finally:
        connection.close()


def is_in_a_file(text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in Path("data").rglob("*") if path.is_file())


def asked(answer: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a verb at a terminal, on which somebody types an answer."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot", *arguments]
    try:
        return subprocess.run(command, stdin=theirs, capture_output=True, env=environment, check=False, timeout=90)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_person_is_forgotten_and_that_is_proven(town: Path) -> None:
    """Their messages are in no file, the others stay; what was looked for where is a table, and nothing is found."""
    assert is_in_a_file(SECRET)
    done = bot("forget", str(ADA), "--prove")

    assert done.returncode == 0
    assert "3 messages in 1 servers are erased" in done.stdout
    assert "Backups that `backup` made are left as they are" in done.stdout
    assert "0 texts that others say as well, which stay there, and 2 that are too short" in done.stdout
    table = [line.split() for line in done.stdout.splitlines() if "bot.db" in line]
    assert {line[-3] for line in table} >= {"bot.db", "bot.db-wal"}
    assert {line[-1] for line in table} == {"0"}
    assert stored() == [OTHERS, "really?"]
    assert not is_in_a_file(SECRET)
    assert b"Ada" not in Path("data/bot.db").read_bytes()


def test_a_proof_is_read_by_scripts(town: Path) -> None:
    """A line for each server, then one for each place: what was looked for, where, how many, how many were found."""
    first, *sights = rows(bot("forget", str(ADA), "--prove", "--json"))

    assert first == {"guild_id": str(GUILD), "messages": 3}
    assert all(set(sight) == {"subject", "place", "looked_for", "found"} for sight in sights)
    assert {(sight["subject"], sight["place"]) for sight in sights} >= {
        ("messages", "embeddings"),
        ("made_of", "embeddings"),
        ("codes", "memory"),
        ("codes", "cache"),
        ("terms", "lexicon"),
        ("texts", "bot.db"),
        ("vectors", "bot.db-wal"),
    }
    by_place = {(sight["subject"], sight["place"]): sight["looked_for"] for sight in sights}
    assert (by_place["messages", "messages"], by_place["made_of", "embeddings"]) == (3, 1)
    assert sum(sight["found"] for sight in sights) == 0


def test_a_proof_that_finds_something_fails(town: Path) -> None:
    """A text that is left where nobody thought of is told, with exit code 1."""
    connection = sqlite.connect("data/bot.db")
    with connection:
        connection.execute("INSERT INTO outage VALUES (1, 'x', ?, 0, 0)", (f"failed: {SECRET}",))
    connection.close()
    done = bot("forget", str(ADA), "--prove")

    assert done.returncode == 1
    assert "of what was looked for is still there" in done.stderr


def test_one_server_forgets_and_an_import_does_not_bring_it_back(town: Path) -> None:
    """What others wrote comes in again, what was erased does not; other servers are not touched."""
    assert "0 messages in 0 servers" in bot("forget", str(ADA), "--server", "12345").stdout
    assert len(stored()) == 5
    assert rows(bot("forget", str(ADA), "--server", str(GUILD), "--json")) == [{"guild_id": str(GUILD), "messages": 3}]
    again = bot("import", str(town))

    assert "0 new, 0 changed, 2 already there, 3 skipped (3 of people who do not want them kept)" in again.stdout
    assert stored() == [OTHERS, "really?"]


def test_a_stranger_is_forgotten_without_a_complaint() -> None:
    """Also where nothing is stored at all."""
    done = bot("forget", "12345", "--prove")

    assert (done.returncode, done.stderr) == (0, "")
    assert "0 messages in 0 servers are erased" in done.stdout


@pytest.mark.parametrize("arguments", [("forget", str(ADA)), ("purge", "--all", "--yes")], ids=lambda each: each[0])
def test_erasing_waits_for_no_running_bot(town: Path, arguments: tuple[str, ...]) -> None:
    """Who writes to the folder is named, and nothing is erased."""
    with writing_to(Path("data"), "run"):
        done = bot(*arguments)

    assert done.returncode == 1
    assert f"in use by process {os.getpid()} (python -m bot run)" in done.stderr
    assert len(stored()) == 5


def test_a_server_is_purged(town: Path) -> None:
    """Nothing of it is in any file, but for the line that it was purged; a backup is left as it is."""
    assert bot("backup", "copy.db").returncode == 0
    assert bot("purge", "--server", "12345", "--yes").stderr == "Nothing is stored of that.\n"
    done = bot("purge", "--server", str(GUILD), "--yes")

    assert done.returncode == 0
    assert f"All that was stored of server {GUILD} is erased (5 messages)." in done.stdout
    assert stored() == []
    assert not is_in_a_file(SECRET)
    assert not is_in_a_file(OTHERS)
    assert SECRET.encode() in Path("copy.db").read_bytes()
    [line] = rows(bot("audit", "--json"))
    assert (line["guild_id"], line["by"], line["actor_id"], line["act"]) == (str(GUILD), "operator", None, "purged")


def test_everything_is_purged_and_its_room_given_back(tmp_path: Path) -> None:
    """The database ends smaller than it was, and can be used again."""
    texts = [exported_message(FIRST + i, f"{SECRET} {i} " * 20) for i in range(500)]
    path = write_export(tmp_path / "many.json", texts)
    assert bot("import", str(path), "--no-embed").returncode == 0
    n_bytes = Path("data/bot.db").stat().st_size
    assert rows(bot("purge", "--all", "--yes", "--json")) == [{"guild_id": str(GUILD), "messages": 500}]

    assert Path("data/bot.db").stat().st_size < n_bytes / 2
    assert not is_in_a_file(SECRET)
    assert "500 new" in bot("import", str(path), "--no-embed").stdout


def test_a_purge_asks_first(town: Path) -> None:
    """At a terminal it says what will go, and goes on with a yes alone; where nobody can be asked it wants --yes."""
    unasked = bot("purge", "--all")
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr

    refused = asked("n", "purge", "--all")
    assert refused.returncode == 1
    assert f"Town ({GUILD}): 5 messages".encode() in refused.stderr
    assert len(stored()) == 5
    assert asked("y", "purge", "--all").returncode == 0
    assert stored() == []


@pytest.mark.parametrize("arguments", [(), ("--server", "1000", "--all"), ("--server", "everything")])
def test_a_purge_that_does_not_say_what_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    """Neither, both, or something that is no id."""
    assert bot("purge", "--yes", *arguments).returncode == 2


def test_the_audit_is_read_at_the_terminal(town: Path) -> None:
    """Who erased how much, without whose it was; of one server or of all."""
    assert bot("audit").stderr == "Nothing was done yet.\n"
    bot("forget", str(ADA))
    bot("forget", "12345")
    told, [line] = bot("audit", COLUMNS="200"), rows(bot("audit", "--json"))

    assert list(line) == ["at", "guild_id", "by", "actor_id", "act", "detail"]
    assert (line["act"], line["by"], line["detail"]) == ("forgot", "operator", {"messages": 3})
    assert line["at"].endswith("+00:00")
    assert "the operator" in told.stdout
    assert "had everything of one person erased, 3 messages" in told.stdout
    assert str(ADA) not in told.stdout
    assert rows(bot("audit", "--json", "--server", "12345")) == []
