"""Runs a verb of the storage again and again, each time in a child that is killed one line later than the last.

python kills.py backup|restore|encrypt|decrypt STATE SOURCE WORK: every run gets a copy of the folder STATE as WORK/1,
WORK/2 ... An encrypted folder has the key of the tests.
"""

import os
import shutil
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from keys import KEY

from bot import wiping
from bot.index import mirror
from bot.storage import backup, conversion, database

WATCHED = {backup.__file__, conversion.__file__, database.__file__, mirror.__file__, wiping.__file__}
OFTEN = 3  # times that a line is died at, which is come to again and again
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def die_at_line(n: int) -> None:
    """Have the process killed when it comes to the n-th line in the modules that are watched."""
    n_lines = 0
    seen: Counter[tuple[str, int]] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal n_lines
        if frame.f_code.co_filename not in WATCHED:
            return None
        seen[line := (frame.f_code.co_filename, frame.f_lineno)] += event == "line"
        if event == "line" and seen[line] <= OFTEN:
            n_lines += 1
            if n_lines == n:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def work(verb: str, folder: Path, source: Path) -> None:
    if verb == "backup":
        backup.back_up(folder, folder / "copy.db", now=NOW, on_progress=lambda *_: None)
    elif verb in ("encrypt", "decrypt"):
        conversion._A_LOOK = 2_000  # so that there is a line to die at in the middle of the copy
        convert = getattr(conversion, verb)
        convert(folder, KEY, wipe_copies=lambda: mirror.wipe_mirrors(folder), on_progress=lambda *_: None)
    else:
        backup.restore(source, folder, replace=True, on_progress=lambda *_: None)


def main(verb: str, state: Path, source: Path, into: Path) -> None:
    for n in range(1, 1_000):
        folder = into / str(n)
        shutil.copytree(state, folder)
        child = os.fork()
        if not child:
            die_at_line(n)
            work(verb, folder, source)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


main(sys.argv[1], *map(Path, sys.argv[2:]))
