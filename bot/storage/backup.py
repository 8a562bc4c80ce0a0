"""Copies of the database: made beside a running bot, and put in the place of what is there.

A process that copies does nothing else, so all of this works in the thread of its caller.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import (
    BackupExists,
    BackupFailed,
    BackupUnusable,
    DatabaseForeign,
    DatabaseInPlace,
    DatabaseLocked,
    DatabaseTooNew,
    DatabaseUnusable,
    DataFolderUnusable,
    DataKeyUnfit,
    NothingToBackUp,
    StorageFailed,
)
from bot.storage.cipher import DataKey
from bot.storage.connections import in_this_thread
from bot.storage.database import FILE_NAME, drop_logs, is_ours, new_file
from bot.storage.schema.optouts import WISHES

_NOT_OURS = "no backup of this bot"
# What tells people's wishes, and what adds them to those of a copy: what that says itself was done in it.
_WISHES = (
    (
        "SELECT guild_id, author_id, since FROM optouts",
        """INSERT INTO optouts (guild_id, author_id, since) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET since = min(since, excluded.since)""",
    ),
    (
        "SELECT guild_id, author_id, last_id FROM forgotten",
        """INSERT INTO forgotten (guild_id, author_id, last_id) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET last_id = excluded.last_id, is_done = 0 WHERE excluded.last_id > last_id""",
    ),
)
_PAGES_A_STEP = 256  # 4 MiB between two reports of progress

Progress = Callable[[int, int], None]  # how many pages were copied, and of how many


@dataclass(frozen=True, slots=True)
class Backup:
    """A sound copy: where it stands, and what is in it."""

    path: Path
    n_messages: int
    n_bytes: int


def back_up(folder: Path, target: Path, *, now: datetime, on_progress: Progress, key: DataKey | None = None) -> Backup:
    """Copy the folder's database, as it is at this moment, to a file, or into a folder under a name with the time.

    The key is that of both.

    What stands under the name is whole and was checked, whenever this is killed, and nothing is ever overwritten.
    Raises NothingToBackUp, BackupExists, BackupFailed and what opening the database raises.
    """
    path = folder / FILE_NAME
    if not path.exists():
        raise NothingToBackUp(path)
    if os.path.isdir(target):  # noqa: PTH112  # never raises
        target /= f"similar-bot-{now:%Y-%m-%dT%H-%M-%SZ}.db"
    if os.path.lexists(target):
        raise BackupExists(target)
    with _unfinished(target) as copy:
        _copy(path, copy, mode="ro", key=key, on_progress=on_progress)
        n_messages = _examined(copy, key)
        sync(copy)
        _name(copy, target)
        sync(target.parent)
        return Backup(target, n_messages, target.stat().st_size)


def restore(source: Path, folder: Path, *, replace: bool, on_progress: Progress, key: DataKey | None = None) -> Backup:
    """Put a copy of a backup in the place of the folder's database. The caller holds the folder's lock.

    Killed at any moment, it leaves the one or the other; with `replace` the other may hold messages. Who does not want
    to be kept by what is replaced, as far as that can be read, is not kept by what takes its place either.
    The key is that of the backup. Raises BackupUnusable, DataKeyUnfit, DatabaseTooNew, DatabaseInPlace,
    DatabaseForeign and DatabaseLocked.
    """
    path = folder / FILE_NAME
    _refuse_strangers(source, key)
    if path.exists() and path.samefile(source):
        raise BackupUnusable(source, "it is the database itself")
    if _holds_anything(path, key) and not replace:
        raise DatabaseInPlace(path)
    copy = new_file(path)
    try:
        _copy(source, copy, mode=_mode(source), key=key, on_progress=on_progress)
        _keep_wishes(path, copy, key)
        n_messages = _examined(copy, key)
        sync(copy)
        retire(path, key)
        copy.replace(path)
        sync(folder)
    except DatabaseLocked:
        raise
    except (DatabaseUnusable, StorageFailed) as error:
        raise BackupUnusable(source, error.reason) from error
    except OSError as error:
        raise DataFolderUnusable(folder, error.strerror or str(error)) from error
    finally:
        copy.unlink(missing_ok=True)
    return Backup(path, n_messages, path.stat().st_size)


def _refuse_strangers(source: Path, key: DataKey | None) -> None:
    if not os.path.isfile(source):  # noqa: PTH113  # never raises
        raise BackupUnusable(source, "not a file")
    try:
        with in_this_thread(source, _mode(source), key=key) as connection:
            if not is_ours(source, connection):
                raise BackupUnusable(source, _NOT_OURS)
    except DatabaseForeign as error:
        raise BackupUnusable(source, _NOT_OURS) from error
    except (DatabaseUnusable, StorageFailed) as error:
        raise BackupUnusable(source, error.reason) from error


def _holds_anything(path: Path, key: DataKey | None) -> bool:
    """Whether a database has messages, or cannot be asked. Raises DatabaseForeign and DatabaseLocked."""
    if not path.exists():
        return False
    try:
        with in_this_thread(path, "ro", key=key) as connection:
            is_ours(path, connection)
            return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM messages)").fetchone()[0])
    except DatabaseLocked:
        raise
    except (DatabaseTooNew, DatabaseUnusable, DataKeyUnfit, StorageFailed):
        return True


def _mode(path: Path) -> str:
    """A file without a log is read as it stands, wherever it lies and without a trace beside it."""
    log = path.with_name(path.name + "-wal")
    return "ro" if log.exists() and log.stat().st_size else "immutable"


def _copy(path: Path, copy: Path, *, mode: str, key: DataKey | None, on_progress: Progress) -> None:
    with in_this_thread(path, mode, key=key) as source, in_this_thread(copy, "rw", key=key) as target:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        # Without a transaction around it the copy begins anew whenever somebody writes, and never ends beside a bot.
        source.execute("BEGIN")
        is_ours(path, source)
        source.backup(
            target, pages=_PAGES_A_STEP, progress=lambda _, n_left, n_pages: on_progress(n_pages - n_left, n_pages)
        )


def _keep_wishes(path: Path, copy: Path, key: DataKey | None) -> None:
    """Add to a copy what people want to be kept of them, as the database says that it is to replace."""
    told = _told_wishes(path, key)
    if not any(told.values()):
        return
    with in_this_thread(copy, "rw", key=key) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        for statement in WISHES:
            connection.execute(statement)
        connection.execute("BEGIN")
        for (_, adding), rows in told.items():
            connection.executemany(adding, rows)
        connection.execute("COMMIT")


def _told_wishes(path: Path, key: DataKey | None) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
    """The rows of each statement of _WISHES; none where they cannot be read. Raises DatabaseLocked."""
    if not path.exists():
        return {}
    try:
        with in_this_thread(path, "ro", key=key) as connection:
            return {both: connection.execute(both[0]).fetchall() for both in _WISHES}
    except DatabaseLocked:
        raise
    except (DatabaseUnusable, DataKeyUnfit, StorageFailed):
        return {}


def _examined(copy: Path, key: DataKey | None) -> int:
    """The number of messages in a copy that is sound. Raises StorageFailed."""
    with in_this_thread(copy, "immutable", key=key) as connection:
        problems = [row[0] for row in connection.execute("PRAGMA quick_check(10)").fetchall() if row[0] != "ok"]
        if problems:
            raise StorageFailed("; ".join(problems))
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def retire(path: Path, key: DataKey | None) -> None:
    """Leave of the database that is to be replaced one file without a log, as sound as it was.

    A log that outlives its database would be applied to the next one. Raises DatabaseLocked while others read.
    """
    try:
        if path.exists():
            with in_this_thread(path, "rw", key=key) as connection:
                connection.execute("PRAGMA journal_mode = DELETE")
    except DatabaseLocked:
        raise
    except (DatabaseUnusable, DataKeyUnfit, StorageFailed):
        pass  # what cannot be opened keeps nothing in its log
    drop_logs(path)


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A file beside the target for its owner alone, gone afterwards unless it was given the target's name."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise BackupFailed(target, error.strerror or str(error)) from error
    except StorageFailed as error:
        raise BackupFailed(target, error.reason) from error


def _name(copy: Path, target: Path) -> None:
    """Give a finished copy its name, unless somebody took it meanwhile."""
    try:
        os.link(copy, target)
    except FileExistsError as error:
        raise BackupExists(target) from error
    except OSError:
        # Some file systems know no second name for a file.
        if os.path.lexists(target):
            raise BackupExists(target) from None
        copy.rename(target)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
