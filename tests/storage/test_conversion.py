"""Databases that are written anew with a key or without one."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from keys import KEY, OTHER_KEY
from make import PUT_MESSAGE
from sqlcipher3 import dbapi2 as sqlite

from bot.errors import ConversionFailed, DatabaseForeign, DatabaseLocked, DataKeyUnfit
from bot.index.mirror import wipe_mirrors
from bot.storage import connections
from bot.storage import conversion as module
from bot.storage.backup import Backup
from bot.storage.cipher import SEALED_PAGE_SIZE, DataKey, is_plain
from bot.storage.conversion import decrypt, encrypt
from bot.storage.database import PAGE_SIZE, Database, open_to_read, open_to_write
from bot.storage.lexicon import Lexicon
from bot.storage.schema import MIGRATIONS

WORDS = "umbrella"
CONVERSIONS = {"encrypt": (encrypt, None, KEY), "decrypt": (decrypt, KEY, None)}


def unwatched(n_done: int, n_bytes: int) -> None:
    """Nobody looks at the progress."""


def converted(convert, folder: Path, key: DataKey = KEY) -> Backup | None:
    return convert(folder, key, wipe_copies=lambda: wipe_mirrors(folder), on_progress=unwatched)


async def fill(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (1, 'Town')")
        for i in range(1, 60):
            await transaction.execute(
                f"{PUT_MESSAGE} (1, ?, 10, 501, 1, x'00', ?)", (i, f"{WORDS} {i} " + "and more " * 200)
            )
        await transaction.execute("DELETE FROM messages WHERE message_id < 10")
    lexicon = Lexicon(database)
    texts = await lexicon.unworded(1_000)
    await lexicon.put(texts, [[WORDS] for _ in texts])


async def held(folder: Path, key: DataKey | None) -> list[Any]:
    """All that a sound database holds, but for its session, opened as a start of the bot opens it."""
    async with open_to_write(folder, key) as database:
        assert await database.problems() == []
        assert await database.fetch("PRAGMA journal_mode") == [("wal",)]
        [(page_size,)] = await database.fetch("PRAGMA page_size")
        assert int(page_size) == (PAGE_SIZE if key is None else SEALED_PAGE_SIZE)
        schema = await database.fetch("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2")
        tables = [name for kind, name, _ in schema if kind == "table" and name != "sessions"]
        rows = [await database.fetch(f'SELECT * FROM "{name}"') for name in tables]
        found = await database.fetch("SELECT rowid FROM lexicon WHERE lexicon MATCH ? ORDER BY 1", (WORDS,))
        return [schema, rows, found, await database.fetch("PRAGMA user_version")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


async def left_by_a_kill(folder: Path, key: DataKey | None) -> None:
    """A filled database of which some stands in the log alone, with a file of the mirror."""
    running = folder.with_name("running")
    running.mkdir()
    async with open_to_write(running, key) as database:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (2, 'Village')")
        await database.checkpoint()
        await fill(database)
        for name in ("bot.db", "bot.db-wal"):
            shutil.copy(running / name, folder / name)
    (folder / "mirror" / "x").mkdir(parents=True)
    (folder / "mirror" / "x" / "1.mirror").write_bytes(WORDS.encode())


@pytest.mark.parametrize("verb", CONVERSIONS)
async def test_everything_is_there_with_the_other_key(folder: Path, verb: str) -> None:
    """Tables, triggers, the full-text index, versions and rows are the same; what was kept of indexes is gone."""
    convert, before, after = CONVERSIONS[verb]
    await left_by_a_kill(folder, before)
    wanted = await held(folder, before)
    done = converted(convert, folder)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()]

    assert done == Backup(folder / "bot.db", 50, (folder / "bot.db").stat().st_size)
    assert modes == [0o600]
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["bot.db"]
    assert is_plain(folder / "bot.db") == (after is None)
    assert (WORDS.encode() in (folder / "bot.db").read_bytes()) == (after is None)
    assert await held(folder, after) == wanted
    with pytest.raises(DataKeyUnfit):
        await held(folder, before if after is None else None)


@pytest.mark.parametrize("verb", CONVERSIONS)
async def test_what_is_done_is_not_done_again(folder: Path, verb: str) -> None:
    """The second time the file stays the very same."""
    convert, before, _ = CONVERSIONS[verb]
    await left_by_a_kill(folder, before)
    converted(convert, folder)
    inode = (folder / "bot.db").stat().st_ino

    assert converted(convert, folder) is None
    assert (folder / "bot.db").stat().st_ino == inode


async def test_the_old_file_and_its_log_are_overwritten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever still has the old files open finds zeros in them: on a plain disk nothing of the text is left."""
    await left_by_a_kill(folder, None)
    files = [(folder / name).open("rb") for name in ("bot.db", "bot.db-wal", "mirror/x/1.mirror")]
    before = [file.read() for file in files]
    assert all(WORDS.encode() in content for content in before[1:])
    converted(encrypt, folder)

    for file in files:
        with file:
            file.seek(0)
            assert not any(file.read())


async def test_a_snapshot_by_second_names_keeps_its_bytes(folder: Path) -> None:
    """An old file that somebody has linked elsewhere is given up, and not overwritten."""
    async with open_to_write(folder) as database:
        await fill(database)
    (folder / "snapshot").hardlink_to(folder / "bot.db")
    converted(encrypt, folder)

    assert WORDS.encode() in (folder / "snapshot").read_bytes()
    assert WORDS.encode() not in (folder / "bot.db").read_bytes()


async def test_progress_is_told_in_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It rises to what there is and not beyond."""
    monkeypatch.setattr(module, "_A_LOOK", 100)
    async with open_to_write(folder) as database:
        await fill(database)
    n_bytes = (folder / "bot.db").stat().st_size
    seen: list[tuple[int, int]] = []
    encrypt(folder, KEY, wipe_copies=list, on_progress=lambda *done: seen.append(done))

    assert seen == sorted(seen)
    assert len({n_done for n_done, _ in seen}) > 3
    assert {n for _, n in seen} == {n_bytes}


async def test_a_database_of_an_older_version_is_converted_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start migrates what was encrypted, with the functions that migrations call."""
    with monkeypatch.context() as patch:
        patch.setattr("bot.storage.database.MIGRATIONS", MIGRATIONS[:5])
        async with open_to_write(folder) as old, old.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (1, 'Town')")
            await transaction.execute(f"{PUT_MESSAGE} (1, 7, 10, 501, 1, x'00', 'hello')")
        converted(encrypt, folder)

    async with open_to_write(folder, KEY) as database:
        assert await database.fetch("PRAGMA user_version") == [(len(MIGRATIONS),)]
        assert await database.fetch("SELECT message_id FROM messages") == [(7,)]


# --- what is refused


def reason_of(caught: pytest.ExceptionInfo[ConversionFailed]) -> str:
    return str(caught.value.values["reason"])


@pytest.mark.parametrize("convert", [encrypt, decrypt])
def test_without_a_database_there_is_nothing_to_convert(folder: Path, convert) -> None:
    """An empty folder is told, and stays empty."""
    with pytest.raises(ConversionFailed) as caught:
        converted(convert, folder)

    assert reason_of(caught) == "no_database"
    assert list(folder.iterdir()) == []


async def test_a_link_is_not_followed(folder: Path) -> None:
    """The file behind it would be left behind in the clear."""
    async with open_to_write(folder):
        pass
    (folder / "bot.db").rename(folder.with_name("real.db"))
    (folder / "bot.db").symlink_to(folder.with_name("real.db"))

    with pytest.raises(ConversionFailed) as caught:
        converted(encrypt, folder)
    assert reason_of(caught) == "link"


async def test_a_full_disk_is_told_before_anything_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room for the copy is asked for with its log, and nothing is touched without it."""
    await left_by_a_kill(folder, None)
    before = {path.name: path.read_bytes() for path in folder.glob("bot.db*")}
    usage = shutil.disk_usage(folder)._replace(free=sum(map(len, before.values())) + module._SPARE)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)

    with pytest.raises(ConversionFailed) as caught:
        converted(encrypt, folder)
    assert reason_of(caught) == "no_room"
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert (folder / "mirror" / "x" / "1.mirror").exists()


@pytest.mark.parametrize("convert", [encrypt, decrypt])
async def test_another_key_changes_nothing(folder: Path, convert) -> None:
    """Whoever has the wrong key is told, and the file is the same."""
    async with open_to_write(folder, KEY):
        pass
    before = (folder / "bot.db").read_bytes()

    with pytest.raises(DataKeyUnfit):
        converted(convert, folder, OTHER_KEY)
    assert (folder / "bot.db").read_bytes() == before


async def test_the_database_of_another_program_is_left_alone(folder: Path) -> None:
    """What is not ours is not encrypted."""
    with sqlite.connect(str(folder / "bot.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = (folder / "bot.db").read_bytes()

    with pytest.raises(DatabaseForeign):
        converted(encrypt, folder)
    assert (folder / "bot.db").read_bytes() == before


async def test_while_another_process_reads_nothing_is_converted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log would outlive the database."""
    monkeypatch.setattr(connections, "BUSY_S", 0.2)
    async with open_to_write(folder) as database:
        await fill(database)
        with pytest.raises(DatabaseLocked):
            converted(encrypt, folder)

    assert is_plain(folder / "bot.db")
    assert not (folder / "bot.db.new").exists()


def ruin(path: Path) -> None:
    """Overwrite the beginning of a table."""
    with sqlite.connect(f"file:{path}?immutable=1", uri=True) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'messages'").fetchall()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * PAGE_SIZE : (page - 1) * PAGE_SIZE + 100] = bytes(range(100))
    path.write_bytes(content)


async def test_f7_what_is_damaged_is_not_converted(folder: Path) -> None:
    """A copy that is not sound is no reason to give up what there is."""
    async with open_to_write(folder) as database:
        await fill(database)
    ruin(folder / "bot.db")
    before = (folder / "bot.db").read_bytes()[PAGE_SIZE:]

    with pytest.raises(ConversionFailed):
        converted(encrypt, folder)
    assert (folder / "bot.db").read_bytes()[PAGE_SIZE:] == before
    assert not (folder / "bot.db.new").exists()


async def test_a_copy_that_lacks_a_row_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table is counted on both sides before the old file is given up."""
    async with open_to_write(folder) as database:
        await fill(database)
    export = module._export

    def one_short(*arguments: Any) -> dict[str, Any]:
        return {**export(*arguments), "messages": 51}

    monkeypatch.setattr(module, "_export", one_short)
    with pytest.raises(ConversionFailed, match="differs"):
        converted(encrypt, folder)
    assert is_plain(folder / "bot.db")
    assert not (folder / "bot.db.new").exists()


async def test_a_disk_that_fails_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the system keeps the old database, and takes away the copy."""
    async with open_to_write(folder) as database:
        await fill(database)

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "sync", full)
    with pytest.raises(ConversionFailed, match="No space"):
        converted(encrypt, folder)
    assert is_plain(folder / "bot.db")
    assert not (folder / "bot.db.new").exists()


# --- kills


def killed_at_every_line(verb: str, state: Path, into: Path) -> list[Path]:
    """The folders that were left, in the order of the lines; the last run came to its end."""
    into.mkdir()
    command = [sys.executable, Path(__file__).with_name("kills.py"), verb, state, state, into]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(__file__).parents[n]) for n in (1, 2))}
    subprocess.run(list(map(str, command)), check=True, env=environment, timeout=200)
    return sorted(into.iterdir(), key=lambda path: int(path.name))


@pytest.mark.parametrize("verb", CONVERSIONS)
async def test_f1_a_conversion_that_is_killed_at_any_line_leaves_the_old_or_the_new(
    folder: Path, tmp_path: Path, verb: str
) -> None:
    """After each kill the folder opens with the one key or the other and holds all: first the old, then the new.

    The start removes what was left of the copy; the mirror of plain files goes before the encrypted database comes.
    """
    _, before, after = CONVERSIONS[verb]
    await left_by_a_kill(folder, before)
    wanted = await held(shutil.copytree(folder, tmp_path / "untouched"), before)

    is_new = []
    for path in killed_at_every_line(verb, folder, tmp_path / "killed"):
        is_new.append(is_plain(path / "bot.db") == (after is None))
        assert not (is_new[-1] and (path / "mirror" / "x" / "1.mirror").exists()), path.name
        assert await held(path, after if is_new[-1] else before) == wanted, path.name
        assert not list(path.glob("*.new*")), path.name
    assert is_new == sorted(is_new)
    assert len(is_new) > 60
    assert set(is_new) == {False, True}


async def test_who_only_reads_leaves_an_unfinished_copy_alone(folder: Path) -> None:
    """It may be another process's that is at it."""
    async with open_to_write(folder, KEY):
        pass
    (folder / "bot.db.new").write_bytes(b"half of it")
    async with open_to_read(folder, KEY):
        pass

    assert (folder / "bot.db.new").exists()
