"""One writing process per data folder."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import DataFolderInUse, DataFolderUnusable

# What the program makes in its folder, and what comes with it.
_OURS = re.compile(r"bot\..+|mirror|similar-bot-.+\.db|README\.md|sample")


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
        _write(holder, json.dumps({"pid": os.getpid(), "verb": verb}))
        _close_to_others(folder)
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


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whatever the umask."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)


def _close_to_others(folder: Path) -> None:
    """Let nobody else into a folder that holds what this program makes and nothing else; git leaves one open."""
    if all(_OURS.fullmatch(path.name) for path in folder.iterdir()):
        with suppress(PermissionError):  # it may be somebody else's, who lets us write there
            folder.chmod(0o700)


def _holder(path: Path) -> tuple[int, str]:
    with suppress(OSError, ValueError, KeyError):
        values = json.loads(path.read_text())
        return int(values["pid"]), str(values["verb"])
    return 0, "?"
