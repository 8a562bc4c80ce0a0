"""A folder's database written anew, with a key or without one.

The old file is given up only when the new one is whole, checked and on the disk: killed at any moment, the folder
holds the one or the other. An unfinished copy is removed by the next start.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.errors import ConversionFailed, DatabaseLocked, StorageFailed
from bot.storage.backup import Backup, Progress, retire, sync
from bot.storage.cipher import DataKey, attach, file_key, is_plain
from bot.storage.connections import in_this_thread
from bot.storage.database import FILE_NAME, PAGE_SIZE, is_ours, new_file
from bot.wiping import overwrite, wipe_file

log = logging.getLogger(__name__)

_MIB = 2**20
_SPARE = 64 * _MIB  # of the disk, beside the copy
_A_LOOK = 1_000_000  # steps of SQLite between two reports of progress
_NAMES = ("application_id", "user_version")
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

Contents = dict[str, Any]


def encrypt(folder: Path, key: DataKey, *, wipe_copies: Callable[[], None], on_progress: Progress) -> Backup | None:
    """Write the folder's database anew with a key, and overwrite the old file; None where it has that key already.

    The caller holds the folder's lock. `wipe_copies` takes away whatever else holds the contents, before the new file
    gets its name. Raises DataKeyUnfit, ConversionFailed and what opening the database raises.
    """
    path = _there(folder)
    if is_plain(path):
        return _rewritten(path, None, key, wipe_copies=wipe_copies, on_progress=on_progress)
    with in_this_thread(path, "ro", key=key) as connection:
        is_ours(path, connection)
    return None


def decrypt(folder: Path, key: DataKey, *, wipe_copies: Callable[[], None], on_progress: Progress) -> Backup | None:
    """Write the folder's database anew without its key; None where it has none. Otherwise as `encrypt`."""
    path = _there(folder)
    if is_plain(path):
        return None
    return _rewritten(path, key, None, wipe_copies=wipe_copies, on_progress=on_progress)


def _there(folder: Path) -> Path:
    path = folder / FILE_NAME
    if not path.exists():
        raise ConversionFailed(path, "no_database")
    if path.is_symlink():
        raise ConversionFailed(path, "link")  # the file that it leads to would stay as it is
    return path


def _rewritten(
    path: Path, old: DataKey | None, new: DataKey | None, *, wipe_copies: Callable[[], None], on_progress: Progress
) -> Backup:
    with in_this_thread(path, "ro", key=old) as connection:
        is_ours(path, connection)
    _refuse_little_room(path)
    with _told(path), _a_copy(path) as copy:
        with _overwritten(path.with_name(f"{path.name}-wal")):
            retire(path, old)
        contents = _export(path, old, copy, new, on_progress)
        _examine(copy, new, contents)
        sync(copy)
        wipe_copies()
        with _overwritten(path):
            copy.replace(path)
            sync(path.parent)
    return Backup(path, contents["messages"], path.stat().st_size)


def _refuse_little_room(path: Path) -> None:
    """What the copy takes is hardly more than what there is."""
    beside = path.with_name(f"{path.name}-wal")
    n_bytes = path.stat().st_size + (beside.stat().st_size if beside.exists() else 0)
    if shutil.disk_usage(path.parent).free < n_bytes * 1.02 + _SPARE:
        raise ConversionFailed(path, "no_room", f"{(n_bytes * 1.02 + _SPARE) / _MIB:,.0f}")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseLocked:
        raise
    except StorageFailed as error:
        raise ConversionFailed(path, error.reason) from error
    except OSError as error:
        raise ConversionFailed(path, error.strerror or str(error)) from error


@contextmanager
def _a_copy(path: Path) -> Iterator[Path]:
    """A file beside a database, gone afterwards unless it has taken its name."""
    copy = new_file(path)
    try:
        yield copy
    finally:
        wipe_file(copy)


@contextmanager
def _overwritten(path: Path) -> Iterator[None]:
    """Overwrite a file that is removed meanwhile, unless it has another name."""
    if not path.exists():
        yield
        return
    with path.open("r+b") as file:
        yield
        if os.fstat(file.fileno()).st_nlink:
            return
        try:
            overwrite(file)
        except OSError as error:
            log.warning("%s is gone, but was not overwritten: %s", path, error)


def _export(path: Path, old: DataKey | None, copy: Path, new: DataKey | None, on_progress: Progress) -> Contents:
    """Write all that a database holds into an empty file; what that is."""
    n_bytes = path.stat().st_size
    with in_this_thread(path, "ro", key=old) as connection:
        attach(connection, copy, file_key(copy, new), plain_page_size=PAGE_SIZE)
        connection.execute("PRAGMA copy.journal_mode = OFF")
        connection.execute("PRAGMA copy.synchronous = OFF")
        connection.set_progress_handler(lambda: on_progress(min(copy.stat().st_size, n_bytes), n_bytes), _A_LOOK)
        connection.execute("SELECT sqlcipher_export('copy')")
        for name in _NAMES:
            [value] = connection.execute(f"PRAGMA main.{name}").fetchone()
            connection.execute(f"PRAGMA copy.{name} = {value}")
        return _contents(connection)


def _examine(copy: Path, key: DataKey | None, contents: Contents) -> None:
    """Raises StorageFailed unless a copy is sound and holds what it should."""
    with in_this_thread(copy, "ro", key=key) as connection:
        checks = ("integrity_check(10)", "foreign_key_check", *(("cipher_integrity_check",) if key else ()))
        found = [str(row[0]) for check in checks for row in connection.execute(f"PRAGMA {check}").fetchall()]
        if problems := [problem for problem in found if problem != "ok"]:
            raise StorageFailed("; ".join(problems))
        if _contents(connection) != contents:
            raise StorageFailed("the copy differs")


def _contents(connection: Any) -> Contents:  # noqa: ANN401  # sqlcipher3 ships no types
    """What tells a database from one that lacks something: its marks, its schema, and the number of rows in each table.

    The rows of a virtual table are those of tables of its own.
    """
    schema = connection.execute(_SCHEMA).fetchall()
    tables = [name for kind, name, _, sql in schema if kind == "table" and not sql.startswith("CREATE VIRTUAL")]
    found: Contents = {"schema": schema}
    found |= {name: connection.execute(f"PRAGMA main.{name}").fetchone()[0] for name in _NAMES}
    return found | {name: connection.execute(f'SELECT count(*) FROM main."{name}"').fetchone()[0] for name in tables}
