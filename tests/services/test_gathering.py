"""Messages that say the same, as far as the asker may see them."""

import asyncio
from typing import Any

import numpy as np
import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, message

from bot.askers import Member, Operator, Scope
from bot.index.mirror import Mirror
from bot.services import backgrounds
from bot.services.gathering import Wanted

ANYTHING = Wanted(min_size=2)
TEN = "one two three four five six seven eight nine"


async def groups(rooms: Rooms, wanted: Wanted = ANYTHING, asker: Any = Operator()) -> list[list[int]]:  # noqa: B008
    return [sorted(ids) for ids in await rooms.gathering.find(asker, GUILD, wanted)]


def member(*channel_ids: int, guild_id: int = GUILD) -> Member:
    return Member(guild_id, 1, frozenset(channel_ids))


async def test_rewordings_are_a_group_whoever_said_them_and_wherever(rooms: Rooms) -> None:
    """Nine words of ten in common are the same, other words are not; authors and channels do not matter."""
    texts = [f"{TEN} ten", f"{TEN} eleven", "quite another thing that somebody said", f"{TEN} twelve"]
    for i, text in enumerate(texts, 1):
        await rooms.ingest.saved(GUILD, [message(i, text, author_id=i, channel_id=CHANNEL + i % 2)])
    await rooms.settle()

    assert await groups(rooms) == [[1, 2, 4]]
    assert await groups(rooms, Wanted(min_size=4)) == []


async def test_the_largest_comes_first_and_then_the_newest(rooms: Rooms) -> None:
    """Three of the same come before two; among equals the one that was said last."""
    texts = ["red fish", "red fish", "a blue bird", "a blue bird", "green trees", "green trees", "green trees"]
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in enumerate(texts, 1)])
    await rooms.settle()

    assert await groups(rooms) == [[5, 6, 7], [3, 4], [1, 2]]
    assert await groups(rooms, Wanted(min_size=3)) == [[5, 6, 7]]


async def test_only_what_the_asker_may_see_and_asks_for_counts(rooms: Rooms) -> None:
    """Hidden channels, other channels and what is older are in no group; another server has nothing for a member."""
    await rooms.ingest.saved(
        GUILD, [message(i, "red fish", channel_id=CHANNEL if i % 2 else OTHER_CHANNEL) for i in range(1, 9)]
    )
    await rooms.ingest.saved(OTHER_GUILD, [message(20, "red fish", guild_id=OTHER_GUILD)])
    await rooms.settle()

    assert await groups(rooms) == [list(range(1, 9))]
    assert await groups(rooms, asker=member(CHANNEL)) == [[1, 3, 5, 7]]
    assert await groups(rooms, asker=member()) == []
    assert await groups(rooms, asker=member(CHANNEL, guild_id=OTHER_GUILD)) == []
    narrowed = Wanted(Scope(channel_ids=frozenset({OTHER_CHANNEL}), after_id=4), min_size=2)
    assert await groups(rooms, narrowed) == [[4, 6, 8]]
    assert await groups(rooms, narrowed, member(CHANNEL)) == []


async def test_an_answer_that_says_little_is_not_in_the_group_of_what_it_answers(rooms: Rooms) -> None:
    """Short answers have vectors of what they answer: they are with what says the same as they do, and nothing else."""
    question = f"{TEN} ten"
    await rooms.ingest.saved(GUILD, [message(1, question), message(2, f"{TEN} eleven")])
    await rooms.ingest.saved(GUILD, [message(i, "red", reply_to=1) for i in (3, 4)])
    await rooms.ingest.saved(GUILD, [message(5, "red"), message(6, "blue", reply_to=2)])
    await rooms.settle()

    assert await groups(rooms) == [[3, 4, 5], [1, 2]]


async def test_equal_texts_belong_together_without_any_vector(rooms: Rooms) -> None:
    """What waits for its vector is in the group of those that say the same, in the same words."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "red fish")])
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(i, "red fish") for i in (3, 4)] + [message(i, "a bird") for i in (5, 6)])

    assert await groups(rooms) == [[1, 2, 3, 4], [5, 6]]


async def test_what_is_near_is_measured_where_there_is_enough(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many messages the limit is what unrelated ones do not reach, which is told before by a fixed one.

    What was deleted while it was looked for is in no group.
    """
    monkeypatch.setattr(backgrounds, "ENOUGH", 100)
    words = np.random.default_rng(0).permutation([f"word{n}" for n in range(6_000)]).reshape(-1, 12)
    await rooms.ingest.saved(GUILD, [message(i, " ".join(row)) for i, row in enumerate(words.tolist(), 1)])
    await rooms.settle()
    told: list[dict[str, Any]] = []
    gone = [[[9_001], [9_002]]]
    monkeypatch.setattr(Mirror, "alike", lambda *_, **values: told.append(values) or gone)

    assert await groups(rooms) == []
    assert told[0]["limit"] < 0.75  # the fixed one is 0.76
    assert told[0]["n_expected"] == 500
    assert len(told[0]["sample_ids"]) == 500


async def test_words_that_all_say_do_not_make_a_group(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every message begins in the same way, that does not make up for what is said otherwise."""
    monkeypatch.setattr(backgrounds, "ENOUGH", 100)
    texts = [f"{TEN} {' '.join(row)}" for row in rare_words(500, 8)]
    much = " ".join(["much"] * 5)
    texts += [f"{TEN} {much} red blue green grey", f"{TEN} {much} one-eyed ten-fold old young", f"{texts[0]} {much}"]
    texts += [f"{texts[0]} {much} indeed"]
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in enumerate(texts, 1)])
    await rooms.settle()

    assert await groups(rooms) == [[503, 504]]


async def test_a_script_is_measured_by_itself(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """That all texts of one script are alike does not keep those of another from being near to each other."""
    monkeypatch.setattr(backgrounds, "ENOUGH", 100)
    rows = rare_words(500, 10)
    texts = [" ".join(row) for row in rows[:250]]
    texts += [f"{' '.join('あいうえおかきく')} {' '.join(f'魚{word}' for word in row[:8])}" for row in rows[250:]]
    texts += [" ".join([*rows[0][:8], "red", "blue"])]
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in enumerate(texts, 1)])
    await rooms.settle()

    assert await groups(rooms) == [[1, 501]]


def rare_words(n_texts: int, n_each: int) -> list[list[str]]:
    rng = np.random.default_rng(0)
    words: list[list[str]] = rng.permutation([f"word{n}" for n in range(n_texts * n_each)]).reshape(-1, n_each).tolist()
    return words


async def test_who_gives_up_ends_the_work(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that is cancelled lets its thread end, and the next one go ahead."""
    ended, started = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(*_: object, on_share: Any, **__: object) -> list[list[int]]:
        loop.call_soon_threadsafe(started.set)
        try:
            while True:
                on_share(0.5)
        finally:
            loop.call_soon_threadsafe(ended.set)

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "alike", endless)
        task = asyncio.create_task(groups(rooms))
        await started.wait()
        task.cancel()
        await asyncio.wait_for(ended.wait(), 10)
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "red fish")])

    assert await groups(rooms) == [[1, 2]]
