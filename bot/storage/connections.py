"""Connections to SQLite: which SQLite it is, how it is set up, and how its errors are told.

The only place that knows that it is the one of `sqlcipher3`, behind aiosqlite where others shall not wait for it.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from sqlcipher3 import dbapi2 as sqlite

from bot.errors import DatabaseLocked, DatabaseUnusable, StorageFailed
from bot.storage.cipher import DataKey, FileKey, file_key, refuse_unfit, unlock

SQLITE_VERSION: str = sqlite.sqlite_version
LEAST_SQLITE_VERSION = "3.51.3"  # older ones can damage a database when its log begins anew beside a reader
BUSY_S = 5.0
DRIVER_ERRORS = (sqlite.Error, ValueError)  # the latter where the connection is gone
_BUSY, _LOCKED, _NO_DATABASE = 5, 6, 26  # SQLite's codes, without what is said in their upper bytes
_CACHE_KIB = 32_768
READING_CACHE_KIB = 16_384
_SHARED_CACHE_KIB = 4_096  # which reads vectors, each of them once
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA journal_size_limit = 67108864",
)


@asynccontextmanager
async def connection_to(
    path: Path, mode: str, *, key: FileKey | None = None, cache_kib: int = _CACHE_KIB
) -> AsyncIterator[aiosqlite.Connection]:
    """A connection with a thread of its own. Raises DatabaseUnusable, DataKeyUnfit and DatabaseLocked when it opens."""
    connection = aiosqlite.Connection(lambda: _connect(path, mode, key=key, cache_kib=cache_kib), 64)
    try:
        with _opening(path, key):
            await connection
    except BaseException:
        # aiosqlite stops its thread without waiting for it, and the thread still tells the loop when it has ended.
        await asyncio.to_thread(connection._thread.join)  # noqa: SLF001  # nothing public waits for the thread
        raise
    try:
        yield connection
    finally:
        await to_its_end(connection.close())


@contextmanager
def in_this_thread(path: Path, mode: str, *, key: DataKey | None = None) -> Iterator[Any]:
    """A connection of the driver's own, for what takes a process to itself; `mode` is ro, rw or immutable.

    Raises DatabaseUnusable, DataKeyUnfit and DatabaseLocked when it opens, and StorageFailed for what fails in the
    block.
    """
    found = file_key(path, key)
    with _opening(path, found):
        connection = _connect(path, mode, key=found)
    try:
        with translated(path):
            yield connection
    finally:
        connection.close()


def shared_connection(path: Path, key: FileKey | None = None) -> Any:  # noqa: ANN401  # sqlcipher3 ships no types
    """A connection of the driver's own that only reads, for one thread after another; the caller closes it.

    Raises DatabaseUnusable, DataKeyUnfit and DatabaseLocked.
    """
    with _opening(path, key):
        return _connect(path, "ro", key=key, check_same_thread=False, cache_kib=_SHARED_CACHE_KIB)


def _connect(
    path: Path, mode: str, *, key: FileKey | None, check_same_thread: bool = True, cache_kib: int = _CACHE_KIB
) -> Any:  # noqa: ANN401
    access = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    uri = f"{path.absolute().as_uri()}?{access}"
    connection = sqlite.connect(
        uri, uri=True, isolation_level=None, timeout=BUSY_S, check_same_thread=check_same_thread
    )
    # Where a damaged text is no UTF-8 any more, the rows around it shall still be read.
    connection.text_factory = lambda text: text.decode(errors="replace")
    try:
        if key is not None:
            unlock(connection, key)
        for pragma in (*_PRAGMAS, f"PRAGMA cache_size = -{cache_kib}"):
            connection.execute(pragma)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _opening(path: Path, key: FileKey | None) -> Iterator[None]:
    try:
        yield
    except sqlite.Error as error:
        if _is_locked(error):
            raise DatabaseLocked(str(error), path) from error
        if _code(error) == _NO_DATABASE:
            refuse_unfit(path, has_key=key is not None)
        raise DatabaseUnusable(path, str(error)) from error


@contextmanager
def translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite.Error as error:
        if _is_locked(error):
            raise DatabaseLocked(str(error), path) from error
        raise StorageFailed(str(error)) from error


def _is_locked(error: Exception) -> bool:
    return _code(error) in (_BUSY, _LOCKED)


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await what may not be left half done; a cancellation is passed on when it has ended.

    aiosqlite's thread runs a statement to its end whether or not anybody still waits for it.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
