"""The exact answers, worked out once for a corpus and kept beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.allowed import LEVELS, choices
from bench.contenders.base import Mask
from bench.corpus import Corpus
from bot.vectors import Ids, Vectors

K = 10
_FILE = "truth-1.npz"  # another number where levels or queries are drawn otherwise


def truth_of(corpus: Corpus) -> Mapping[str, Ids]:
    """By level, the ids nearest to each query, int64 [queries, K], nearest first; 0 where there are too few."""
    path = corpus.folder / _FILE
    if not path.exists():
        _work_out(corpus, path)
    with np.load(path) as kept:
        return {level: kept[level] for level in LEVELS}


def recall(found: Sequence[Ids], exact: Ids) -> float:
    """The share of what is to be found that was; of the first len(found) queries."""
    wanted = [set(row[row > 0].tolist()) for row in exact[: len(found)]]
    n_found = sum(len(ids & set(got.tolist())) for ids, got in zip(wanted, found, strict=True))
    return n_found / max(sum(map(len, wanted)), 1)


class _Best:
    """The best K rows of each query so far, among those that one level allows."""

    def __init__(self, corpus: Corpus, level: str) -> None:
        self._allowed = choices(corpus, level)
        self._ids = np.zeros((len(corpus.queries), K), np.int64)
        self._scores = np.full((len(corpus.queries), K), -np.inf, np.float32)

    def take(self, rows: slice, ids: Ids, scores: Vectors) -> None:
        """Look at the scores of some rows, float32 [queries, rows]."""
        scores = np.where(self._mask(rows, len(scores)), scores, np.float32(-np.inf))
        scores = np.concatenate([self._scores, scores], axis=1)
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        self._scores = np.take_along_axis(scores, best, axis=1)
        all_ids = np.concatenate([self._ids, np.broadcast_to(ids, (len(scores), len(ids)))], axis=1)
        self._ids = np.where(np.isfinite(self._scores), np.take_along_axis(all_ids, best, axis=1), 0)

    def in_order(self) -> Ids:
        return np.take_along_axis(self._ids, np.argsort(-self._scores, axis=1), axis=1)

    def _mask(self, rows: slice, n_queries: int) -> "Mask | np.bool_":
        if self._allowed[0] is None:
            return np.True_
        masks = np.array([allowed.mask[rows] for allowed in self._allowed if allowed is not None])
        return masks[np.arange(n_queries) % len(masks)]


def _work_out(corpus: Corpus, path: Path) -> None:
    best = {level: _Best(corpus, level) for level in LEVELS}
    for rows, vectors in corpus.batches():
        scores = corpus.queries @ vectors.T
        for level in LEVELS:
            best[level].take(rows, corpus.ids[rows], scores)
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, **{level: best[level].in_order() for level in LEVELS})
    unfinished.rename(path)
