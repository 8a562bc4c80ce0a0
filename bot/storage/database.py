"""The one SQLite file: how it is opened, made, migrated, read and written.

The only place that knows which SQLite it is: that of `sqlcipher3`, behind aiosqlite.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiosqlite
from sqlcipher3 import dbapi2 as sqlite

from bot.errors import DatabaseForeign, DatabaseTooNew, DatabaseTooOld, DatabaseUnusable, StorageFailed
from bot.storage.schema import APPLICATION_ID, MIGRATIONS

FILE_NAME = "bot.db"
SQLITE_VERSION: str = sqlite.sqlite_version
_PAGE_SIZE = 16_384  # vectors of 1, 3 and 6 KB waste 11, 8 and 34 % of it; of 4,096 they waste 38, 35 and 34 %
_BUSY_S = 5.0
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA cache_size = -32768",
    "PRAGMA journal_size_limit = 67108864",
)

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


class Database:
    """An open database: one connection that writes, one transaction at a time, and one that reads."""

    def __init__(self, path: Path, *, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._writing = asyncio.Lock()

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Read what is committed; never waits for a writer."""
        with _translated():
            return list(await self._reader.execute_fetchall(sql, parameters))  # type: ignore[arg-type]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """The one way to write: committed as a whole, or rolled back on any exception.

        Await nothing in it but the transaction. Raises StorageFailed.
        """
        async with self._writing:
            with _translated():
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield Transaction(self._writer)
                    await _to_its_end(self._writer.commit())
                except BaseException:
                    # SQLite may have rolled back by itself (a full disk does that); rollback is then nothing.
                    # Nor may it fail in its own way where the connection is gone, and hide what the matter is.
                    with suppress(sqlite.Error, ValueError):
                        await _to_its_end(self._writer.rollback())
                    raise

    async def file_size(self) -> int:
        """Bytes on disk of the database and its write-ahead log."""
        n_bytes = 0
        for path in (self.path, self.path.with_name(self.path.name + "-wal")):
            with suppress(FileNotFoundError):
                n_bytes += path.stat().st_size
        return n_bytes

    async def problems(self) -> list[str]:
        """What SQLite's own check finds; empty when all is well."""
        rows = await self.fetch("PRAGMA quick_check(10)") + await self.fetch("PRAGMA foreign_key_check")
        return [str(row[0]) for row in rows if row[0] != "ok"]


def json_ids(ids: Iterable[int]) -> str:
    """Ids as one bound parameter, to be read by json_each."""
    return json.dumps([int(i) for i in ids])


@asynccontextmanager
async def open_to_write(folder: Path) -> AsyncIterator[Database]:
    """The folder's database, made or migrated if need be. The caller holds the folder's lock.

    Raises DatabaseUnusable, DatabaseForeign and DatabaseTooNew, the file then being untouched.
    """
    path = folder / FILE_NAME
    if not path.exists():
        await _make(path)
    async with _connection(path, "rw") as writer:
        await _migrate(path, writer)
        async with _connection(path, "rw") as reader:
            await reader.execute("PRAGMA query_only = ON")
            yield Database(path, writer=writer, reader=reader)


@asynccontextmanager
async def open_to_read(folder: Path) -> AsyncIterator[Database]:
    """The folder's database beside whoever writes to it; an empty one in memory where there is none.

    Raises DatabaseUnusable, DatabaseForeign, DatabaseTooNew and DatabaseTooOld.
    """
    path = folder / FILE_NAME
    exists = path.exists()
    async with _connection(path, "ro" if exists else "memory") as connection:
        if not exists:
            await _migrate(path, connection)
        elif (version := await _version(path, connection)) < len(MIGRATIONS):
            raise DatabaseTooOld(path, version, len(MIGRATIONS))
        await connection.execute("PRAGMA query_only = ON")
        yield Database(path, writer=connection, reader=connection)


async def _make(path: Path) -> None:
    """Make the database under another name first: a kill leaves none, never an empty one."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_WRONLY, 0o600))
    async with _connection(new, "rw") as connection:
        await connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        await connection.execute("PRAGMA journal_mode = WAL")
        await _migrate(new, connection)
    new.rename(path)


async def _migrate(path: Path, connection: aiosqlite.Connection) -> None:
    """Bring the schema up to date, each version in a transaction of its own."""
    for version in range(await _version(path, connection), len(MIGRATIONS)):
        try:
            await connection.execute("BEGIN IMMEDIATE")
            for statement in MIGRATIONS[version]:
                await connection.execute(statement)
            await connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            await connection.execute(f"PRAGMA user_version = {version + 1}")
            await connection.commit()
        except BaseException:
            await _to_its_end(connection.rollback())
            raise


async def _version(path: Path, connection: aiosqlite.Connection) -> int:
    """The schema version of a database that is ours to open."""
    [(application_id, version, n_tables)] = await connection.execute_fetchall(
        """SELECT (SELECT * FROM pragma_application_id), (SELECT * FROM pragma_user_version),
                  (SELECT count(*) FROM sqlite_schema)"""
    )
    if application_id != APPLICATION_ID and (application_id or n_tables):
        raise DatabaseForeign(path)
    if version > len(MIGRATIONS):
        raise DatabaseTooNew(path, version, len(MIGRATIONS))
    return int(version)


@asynccontextmanager
async def _connection(path: Path, mode: str) -> AsyncIterator[aiosqlite.Connection]:
    if mode != "memory" and path.name == FILE_NAME:
        _refuse_no_file(path)
    uri = f"{path.absolute().as_uri()}?mode={mode}"

    def connect() -> Any:  # noqa: ANN401  # sqlcipher3 ships no types
        connection = sqlite.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_S)
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    connection = aiosqlite.Connection(connect, 64)
    try:
        await connection
    except BaseException as error:
        # aiosqlite stops its thread without waiting for it, and the thread still tells the loop when it has ended.
        await asyncio.to_thread(connection._thread.join)  # noqa: SLF001  # nothing public waits for the thread
        if isinstance(error, sqlite.Error):
            raise DatabaseUnusable(path, str(error)) from error
        raise
    try:
        yield connection
    finally:
        await _to_its_end(connection.close())


def _refuse_no_file(path: Path) -> None:
    if not path.is_file():
        raise DatabaseUnusable(path, "not a file")
    if path.stat().st_size == 0:
        raise DatabaseUnusable(path, "the file is empty")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite.Error as error:
        raise StorageFailed(str(error)) from error


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await what may not be left half done; a cancellation is passed on when it has ended.

    aiosqlite's thread runs a statement to its end whether or not anybody still waits for it.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
