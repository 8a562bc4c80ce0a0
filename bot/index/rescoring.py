"""Exact answers from an index that knows the vectors only roughly: it names candidates, the database decides."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.index.base import Neighbor, VectorSource
from bot.index.halves import NOTHING, Scored, merged, nearest_of
from bot.vectors import Ids, Vectors

# With no more messages than this in scope each one's vector is read: the same answer as from the exact engine.
MAX_READ = 500
# Up to here it is the same answer too: every one's estimate is looked at, and vectors are read until what is left would
# have to be off by six deviations, which one in a billion is. Reading them all would take 40 ms from a disk.
EXACT_UP_TO = 2_000
_DEVIATIONS_WHERE_EXACT = 6.0
_ASKED, _GROWTH = 128, 4  # candidates at once: to ask again costs a whole search of the index
_FIRST_READ = 48
# An estimate is off by its standard deviation, which each search measures on what it has read. With two and a half
# between the last candidate and the last hit, one message in 160 just behind the last candidate would belong in, and
# ever fewer behind that one: among a million vectors neither two nor three of them found less or more.
_DEVIATIONS = 2.5
_SAME = 1e-6  # between the scores of equal vectors
_WIDEST = 8_192  # candidates, where so many are equal that nothing else can be among the first


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The messages that an index takes for the nearest, best first, with its estimates of their scores.

    `are_all` says that there are no others in scope, as far as the index looks; `are_few` that the answer has to be the
    exact one.
    """

    message_ids: Ids
    estimates: npt.NDArray[np.float32]
    are_all: bool
    are_few: bool = False

    def __len__(self) -> int:
        return len(self.message_ids)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How many of the nearest, and how many of those have to be."""

    k: int
    n_sure: int


def nearest_exactly(
    vector: Vectors,
    k: int,
    source: VectorSource,
    candidates: Callable[[int], Candidates],
    *,
    n_sure: int | None = None,
) -> list[Neighbor]:
    """The k nearest to a unit float32 [dim] with their exact scores; `n_sure` is as in VectorIndex.

    `candidates` gives as many as it is asked for. Their vectors are read until the estimates of the others are too low
    to matter.
    """
    wanted = _Wanted(k, min(n_sure or k, k))
    width = max(_ASKED, 2 * wanted.n_sure, k)
    while True:
        found = candidates(width)
        best, is_certain = _read(vector, wanted, source, found)
        if is_certain or width >= max(_WIDEST, 4 * k):
            return [Neighbor(int(i), float(s)) for i, s in zip(best.message_ids[:k], best.scores[:k], strict=True)]
        width *= _GROWTH


def _read(vector: Vectors, wanted: _Wanted, source: VectorSource, found: Candidates) -> tuple[Scored, bool]:
    """The best of the candidates, and whether there can hardly be better messages behind the last of them."""
    best, n_read = NOTHING, 0
    n_wanted = len(found) if found.are_all and len(found) <= MAX_READ else max(_FIRST_READ, 2 * wanted.n_sure, wanted.k)
    beyond = _beyond_all(vector, source, found) if found.are_few else None
    while n_read < len(found):
        best = merged(best, _scored(vector, source, found, slice(n_read, n_wanted), max(wanted.k, _FIRST_READ)))
        n_read, n_wanted = min(n_wanted, len(found)), 2 * n_wanted
        if n_read < len(found) and _is_certain(best, found, wanted, n_read, beyond):
            return best, True
    return best, found.are_all or _is_certain(best, found, wanted, n_read, beyond)


def _scored(vector: Vectors, source: VectorSource, found: Candidates, those: slice, k: int) -> Scored:
    """The k best of some of the candidates."""
    message_ids, halves = source.halves(np.sort(found.message_ids[those]))
    return nearest_of(message_ids, halves, vector, k)


def _beyond_all(vector: Vectors, source: VectorSource, found: Candidates) -> float:
    """By how much no estimate is too low, as far as some from the first to the last of the candidates tell.

    The best ones alone would not do: they are among the best since they were estimated too high.
    """
    those = slice(0, None, max(len(found) // _FIRST_READ, 1))
    errors = _errors(_scored(vector, source, found, those, len(found)), found)
    return _reserve(errors, _DEVIATIONS_WHERE_EXACT)


def _is_certain(best: Scored, found: Candidates, wanted: _Wanted, n_read: int, beyond: float | None) -> bool:
    """Whether what was not read can hardly be among the best; `beyond` is what its estimates may be too low by."""
    if len(best.message_ids) < wanted.k:
        return False
    if beyond is None:
        beyond = _reserve(_errors(best, found), _DEVIATIONS)
    return bool(best.scores[wanted.n_sure - 1] > found.estimates[n_read - 1] + beyond + _SAME)


def _errors(scored: Scored, found: Candidates) -> npt.NDArray[np.float64]:
    """By how much the estimates of some candidates are too low."""
    order = np.argsort(found.message_ids)
    places = order[np.searchsorted(found.message_ids, scored.message_ids, sorter=order)]
    errors: npt.NDArray[np.float64] = scored.scores - found.estimates[places]
    return errors


def _reserve(errors: npt.NDArray[np.float64], deviations: float) -> float:
    return max(float(np.mean(errors)), 0.0) + deviations * float(np.std(errors)) if len(errors) else np.inf
