"""The verb that tells what is asked again and again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from make import CHANNEL, GUILD, exported_message, write_export
from sqlcipher3 import dbapi2 as sqlite
from test_cli import bot, rows

from bot.times import snowflake_at


@pytest.fixture
def asked_again(tmp_path: Path) -> list[int]:
    """A question that was asked three times and answered once, of which two are marked; their ids."""
    began = datetime(2026, 1, 5, tzinfo=UTC)
    ids = [snowflake_at(began + timedelta(weeks=n)) for n in range(4)]
    texts = ["when does the ferry leave", "ferry, when", "ferry leaves when"]
    told = [exported_message(i, text) for i, text in zip(ids, texts, strict=False)]
    author = {**told[0]["author"], "id": "502"}
    reply = exported_message(ids[3], "at noon", type="Reply", author=author, reference={"messageId": str(ids[0])})
    assert bot("import", str(write_export(tmp_path / "asked.json", [*told, reply]))).returncode == 0
    with sqlite.connect(tmp_path / "data" / "bot.db") as connection:
        connection.executemany(
            "INSERT INTO duplicates VALUES (?, ?, ?, 0, NULL)", [(GUILD, i, ids[0]) for i in ids[1:3]]
        )
    return ids


def test_what_is_asked_again_is_told(asked_again: list[int]) -> None:
    """How often, since when, and where it was first answered; by server and from a day on, for scripts too."""
    done = bot("duplicates")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3  since 2026-01-05, last 2026-01-19  when does the ferry leave" in done.stdout
    assert f"first answered: https://discord.com/channels/{GUILD}/{CHANNEL}/{asked_again[3]}" in done.stdout

    [row] = rows(bot("duplicates", "--json", "--server", str(GUILD)))
    assert (row["message_id"], row["asked"]) == (str(asked_again[0]), 3)
    assert row["duplicate_ids"] == [str(i) for i in asked_again[1:3]]
    assert row["first_asked_at"] == "2026-01-05T00:00:00+00:00"
    assert row["answer_url"].endswith(str(asked_again[3]))
    assert [row["asked"] for row in rows(bot("duplicates", "--json", "--since", "2026-01-10"))] == [2]


def test_nothing_asked_again_is_told(asked_again: list[int]) -> None:
    """In a sentence beside the output, which is empty; a limit of nought is wrong usage."""
    done = bot("duplicates", "--json", "--since", "2026-02-01")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Nothing is marked as asked again." in done.stderr
    assert bot("duplicates", "--server", "99").stdout == ""
    assert bot("duplicates", "--limit", "0").returncode == 2
