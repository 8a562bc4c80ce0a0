"""Vectors of half precision, scored exactly."""

import numpy as np
import pytest
from make import random_vectors

from bot.index.halves import NOTHING, merged, nearest_of, ranked
from bot.vectors import Vectors, cosines

DIM = 16


def by_hand(ids: np.ndarray, halves: np.ndarray, vector: Vectors, k: int) -> list[tuple[int, float]]:
    """All scores in double precision, sorted: the best first, and the newer among equals."""
    scored = zip(ids.tolist(), cosines(halves, vector).tolist(), strict=True)
    return sorted(scored, key=lambda one: (-one[1], -one[0]))[:k]


@pytest.mark.parametrize("k", [1, 10, 299, 300, 5_000])
def test_the_nearest_are_those_that_double_precision_names(k: int) -> None:
    """Ids and scores are those of comparing all by hand, also with k above the number."""
    halves, vector = random_vectors(300, DIM).astype(np.float16), random_vectors(1, DIM, seed=1)[0]
    ids = np.random.default_rng(0).permutation(np.arange(1, 301))
    found = nearest_of(ids, halves, vector, k)

    assert list(zip(found.message_ids.tolist(), found.scores.tolist(), strict=True)) == by_hand(ids, halves, vector, k)


def test_among_many_equal_ones_the_newest_are_kept() -> None:
    """Two hundred equal vectors have one score, and the ids decide, however they stand."""
    halves = np.repeat(random_vectors(1, DIM), 200, axis=0).astype(np.float16)
    ids = np.random.default_rng(0).permutation(np.arange(1, 201))

    assert nearest_of(ids, halves, random_vectors(1, DIM)[0], 3).message_ids.tolist() == [200, 199, 198]


def test_what_single_precision_cannot_tell_apart_is_told_apart() -> None:
    """Of vectors that differ in the last bit of one number the truly nearest comes first."""
    halves = np.repeat(random_vectors(1, DIM), 100, axis=0).astype(np.float16)
    vector = halves[0].astype(np.float32)
    halves[:, 3] = np.nextafter(halves[:, 3], np.float16(2))
    halves[41, 3] = np.float16(vector[3])

    assert nearest_of(np.arange(1, 101), halves, vector, 1).message_ids.tolist() == [42]


def test_of_nothing_nothing_is_nearest() -> None:
    """No vectors are no error."""
    found = nearest_of(np.empty(0, np.int64), np.empty((0, DIM), np.float16), random_vectors(1, DIM)[0], 5)

    assert (found.message_ids.tolist(), found.scores.tolist()) == ([], [])


def test_two_rankings_become_one() -> None:
    """The best of both come first, the newer among equals; the empty one adds nothing."""
    one = ranked(np.array([1, 2]), np.array([0.5, 0.9]))
    other = ranked(np.array([3, 4]), np.array([0.5, 0.7]))

    both = merged(one, other)
    assert both.message_ids.tolist() == [2, 4, 3, 1]
    assert both.scores.tolist() == [0.9, 0.7, 0.5, 0.5]
    assert both.best(2).message_ids.tolist() == [2, 4]
    assert merged(NOTHING, one).message_ids.tolist() == [2, 1]
