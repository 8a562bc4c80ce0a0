"""Arrays of ids and vectors."""

import numpy as np
import pytest

from bot.vectors import among


@pytest.mark.parametrize(
    ("ids", "others", "found"),
    [
        ([3, 1, 9, 3], [1, 2, 3], [True, True, False, True]),
        ([1], [], [False]),
        ([], [1], []),
        ([0, 5, 2**62], [5], [False, True, False]),
    ],
)
def test_ids_are_looked_up_among_others(ids: list[int], others: list[int], found: list[bool]) -> None:
    """In whatever order they come, below, between and above the others, of which there may be none."""
    assert among(np.array(ids, np.int64), np.array(others, np.int64)).tolist() == found
