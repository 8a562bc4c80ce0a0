"""One contender measured in this process, which is to be its own."""

import gc
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from bench.allowed import LEVELS, choices
from bench.contenders.base import Allowed, Contender, Lacks
from bench.corpus import Corpus
from bench.results import EVERYTHING, Latency, Measured, Memory
from bench.truth import K, recall, truth_of
from bot.vectors import Ids, Vectors

_N_WARM_UP = 3
_LEAST_QUERIES = 5
_LEAST_FOR_P99 = 100
_N_DELETIONS = 200


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: so many queries of a kind, or as many as are over in so many seconds."""

    n_queries: int
    seconds: float


class Trial:
    """Everything but the cold start of one contender."""

    def __init__(self, contender: Contender, corpus: Corpus, effort: Effort) -> None:
        self._contender, self._corpus, self._effort = contender, corpus, effort
        self._exact = truth_of(corpus)
        self.measured = Measured(len(corpus))

    def run(self) -> None:
        """What the contender lacks keeps nothing else from being measured, but that it cannot be built."""
        if self._tried(self._build):
            self._tried(self._search)
            self._tried(self._search_narrowed)
            self._tried(self._delete)
        self.measured.about = self._contender.about

    def _tried(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except Lacks as reason:
            self.measured.lacks.append(str(reason))
            return False
        return True

    def _build(self) -> None:
        gc.collect()
        before = _memory()
        self.measured.build_s = seconds_for(self._contender.build)
        gc.collect()
        self.measured.before, self.measured.built = before, _memory()
        self.measured.save_s = seconds_for(self._contender.save)
        self.measured.n_bytes_on_disk = self._contender.n_bytes_on_disk()

    def _search(self) -> None:
        self.measured.latency[EVERYTHING] = self._latency(EVERYTHING)
        self.measured.searched = _memory()

    def _search_narrowed(self) -> None:
        for level in LEVELS:
            if level != EVERYTHING:
                self.measured.latency[level] = self._latency(level)

    def _latency(self, level: str) -> Latency:
        asked = list(zip(self._corpus.queries, cycle(choices(self._corpus, level)), strict=False))
        n_in_time = int(1000 * self._effort.seconds / np.median([self._ask(*one)[0] for one in asked[-_N_WARM_UP:]]))
        n_asked = max(min(self._effort.n_queries, n_in_time), _LEAST_QUERIES)
        times, found = zip(*(self._ask(*one) for one in asked[:n_asked]), strict=True)
        return Latency(
            n_queries=len(times),
            p50_ms=float(np.median(times)),
            p95_ms=float(np.quantile(times, 0.95)),
            p99_ms=float(np.quantile(times, 0.99)) if len(times) >= _LEAST_FOR_P99 else None,
            recall=recall(found, self._exact[level]),
        )

    def _ask(self, query: Vectors, allowed: Allowed | None) -> tuple[float, Ids]:
        """How many milliseconds the answer took, and the answer."""
        started = time.perf_counter()
        found = self._contender.search(query, K, allowed)
        return 1000 * (time.perf_counter() - started), found

    def _delete(self) -> None:
        """One after another, what some queries find before all, which they must not find after."""
        others = self._corpus.ids[:: max(len(self._corpus) // _N_DELETIONS, 1)].tolist()
        deleted: set[int] = set()
        ids = list(dict.fromkeys([*self._found_by_few(), *others]))
        started = time.perf_counter()
        for message_id in ids:
            self._contender.delete(message_id)
            deleted.add(message_id)
            if (seconds := time.perf_counter() - started) > self._effort.seconds:
                break
        if deleted & set(self._found_by_few()):
            raise Lacks("deleted messages were found again")
        self.measured.deletions_per_s = len(deleted) / seconds

    def _found_by_few(self) -> list[int]:
        return [i for query in self._corpus.queries[:_LEAST_QUERIES] for i in self._contender.search(query, K).tolist()]


def seconds_for(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _memory() -> Memory:
    status = Path("/proc/self/status").read_text("utf-8")
    sizes = {name: 1024 * int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE)}
    return Memory(sizes["VmRSS"], sizes["VmHWM"], sizes["RssFile"] + sizes["RssShmem"])
