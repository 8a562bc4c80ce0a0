"""`groups` at the terminal: whole processes, their output and their exit status."""

from pathlib import Path

import pytest
from make import BOB, CHANNEL, GUILD, exported_message, write_export
from test_cli import bot, rows

from bot.storage.lock import writing_to

FIRST = 1_300_000_000_000_000_000
TEXTS = (
    "How do I reset my password?",
    "how can I reset my password",
    "How do I reset the password?",
    "The ferry leaves at noon",
    "the ferry leaves at noon!",
    "The museum is closed on Mondays",
)
BOBS = {"id": str(BOB), "name": "bob", "isBot": False}


@pytest.fixture
def town(tmp_path: Path) -> None:
    """Three that say the same, two that do, and one alone; the second of each is Bob's."""
    messages = [
        exported_message(FIRST + i, text, **({"author": BOBS} if text.islower() else {}))
        for i, text in enumerate(TEXTS)
    ]
    assert bot("import", str(write_export(tmp_path / "town.json", messages))).returncode == 0


@pytest.mark.usefixtures("town")
def test_groups_as_people_and_as_scripts_read_them() -> None:
    """How many, by how many, where, from when to when, with an example; ids are text, also while the bot runs."""
    with writing_to(Path("data"), "run"):
        shown, read = bot("groups"), bot("groups", "--min-size", "2", "--json")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[0].startswith(" 1. 3 messages, ")
    assert "#square" in shown.stdout
    assert "password" in shown.stdout
    assert "ferry" not in shown.stdout
    first, second = rows(read)
    assert (first["size"], second["size"]) == (3, 2)
    assert (second["authors"], second["guild_id"], second["channel_ids"]) == (2, str(GUILD), [str(CHANNEL)])
    assert sorted(second["message_ids"]) == [str(FIRST + 3), str(FIRST + 4)]
    assert second["example"]["content"] in TEXTS[3:5]
    assert first["first_at"].endswith("+00:00")


@pytest.mark.usefixtures("town")
def test_groups_are_narrowed_at_the_terminal() -> None:
    """By server, channel, time, size and number; what is left out is counted."""
    limited = bot("groups", "--min-size", "2", "--limit", "1")
    assert len(limited.stdout.splitlines()) == 3
    assert "1 more groups" in limited.stderr

    for narrowed in (("--server", "5"), ("--channel", "5"), ("--since", "1d"), ("--min-size", "4")):
        nothing = bot("groups", *narrowed)
        assert (nothing.returncode, nothing.stdout) == (0, "")
        assert "No messages say the same that often." in nothing.stderr
    assert bot("groups", "--server", str(GUILD), "--channel", str(CHANNEL), "--since", "2020-01-01").stdout
    assert bot("groups", "--min-size", "1").returncode == 2


def test_groups_of_nothing_say_what_to_do() -> None:
    """Without a database there is a sentence, in the language of the terminal."""
    nothing = bot("groups", LANG="ja_JP.UTF-8")

    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "まだ何も保存されていません" in nothing.stderr
