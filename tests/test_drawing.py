"""The verbs that draw, as operators use them: whole processes, what they print, and the files that they write."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from make import ADA, BOB, CHANNEL, GUILD, exported_message, write_export
from pixels import pixels
from test_cli import bot

from bot.times import snowflake_at

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
TOPICS = ("The ferry leaves the harbour", "We bake bread with butter", "My printer shows an error")


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Three topics in turn, one message a day, by two people."""
    messages = [
        exported_message(
            snowflake_at(MONDAY + timedelta(days=i)),
            f"{TOPICS[i % 3]}, number {i}",
            author={"id": str((ADA, BOB)[i // 3 % 2]), "name": "ada", "nickname": "Ada", "isBot": False},
        )
        for i in range(60)
    ]
    path = write_export(tmp_path / "town.json", messages)
    assert bot("import", str(path)).returncode == 0
    return path


def test_a_trend_is_written_and_told(town: Path) -> None:
    """The file is a PNG, and the terminal tells in words what it shows, and what limits it."""
    done = bot("trends", "The ferry leaves the harbour", "--out", "trend.png", COLUMNS="1000")

    assert done.returncode == 0
    assert pixels(Path("trend.png").read_bytes()).shape == (675, 1200, 4)
    assert "Bars for 20 messages from the week of 2025-03-03 to that of 2025-04-28" in done.stdout
    assert "By channel: #square (20)." in done.stdout
    assert "Written to trend.png." in done.stdout
    assert "50 %" in done.stderr


def test_a_map_is_written_and_told(town: Path) -> None:
    """The file is a PNG, and the terminal names the groups."""
    done = bot("map", "--out", "map.png", COLUMNS="1000")

    assert (done.returncode, done.stderr) == (0, "")
    assert pixels(Path("map.png").read_bytes()).shape == (675, 1200, 4)
    assert "A map of 60 messages from 2025-03-03 to 2025-05-01" in done.stdout
    assert "ferry" in done.stdout or "harbour" in done.stdout


def test_without_a_file_the_words_are_told(town: Path) -> None:
    """Nothing is written."""
    before = set(Path().iterdir())

    assert "A map of 60 messages" in bot("map", COLUMNS="1000").stdout
    assert set(Path().iterdir()) == before


def test_pictures_can_be_narrowed(town: Path) -> None:
    """By server, channel and time, as `similar` can."""
    ferry = ("trends", "The ferry leaves the harbour")

    assert "Bars for 10 messages" in bot(*ferry, "--since", "2025-04-02", COLUMNS="1000").stdout
    assert (
        "Bars for 20 messages" in bot(*ferry, "--server", str(GUILD), "--channel", str(CHANNEL), COLUMNS="1000").stdout
    )
    for narrowed in (("--server", "7"), ("--channel", "7")):
        done = bot(*ferry, *narrowed)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "Nothing found.\n")
        done = bot("map", *narrowed)
        assert (done.returncode, done.stdout) == (1, "")
        assert "There is too little for a map" in done.stderr


def test_a_file_that_cannot_be_written_is_told(town: Path) -> None:
    """The path and the reason in a sentence."""
    done = bot("map", "--out", "no/such/map.png", COLUMNS="1000")

    assert done.returncode == 1
    assert done.stderr == "No picture was written to no/such/map.png: No such file or directory.\n"
    assert bot("trends", "ferry", "--out", "").returncode == 2


def test_a_japanese_operator_is_told_in_japanese(town: Path) -> None:
    """The words follow the language of the terminal."""
    assert "60 件の地図" in bot("map", COLUMNS="1000", LANG="ja_JP.UTF-8").stdout
