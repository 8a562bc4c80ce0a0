"""Lists of near vectors, learnt from a sample."""

from collections.abc import Iterator

import numpy as np
import pytest
from index.sources import clustered
from make import random_vectors

from bot.index import partition as module
from bot.index.partition import learnt, n_in_sample, n_lists_for
from bot.vectors import Vectors

DIM = 24


def batches(vectors: Vectors, size: int = 100) -> Iterator[Vectors]:
    return (vectors[start : start + size] for start in range(0, len(vectors), size))


def test_few_messages_have_one_list_and_many_twice_the_root_of_their_number() -> None:
    """Below two hundred thousand there is one, then half as many messages in each as the root of their number."""
    assert [n_lists_for(n) for n in (0, 1, 199_999, 200_000, 1_000_000)] == [1, 1, 1, 894, 2_000]


def test_a_sample_is_no_larger_than_what_there_is_and_than_what_is_wanted() -> None:
    """Forty for each list, four thousand at least, and never more than there are."""
    assert [n_in_sample(n) for n in (0, 10, 50_000, 1_000_000)] == [0, 10, 4_096, 80_000]


def test_one_list_takes_everything_around_its_mean() -> None:
    """Its centre is the mean of the sample, and every vector belongs into it."""
    vectors = clustered(300, DIM)
    partition = learnt(batches(vectors), 1)

    assert partition.n_lists == 1
    assert partition.centres() == pytest.approx(vectors.mean(axis=0, keepdims=True), abs=1e-6)
    assert partition.lists_of(vectors).tolist() == [0] * 300
    assert partition.nearest_first(vectors[0]).tolist() == [0]


@pytest.mark.parametrize("axes", [512, 8])
def test_each_vector_belongs_into_the_list_of_the_nearest_centre(monkeypatch: pytest.MonkeyPatch, axes: int) -> None:
    """With all numbers or with the eight that matter most, nearness is that of the numbers that are looked at."""
    monkeypatch.setattr(module, "_AXES", axes)
    vectors = clustered(1_000, DIM)
    partition = learnt(batches(vectors), 12)

    seen, centres = (vectors - partition.mean) @ partition.axes, partition.centroids
    distances = np.square(seen[:, np.newaxis] - centres[np.newaxis]).sum(axis=2)
    assert partition.lists_of(vectors).tolist() == distances.argmin(axis=1).tolist()
    assert partition.axes.T @ partition.axes == pytest.approx(np.eye(min(axes, DIM)), abs=1e-4)
    assert np.bincount(partition.lists_of(vectors), minlength=12).min() > 0


def test_lists_come_by_the_angle_of_their_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list whose centre points most nearly where the question points is first, and none is left out."""
    monkeypatch.setattr(module, "_AXES", 8)
    partition = learnt(batches(clustered(1_000, DIM)), 12)
    centres = partition.centres()

    for vector in clustered(10, DIM, seed=1):
        cosines = centres @ vector / np.linalg.norm(centres, axis=1)
        order = partition.nearest_first(vector)
        assert sorted(order.tolist()) == list(range(12))
        assert cosines[order] == pytest.approx(np.sort(cosines)[::-1], abs=1e-5)


def test_vectors_of_one_matter_lie_in_one_list() -> None:
    """Of twelve tight groups in three lists each group is together."""
    centres = random_vectors(12, DIM)
    which = np.arange(600) % 12
    vectors = centres[which] + 0.01 * random_vectors(600, DIM, seed=1)
    lists = learnt(batches(vectors), 3).lists_of(vectors)

    assert [len(set(lists[which == group].tolist())) for group in range(12)] == [1] * 12
    assert len(set(lists.tolist())) == 3


def test_the_same_sample_makes_the_same_lists() -> None:
    """Nothing is left to chance."""
    one, other = (learnt(batches(clustered(500, DIM)), 8) for _ in range(2))

    assert np.array_equal(one.centroids, other.centroids)


def test_nothing_to_learn_from_is_told() -> None:
    """An empty sample is a mistake of the caller."""
    with pytest.raises(ValueError, match="empty sample"):
        learnt(iter(()), 4)


def test_lists_fit_what_comes_after_the_first_four_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The axes are those of the first of the sample, and the centres those of all of it."""
    monkeypatch.setattr(module, "_N_FOR_AXES", 200)
    centres = random_vectors(4, DIM)
    vectors = np.repeat(centres, 100, axis=0) + 0.01 * random_vectors(400, DIM, seed=1)
    lists = learnt(batches(vectors), 4).lists_of(vectors)

    assert len(set(lists.tolist())) == 4
