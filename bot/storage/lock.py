"""One writing process per data folder."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import DataFolderInUse, DataFolderUnusable


@contextmanager
def writing_to(folder: Path, verb: str) -> Iterator[None]:
    """Hold the folder's lock, made if it is missing; the system frees it even when the process is killed.

    Raises DataFolderInUse, naming the process that holds it, and DataFolderUnusable.
    """
    holder = folder / "bot.lock.json"
    lock = FileLock(folder / "bot.lock", mode=0o600, timeout=0)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
        holder.write_text(json.dumps({"pid": os.getpid(), "verb": verb}))
    except Timeout as error:
        pid, holding_verb = _holder(holder)
        raise DataFolderInUse(folder, pid, holding_verb) from error
    except OSError as error:
        lock.release()
        raise DataFolderUnusable(folder, error.strerror or str(error)) from error
    try:
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> tuple[int, str]:
    with suppress(OSError, ValueError, KeyError):
        values = json.loads(path.read_text())
        return int(values["pid"]), str(values["verb"])
    return 0, "?"
