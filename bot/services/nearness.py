"""How near is near: steps that people can read, measured against messages that have nothing to do with each other.

A cosine means one thing with one model and in one server, another elsewhere. What can be measured anywhere is how near
two messages come by chance: nearly all pairs of a server's messages are unrelated. docs/relevance.md has the figures.
"""

from dataclasses import dataclass

import numpy as np

from bot.messages import Nearness
from bot.vectors import Ids, Vectors

ENOUGH = 128  # different texts, which make eight thousand pairs
_MOST = 512  # vectors that are compared with each other: a matter of milliseconds
_ALIKE = 0.8  # cosine around the mean of texts that say the same
_BY_CHANCE = 0.001  # the share of pairs that come nearer than the limit
_NOTHING = 1e-9  # the length of what is nothing but its mean
_LOWEST, _HIGHEST = 0.3, 0.9  # where nearly everything is alike, or nothing
# How much of the way from the limit to the same text. Where related begins, four in five questions that have a relative
# are answered still; close and very close is what people called alike in pairs of sentences.
_LOOSE, _CLOSE, _VERY_CLOSE = 0.1, 0.4, 0.8


@dataclass(frozen=True, slots=True)
class Scale:
    """The value that unrelated messages hardly reach; equal ones have 1."""

    limit: float

    def step(self, value: float) -> Nearness:
        way = (value - self.limit) / (1 - self.limit)
        if way < _LOOSE:
            return Nearness.UNRELATED
        if way < _CLOSE:
            return Nearness.LOOSE
        return Nearness.CLOSE if way < _VERY_CLOSE else Nearness.VERY_CLOSE


def different(around: Vectors) -> Ids | None:
    """The rows of float32 [n, dim], vectors around their mean, that do not say what an earlier one says.

    A text that is said again and again would pass for what comes about by chance. Of many rows some are looked at,
    evenly spread. None where fewer than ENOUGH are different, or less than half of them.
    """
    rows = np.arange(0, len(around), -(-len(around) // _MOST))
    some = _of_length_1(around[rows])
    alike = np.triu(some @ some.T, 1) >= _ALIKE
    different_rows: Ids = rows[~alike.any(axis=0)]
    return different_rows if len(different_rows) >= max(ENOUGH, len(rows) / 2) else None


def scale_of(vectors: Vectors) -> Scale:
    """Measured on different texts: float32 [n, dim], n being ENOUGH or more, of any length."""
    some = _of_length_1(vectors)
    pairs = (some @ some.T)[np.triu_indices(len(some), 1)]
    return Scale(float(np.clip(np.quantile(pairs, 1 - _BY_CHANCE), _LOWEST, _HIGHEST)))


def _of_length_1(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _NOTHING)
    return scaled
