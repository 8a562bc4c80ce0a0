"""NumPy: every allowed row multiplied with the query, some at a time."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.contenders.base import Allowed, InFolder, Mask, rows_of
from bench.corpus import Corpus
from bot.vectors import Ids, Scores, Vectors

_BLOCK = 16_384
_FEW = 0.25  # of a block: these are picked out before they are multiplied


class _Numpy(InFolder):
    """What is deleted is marked and keeps its room."""

    _dtype: npt.DTypeLike = np.float32

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        super().__init__(corpus, folder)
        self._is_there = np.ones(len(corpus), np.bool_)
        self._vectors: npt.NDArray[np.floating] = np.empty((0, corpus.dim), self._dtype)

    def build(self) -> None:
        self._vectors = np.empty((len(self._corpus), self._corpus.dim), self._dtype)
        for rows, vectors in self._corpus.batches():
            self._vectors[rows] = vectors

    def save(self) -> None:
        np.save(self._folder / "vectors.npy", self._vectors)

    def open(self) -> None:
        self._vectors = np.load(self._folder / "vectors.npy")

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        mask = self._is_there if allowed is None else self._is_there & allowed.mask
        scores = self._scores(query, mask)
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        best = best[np.argsort(-scores[best])]
        return self._corpus.ids[best[scores[best] > -np.inf]]

    def _scores(self, query: Vectors, mask: Mask) -> "Scores | Vectors":
        """The inner product of each row that the mask has, -inf for the others."""
        scores = np.full(len(mask), -np.inf, np.float32)
        for start in range(0, len(mask), _BLOCK):
            wanted = np.flatnonzero(mask[start : start + _BLOCK]) + start
            if len(wanted) < _FEW * _BLOCK:
                scores[wanted] = self._vectors[wanted].astype(np.float32, copy=False) @ query
            else:
                block = self._vectors[start : start + _BLOCK].astype(np.float32, copy=False) @ query
                scores[wanted] = block[wanted - start]
        return scores

    def delete(self, message_id: int) -> None:
        self._is_there[rows_of(self._corpus, message_id)] = False


class Float32(_Numpy):
    about = "NumPy, float32, a matrix product; a deletion marks the row, which keeps its room"


class Float16(_Numpy):
    about = "NumPy, kept as float16 and widened block by block; a deletion marks the row, which keeps its room"
    _dtype = np.float16
