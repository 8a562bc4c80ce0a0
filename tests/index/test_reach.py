"""How many lists are looked at."""

import numpy as np
import pytest

from bot.index.reach import Reach, reach_over


def test_where_nothing_was_measured_everything_is_looked_at() -> None:
    """The share is 1 for every rank."""
    assert [Reach().share(rank) for rank in (1, 10, 1e6)] == [1, 1, 1]
    assert reach_over([]) == Reach()


def test_between_two_ranks_the_share_grows_with_the_logarithm() -> None:
    """At the measured ranks it is what was measured, below the first no less, and half way between, the mean."""
    reach = Reach((0.1, 0.2, 0.4, 0.5))

    assert [reach.share(rank) for rank in (1, 10, 30, 100, 300)] == pytest.approx([0.1, 0.1, 0.2, 0.4, 0.5])
    assert reach.share(np.sqrt(100 * 300)) == pytest.approx(0.45)


def test_beyond_the_last_rank_it_goes_on_growing_up_to_everything() -> None:
    """Three times as far is as much more as between the last two ranks; there is never more than everything."""
    reach = Reach((0.1, 0.2, 0.4, 0.5))

    assert reach.share(900) == pytest.approx(0.6)
    assert reach.share(1e9) == 1


def test_what_is_measured_is_where_nearly_all_of_the_nearest_come_into_sight() -> None:
    """Of a thousand questions whose messages up to a rank come into sight at one share, that share is taken."""
    one = np.concatenate([np.full(10, 0.1), np.full(20, 0.2), np.full(70, 0.3), np.full(200, 0.5)])

    assert reach_over([one] * 100).shares == pytest.approx((0.1, 0.2, 0.3, 0.5))


def test_a_few_messages_that_lie_far_off_do_not_count_and_more_of_them_do() -> None:
    """With 1 in 1,000 messages beyond, the share is that of the others, with 1 in 50 that of the one."""
    near = [np.full(10, 0.1)] * 100
    few, many = [array.copy() for array in near], [array.copy() for array in near]
    few[0][0] = 0.9
    for array in many[:20]:
        array[0] = 0.9

    assert reach_over(few).shares[0] == pytest.approx(0.1)
    assert reach_over(many).shares[0] == pytest.approx(0.9)


def test_the_share_never_falls_with_the_rank_and_is_never_tiny() -> None:
    """A later rank that was measured lower takes over what an earlier one needs; 2 % is the least, 1 where unknown."""
    assert reach_over([np.array([0.5] * 10 + [0.3] * 20)]).shares == (0.5, 0.5, 1.0, 1.0)
    assert reach_over([np.full(300, 0.0001)]).shares == (0.02,) * 4
