"""What an embedder may hand on: as many vectors as texts, all of one length, finite, with a direction."""

import numpy as np
import pytest

from bot.embedding.base import checked
from bot.errors import EmbeddingError


def test_vectors_are_brought_to_unit_length():
    """A vector of 3 and 4 becomes one of 0.6 and 0.8, whatever its neighbours are."""
    vectors = checked(np.array([[3, 4], [0, -2]], np.float32), n=2, dim=2)
    assert vectors.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, -1]]


def test_unit_vectors_stay_as_they_are():
    """A vector of unit length is the same afterwards, and float32."""
    vectors = checked(np.eye(3, dtype=np.float32), n=3, dim=3)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_what_was_given_is_not_changed():
    """The caller's own array keeps its lengths."""
    given = np.array([[3, 4]], np.float32)
    checked(given, n=1, dim=2)
    assert given.tolist() == [[3, 4]]


def test_no_vectors_for_no_texts_are_right():
    """No texts have no vectors, and those still have a dimension."""
    assert checked(np.empty((0, 5), np.float32), n=0, dim=5).shape == (0, 5)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((1, 3), id="one short"),
        pytest.param((3, 3), id="one too many"),
        pytest.param((2, 2), id="too short"),
        pytest.param((2, 4), id="too long"),
        pytest.param((3, 2), id="turned round"),
        pytest.param((6,), id="flat"),
        pytest.param((2, 3, 1), id="nested"),
        pytest.param((0, 3), id="none"),
    ],
)
def test_another_shape_is_refused(shape):
    """Two vectors of 3 numbers are expected; any other shape is refused, and the error names both."""
    with pytest.raises(EmbeddingError) as caught:
        checked(np.ones(shape, np.float32), n=2, dim=3)
    error = caught.value
    assert (error.code, error.retryable, error.blames_input) == ("wrong_shape", False, False)
    assert error.detail == f"{shape} instead of (2, 3)"


@pytest.mark.parametrize(
    "vector",
    [
        pytest.param([0, 0], id="zero"),
        pytest.param([-0.0, 0], id="minus zero"),
        pytest.param([np.nan, np.nan], id="nan"),
        pytest.param([1, np.nan], id="one nan"),
        pytest.param([1, np.inf], id="infinity"),
        pytest.param([1, -np.inf], id="minus infinity"),
    ],
)
@pytest.mark.parametrize("row", [0, 1, 2])
def test_f22_a_vector_without_a_direction_is_refused(vector, row):
    """One vector that is zero or not finite spoils the answer, and the texts are blamed, not the server."""
    vectors = np.ones((3, 2), np.float32)
    vectors[row] = vector
    with pytest.raises(EmbeddingError) as caught:
        checked(vectors, n=3, dim=2)
    assert (caught.value.code, caught.value.retryable, caught.value.blames_input) == ("not_finite", False, True)


@pytest.mark.parametrize("size", [pytest.param(1e25, id="huge"), pytest.param(1e-30, id="tiny")])
def test_f22_a_vector_of_any_size_is_a_unit_vector_or_refused(size):
    """A vector whose square is beyond float32 is brought to unit length or refused; it never becomes zero."""
    try:
        vectors = checked(np.full((1, 4), size, np.float32), n=1, dim=4)
    except EmbeddingError as error:
        assert error.code == "not_finite"  # noqa: PT017  # both outcomes are right
    else:
        assert vectors.tolist() == [[0.5, 0.5, 0.5, 0.5]]


def test_f22_vectors_of_no_numbers_are_refused():
    """A vector without a single number has no direction, though its shape is as expected."""
    with pytest.raises(EmbeddingError):
        checked(np.empty((1, 0), np.float32), n=1, dim=0)
