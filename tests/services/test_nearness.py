"""Steps of nearness, and the scale they are measured on."""

import numpy as np
import pytest
from make import random_vectors

from bot.messages import Nearness
from bot.services.nearness import Scale, different, scale_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-1.0, Nearness.UNRELATED),
        (0.5, Nearness.UNRELATED),
        (0.54, Nearness.UNRELATED),
        (0.56, Nearness.LOOSE),
        (0.69, Nearness.LOOSE),
        (0.71, Nearness.CLOSE),
        (0.89, Nearness.CLOSE),
        (0.91, Nearness.VERY_CLOSE),
        (1.3, Nearness.VERY_CLOSE),
    ],
)
def test_steps_lie_between_the_limit_and_the_same_text(value: float, expected: Nearness) -> None:
    """A little beyond the limit related begins; words may lift a value beyond 1."""
    assert Scale(0.5).step(value) is expected


def test_the_limit_is_what_one_pair_in_a_thousand_exceeds() -> None:
    """Vectors without any structure in 16 dimensions, whose angles are known to spread by a quarter."""
    vectors = random_vectors(400, 16)
    pairs = (vectors @ vectors.T)[np.triu_indices(400, 1)]
    limit = scale_of(vectors).limit

    assert (pairs > limit).mean() == pytest.approx(0.001, rel=0.02)
    assert scale_of(3 * vectors).limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("vectors", "limit"),
    [
        pytest.param(np.ones((200, 8), np.float32), 0.9, id="one text all the time"),
        pytest.param(np.zeros((200, 8), np.float32), 0.3, id="nothing but the mean"),
        pytest.param(random_vectors(200, 4096), 0.3, id="nothing alike at all"),
    ],
)
def test_a_limit_is_never_absurd(vectors: np.ndarray, limit: float) -> None:
    """Where everything is alike or nothing, what is related still can be."""
    assert scale_of(vectors).limit == pytest.approx(limit)


def test_what_is_said_again_counts_once() -> None:
    """Of equal texts the first one is left, of others all are."""
    vectors = random_vectors(200, 64)
    again = vectors[[3, 3, 7]] * 1.5
    rows = different(np.concatenate([vectors, again]))

    assert rows is not None
    assert rows.tolist() == list(range(200))


def test_where_most_say_the_same_there_is_no_scale() -> None:
    """Nor where little is different: at least 128 texts are to be, and half of those that are looked at."""
    vectors = random_vectors(200, 64)

    assert different(np.ones((500, 8), np.float32)) is None
    assert different(vectors[:127]) is None
    assert different(np.concatenate([vectors[:140], *[vectors[:1]] * 200])) is None
    assert different(random_vectors(3_000, 64)) is not None
