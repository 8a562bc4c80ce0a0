"""What verdicts advise, and what is kept of them."""

from datetime import UTC, datetime

import pytest
from conftest import Rooms
from make import GUILD, OTHER_GUILD

from bot.messages import Nearness
from bot.services.verdicts import ENOUGH, GOOD, Judged, Subject, Verdict, Verdicts, advised, least_cosine
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
    """A verdict has its subject, a percentage, a step, a model, a day and a word; what has no score is not kept."""
    await verdicts.note(GUILD, Subject.RELATED, Verdict.HELPED, score=0.616, nearness=Nearness.CLOSE)
    await verdicts.note(GUILD, Subject.WAVES, Verdict.DISMISSED, score=None)

    [row] = await rooms.database.fetch("SELECT * FROM verdicts")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    at = int(today.timestamp() * 1000)
    assert row[1:] == (GUILD, at, 62, Nearness.CLOSE, verdicts.generation, "helped", "related")


async def test_each_server_learns_from_its_own_verdicts_on_the_present_model(verdicts: Verdicts) -> None:
    """Neither another server's verdicts nor those on another model's scores count."""
    for _ in range(ENOUGH):
        await verdicts.note(GUILD, Subject.RELATED, Verdict.HELPED, score=0.6)
        await verdicts.note(OTHER_GUILD, Subject.RELATED, Verdict.NOT_RELATED, score=0.6)
        await verdicts.note(GUILD, Subject.RELATED, Verdict.NOT_RELATED, score=0.6, generation="another")

    here, there = [await verdicts.standing(guild_id, Subject.RELATED) for guild_id in (GUILD, OTHER_GUILD)]
    assert here.n == there.n == ENOUGH
    assert here.advice is not None
    assert (here.advice.percent, there.advice, here.applied) == (60, None, None)


async def test_each_subject_is_advised_by_its_own_verdicts(verdicts: Verdicts) -> None:
    """Marks that are nearly always good do not make suggestions look good, and dismissed waves do not make them bad."""
    for _ in range(ENOUGH):
        await verdicts.note(GUILD, Subject.RELATED, Verdict.HELPED, score=0.6)
        await verdicts.note(GUILD, Subject.WAVES, Verdict.DISMISSED, score=0.9)
        await verdicts.note(GUILD, Subject.DUPLICATES, Verdict.DUPLICATE, score=0.4)

    standings = [await verdicts.standing(GUILD, subject) for subject in Subject]
    advice = {one.subject: one.advice and one.advice.percent for one in standings}
    assert advice == {"related": 60, "duplicates": 40, "waves": None}


async def test_nothing_is_applied_before_somebody_says_so(rooms: Rooms, verdicts: Verdicts) -> None:
    """A threshold is what an administrator set, for the model of that moment, until they take it back."""
    related = Subject.RELATED
    await verdicts.put_threshold(GUILD, related, 61)
    assert [await verdicts.threshold(guild_id, related) for guild_id in (GUILD, OTHER_GUILD)] == [61, None]
    assert await verdicts.threshold(GUILD, Subject.WAVES) is None
    assert await VerdictStore(rooms.database).threshold(GUILD, related, "another model") is None

    await verdicts.drop_threshold(GUILD, related)
    assert (await verdicts.standing(GUILD, related)).applied is None


def test_a_threshold_takes_in_what_is_shown_as_so_much() -> None:
    """What is told as 62 % is at or above a threshold of 62 %."""
    assert least_cosine(62) <= 0.6151
    assert round(100 * least_cosine(63)) >= 62
    assert least_cosine(63) > 0.6249
