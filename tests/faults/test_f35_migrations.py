"""F35: the process dies while it brings the database up to date; an older program meets a newer database."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from faults.dying import die_everywhere

from bot.errors import DatabaseTooNew
from bot.storage import database as module
from bot.storage.database import open_to_read, open_to_write
from bot.storage.schema import MIGRATIONS

_ROWS = (
    "INSERT INTO servers (guild_id, name) VALUES (1, 'Town')",
    "INSERT INTO channels (guild_id, channel_id, kind, name) VALUES (1, 10, 'text', 'square')",
    """INSERT INTO messages (guild_id, message_id, channel_id, author_id, origin, content)
       VALUES (1, 7, 10, 501, 1, 'hello')""",
    "INSERT INTO pending (guild_id, message_id) VALUES (1, 7)",
    "INSERT INTO marks (guild_id, channel_id, high_id, low_id) VALUES (1, 10, 7, 7)",
)
_HELD = "SELECT name, content, high_id FROM servers JOIN messages USING (guild_id) JOIN marks USING (guild_id)"


async def of_version(version: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a program of a version left it, with rows in it; an empty one for version 0."""
    folder.mkdir()
    if not version:
        return folder
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[:version])
        async with open_to_write(folder) as database, database.transaction() as transaction:
            for row in _ROWS:
                await transaction.execute(row)
    return folder


def read(folder: Path) -> tuple[int, list[Any], list[Any]]:
    """Which version is there, what its schema is, and what it holds; version 0 where there is none."""
    if not (folder / "bot.db").exists():
        return 0, [], []
    with closing(sqlite3.connect(folder / "bot.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [(version,)] = connection.execute("PRAGMA user_version").fetchall()
        schema = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
        return version, schema, connection.execute(_HELD).fetchall()


# From the first version on every migration is gone through; the others begin elsewhere.
@pytest.mark.parametrize("version", [0, 1, 5, 8, len(MIGRATIONS) // 2, len(MIGRATIONS) - 1])
async def test_f35_a_kill_in_a_migration_leaves_a_version_whole(
    quick_folder: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """Killed at any await of opening, there is the database of one version or another, and the next start goes on."""
    held = [("Town", "hello", 7)] if version else []
    whole = [read(await of_version(v, quick_folder / f"whole {v}", monkeypatch))[1] for v in range(len(MIGRATIONS) + 1)]
    template = await of_version(version, quick_folder / "template", monkeypatch)

    folders = die_everywhere("open", template, quick_folder / "dead")
    reached = set()
    for folder in folders:
        left = shutil.copytree(folder, quick_folder / "copy")
        reached.add((found := read(left))[0])
        shutil.rmtree(left)
        assert found[0] >= version
        assert found[1:] == (whole[found[0]], held), folder.name

        async with open_to_write(folder) as database:
            assert await database.problems() == []
        assert read(folder) == (len(MIGRATIONS), whole[-1], held), folder.name
    # A new database gets its name when it is whole.
    assert reached == ({0, len(MIGRATIONS)} if version == 0 else set(range(version, len(MIGRATIONS) + 1)))


def bytes_in(folder: Path) -> dict[str, bytes]:
    """What stands in the database's file and in its log; a reader may leave an empty log."""
    contents = {path.name: path.read_bytes() for path in folder.glob("bot.db*") if not path.name.endswith("-shm")}
    return {name: content for name, content in contents.items() if content}


@pytest.mark.parametrize("opened", [open_to_write, open_to_read])
async def test_f35_an_older_program_touches_no_byte_of_a_newer_database(
    quick_folder: Path, monkeypatch: pytest.MonkeyPatch, opened: Any
) -> None:
    """A database of a version to come is refused, and its file is as it was."""
    folder = await of_version(len(MIGRATIONS), quick_folder / "data", monkeypatch)
    before = bytes_in(folder)
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:-1])

    with pytest.raises(DatabaseTooNew):
        async with opened(folder):
            pass
    assert bytes_in(folder) == before


@pytest.mark.parametrize("opened", [open_to_write, open_to_read])
async def test_f35_an_older_program_touches_nothing_of_a_newer_one_that_was_killed(
    quick_folder: Path, monkeypatch: pytest.MonkeyPatch, opened: Any
) -> None:
    """Where the newer program was killed and left a log, the older one leaves both the file and the log."""
    folder = await of_version(len(MIGRATIONS), quick_folder / "running", monkeypatch)
    async with open_to_write(folder) as database:
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE servers SET name = 'City'")
        folder = shutil.copytree(folder, quick_folder / "killed", ignore=shutil.ignore_patterns("*-shm"))
    before = bytes_in(folder)
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:-1])

    with pytest.raises(DatabaseTooNew):
        async with opened(folder):
            pass
    assert bytes_in(folder) == before
