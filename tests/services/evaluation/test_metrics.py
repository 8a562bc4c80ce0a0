"""What is measured, by numbers that a person can compute."""

import math

import numpy as np
import pytest

from bot.services.evaluation.metrics import (
    mean_figure,
    ndcg,
    precision_at_1,
    recall,
    reciprocal_rank,
    resamples,
    spearman,
)

GRADES = {"a": 2.0, "b": 1.0}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["a", "b"], 1.0),
        (["a", "b", "x"], 1.0),
        (["b", "a"], (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))),
        (["x", "a"], (3 / math.log2(3)) / (3 + 1 / math.log2(3))),
        ([], 0.0),
        (["x"] * 10 + ["a"], 0.0),
    ],
)
def test_gains_are_discounted_by_their_place(found: list[str], expected: float) -> None:
    """Grade 2 gains 3, grade 1 gains 1, the second place is divided by log2(3), and beyond ten nothing counts."""
    assert ndcg(GRADES, found) == pytest.approx(expected)


def test_the_first_relative_and_the_first_hit() -> None:
    """One over the place of the first relative; whether the first hit is one; how many of them there are."""
    assert reciprocal_rank(GRADES, ["x", "y", "b", "a"]) == pytest.approx(1 / 3)
    assert reciprocal_rank(GRADES, ["x"]) == 0.0
    assert [precision_at_1(GRADES, found) for found in (["b"], ["x", "a"], [])] == [1.0, 0.0, 0.0]
    assert recall(GRADES, ["x", "b"]) == 0.5
    assert recall({str(i): 1.0 for i in range(20)}, [str(i) for i in range(5)]) == 0.5


def test_rankings_are_compared_by_their_order() -> None:
    """The same order is 1, the reverse -1, whatever the values; a constant says nothing; ties share a rank."""
    one = np.array([1.0, 2.0, 3.0, 4.0])

    assert spearman(one, one**3) == pytest.approx(1.0)
    assert spearman(one, -one) == pytest.approx(-1.0)
    assert spearman(one, np.zeros(4)) == 0.0
    assert spearman(one, np.array([1.0, 1.0, 2.0, 2.0])) == pytest.approx(2 / math.sqrt(5))


def test_a_figure_has_its_interval() -> None:
    """Equal values leave no doubt; half ones and half zeros of 100 lie between 0.4 and 0.6 in 95 of 100 samples."""
    certain = mean_figure("set", "ours", "P@1", np.ones(50))
    unsure = mean_figure("set", "ours", "P@1", np.arange(100) % 2)

    assert (certain.value, certain.low, certain.high) == (1.0, 1.0, 1.0)
    assert unsure.value == 0.5
    assert unsure.low == pytest.approx(0.4, abs=0.02)
    assert unsure.high == pytest.approx(0.6, abs=0.02)


def test_samples_are_the_same_for_all_systems() -> None:
    """So that a difference of two is taken question by question."""
    assert np.array_equal(resamples(30), resamples(30))
    assert resamples(30).max() < 30
