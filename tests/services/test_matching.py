"""Candidates by their words."""

import math
from dataclasses import replace

import pytest
from conftest import Rooms
from make import BOB, CHANNEL, GUILD, OTHER_CHANNEL, message

from bot.askers import EVERYTHING, Scope
from bot.services.backgrounds import Background
from bot.services.matching import Matches, Matching
from bot.storage.lexicon import Lexicon

BACKGROUND = Background(n_texts=40, mean_length=2.0)


@pytest.fixture
async def matching(rooms: Rooms) -> Matching:
    """Forty messages that all say "red": some of them "fish", one "numbat", the last one hidden away."""
    texts = [f"red {'fish' if i % 4 == 0 else 'bird'}" for i in range(1, 40)]
    texts[6] = "red numbat"
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in enumerate(texts, 1)])
    await rooms.ingest.saved(GUILD, [message(40, "red numbat", channel_id=OTHER_CHANNEL, author_id=BOB)])
    await rooms.settle()
    return Matching(Lexicon(rooms.database))


async def found(matching: Matching, *terms: str, scope: Scope = EVERYTHING, limit: int = 100) -> Matches:
    return await matching.matches(GUILD, terms, scope, background=BACKGROUND, limit=limit)


async def test_what_has_the_rarest_words_comes_first(matching: Matching) -> None:
    """Rare words count more than frequent ones, several more than one; the newer comes first among equals."""
    matches = await found(matching, "numbat", "fish")

    assert matches.message_ids == [40, 7, 36, 32, 28, 24, 20, 16, 12, 8, 4]
    weights = matches.statistics.weights
    assert weights["numbat"] > weights["fish"] > 0
    assert matches.statistics.total == pytest.approx(sum(weights.values()))


async def test_a_limit_keeps_the_best(matching: Matching) -> None:
    """What is left out is what matches least."""
    assert (await found(matching, "numbat", "fish", limit=3)).message_ids == [40, 7, 36]


async def test_only_what_lies_in_scope_is_found(matching: Matching) -> None:
    """Hidden messages are no candidates, and take no place from those that may be seen."""
    assert (await found(matching, "numbat", scope=Scope(channel_ids=frozenset({CHANNEL})), limit=1)).message_ids == [7]
    assert (await found(matching, "numbat", scope=Scope(author_ids=frozenset({BOB})))).message_ids == [40]
    assert (await found(matching, "numbat", scope=Scope(before_id=40, excluded_ids=frozenset({7})))).message_ids == []


async def test_hidden_messages_make_no_word_frequent_and_none_common(
    matching: Matching, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found, in which order and with which weight is the same whatever stands where the asker may not read."""
    seen = Scope(channel_ids=frozenset({CHANNEL}))
    monkeypatch.setattr("bot.services.matching._COMMON", 5)
    before = [await found(matching, *terms, scope=seen) for terms in (("numbat", "fish"), ("red", "quokka"))]
    hidden = [message(100 + i, "red numbat quokka fish", channel_id=OTHER_CHANNEL) for i in range(30)]
    await rooms.ingest.saved(GUILD, hidden)
    await rooms.settle()

    after = [await found(matching, *terms, scope=seen) for terms in (("numbat", "fish"), ("red", "quokka"))]
    assert after == before
    assert before[1].message_ids


async def test_no_words_find_nothing(matching: Matching) -> None:
    """Unknown words and none at all are no error; an unknown one says most."""
    assert (await found(matching)).message_ids == []
    matches = await found(matching, "quokka", "numbat")

    assert matches.message_ids == [40, 7]
    assert matches.statistics.weights["quokka"] > matches.statistics.weights["numbat"]


async def test_common_words_are_not_looked_up_beside_rare_ones(
    matching: Matching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a rare word a common one finds nothing; alone it finds the newest, and several those with all."""
    monkeypatch.setattr("bot.services.matching._COMMON", 5)

    assert (await found(matching, "red", "numbat")).message_ids == [40, 7]
    assert (await found(matching, "red")).message_ids == [40, 39, 38, 37, 36]
    assert (await found(matching, "red", "fish")).message_ids == [36, 32, 28, 24, 20]


async def test_the_rarest_words_are_read_where_all_would_be_too_many(
    matching: Matching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the words that are known to be frequent the rarest are looked up, and those that are not known always."""
    monkeypatch.setattr("bot.services.matching._READ", 12)
    background = replace(BACKGROUND, n_with={"fish": 9, "bird": 30, "red": 40})

    async def found_ids(*terms: str) -> list[int]:
        return (await matching.matches(GUILD, terms, EVERYTHING, background=background, limit=100)).message_ids

    assert await found_ids("fish", "bird", "numbat") == [40, 7, 36, 32, 28, 24, 20, 16, 12, 8, 4]
    assert await found_ids("bird", "numbat") == [40, 7]


async def test_a_word_that_is_not_looked_up_says_what_the_sample_tells(matching: Matching) -> None:
    """It weighs as much as in the share of the sample that lies in the scope."""
    background = replace(BACKGROUND, n_texts=4_000, n_with={"red": 2_000})

    matches = await matching.matches(GUILD, ["red", "numbat"], EVERYTHING, background=background, limit=5)

    assert matches.message_ids == [40, 7]
    assert matches.statistics.weights["red"] == pytest.approx(math.log(2))


async def test_what_a_term_with_a_star_says_is_told_by_all_that_begin_so(
    matching: Matching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is as frequent as those together, where it stands in too many to count."""
    monkeypatch.setattr("bot.services.matching._COMMON", 5)
    background = replace(BACKGROUND, n_texts=100, n_with={"red": 20, "rat": 30, "fish": 40})

    matches = await matching.matches(GUILD, ["r*"], EVERYTHING, background=background, limit=2)

    assert matches.message_ids == [40, 39]
    assert matches.statistics.weights["r*"] == pytest.approx(math.log(2))
