"""What was measured of vector engines, kept from run to run in one JSON file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from math import log
from os import getloadavg
from pathlib import Path
from typing import Any, Self

from bench.figures import machine

EVERYTHING = "all"  # the level of a query that is not narrowed


@dataclass(frozen=True, slots=True)
class Latency:
    """One query at a time, in milliseconds; p99 is None where there were too few to tell."""

    n_queries: int
    p50_ms: float
    p95_ms: float
    p99_ms: float | None
    recall: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that this process holds, and held at most; `file_pages` are those of them that are mapped from files."""

    resident: int
    peak: int
    file_pages: int

    @property
    def own(self) -> int:
        """What the system could not take back without writing it somewhere."""
        return self.resident - self.file_pages


@dataclass(slots=True)
class Measured:
    """What was measured of a contender; what is None is lacking, and `lacks` says why."""

    n: int
    about: str = ""
    build_s: float | None = None
    save_s: float | None = None
    before: Memory | None = None
    built: Memory | None = None
    searched: Memory | None = None
    n_bytes_on_disk: int | None = None
    latency: dict[str, Latency] = field(default_factory=dict)
    deletions_per_s: float | None = None
    cold_start_s: float | None = None
    lacks: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """From JSON, as `asdict` gives it."""
        memories = {name: told[name] and Memory(**told[name]) for name in ("before", "built", "searched")}
        latency = {level: Latency(**figures) for level, figures in told["latency"].items()}
        return cls(**{**told, **memories, "latency": latency})

    @property
    def memory(self) -> float | None:
        """Bytes a vector by which the process has grown when it has answered, mapped files left out."""
        return (self.searched.own - self.before.own) / self.n if self.searched and self.before else None

    @property
    def peak_memory(self) -> float | None:
        """The same at most while it was built, with mapped files."""
        return (self.built.peak - self.before.resident) / self.n if self.built and self.before else None

    @property
    def disk(self) -> float | None:
        """Bytes a vector."""
        return None if self.n_bytes_on_disk is None else self.n_bytes_on_disk / self.n

    def p50_ms(self, level: str) -> float | None:
        return self.latency[level].p50_ms if level in self.latency else None


@dataclass(frozen=True, slots=True)
class Run:
    """One call of `make bench`: its contenders over one corpus."""

    corpus: str
    kind: str
    dim: int
    n: int
    about: str
    machine: str = field(default_factory=machine)
    load: float = field(default_factory=lambda: getloadavg()[0])  # of the machine as it began
    began_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    contenders: dict[str, Measured] = field(default_factory=dict)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        contenders = {name: Measured.read(measured) for name, measured in told["contenders"].items()}
        return cls(**{**told, "contenders": contenders})


def read_runs(path: Path) -> list[Run]:
    """The runs so far, the oldest first."""
    return [Run.read(told) for told in json.loads(path.read_text("utf-8"))] if path.exists() else []


def write_runs(path: Path, runs: list[Run]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", "utf-8")
    unfinished.replace(path)


@dataclass(frozen=True, slots=True)
class Growth:
    """By which power of the number of vectors the median of a query grew from one size to the next."""

    name: str
    n_from: int
    n_to: int
    exponent: float


def growths(runs: list[Run]) -> Iterator[Growth]:
    """Between the sizes of the last run's kind of corpus, each contender in its latest run of a size."""
    latest: dict[str, dict[int, float]] = {}
    for run in runs:
        if (run.kind, run.dim) == (runs[-1].kind, runs[-1].dim):
            for name, measured in run.contenders.items():
                if (p50_ms := measured.p50_ms(EVERYTHING)) is not None:
                    latest.setdefault(name, {})[run.n] = p50_ms
    for name, medians in latest.items():
        sizes = sorted(medians)
        for n_from, n_to in pairwise(sizes):
            yield Growth(name, n_from, n_to, log(medians[n_to] / medians[n_from]) / log(n_to / n_from))
