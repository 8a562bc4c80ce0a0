"""Copies of the database: made beside a running bot, and put in its place."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from keys import KEY, OTHER_KEY
from make import PUT_MESSAGE, utc
from sqlcipher3 import dbapi2 as sqlite

from bot.errors import (
    BackupExists,
    BackupFailed,
    BackupUnusable,
    DatabaseForeign,
    DatabaseInPlace,
    DatabaseLocked,
    DatabaseTooNew,
    DataKeyUnfit,
    NothingToBackUp,
)
from bot.storage import backup as module
from bot.storage import connections
from bot.storage import database as database_module
from bot.storage.backup import Backup, back_up, restore
from bot.storage.database import Database, open_to_write
from bot.storage.schema import APPLICATION_ID, MIGRATIONS

NOW = utc("2025-03-01T12:30:05")


def unwatched(n_done: int, n_pages: int) -> None:
    """Nobody looks at the progress."""


async def say(database: Database, *message_ids: int) -> None:
    async with database.transaction() as transaction:
        for i in message_ids:
            await transaction.execute(f"{PUT_MESSAGE} (1, ?, 10, 501, 1, NULL, 'hello')", (i,))


async def said(folder: Path) -> list[int]:
    """The ids of a sound database's messages, after it was opened as a start of the bot opens it."""
    async with open_to_write(folder) as database:
        assert await database.problems() == []
        assert await database.fetch("PRAGMA journal_mode") == [("wal",)]
        return [row[0] for row in await database.fetch("SELECT message_id FROM messages ORDER BY message_id")]


async def made(folder: Path, *message_ids: int) -> Path:
    """A backup of a folder's database that holds these messages."""
    async with open_to_write(folder) as database:
        await say(database, *message_ids)
        return back_up(folder, folder / "copy.db", now=NOW, on_progress=unwatched).path


@pytest.fixture
async def copy(tmp_path: Path) -> Path:
    """A backup of another folder, with two messages."""
    (tmp_path / "other").mkdir()
    return await made(tmp_path / "other", 3, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty data folder."""
    path = tmp_path / "data"
    path.mkdir()
    return path


async def left_by_a_kill(folder: Path) -> None:
    """A database with two messages, the second of which stands in the log alone."""
    running = folder.with_name("running")
    running.mkdir()
    async with open_to_write(running) as database:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (1, 'Town')")
        await say(database, 1)
        await database.checkpoint()
        await say(database, 2)
        for name in ("bot.db", "bot.db-wal"):
            shutil.copy(running / name, folder / name)


async def test_a_backup_holds_what_was_committed_while_the_bot_runs(database: Database, tmp_path: Path) -> None:
    """What stands in the log alone is in the copy, which is one file, for its owner alone."""
    await say(database, 1, 2)
    backup = back_up(tmp_path, tmp_path / "copy.db", now=NOW, on_progress=unwatched)

    assert backup == Backup(tmp_path / "copy.db", 2, (tmp_path / "copy.db").stat().st_size)
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bot.db", "bot.db-shm", "bot.db-wal", "copy.db"]
    with sqlite.connect(f"file:{backup.path}?immutable=1", uri=True) as copied:
        assert copied.execute("SELECT message_id FROM messages").fetchall() == [(1,), (2,)]
    copied.close()


async def test_a_backup_ends_although_somebody_writes_all_the_time(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit between any two steps neither makes the copy begin anew nor comes into it."""
    monkeypatch.setattr(module, "_PAGES_A_STEP", 1)
    await say(database, 1)
    other = sqlite.connect(str(tmp_path / "bot.db"), isolation_level=None)
    steps = []

    def write(n_done: int, n_pages: int) -> None:
        steps.append((n_done, n_pages))
        assert len(steps) <= n_pages
        other.execute(f"{PUT_MESSAGE} (1, ?, 10, 501, 1, NULL, 'later')", (1 + len(steps),))

    backup = back_up(tmp_path, tmp_path / "copy.db", now=NOW, on_progress=write)
    other.close()

    assert backup.n_messages == 1
    assert steps[-1][0] == steps[-1][1] == len(steps) > 10
    assert await database.fetch("SELECT count(*) FROM messages") == [(1 + len(steps),)]


async def test_a_folder_gets_a_file_with_the_time_in_its_name(database: Database, tmp_path: Path) -> None:
    """Into a folder the copy goes under a name of its own, in UTC."""
    (tmp_path / "backups").mkdir()
    backup = back_up(tmp_path, tmp_path / "backups", now=NOW, on_progress=unwatched)

    assert backup.path == tmp_path / "backups" / "similar-bot-2025-03-01T12-30-05Z.db"
    assert list(backup.path.parent.iterdir()) == [backup.path]


@pytest.mark.parametrize("made", [Path.touch, lambda path: path.symlink_to("nowhere")], ids=["file", "link"])
async def test_a_backup_overwrites_nothing(database: Database, tmp_path: Path, made) -> None:
    """What is there already, even a link to nowhere, is refused and left alone."""
    target = tmp_path / "copy.db"
    made(target)

    with pytest.raises(BackupExists):
        back_up(tmp_path, target, now=NOW, on_progress=unwatched)
    assert target.is_symlink() or target.read_bytes() == b""


@pytest.mark.parametrize("has_links", [True, False])
async def test_a_backup_does_not_overwrite_what_came_meanwhile_either(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links
) -> None:
    """A file that takes the name during the copy stays, whether or not the file system knows second names."""

    def no_link(*paths: Path) -> None:
        raise PermissionError

    if not has_links:
        monkeypatch.setattr(os, "link", no_link)
    target = tmp_path / "copy.db"
    with pytest.raises(BackupExists):
        back_up(tmp_path, target, now=NOW, on_progress=lambda *_: target.write_text("mine"))
    assert target.read_text() == "mine"
    assert not list(tmp_path.glob("*.part"))

    assert back_up(tmp_path, tmp_path / "another.db", now=NOW, on_progress=unwatched).path.exists()
    assert not list(tmp_path.glob("*.part"))


async def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    """An empty folder is told, and stays empty."""
    with pytest.raises(NothingToBackUp):
        back_up(tmp_path, tmp_path / "copy.db", now=NOW, on_progress=unwatched)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["missing/copy.db", "x" * 300])
async def test_a_place_that_cannot_be_written_to_is_told(database: Database, tmp_path: Path, target: str) -> None:
    """The system's reason comes out with the path."""
    with pytest.raises(BackupFailed):
        back_up(tmp_path, tmp_path / target, now=NOW, on_progress=unwatched)


async def test_a_backup_that_is_stopped_leaves_nothing(database: Database, tmp_path: Path) -> None:
    """Ctrl+C in the middle ends the copy at once, without a trace."""

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(tmp_path, tmp_path / "copy.db", now=NOW, on_progress=stop)
    assert not list(tmp_path.glob("copy.db*"))


def damage(path: Path) -> None:
    """Overwrite the beginning of a table that nobody asks for anything."""
    with sqlite.connect(f"file:{path}?immutable=1", uri=True) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'told_commands'").fetchall()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 16_384 : (page - 1) * 16_384 + 100] = bytes(range(100))
    path.write_bytes(content)


def miscount(path: Path) -> None:
    """Claim free pages that there are none of: nothing fails, but SQLite's check finds it."""
    with path.open("r+b") as file:
        file.seek(36)
        file.write((7).to_bytes(4))


@pytest.mark.parametrize("damaged", [damage, miscount])
async def test_f7_a_damaged_database_makes_no_backup(folder: Path, damaged) -> None:
    """What does not pass SQLite's check gets no name, so that nobody relies on it."""
    await made(folder, 1)
    (folder / "copy.db").unlink()
    damaged(folder / "bot.db")

    with pytest.raises(BackupFailed):
        back_up(folder, folder / "copy.db", now=NOW, on_progress=unwatched)
    assert not list(folder.glob("copy.db*"))


async def test_f34_a_restored_backup_is_what_it_was(copy: Path, folder: Path) -> None:
    """An empty folder, and one whose database has no messages, take a backup without being told to replace."""
    first = restore(copy, folder, replace=False, on_progress=unwatched)

    assert (first.path, first.n_messages) == (folder / "bot.db", 2)
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert await said(folder) == [3, 4]
    async with open_to_write(folder) as database, database.transaction() as transaction:
        await transaction.execute("DELETE FROM messages")
    restore(copy, folder, replace=False, on_progress=unwatched)
    assert await said(folder) == [3, 4]


async def test_f34_messages_are_given_up_only_when_that_is_said(copy: Path, folder: Path) -> None:
    """Without `replace` what is stored stays; with it nothing of it does, not even what stood in its log alone."""
    await left_by_a_kill(folder)
    with pytest.raises(DatabaseInPlace):
        restore(copy, folder, replace=False, on_progress=unwatched)
    assert sorted(path.name for path in folder.iterdir() if path.name != "bot.db-shm") == ["bot.db", "bot.db-wal"]

    restore(copy, folder, replace=True, on_progress=unwatched)
    assert [path.name for path in folder.iterdir()] == ["bot.db"]
    assert await said(folder) == [3, 4]


def as_missing(path: Path) -> None:
    path.unlink()


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_text(path: Path) -> None:
    path.write_text("these are the words of somebody else\n" * 200)


def as_empty(path: Path) -> None:
    path.write_bytes(b"")


def as_cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def as_foreign(path: Path) -> None:
    path.unlink()
    with sqlite.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def as_newer(path: Path) -> None:
    with sqlite.connect(str(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (as_missing, BackupUnusable),
        (as_folder, BackupUnusable),
        (as_text, BackupUnusable),
        (as_empty, BackupUnusable),
        (as_cut, BackupUnusable),
        (damage, BackupUnusable),
        (miscount, BackupUnusable),
        (as_foreign, BackupUnusable),
        (as_newer, DatabaseTooNew),
    ],
)
async def test_b44_what_is_no_sound_backup_of_ours_changes_nothing(copy: Path, folder: Path, made, error) -> None:
    """Neither the file nor what is stored is touched."""
    await left_by_a_kill(folder)
    made(copy)
    before = copy.read_bytes() if copy.is_file() else None

    with pytest.raises(error):
        restore(copy, folder, replace=True, on_progress=unwatched)
    assert (copy.read_bytes() if copy.is_file() else None) == before
    assert not (folder / "bot.db.new").exists()
    assert await said(folder) == [1, 2]


async def test_the_database_is_no_backup_of_itself(folder: Path) -> None:
    """Restoring a database over itself is refused."""
    await made(folder, 1)

    with pytest.raises(BackupUnusable):
        restore(folder / "bot.db", folder, replace=True, on_progress=unwatched)
    assert await said(folder) == [1]


async def test_the_database_of_another_program_is_not_replaced(copy: Path, folder: Path) -> None:
    """What is not ours is left alone, whatever was said."""
    (folder / "bot.db").touch()
    as_foreign(folder / "bot.db")
    before = (folder / "bot.db").read_bytes()

    with pytest.raises(DatabaseForeign):
        restore(copy, folder, replace=True, on_progress=unwatched)
    assert (folder / "bot.db").read_bytes() == before


@pytest.mark.parametrize("ruined", [as_text, as_empty, as_newer, damage])
async def test_f7_a_database_that_cannot_be_used_is_replaced_when_that_is_said(
    copy: Path, folder: Path, ruined
) -> None:
    """Its log goes with it, and the backup is whole."""
    await left_by_a_kill(folder)
    ruined(folder / "bot.db")
    with pytest.raises(DatabaseInPlace):
        restore(copy, folder, replace=False, on_progress=unwatched)

    restore(copy, folder, replace=True, on_progress=unwatched)
    assert await said(folder) == [3, 4]


async def test_f34_a_backup_of_an_older_version_is_brought_up_to_date(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start migrates what was restored."""
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", MIGRATIONS[:1])
        old = await made(tmp_path, 1)
    assert restore(old, folder, replace=False, on_progress=unwatched).n_messages == 1

    async with open_to_write(folder) as database:
        assert await database.fetch("PRAGMA user_version") == [(len(MIGRATIONS),)]


async def test_a_file_copy_with_its_log_is_read_with_its_log(tmp_path: Path, folder: Path) -> None:
    """Whoever copied both files of a stopped bot restores both."""
    kept = tmp_path / "kept"
    kept.mkdir()
    await left_by_a_kill(kept)
    restore(kept / "bot.db", folder, replace=False, on_progress=unwatched)

    assert await said(folder) == [1, 2]


async def test_restoring_waits_for_readers_and_then_leaves_everything(
    copy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process has the database open nothing is put in its place: the two would share a log."""
    monkeypatch.setattr(connections, "BUSY_S", 0.2)
    async with open_to_write(folder) as database:
        await say(database, 1)
        with pytest.raises(DatabaseLocked):
            restore(copy, folder, replace=True, on_progress=unwatched)
        await say(database, 2)

    assert await said(folder) == [1, 2]
    assert not (folder / "bot.db.new").exists()


async def n_servers(folder: Path) -> int:
    """How many servers a database knows: what no log of another one holds."""
    async with open_to_write(folder) as database:
        return len(await database.fetch("SELECT 1 FROM servers"))


def killed_at_every_line(verb: str, state: Path, source: Path, into: Path) -> list[Path]:
    """The folders that were left, in the order of the lines; the last run came to its end."""
    into.mkdir()
    command = [sys.executable, Path(__file__).with_name("kills.py"), verb, state, source, into]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(__file__).parents[n]) for n in (1, 2))}
    subprocess.run(list(map(str, command)), check=True, env=environment, timeout=110)
    folders = sorted(into.iterdir(), key=lambda path: int(path.name))
    assert len(folders) > 40
    return folders


async def test_f34_a_restore_that_is_killed_at_any_line_leaves_the_old_or_the_new(
    copy: Path, folder: Path, tmp_path: Path
) -> None:
    """After each kill the folder holds a sound database: first all that was stored, log and all, then the backup."""
    await left_by_a_kill(folder)
    left = [
        (await n_servers(path), await said(path))
        for path in killed_at_every_line("restore", folder, copy, tmp_path / "killed")
    ]

    old, new = (1, [1, 2]), (0, [3, 4])
    n_old = left.count(old)
    assert 0 < n_old < len(left)
    assert left == [old] * n_old + [new] * (len(left) - n_old)


async def test_f1_a_backup_that_is_killed_at_any_line_is_whole_or_not_there(folder: Path, tmp_path: Path) -> None:
    """Under the name of the backup stands the whole of it or nothing, and the database is as it was."""
    await left_by_a_kill(folder)
    seen = set()
    for path in killed_at_every_line("backup", folder, folder, tmp_path / "killed"):
        target = path / "copy.db"
        seen.add(target.exists())
        if target.exists():
            (path / "restored").mkdir()
            restore(target, path / "restored", replace=False, on_progress=unwatched)
            assert await said(path / "restored") == [1, 2]
        assert await said(path) == [1, 2]

    assert seen == {False, True}


async def test_a_backup_of_an_encrypted_database_has_its_key(tmp_path: Path, folder: Path) -> None:
    """The copy, made beside a running bot, cannot be read without the key, and comes back with it."""
    (tmp_path / "other").mkdir()
    async with open_to_write(tmp_path / "other", KEY) as database:
        await say(database, 3, 4)
        made = back_up(tmp_path / "other", tmp_path / "copy.db", now=NOW, on_progress=unwatched, key=KEY)
    restored = restore(made.path, folder, replace=False, on_progress=unwatched, key=KEY)

    assert (made.n_messages, restored.n_messages) == (2, 2)
    assert b"hello" not in made.path.read_bytes()
    assert made.path.read_bytes()[:16] != (tmp_path / "other" / "bot.db").read_bytes()[:16]
    async with open_to_write(folder, KEY) as database:
        assert await database.fetch("SELECT message_id FROM messages ORDER BY 1") == [(3,), (4,)]
        assert await database.problems() == []


@pytest.mark.parametrize("wrong", [None, OTHER_KEY], ids=["none", "another"])
async def test_a_backup_of_another_key_is_told_and_changes_nothing(tmp_path: Path, folder: Path, wrong) -> None:
    """Neither is it restored, nor does an encrypted database make a backup for somebody without its key."""
    (tmp_path / "other").mkdir()
    async with open_to_write(tmp_path / "other", KEY) as database:
        await say(database, 3)
    await left_by_a_kill(folder)

    with pytest.raises(DataKeyUnfit):
        restore(tmp_path / "other" / "bot.db", folder, replace=True, on_progress=unwatched, key=wrong)
    with pytest.raises(DataKeyUnfit):
        back_up(tmp_path / "other", tmp_path / "copy.db", now=NOW, on_progress=unwatched, key=wrong)
    assert not list(tmp_path.glob("copy.db*"))
    assert await said(folder) == [1, 2]


async def test_a_backup_that_is_not_encrypted_is_not_restored_with_a_key(copy: Path, folder: Path) -> None:
    """It would be the only thing there that anybody can read."""
    with pytest.raises(DataKeyUnfit):
        restore(copy, folder, replace=False, on_progress=unwatched, key=KEY)
    assert list(folder.iterdir()) == []


async def test_a_database_whose_key_is_lost_is_replaced_when_that_is_said(copy: Path, folder: Path) -> None:
    """Nobody can tell what it holds, so it counts as holding something; its log goes with it."""
    async with open_to_write(folder, KEY) as database:
        await say(database, 1)
    (folder / "bot.db-wal").write_bytes(b"what was left of it")
    with pytest.raises(DatabaseInPlace):
        restore(copy, folder, replace=False, on_progress=unwatched)

    restore(copy, folder, replace=True, on_progress=unwatched)
    assert await said(folder) == [3, 4]


async def test_a_backup_is_marked_as_ours(copy: Path) -> None:
    """The copy carries the application id and the version."""
    with sqlite.connect(f"file:{copy}?immutable=1", uri=True) as connection:
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    connection.close()

    assert found == [APPLICATION_ID, len(MIGRATIONS)]


# --- what people want to be kept of them


async def wish(folder: Path, author_id: int, *, since: int, last_id: int) -> None:
    """Somebody opts out and is forgotten, and nothing of them is left."""
    async with open_to_write(folder) as database, database.transaction() as transaction:
        await transaction.execute("INSERT OR REPLACE INTO optouts VALUES (1, ?, ?, 1)", (author_id, since))
        await transaction.execute("INSERT OR REPLACE INTO forgotten VALUES (1, ?, ?, 1)", (author_id, last_id))


async def wished(folder: Path) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """Who opted out since when, and up to which id people were forgotten, each with whether that was done."""
    async with open_to_write(folder) as database:
        return (
            await database.fetch("SELECT author_id, since, is_done FROM optouts ORDER BY author_id"),
            await database.fetch("SELECT author_id, last_id, is_done FROM forgotten ORDER BY author_id"),
        )


async def test_who_opted_out_after_a_backup_was_made_is_not_kept_by_it(folder: Path) -> None:
    """What takes the place of a database knows what that knew of people's wishes, to be done anew, and its own."""
    await wish(folder, 501, since=20, last_id=5)
    await wish(folder, 502, since=20, last_id=5)
    backup = await made(folder, 1)
    async with open_to_write(folder) as database, database.transaction() as transaction:
        await transaction.execute("DELETE FROM optouts WHERE author_id = 501")
    await wish(folder, 502, since=30, last_id=9)
    await wish(folder, 503, since=40, last_id=7)

    restore(backup, folder, replace=True, on_progress=unwatched)
    assert await said(folder) == [1]
    assert await wished(folder) == (
        [(501, 20, 1), (502, 20, 1), (503, 40, 0)],
        [(501, 5, 1), (502, 9, 0), (503, 7, 0)],
    )


async def test_wishes_go_into_a_backup_of_an_older_version(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that was made when nobody could opt out keeps nobody who has opted out since."""
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", MIGRATIONS[:1])
        old = await made(tmp_path, 1)
    await wish(folder, 501, since=20, last_id=5)

    restore(old, folder, replace=True, on_progress=unwatched)
    assert await said(folder) == [1]
    assert await wished(folder) == ([(501, 20, 0)], [(501, 5, 0)])
