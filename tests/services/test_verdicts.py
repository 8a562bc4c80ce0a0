"""What verdicts advise, and what is kept of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from conftest import Rooms
from make import GUILD, OTHER_GUILD

from bot.messages import Nearness
from bot.services.verdicts import ENOUGH, GOOD, Judged, Verdict, Verdicts, advised
from bot.storage.verdicts import VerdictStore


def judged(percent: int, *, good: int = 0, bad: int = 0) -> list[Judged]:
    return [Judged(percent, Verdict.HELPED)] * good + [Judged(percent, Verdict.NOT_RELATED)] * bad


@pytest.fixture
def verdicts(rooms: Rooms) -> Verdicts:
    return Verdicts(VerdictStore(rooms.database), rooms.spaces)


def test_the_lowest_threshold_that_is_surely_good_is_advised() -> None:
    """Below 60 % most are bad, above it most are good: 60 % is as low as one can go."""
    advice = advised(judged(80, good=20) + judged(60, good=18, bad=2) + judged(40, good=2, bad=20))
    assert advice is not None
    assert (advice.percent, advice.n, advice.n_good) == (60, 40, 38)
    assert advice.precision == 38 / 40
    assert advice.low == pytest.approx(0.835, abs=0.001)  # Wilson's interval for 38 of 40


def test_few_verdicts_advise_nothing() -> None:
    """One verdict fewer than is enough says nothing, however good they are."""
    assert advised([]) is None
    assert advised(judged(80, good=ENOUGH - 1)) is None
    assert advised(judged(80, good=ENOUGH)) is not None


def test_a_share_that_may_be_chance_advises_nothing() -> None:
    """Fifteen of twenty are more than enough as measured, but not surely so."""
    assert GOOD < 15 / 20
    assert advised(judged(70, good=15, bad=5)) is None
    assert advised(judged(70, good=19, bad=1)) is not None


def test_verdicts_of_one_percentage_stand_together() -> None:
    """A threshold takes in all that is just as near, in whatever order they came."""
    mixed = judged(70, good=20, bad=20)
    assert advised(mixed) is None
    assert advised(list(reversed(mixed))) is None


async def test_nothing_is_kept_but_scores_and_verdicts(rooms: Rooms, verdicts: Verdicts) -> None:
    """A verdict has a percentage, a step, a model, a day and a word; what has no score is not kept."""
    await verdicts.note(GUILD, 0.616, Verdict.HELPED, nearness=Nearness.CLOSE)
    await verdicts.note(GUILD, None, Verdict.DISMISSED)

    [row] = await rooms.database.fetch("SELECT guild_id, at, percent, nearness, generation, verdict FROM verdicts")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert row == (GUILD, int(today.timestamp() * 1000), 62, Nearness.CLOSE, verdicts.generation, "helped")


async def test_each_server_learns_from_its_own_verdicts_on_the_present_model(verdicts: Verdicts) -> None:
    """Neither another server's verdicts nor those on another model's scores count."""
    for _ in range(ENOUGH):
        await verdicts.note(GUILD, 0.6, Verdict.HELPED)
        await verdicts.note(OTHER_GUILD, 0.6, Verdict.NOT_RELATED)
        await verdicts.note(GUILD, 0.6, Verdict.DISMISSED, generation="another")

    here, there = await verdicts.standing(GUILD), await verdicts.standing(OTHER_GUILD)
    assert here.n == there.n == ENOUGH
    assert here.advice is not None
    assert (here.advice.percent, there.advice, here.applied) == (60, None, None)


async def test_nothing_is_applied_before_somebody_says_so(rooms: Rooms, verdicts: Verdicts) -> None:
    """A threshold is what an administrator set, for the model of that moment, until they take it back."""
    await verdicts.put_threshold(GUILD, 61)
    assert (await verdicts.threshold(GUILD), await verdicts.threshold(OTHER_GUILD)) == (61, None)
    assert await VerdictStore(rooms.database).threshold(GUILD, "another model") is None

    await verdicts.drop_threshold(GUILD)
    assert replace(await verdicts.standing(GUILD)).applied is None
