"""Vectors of half precision, scored by Faiss as they are: widened in NumPy they would take twenty times as long."""

from dataclasses import dataclass

import faiss
import numpy as np

from bot.vectors import Halves, Ids, Vectors, cosines

# Faiss's own scores are off by this much at most: vectors of half precision are not quite of unit length.
PRECISION = 2e-4


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Messages with their cosine similarities, int64 and float64 [n], the best first and the newer among equals."""

    message_ids: Ids
    scores: "np.typing.NDArray[np.float64]"

    def best(self, k: int) -> "Scored":
        return Scored(self.message_ids[:k], self.scores[:k])


NOTHING = Scored(np.empty(0, np.int64), np.empty(0, np.float64))


def firsts(message_ids: Ids) -> Ids:
    """The places where each id stands for the first time, ascending."""
    places: Ids = np.sort(np.unique(message_ids, return_index=True)[1])
    return places


def ranked(message_ids: Ids, scores: "np.typing.NDArray[np.float64]") -> Scored:
    """Messages in the order of an answer, each with the best of its scores."""
    order = np.lexsort((-message_ids, -scores))
    best = order[firsts(message_ids[order])]
    return Scored(message_ids[best], scores[best])


def merged(one: Scored, other: Scored) -> Scored:
    """Two rankings as one."""
    return ranked(np.concatenate([one.message_ids, other.message_ids]), np.concatenate([one.scores, other.scores]))


def is_wide_enough(measures: "np.typing.NDArray[np.float32]", message_ids: Ids, k: int) -> bool:
    """Whether the k nearest messages are surely among those that Faiss found, best first, by scores that are rough.

    What it cannot tell from the k-th of them is to be looked at as well.
    """
    places = firsts(message_ids)
    return len(places) >= k and bool(measures[-1] < measures[places[k - 1]] - PRECISION)


def nearest_of(message_ids: Ids, halves: Halves, vector: Vectors, k: int) -> Scored:
    """The k messages of float16 [n, dim] that are nearest to a float32 [dim], with exact scores."""
    n, dim = halves.shape
    if not n:
        return NOTHING
    flat = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    flat.add_sa_codes(np.ascontiguousarray(halves).view(np.uint8))
    width = min(k + 16, n)
    while True:
        measures, places = flat.search(vector[np.newaxis], width)
        if width == n or is_wide_enough(measures[0], message_ids[places[0]], k):
            break
        width = min(2 * width, n)
    found = places[0]
    return ranked(message_ids[found], cosines(halves[found], vector)).best(k)
