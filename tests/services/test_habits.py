"""What a server says anyway."""

from datetime import timedelta

import numpy as np
import pytest
from conftest import Rooms
from make import GUILD
from watching import NOON, PEOPLE, Watched, watched_server

from bot.services.backgrounds import Backgrounds
from bot.services.habits import Habits
from bot.services.verdicts import Subject
from bot.storage.lexicon import Lexicon

HELLO = "good morning everybody in this town"


@pytest.fixture
async def town(rooms: Rooms) -> Watched:
    return await watched_server(rooms, None)


def habits_of(town: Watched) -> Habits:
    return Habits(town.store, town.rooms.spaces, Backgrounds(Lexicon(town.rooms.database)), town.rooms.verdicts)


async def is_usual(town: Watched, *, without: tuple[int, ...] = ()) -> bool:
    [vector] = await town.rooms.embedder.embed([HELLO])
    return await habits_of(town).is_usual(GUILD, vector, least=0.8, without=without, now=NOON)


async def greet(town: Watched, *days_and_people: tuple[float, int]) -> list[int]:
    return [
        message_id
        for days, person in days_and_people
        for message_id in await town.say([HELLO], by=[person], at=NOON - timedelta(days=days))
    ]


async def test_what_several_people_say_on_several_days_is_usual(town: Watched) -> None:
    """Three people on three days before make a habit, unless one of them was part of a wave."""
    ids = await greet(town, (2, PEOPLE[0]), (3, PEOPLE[1]), (4, PEOPLE[2]))

    assert await is_usual(town)
    assert not await is_usual(town, without=tuple(ids[:1]))


@pytest.mark.parametrize(
    "said",
    [
        [(2, 501), (3, 501), (4, 501), (5, 501)],
        [(2, 501), (2, 502), (2, 503), (3, 504)],
        [(0.5, 501), (0.6, 502), (3, 503), (4, 504)],
        [],
    ],
    ids=["one person", "two days", "today", "never"],
)
async def test_what_is_said_otherwise_is_not_usual(town: Watched, said) -> None:
    """One person, or too few days, or only today, make none."""
    await greet(town, *said)

    assert not await is_usual(town)


async def test_what_is_alike_is_measured_once_there_is_enough(town: Watched) -> None:
    """Before there are a thousand messages a stated cosine holds; then one between chance and the same text."""
    assert await habits_of(town).least(GUILD) == 0.75

    numbers = np.random.default_rng(0).integers(0, 10_000, (1_200, 6))
    texts = [" ".join(f"word{number}" for number in some) for some in numbers.tolist()]
    await town.say(texts, at=NOON - timedelta(days=30))
    await town.rooms.indexer.take_in_words()
    least = await habits_of(town).least(GUILD)
    assert 0.7 <= least < 1
    assert least != 0.75


async def test_what_an_administrator_set_holds(town: Watched) -> None:
    """At once, and until it is left to the bot again; a threshold of related posts says nothing of waves."""
    habits, verdicts = habits_of(town), town.rooms.verdicts
    await verdicts.put_threshold(GUILD, Subject.RELATED, 30)
    assert await habits.least(GUILD) == 0.75
    await verdicts.put_threshold(GUILD, Subject.WAVES, 90)
    assert await habits.least(GUILD) == 0.895

    await verdicts.drop_threshold(GUILD, Subject.WAVES)
    assert await habits.least(GUILD) == 0.75
