"""How much memory and how many descriptors a process holds while it lives."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean


@dataclass(frozen=True)
class Life:
    """One process: how long it lived, and what it held at its beginning and at its end."""

    seconds: float
    mib_first: float
    mib_last: float
    fds_first: float
    fds_last: float


@dataclass
class Samples:
    """What was seen of one process."""

    began: float = field(default_factory=time.monotonic)
    mib: list[float] = field(default_factory=list)
    fds: list[int] = field(default_factory=list)

    def look(self, pid: int) -> None:
        """Take one sample, unless the process is gone."""
        try:
            status = Path(f"/proc/{pid}/status").read_text("utf-8")
            n_fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            return
        if found := re.search(r"VmRSS:\s+(\d+)", status):
            self.mib.append(int(found[1]) / 1024)
            self.fds.append(n_fds)

    def life(self) -> Life:
        """The means of the first and of the last quarter; the start, when the model is read, is left out."""
        start = min(5, len(self.mib) // 4)
        mib, fds = self.mib[start:] or [0.0], self.fds[start:] or [0]
        quarter = max(1, len(mib) // 4)
        return Life(
            seconds=time.monotonic() - self.began,
            mib_first=mean(mib[:quarter]),
            mib_last=mean(mib[-quarter:]),
            fds_first=mean(fds[:quarter]),
            fds_last=mean(fds[-quarter:]),
        )


class Watch:
    """Takes samples of whatever process runs, one after the other."""

    def __init__(self, pid_of: Callable[[], int | None], *, every: float) -> None:
        self._pid_of = pid_of
        self._every = every
        self._seen: dict[int, Samples] = {}
        self._lives: dict[int, Life] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pid = self._pid_of()
            if pid is not None:
                samples = self._seen.setdefault(pid, Samples())
                samples.look(pid)
                self._lives[pid] = samples.life()
            await asyncio.sleep(self._every)

    @property
    def lives(self) -> list[Life]:
        return list(self._lives.values())
