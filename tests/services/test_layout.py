"""Groups of vectors, and their places on a plane."""

import numpy as np
import pytest
from make import random_vectors

from bot.services.layout import groups_of, plane
from bot.vectors import Ids, Vectors, unit


def clustered(n: int, n_clusters: int, *, noise: float = 0.6, seed: int = 0) -> tuple[Vectors, Ids]:
    """Unit vectors around some directions, and around which each lies."""
    chance = np.random.default_rng(seed)
    which = np.arange(n) % n_clusters
    around = chance.standard_normal((n, 64)) * noise / np.sqrt(64)
    return unit((random_vectors(n_clusters, 64, seed=seed)[which] + around).astype(np.float32)), which


def test_groups_are_what_lies_together() -> None:
    """Clusters that are apart are found exactly, whatever their numbers are."""
    vectors, which = clustered(400, 8)
    groups = groups_of(vectors, 8)

    assert len({(int(a), int(b)) for a, b in zip(which, groups, strict=True)}) == 8


def test_neighbours_stay_neighbours_on_the_plane() -> None:
    """Nine in ten of the nearest on the plane are of the same cluster."""
    vectors, which = clustered(400, 8)
    places = plane(vectors)
    far = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    nearest = far.argsort(axis=1)[:, :5]

    assert places.shape == (400, 2)
    assert np.isfinite(places).all()
    assert (which[nearest] == which[:, None]).mean() > 0.9


def test_the_same_vectors_give_the_same_picture() -> None:
    """Chance is the same each time, so that a map asked for twice does not change."""
    vectors, _ = clustered(200, 5)

    assert (plane(vectors) == plane(vectors)).all()
    assert (groups_of(vectors, 5) == groups_of(vectors, 5)).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "vectors",
    [
        np.tile(random_vectors(1, 64), (50, 1)),
        np.zeros((50, 64), np.float32),
        random_vectors(2, 64),
        random_vectors(16, 64),
        np.concatenate([np.tile(random_vectors(1, 64), (40, 1)), random_vectors(20, 64, seed=1)]),
    ],
    ids=["all the same", "nothing", "two", "few", "many the same"],
)
def test_whatever_there_is_has_a_place_and_a_group(vectors: Vectors) -> None:
    """Equal vectors, such without a direction and very few of them break nothing."""
    groups = groups_of(vectors, 2)

    assert np.isfinite(plane(vectors)).all()
    assert set(groups.tolist()) <= {0, 1}
