"""The one SQLite file: how it is opened, made, migrated, read and written."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiosqlite

from bot.errors import DatabaseForeign, DatabaseTooNew, DatabaseTooOld, DatabaseUnusable, DataFolderUnusable
from bot.storage.cipher import DataKey, FileKey, file_key
from bot.storage.connections import BUSY_S, DRIVER_ERRORS, READING_CACHE_KIB, connection_to, to_its_end, translated
from bot.storage.schema import APPLICATION_ID, FUNCTIONS, MIGRATIONS
from bot.wiping import wipe_file

FILE_NAME = "bot.db"
PAGE_SIZE = 16_384  # vectors of 1, 3 and 6 KB waste 11, 8 and 34 % of it; of 4,096 they waste 38, 35 and 34 %
AMONG = "message_id IN (SELECT value FROM json_each(?))"  # for ids as json_ids gives them
_ROWS_A_STATEMENT = 200
_RESET_BUSY_MS = 200  # what a checkpoint may hold up writers for
_LOGS = ("-wal", "-shm", "-journal")
_HEADER = """SELECT (SELECT * FROM pragma_application_id), (SELECT * FROM pragma_user_version),
                    (SELECT count(*) FROM sqlite_schema)"""
Row = tuple[Any, ...]
Parameters = Sequence[Any]


class Transaction:
    """What may be done between BEGIN IMMEDIATE and COMMIT."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        return list(await self._connection.execute_fetchall(sql, parameters))  # type: ignore[arg-type]

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; the number of rows it changed."""
        async with self._connection.execute(sql, parameters) as cursor:
            return cursor.rowcount

    async def execute_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        async with self._connection.executemany(sql, rows):
            pass

    async def insert_many(self, sql: str, rows: Sequence[Parameters]) -> None:
        """As execute_many, for an INSERT into a table with triggers; `{rows}` stands for what follows its VALUES.

        Such a statement keeps aside all that it might have to undo, which takes longer than a row itself.
        """
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            some = rows[start : start + _ROWS_A_STATEMENT]
            row = f"({', '.join('?' * len(some[0]))})"
            await self.execute(sql.format(rows=", ".join([row] * len(some))), [value for its in some for value in its])


class Database:
    """An open database: one connection that writes, one transaction at a time, and one that reads.

    Whoever opens `path` once more needs its `key`.
    """

    def __init__(
        self, path: Path, *, writer: aiosqlite.Connection, reader: aiosqlite.Connection, key: FileKey | None = None
    ) -> None:
        self.path = path
        self.key = key
        self._writer = writer
        self._reader = reader
        self._writing = asyncio.Lock()

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Read what is committed; never waits for a writer."""
        with translated(self.path):
            return list(await self._reader.execute_fetchall(sql, parameters))  # type: ignore[arg-type]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """The one way to write: committed as a whole, or rolled back on any exception.

        Await nothing in it but the transaction. Raises StorageFailed, and DatabaseLocked in particular.
        """
        async with self._writing:
            with translated(self.path):
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield Transaction(self._writer)
                    await to_its_end(self._writer.commit())
                except BaseException:
                    # SQLite may have rolled back by itself (a full disk does that); rollback is then nothing.
                    # Nor may it fail in its own way where the connection is gone, and hide what the matter is.
                    with suppress(*DRIVER_ERRORS):
                        await to_its_end(self._writer.rollback())
                    raise

    async def checkpoint(self) -> bool:
        """Bring what is in the log into the database and empty the log; whether nobody's reading kept it from that."""
        async with self._writing:
            with translated(self.path):
                # The first moves what it can and makes nobody wait; the second has little left to wait for.
                [(_, n_pages, n_moved)] = await self._writer.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
                if n_moved < n_pages:
                    return False
                await self._writer.execute(f"PRAGMA busy_timeout = {_RESET_BUSY_MS}")
                try:
                    [(is_busy, _, _)] = await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    await self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
        return not is_busy

    async def shrink(self) -> None:
        """Write the database anew without the pages that are free, which takes as much room again for that time."""
        async with self._writing:
            with translated(self.path):
                await self._writer.execute_fetchall("VACUUM")
        await self.checkpoint()

    async def file_size(self) -> int:
        """Bytes on disk of the database and its write-ahead log."""
        return _size(self.path) + await self.log_size()

    async def log_size(self) -> int:
        """Bytes on disk of the write-ahead log."""
        return _size(_beside(self.path, "-wal"))

    async def problems(self) -> list[str]:
        """What SQLite's own check finds; empty when all is well."""
        rows = await self.fetch("PRAGMA quick_check(10)") + await self.fetch("PRAGMA foreign_key_check")
        return [str(row[0]) for row in rows if row[0] != "ok"]


def json_ids(ids: Iterable[int]) -> str:
    """Ids as one bound parameter, to be read by json_each."""
    return json.dumps([int(i) for i in ids])


@asynccontextmanager
async def open_to_write(folder: Path, key: DataKey | None = None) -> AsyncIterator[Database]:
    """The folder's database, made or migrated if need be; with a key, encrypted. The caller holds the folder's lock.

    Raises DatabaseUnusable, DataKeyUnfit, DatabaseForeign and DatabaseTooNew, the file then being untouched.
    """
    path = folder / FILE_NAME
    if not path.exists():
        await _make(path, key)
    _refuse_no_file(path)
    found = file_key(path, key)
    async with connection_to(path, "ro", key=found) as reader:
        await _version(path, reader)  # one that may write would move a log into the file when it is closed
    remove_unfinished(path)
    async with connection_to(path, "rw", key=found) as writer:
        with translated(path):
            await _migrate(path, writer)
            # It has another while a backup is put in its place. Fetched, or the change is not over and keeps it locked.
            await writer.execute_fetchall("PRAGMA journal_mode = WAL")
        async with connection_to(path, "rw", key=found, cache_kib=READING_CACHE_KIB) as reader:
            await reader.execute("PRAGMA query_only = ON")
            yield Database(path, writer=writer, reader=reader, key=found)


@asynccontextmanager
async def open_to_read(folder: Path, key: DataKey | None = None) -> AsyncIterator[Database]:
    """The folder's database beside whoever writes to it; an empty one in memory where there is none.

    Raises DataFolderUnusable, DatabaseUnusable, DataKeyUnfit, DatabaseForeign, DatabaseTooNew and DatabaseTooOld.
    """
    if folder.exists() and not folder.is_dir():
        raise DataFolderUnusable(folder, "file")
    path = folder / FILE_NAME
    if exists := path.exists():
        _refuse_no_file(path)
    found = file_key(path, key) if exists else None
    async with connection_to(path, "ro" if exists else "memory", key=found) as connection:
        if not exists:
            await _migrate(path, connection)
        elif (version := await _version(path, connection)) < len(MIGRATIONS):
            raise DatabaseTooOld(path, version, len(MIGRATIONS))
        await connection.execute("PRAGMA query_only = ON")
        yield Database(path, writer=connection, reader=connection, key=found)


async def _make(path: Path, key: DataKey | None) -> None:
    """Make the database under another name first: a kill leaves none, never an empty one."""
    new = new_file(path)
    async with connection_to(new, "rw", key=file_key(new, key)) as connection:
        if key is None:
            await connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        await connection.execute("PRAGMA journal_mode = WAL")
        await _migrate(new, connection)
    drop_logs(path)
    new.rename(path)


def new_file(path: Path) -> Path:
    """An empty file for what is to stand at a path once it is whole; open_to_write removes what was left of one."""
    new = remove_unfinished(path)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return new


def remove_unfinished(path: Path) -> Path:
    """Remove what was to stand at a path, and was left by a process that was killed; the name that it had."""
    new = _beside(path, ".new")
    wipe_file(new)
    drop_logs(new)
    return new


def drop_logs(path: Path) -> None:
    """Remove the logs of a database that is gone: they would be applied to whatever takes its name."""
    for suffix in _LOGS:
        _beside(path, suffix).unlink(missing_ok=True)


async def _migrate(path: Path, connection: aiosqlite.Connection) -> None:
    """Bring the schema up to date, each version in a transaction of its own."""
    for name, (n_arguments, function) in FUNCTIONS.items():
        await connection.create_function(name, n_arguments, function, deterministic=True)
    for version in range(await _version(path, connection), len(MIGRATIONS)):
        try:
            await connection.execute("BEGIN IMMEDIATE")
            for statement in MIGRATIONS[version]:
                await connection.execute(statement)
            await connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            await connection.execute(f"PRAGMA user_version = {version + 1}")
            await connection.commit()
        except BaseException:
            await to_its_end(connection.rollback())
            raise


async def _version(path: Path, connection: aiosqlite.Connection) -> int:
    """The schema version of a database that is ours to open."""
    [header] = await connection.execute_fetchall(_HEADER)
    return _checked(path, tuple(header))


def _checked(path: Path, header: Row) -> int:
    application_id, version, n_tables = header
    if application_id != APPLICATION_ID and (application_id or n_tables):
        raise DatabaseForeign(path)
    if version > len(MIGRATIONS):
        raise DatabaseTooNew(path, version, len(MIGRATIONS))
    return int(version)


def is_ours(path: Path, connection: Any) -> bool:  # noqa: ANN401  # sqlcipher3 ships no types
    """Whether a connection's database is one of this bot's. Raises DatabaseForeign and DatabaseTooNew."""
    return _checked(path, connection.execute(_HEADER).fetchone()) > 0


def _refuse_no_file(path: Path) -> None:
    if not path.is_file():
        raise DatabaseUnusable(path, "not a file")
    if path.stat().st_size == 0:
        raise DatabaseUnusable(path, "the file is empty")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
