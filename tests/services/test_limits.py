"""How often people may ask; time stands still but for what a test lets pass."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import ADA, BOB, GUILD, OTHER_GUILD

from bot.errors import ServerAsksTooOften, TooManyQuestions
from bot.services.limits import Allowance

BEGAN = 1_790_000_000  # by the clock on the wall, in seconds since 1970


@dataclass
class Passing:
    """An allowance of 30 a minute a member and 120 a server, and how many seconds have passed."""

    per_member: float = 30
    per_server: float = 120
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.allowance = Allowance(
            per_member=self.per_member,
            per_server=self.per_server,
            clock=lambda: self.seconds,
            wall_clock=lambda: BEGAN + self.seconds,
        )

    def taken(self, n: int, member_id: int = ADA, guild_id: int | None = GUILD) -> list[type[Exception] | None]:
        """What becomes of so many questions at once: None where one is answered."""
        return [self._taken(member_id, guild_id) for _ in range(n)]

    def _taken(self, member_id: int, guild_id: int | None) -> type[Exception] | None:
        try:
            self.allowance.take(member_id, guild_id)
        except (TooManyQuestions, ServerAsksTooOften) as error:
            return type(error)
        return None


def test_b48_a_member_may_ask_a_third_of_a_minutes_questions_at_once():
    """Ten of thirty are answered at once, the eleventh is not, and another member's first is."""
    passing = Passing()

    assert passing.taken(12) == [None] * 10 + [TooManyQuestions] * 2
    assert passing.taken(1, BOB) == [None]


def test_b48_a_member_may_ask_again_when_a_question_has_grown_back():
    """Two seconds after the tenth there is one more, and after twenty there are ten."""
    passing = Passing()
    passing.taken(10)

    passing.seconds = 1.9
    assert passing.taken(1) == [TooManyQuestions]
    passing.seconds = 2
    assert passing.taken(2) == [None, TooManyQuestions]
    passing.seconds = 22
    assert passing.taken(11) == [None] * 10 + [TooManyQuestions]


def test_b48_a_refusal_tells_when_to_ask_again():
    """The moment is a whole second by the clock on the wall, and then the question is answered."""
    passing = Passing(seconds=0.5)
    passing.taken(10)

    with pytest.raises(TooManyQuestions) as refused:
        passing.allowance.take(ADA, GUILD)

    assert refused.value.again_at == BEGAN + 3
    passing.seconds = 3
    assert passing.taken(1) == [None]


def test_b48_a_refused_question_counts_against_nobody():
    """Who goes on asking does not wait longer for it, and does not use up what the server may ask."""
    passing = Passing(per_server=60)
    passing.taken(1_000)

    passing.seconds = 2
    assert passing.taken(2) == [None, TooManyQuestions]
    assert passing.taken(9, BOB) == [None] * 9


def test_b48_a_server_may_ask_a_third_of_a_minutes_questions_at_once():
    """Forty of a hundred and twenty by as many members are answered; another server's are answered all the same."""
    passing = Passing()

    asked = [passing.taken(1, member_id)[0] for member_id in range(1, 43)]
    assert asked == [None] * 40 + [ServerAsksTooOften] * 2
    assert passing.taken(1, 42, OTHER_GUILD) == [None]

    with pytest.raises(ServerAsksTooOften) as refused:
        passing.allowance.take(42, GUILD)
    assert refused.value.again_at == BEGAN + 1
    passing.seconds = 0.5
    assert passing.taken(2, 43) == [None, ServerAsksTooOften]


def test_b48_a_member_has_one_allowance_in_all_servers():
    """To ask in two servers in turns makes nothing more of it, and neither does a direct message."""
    passing = Passing()

    assert passing.taken(5) + passing.taken(5, guild_id=OTHER_GUILD) == [None] * 10
    assert passing.taken(1) == passing.taken(1, guild_id=OTHER_GUILD) == passing.taken(1, guild_id=None)
    assert passing.taken(1) == [TooManyQuestions]


@pytest.mark.parametrize(("per_minute", "at_once"), [(1, 1), (2, 1), (5, 1), (6, 2), (30, 10)])
def test_b48_one_question_is_always_allowed(per_minute, at_once):
    """However few a minute has, one may be asked, and the next when its time has come."""
    passing = Passing(per_member=per_minute)

    assert passing.taken(at_once + 1) == [None] * at_once + [TooManyQuestions]
    passing.seconds = 60
    assert passing.taken(1) == [None]


@given(st.lists(st.floats(0, 5), max_size=200))
def test_b48_no_minute_has_more_than_it_allows(pauses):
    """Whenever a member asks, any minute has at most the ten at once and the thirty that grow back in it."""
    passing, answered_at = Passing(per_server=100_000), []
    for pause in pauses:
        passing.seconds += pause
        if passing.taken(1) == [None]:
            answered_at.append(passing.seconds)

    for began in answered_at:
        assert sum(began <= at < began + 60 for at in answered_at) <= 40


def test_b48_what_is_remembered_stays_little():
    """Of a hundred thousand members of a thousand servers, of whom twenty ask a second, a few are remembered."""
    passing, most = Passing(per_server=100_000), 0
    for member_id in range(1, 100_001):
        passing.seconds += 0.05
        assert passing.taken(1, member_id, member_id % 1_000) == [None]
        most = max(most, len(passing.allowance))

    assert most <= 2 * 1_025


def test_b48_a_flood_of_members_in_one_server_is_not_remembered():
    """Of a hundred thousand members at one moment only those are remembered whose question was answered."""
    passing = Passing()
    answered = sum(passing.taken(1, member_id) == [None] for member_id in range(1, 100_001))

    assert (answered, len(passing.allowance)) == (40, 41)
