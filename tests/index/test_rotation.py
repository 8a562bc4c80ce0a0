"""Vectors turned about the origin."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from make import random_vectors

from bot.index.rotation import Rotation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("dim", [1, 2, 7, 24, 512, 1536, 3072])
def test_inner_products_and_lengths_stay(dim: int) -> None:
    """Turned vectors are as long as before, and as alike, whatever divides their dimension."""
    vectors = random_vectors(20, dim)
    turned = Rotation(dim)(vectors)

    assert turned.shape == (20, dim)
    assert turned @ turned.T == pytest.approx(vectors @ vectors.T, abs=1e-5)


def test_it_is_the_same_each_time_and_in_every_process() -> None:
    """What one process has encoded another one can search."""
    code = """
from make import random_vectors
from bot.index.rotation import Rotation

print(Rotation(24)(random_vectors(2, 24)).tobytes().hex())
"""
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True)

    assert Rotation(24)(random_vectors(2, 24)).tobytes().hex() == done.stdout.strip()


def test_rows_are_turned_by_themselves() -> None:
    """A vector is turned alike alone and among three hundred others."""
    vectors, rotation = random_vectors(300, 48), Rotation(48)
    together = rotation(vectors)

    for row in (0, 127, 128, 299):
        assert rotation(vectors[row : row + 1])[0] == pytest.approx(together[row], abs=1e-6)
    assert rotation(vectors[:0]).shape == (0, 48)


@pytest.mark.parametrize("dim", [64, 512, 1536])
def test_what_a_vector_says_is_spread_over_all_its_numbers(dim: int) -> None:
    """A vector of a single 1 has no number left that is larger than six times their mean size."""
    turned = Rotation(dim)(np.eye(1, dim, dtype=np.float32))

    assert np.abs(turned).max() < 6 / np.sqrt(dim)
