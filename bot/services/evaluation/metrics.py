"""What is measured of an answer, and how sure one can be of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.vectors import Scores

CUT = 10  # hits that are looked at
_RESAMPLED = 1_000
_CERTAIN = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of one system on one set, with the interval that 95 of 100 samples of the questions would give."""

    dataset: str
    system: str
    metric: str
    value: float
    low: float
    high: float


def ndcg(grades: Mapping[str, float], found: Sequence[str]) -> float:
    """Normalised discounted cumulative gain over ten hits, gains of 2^grade - 1 (Burges et al., 2005)."""
    discounts = 1 / np.log2(np.arange(2, CUT + 2))
    gains = np.array([2.0 ** grades.get(text, 0.0) - 1 for text in found[:CUT]])
    best = np.array([2.0**grade - 1 for grade in sorted(grades.values(), reverse=True)[:CUT]])
    return float(gains @ discounts[: len(gains)] / (best @ discounts[: len(best)]))


def reciprocal_rank(grades: Mapping[str, float], found: Sequence[str]) -> float:
    """One over the place of the first relative among ten hits."""
    return next((1 / place for place, text in enumerate(found[:CUT], 1) if text in grades), 0.0)


def precision_at_1(grades: Mapping[str, float], found: Sequence[str]) -> float:
    return float(bool(found) and found[0] in grades)


def recall(grades: Mapping[str, float], found: Sequence[str]) -> float:
    """The share of the relatives among ten hits, of ten at most that there is room for."""
    return len(grades.keys() & set(found[:CUT])) / min(len(grades), CUT)


RANKING = {"nDCG@10": ndcg, "MRR@10": reciprocal_rank, "P@1": precision_at_1, "recall@10": recall}


def spearman(one: Scores, other: Scores) -> float:
    """The correlation of two rankings, float64 [n] each; equal ones share their rank."""
    ranks = [_ranks(values) for values in (one, other)]
    centred = [rank - rank.mean() for rank in ranks]
    lengths = np.sqrt(np.prod([rank @ rank for rank in centred]))
    return float(centred[0] @ centred[1] / lengths) if lengths else 0.0


def resamples(n: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """The questions of each of many samples, drawn with replacement; the same ones for whatever is compared."""
    return np.random.default_rng(0).integers(n, size=(_RESAMPLED, n))


def interval(samples: Scores) -> tuple[float, float]:
    """Where the middle 95 of 100 samples lie."""
    low, high = np.quantile(samples, [(1 - _CERTAIN) / 2, (1 + _CERTAIN) / 2])
    return float(low), float(high)


def mean_figure(dataset: str, system: str, metric: str, values: Scores) -> Figure:
    """The mean of one value a question; a difference of two systems' values is paired by that."""
    return Figure(dataset, system, metric, float(values.mean()), *interval(values[resamples(len(values))].mean(axis=1)))


def _ranks(values: Scores) -> Scores:
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(len(values))
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Scores = (np.bincount(places, ranks) / counts)[places]
    return shared
