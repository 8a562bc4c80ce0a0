"""Opening, making, migrating, reading and writing the one file."""

import asyncio
import os
import stat
import threading
from pathlib import Path

import pytest
from make import PUT_MESSAGE
from sqlcipher3 import dbapi2 as sqlite

from bot.errors import (
    DatabaseForeign,
    DatabaseLocked,
    DatabaseTooNew,
    DatabaseTooOld,
    DatabaseUnusable,
    StorageFailed,
)
from bot.storage import connections
from bot.storage import database as module
from bot.storage.database import Database, open_to_read, open_to_write
from bot.storage.messages import MessageStore
from bot.storage.schema import APPLICATION_ID, MIGRATIONS, owners, parts
from bot.texts import content_hash

HELLO_HASH = "x'46fb7408d4f285228f4af516ea25851b'"


async def put_server(database: Database, guild_id: int) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (?, ?)", (guild_id, "Town"))


async def guild_ids(database: Database) -> list[int]:
    return [row[0] for row in await database.fetch("SELECT guild_id FROM servers ORDER BY guild_id")]


async def test_a_new_database_has_the_newest_schema_and_our_mark(database: Database) -> None:
    """A new file carries the application id and as many versions as there are migrations."""
    [(application_id, version)] = await database.fetch(
        "SELECT (SELECT * FROM pragma_application_id), (SELECT * FROM pragma_user_version)"
    )

    assert (application_id, version) == (APPLICATION_ID, len(MIGRATIONS))


async def test_writing_is_durable_and_forgets(database: Database) -> None:
    """Both connections write through a log, wait for the disk, and wipe what is deleted."""
    pragmas = {}
    for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete"):
        [(pragmas[name],)] = await database.fetch(f"PRAGMA {name}")

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


async def test_the_files_belong_to_nobody_else(database: Database, tmp_path: Path) -> None:
    """The database and its log can be read by their owner only."""
    await put_server(database, 1)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("bot.db*")}
    assert modes == {"bot.db": 0o600, "bot.db-wal": 0o600, "bot.db-shm": 0o600}


async def test_what_was_committed_is_there_after_opening_again(tmp_path: Path) -> None:
    """A committed row survives closing."""
    async with open_to_write(tmp_path) as first:
        await put_server(first, 1)
    async with open_to_write(tmp_path) as second:
        assert await guild_ids(second) == [1]


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    """Any exception inside rolls everything back, and the next transaction begins clean."""
    with pytest.raises(KeyError):
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (1, 'Town')")
            raise KeyError
    await put_server(database, 2)

    assert await guild_ids(database) == [2]


@pytest.mark.parametrize("n", [0, 1, 199, 200, 201, 1000])
async def test_rows_that_are_inserted_many_at_a_time_are_all_there(database: Database, n: int) -> None:
    """However many there are, each row is inserted once, and those that were there are what the statement says."""
    sql = """INSERT INTO servers (guild_id, name) VALUES {rows}
             ON CONFLICT DO UPDATE SET name = excluded.name || servers.name"""
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (1, 'Town')")
        await transaction.insert_many(sql, [(i, f"New {i} ") for i in range(1, n + 1)])

    expected = [(1, "New 1 Town"), *((i, f"New {i} ") for i in range(2, n + 1))] if n else [(1, "Town")]
    assert await database.fetch("SELECT guild_id, name FROM servers ORDER BY guild_id") == expected


async def test_a_statement_that_fails_is_told_by_name(database: Database) -> None:
    """SQLite's refusal comes out as StorageFailed, with nothing written."""
    await put_server(database, 1)

    with pytest.raises(StorageFailed, match="UNIQUE"):
        await put_server(database, 1)
    assert await guild_ids(database) == [1]


@pytest.mark.parametrize("n_steps", range(8))
async def test_a_cancelled_transaction_leaves_nothing_half_done(database: Database, n_steps: int) -> None:
    """Cancelled after any number of steps, a transaction is either whole or gone, and the next one works."""

    async def two_rows() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (1, 'Town')")
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (2, 'City')")

    task = asyncio.create_task(two_rows())
    for _ in range(n_steps):
        await asyncio.sleep(0.0005)
    task.cancel()
    await asyncio.wait([task])
    await put_server(database, 3)

    assert await guild_ids(database) in ([3], [1, 2, 3])


async def test_transactions_do_not_mix(database: Database) -> None:
    """Of two transactions at once, the failing one takes nothing of the other with it."""

    async def good(guild_id: int) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (?, 'Town')", (guild_id,))
            await transaction.execute("UPDATE servers SET name = 'City' WHERE guild_id = ?", (guild_id,))

    async def bad(guild_id: int) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (?, 'Town')", (guild_id,))
            raise KeyError

    results = await asyncio.gather(*(good(i) if i % 2 else bad(i) for i in range(1, 21)), return_exceptions=True)

    assert sum(isinstance(result, KeyError) for result in results) == 10
    assert await guild_ids(database) == list(range(1, 21, 2))


async def test_a_reader_sees_what_is_committed_while_somebody_writes(tmp_path: Path) -> None:
    """Reading beside a writer neither waits for it nor sees what is not committed."""
    async with open_to_write(tmp_path) as writer, open_to_read(tmp_path) as reader:
        await put_server(writer, 1)
        async with writer.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (2, 'City')")

            assert await guild_ids(reader) == [1]
        assert await guild_ids(reader) == [1, 2]


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """A database that was opened to read refuses every change."""
    async with open_to_write(tmp_path):
        pass
    async with open_to_read(tmp_path) as reader:
        with pytest.raises(StorageFailed):
            await put_server(reader, 1)


async def test_a_reader_of_no_database_finds_an_empty_one_and_makes_none(tmp_path: Path) -> None:
    """Where there is no database yet, reading answers as for an empty one and leaves no file."""
    async with open_to_read(tmp_path) as reader:
        assert await guild_ids(reader) == []
    assert list(tmp_path.iterdir()) == []


def as_empty_file(path: Path) -> None:
    path.touch()


def as_folder(path: Path) -> None:
    path.mkdir()


def as_text(path: Path) -> None:
    path.write_text("these are the words of somebody else\n" * 200)


def as_foreign(path: Path) -> None:
    with sqlite.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def as_newer(path: Path) -> None:
    with sqlite.connect(str(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()


@pytest.mark.parametrize("opened", [open_to_write, open_to_read])
@pytest.mark.parametrize(
    ("made", "error"),
    [
        (as_empty_file, DatabaseUnusable),
        (as_folder, DatabaseUnusable),
        (as_text, DatabaseUnusable),
        (as_foreign, DatabaseForeign),
        (as_newer, DatabaseTooNew),
    ],
)
async def test_b44_a_file_that_is_not_ours_is_refused_untouched(tmp_path: Path, made, error, opened) -> None:
    """An empty file, a folder, a text, another program's or a newer database is refused and left as it was."""
    path = tmp_path / "bot.db"
    made(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(error):
        async with opened(tmp_path):
            pass
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("opened", [open_to_write, open_to_read])
async def test_a_refused_file_leaves_no_thread_that_still_speaks_to_the_loop(tmp_path: Path, opened) -> None:
    """When opening fails, the database's thread has ended by the time the error is raised."""
    (tmp_path / "bot.db").write_text("this is no database at all, however long one looks at it")
    before = set(threading.enumerate())

    with pytest.raises(DatabaseUnusable):
        async with opened(tmp_path):
            pass
    assert not [t for t in set(threading.enumerate()) - before if "asyncio" not in t.name]


async def test_an_older_schema_is_migrated_by_a_writer_and_refused_by_a_reader(tmp_path: Path, monkeypatch) -> None:
    """A writer brings an older database up to date without losing a row; a reader says that it is too old."""
    async with open_to_write(tmp_path) as old:
        await put_server(old, 1)
    monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE later (x INTEGER) STRICT",)))

    with pytest.raises(DatabaseTooOld):
        async with open_to_read(tmp_path):
            pass
    async with open_to_write(tmp_path) as new:
        assert await guild_ids(new) == [1]
        assert await new.fetch("SELECT * FROM later") == []


async def test_a_failed_migration_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    """When the second statement of a migration fails, the first is undone and the version stays."""
    async with open_to_write(tmp_path):
        pass
    broken = (*MIGRATIONS, ("CREATE TABLE later (x INTEGER) STRICT", "CREATE TABLE later (x INTEGER) STRICT"))
    with monkeypatch.context() as patch, pytest.raises(StorageFailed):
        patch.setattr(module, "MIGRATIONS", broken)
        async with open_to_write(tmp_path):
            pass

    async with open_to_write(tmp_path) as mended:
        assert await mended.fetch("SELECT name FROM sqlite_schema WHERE name = 'later'") == []
        assert await mended.fetch("PRAGMA user_version") == [(len(MIGRATIONS),)]


async def test_a_kill_while_the_database_is_made_leaves_none(tmp_path: Path, monkeypatch) -> None:
    """A database that was not finished does not stand under its name, and the next start makes it."""

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        async with open_to_write(tmp_path):
            pass

    assert not (tmp_path / "bot.db").exists()
    async with open_to_write(tmp_path) as made:
        assert await guild_ids(made) == []


async def test_nothing_stays_open(tmp_path: Path) -> None:
    """Opening and closing a database often leaves no file descriptor behind."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        async with open_to_write(tmp_path) as database:
            await guild_ids(database)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_its_own_check_finds_a_damaged_page(tmp_path: Path) -> None:
    """`problems` is empty for a sound file and says something about a damaged one."""
    async with open_to_write(tmp_path) as database:
        await put_server(database, 1)
        assert await database.problems() == []
    path = tmp_path / "bot.db"
    content = bytearray(path.read_bytes())
    content[16_384 : 16_384 + 200] = os.urandom(200)
    path.write_bytes(content)

    async with open_to_read(tmp_path) as damaged:
        try:
            problems = await damaged.problems()
        except StorageFailed as error:
            problems = [error.reason]
    assert problems


async def test_f35_a_database_of_the_first_version_is_brought_up_to_date(tmp_path: Path, monkeypatch) -> None:
    """Servers, messages and vectors of version 1 are all there afterwards, no server counts as left."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[:1])
        async with open_to_write(tmp_path) as old:
            await put_server(old, 1)
            async with old.transaction() as transaction:
                await transaction.execute(f"{PUT_MESSAGE} (1, 7, 10, 501, 1, {HELLO_HASH}, 'hello')")
                await transaction.execute("INSERT INTO generations VALUES (1, 'words', 1, 1, 1)")
                await transaction.execute(f"INSERT INTO embeddings VALUES (1, 1, 1, 7, {HELLO_HASH}, 0, x'0000')")

    async with open_to_write(tmp_path) as new:
        assert await new.fetch("SELECT guild_id, name, left_at, history FROM servers") == [(1, "Town", None, "wanted")]
        assert await new.fetch("SELECT message_id, content FROM messages") == [(7, "hello")]
        assert await new.fetch("SELECT count(*) FROM embeddings") == [(1,)]
        assert await new.fetch("SELECT * FROM coverage") == []
        assert await new.fetch("PRAGMA user_version") == [(len(MIGRATIONS),)]
        assert await new.problems() == []


async def test_a_thread_is_that_of_who_began_it_until_it_is_told(tmp_path: Path, monkeypatch) -> None:
    """Who wrote its first message, if that is stored; an untitled thread and a channel are nobody's."""
    before = MIGRATIONS.index(owners.STATEMENTS)
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[:before])
        async with open_to_write(tmp_path) as old:
            await put_server(old, 1)
            async with old.transaction() as transaction:
                for i, kind, is_untitled in (
                    (20, "thread", 0),
                    (30, "thread", 0),
                    (40, "thread", 1),
                    (50, "text", 0),
                ):
                    await transaction.execute(
                        "INSERT INTO channels (guild_id, channel_id, kind, name, is_untitled) VALUES (1, ?, ?, 'x', ?)",
                        (i, kind, is_untitled),
                    )
                for i in (20, 40, 50):
                    await transaction.execute(f"{PUT_MESSAGE} (1, ?, ?, 501, 1, x'00', 'x')", (i, i))

    async with open_to_write(tmp_path) as new:
        assert await new.fetch("SELECT channel_id FROM channels WHERE owner_id = 501") == [(20,)]
        assert await new.fetch("SELECT count(*) FROM channels WHERE owner_id IS NULL AND channel_id >= 20") == [(3,)]


async def test_texts_that_are_embedded_as_before_keep_their_vectors(tmp_path: Path, monkeypatch) -> None:
    """The second version of the text: what it leaves as it was costs nothing; the others wait, or say nothing."""
    texts = {1: "a word", 2: "ask <@123456789012345678>", 3: "ok", 30: "a word", 5: "below"}
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[:5])
        async with open_to_write(tmp_path) as old:
            await put_server(old, 1)
            async with old.transaction() as transaction:
                await transaction.execute("INSERT INTO channels VALUES (1, 30, 10, 'thread', 'A title')")
                await transaction.execute("INSERT INTO generations VALUES (1, 'words', 1, 1, 1)")
                for i, text in texts.items():
                    channel_id = 30 if i == 5 else 10
                    before = content_hash(text)
                    await transaction.execute(f"{PUT_MESSAGE} (1, ?, ?, 501, 1, ?, ?)", (i, channel_id, before, text))
                    await transaction.execute(
                        "INSERT INTO embeddings VALUES (?, 1, 1, ?, ?, 0, x'0000')", (i, i, before)
                    )

    async with open_to_write(tmp_path) as new:
        assert await new.fetch("SELECT message_id FROM embeddings") == [(1,)]
        assert await new.fetch("SELECT message_id FROM pending ORDER BY 1") == [(2,), (5,), (30,)]
        assert await new.fetch("SELECT message_id FROM unworded ORDER BY 1") == [(1,), (2,), (5,), (30,)]
        assert await new.fetch("SELECT text_version FROM generations") == [(2,)]
        assert await new.fetch("SELECT message_id FROM messages WHERE content_hash IS NULL") == [(3,)]
        found = await MessageStore(new).get_many(1, texts)
        assert {i: one.message.content for i, one in found.items()} == texts
        assert await new.problems() == []


async def test_long_texts_get_their_vectors_anew(tmp_path: Path, monkeypatch) -> None:
    """They wait once, and keep those of the whole until then; what is short waits for nothing."""
    n_before = next(n for n, statements in enumerate(MIGRATIONS) if statements is parts.STATEMENTS)
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[:n_before])
        async with open_to_write(tmp_path) as old:
            await put_server(old, 1)
            async with old.transaction() as transaction:
                await transaction.execute("INSERT INTO generations VALUES (1, 'words', 1, 2, 1), (2, 'old', 1, 2, 0)")
                for i, text in ((7, "short"), (8, "蜂" * 201)):
                    text_hash = content_hash(text)
                    await transaction.execute(f"{PUT_MESSAGE} (1, ?, 10, 501, 1, ?, ?)", (i, text_hash, text))
                    await transaction.execute_many(
                        "INSERT INTO embeddings VALUES (?, ?, 1, ?, ?, 0, x'0000')",
                        [(10 * i + g, g, i, text_hash) for g in (1, 2)],
                    )

    async with open_to_write(tmp_path) as new:
        kept = await new.fetch("SELECT generation_id, message_id FROM embeddings ORDER BY 1, 2")
        assert kept == [(1, 7), (1, 8), (2, 7), (2, 8)]
        assert await new.fetch("SELECT message_id FROM pending") == [(8,)]
        assert await new.problems() == []


async def test_what_was_damaged_stays_so_in_a_new_version(tmp_path: Path, monkeypatch) -> None:
    """A text that did not fit its hash is not believed afterwards, one that is no UTF-8 holds nothing up."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[:5])
        async with open_to_write(tmp_path) as old:
            await put_server(old, 1)
            async with old.transaction() as transaction:
                for i, text in ((1, "X'676172626c6564'"), (2, "X'ff66'"), (3, "X'68656c6c6f'")):
                    await transaction.execute(f"{PUT_MESSAGE} (1, {i}, 10, 501, 1, {HELLO_HASH}, CAST({text} AS TEXT))")

    async with open_to_write(tmp_path) as new:
        assert set(await MessageStore(new).get_many(1, [1, 2, 3])) == {3}
        assert [i async for i in MessageStore(new).damaged_ids()] == [1, 2]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO answer_hits VALUES (1, 0, 0, 1, 99, 50, NULL, 0)",
        "INSERT INTO answer_hits VALUES (99, 0, 0, 1, 7, 50, NULL, 0)",
        "INSERT INTO share_sources VALUES (1, 900, 99, 0, 50, NULL, 0)",
        "INSERT INTO share_sources VALUES (1, 99, 7, 0, 50, NULL, 0)",
    ],
)
async def test_no_answer_or_share_names_what_is_not_stored(database: Database, statement: str) -> None:
    """A hit belongs to an answer or a share and to a message, or it is refused."""
    await put_server(database, 1)
    async with database.transaction() as transaction:
        await transaction.execute(f"{PUT_MESSAGE} (1, 7, 10, 501, 1, NULL, 'hello')")
        await transaction.execute("INSERT INTO answers VALUES (1, 1, 501, 0, NULL)")
        await transaction.execute("INSERT INTO shares VALUES (1, 900, 10, 'en', 0, NULL)")

    with pytest.raises(StorageFailed, match="FOREIGN KEY"):
        async with database.transaction() as transaction:
            await transaction.execute(statement)


async def test_the_triggers_act_whatever_statement_it_is(database: Database) -> None:
    """A new text takes the message out of answers and shares, a deletion too, and each marks the share."""
    hits = "SELECT (SELECT count(*) FROM answer_hits), (SELECT count(*) FROM share_sources), is_stale FROM shares"
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO answers VALUES (1, 1, 501, 0, NULL)")
        await transaction.execute("INSERT INTO shares VALUES (1, 900, 10, 'en', 0, NULL)")
        for i in (7, 8, 9):
            await transaction.execute(f"{PUT_MESSAGE} (1, ?, 10, 501, 1, NULL, 'hello')", (i,))
            await transaction.execute("INSERT INTO answer_hits VALUES (1, ?, 0, 1, ?, 50, NULL, 0)", (i, i))
            await transaction.execute("INSERT INTO share_sources VALUES (1, 900, ?, ?, 50, NULL, 0)", (i, i))

    async def after(*statements: str) -> tuple[int, ...]:
        async with database.transaction() as transaction:
            for statement in statements:
                await transaction.execute(statement)
        return (await database.fetch(hits))[0]

    true_again = "UPDATE shares SET is_stale = 0"
    assert await after("UPDATE messages SET content = 'hello', edited_at = 1") == (3, 3, 0)
    assert await after("UPDATE messages SET content = 'bye' WHERE message_id = 7") == (2, 2, 1)
    assert await after(true_again, "DELETE FROM messages WHERE message_id = 8") == (1, 1, 1)
    assert await after(true_again, "DELETE FROM messages") == (0, 0, 1)
    assert await after("DELETE FROM answers") == (0, 0, 1)


async def insert_blobs(database: Database, n: int) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("CREATE TABLE IF NOT EXISTS ballast (x BLOB) STRICT")
        for _ in range(n):
            await transaction.execute("INSERT INTO ballast VALUES (randomblob(10000))")


async def test_f4_after_a_full_disk_the_connection_works_on(database: Database) -> None:
    """A transaction that found no room leaves nothing, nor does the next; with room again everything goes on."""
    await put_server(database, 1)
    [(n_pages,)] = await database.fetch("PRAGMA page_count")
    await database._writer.execute(f"PRAGMA max_page_count = {n_pages}")
    for _ in range(2):
        with pytest.raises(StorageFailed, match="full"):
            await insert_blobs(database, 50)
    assert not database._writer.in_transaction
    assert await guild_ids(database) == [1]
    assert await database.fetch("SELECT name FROM sqlite_schema WHERE name = 'ballast'") == []

    await database._writer.execute("PRAGMA max_page_count = 1000000")
    await insert_blobs(database, 50)
    assert await database.fetch("SELECT count(*) FROM ballast") == [(50,)]
    assert await database.problems() == []


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds the database locked waits for a moment only."""
    monkeypatch.setattr(connections, "BUSY_S", 0.2)


@pytest.fixture
def other_process(tmp_path: Path):
    """A connection as another process has it, to a database that is made if need be."""
    connection = sqlite.connect(str(tmp_path / "bot.db"), isolation_level=None)
    yield connection
    connection.close()


@pytest.mark.usefixtures("no_patience")
async def test_f5_a_write_waits_and_then_tells_who_is_in_the_way(database: Database, other_process) -> None:
    """While another process writes nothing is written here, reading goes on, and afterwards all is as before."""
    other_process.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLocked) as caught:
        await put_server(database, 1)
    assert caught.value.path == database.path
    assert await guild_ids(database) == []

    other_process.execute("ROLLBACK")
    await put_server(database, 1)
    assert await guild_ids(database) == [1]


async def test_f5_a_lock_that_is_soon_gone_is_waited_for(database: Database, other_process) -> None:
    """A short transaction of another process costs time and nothing else."""
    other_process.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(put_server(database, 1))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    other_process.execute("ROLLBACK")
    await waiting
    assert await guild_ids(database) == [1]


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("opened", [open_to_write, open_to_read])
async def test_f5_opening_what_another_process_keeps_to_itself_is_told(tmp_path: Path, opened) -> None:
    """A database that is locked is not called unusable: nobody is to put a backup in its place."""
    async with open_to_write(tmp_path):
        pass
    greedy = sqlite.connect(str(tmp_path / "bot.db"), isolation_level=None)
    greedy.execute("PRAGMA locking_mode = EXCLUSIVE")
    greedy.execute("UPDATE servers SET name = name")

    with pytest.raises(DatabaseLocked):
        async with opened(tmp_path):
            pass
    greedy.close()
    async with opened(tmp_path) as database:
        assert await guild_ids(database) == []


def log_size(database: Database) -> int:
    return database.path.with_name("bot.db-wal").stat().st_size


async def test_a_checkpoint_empties_the_log(database: Database) -> None:
    """What was in the log is in the database, and the log is empty."""
    await insert_blobs(database, 20)
    assert await database.log_size() == log_size(database) > 200_000

    assert await database.checkpoint()
    assert log_size(database) == 0
    assert await database.fetch("SELECT count(*) FROM ballast") == [(20,)]


async def test_f6_a_reader_that_never_ends_keeps_the_log_and_nobody_waiting(database: Database, other_process) -> None:
    """The checkpoint says that it could not empty the log, and can as soon as the reader has ended."""
    other_process.execute("BEGIN")
    other_process.execute("SELECT count(*) FROM servers").fetchone()
    await insert_blobs(database, 20)

    assert not await database.checkpoint()
    assert log_size(database) > 200_000
    await put_server(database, 1)
    other_process.execute("COMMIT")
    assert await database.checkpoint()
    assert log_size(database) == 0


async def test_f6_a_reader_of_the_newest_state_delays_a_checkpoint_for_a_moment_only(
    database: Database, other_process
) -> None:
    """Everything can be moved, but the log cannot begin anew; the usual patience is back afterwards."""
    await insert_blobs(database, 20)
    other_process.execute("BEGIN")
    other_process.execute("SELECT count(*) FROM ballast").fetchone()

    assert not await database.checkpoint()
    [(patience,)] = await database._writer.execute_fetchall("PRAGMA busy_timeout")
    assert patience == 5_000
    other_process.execute("COMMIT")


async def test_f7_a_text_that_is_no_text_any_more_can_be_read(database: Database) -> None:
    """A byte that UTF-8 does not know becomes U+FFFD and hides no other row."""
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (1, 'Town')")
        await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (2, CAST(x'C3FF41' AS TEXT))")

    rows = await database.fetch("SELECT name FROM servers ORDER BY guild_id")
    assert rows == [("Town",), ("\ufffd\ufffdA",)]


async def test_a_log_without_its_database_is_not_applied_to_a_new_one(tmp_path: Path) -> None:
    """Whoever removes bot.db alone to begin anew begins anew."""
    folder, left = tmp_path / "data", tmp_path / "left"
    for path in (folder, left):
        path.mkdir()
    async with open_to_write(folder) as old:
        await put_server(old, 1)
        (left / "bot.db-wal").write_bytes((folder / "bot.db-wal").read_bytes())

    async with open_to_write(left) as new:
        assert await guild_ids(new) == []
        assert await new.problems() == []


async def test_what_a_killed_restore_left_is_removed(tmp_path: Path) -> None:
    """An unfinished copy does not lie in the folder for longer than until the next start."""
    (tmp_path / "bot.db.new").write_bytes(b"half of it")
    async with open_to_write(tmp_path):
        assert not (tmp_path / "bot.db.new").exists()


def test_the_sqlite_that_comes_along_is_new_enough() -> None:
    """The lock files name a driver without the fault that the least version is about."""
    found, least = connections.SQLITE_VERSION, connections.LEAST_SQLITE_VERSION

    assert [int(part) for part in found.split(".")] >= [int(part) for part in least.split(".")]
