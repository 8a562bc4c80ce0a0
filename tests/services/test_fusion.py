"""What is found by meaning and by words together."""

from datetime import UTC, datetime, timedelta

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, message, server

from bot.askers import Member, Operator
from bot.errors import EmbeddingError
from bot.messages import Mode, Query
from bot.services.fusion import asked
from bot.terms import script_of, terms_of
from bot.times import snowflake_at

OPERATOR = Operator()
HIDDEN_FROM = Member(GUILD, user_id=1, channel_ids=frozenset({CHANNEL}))
SAID = "it says err_4711 whenever my old printer wakes up in the morning"


@pytest.fixture
async def office(rooms: Rooms) -> Rooms:
    """A hundred and fifty messages about printers; one names an error, another one somewhere else as well."""
    talk = [message(i, f"my printer says hello number {i}") for i in range(1, 150)]
    hidden = message(151, "err_4711", channel_id=OTHER_CHANNEL)
    await rooms.ingest.saved(GUILD, [*talk, message(150, SAID), hidden])
    await rooms.settle()
    return rooms


async def found(rooms: Rooms, asker: Member | Operator = OPERATOR, **query: object) -> list[int]:
    return [hit.message.message_id for hit in await rooms.search.similar(asker, Query(**query))]


@pytest.fixture
def rare_in_a_small_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in two messages of 150 counts as rare, as it does in one of a thousand."""
    monkeypatch.setattr("bot.services.relevance._RARE", 1.0)


@pytest.mark.usefixtures("rare_in_a_small_server")
async def test_a_rare_word_lifts_its_message(office: Rooms) -> None:
    """By meaning the short messages are nearer, with words the one that names the error comes first."""
    question = {"text": "my printer says hello err_4711", "limit": 3}

    assert 150 not in await found(office, HIDDEN_FROM, mode=Mode.MEANING, **question)
    assert (await found(office, HIDDEN_FROM, mode=Mode.BOTH, **question))[0] == 150


async def test_hits_of_both_kinds_have_their_cosine(office: Rooms) -> None:
    """What words brought in is shown with the score that meaning alone gives it."""
    both = await office.search.similar(OPERATOR, Query(text="printer err_4711", limit=100))
    meaning = await office.search.similar(OPERATOR, Query(text="printer err_4711", limit=100, mode=Mode.MEANING))
    scores = {hit.message.message_id: hit.score for hit in meaning}

    assert len(both) == 100
    assert [hit.relatedness for hit in both] == sorted((hit.relatedness for hit in both), reverse=True)
    for hit in both:
        if hit.message.message_id in scores:
            assert hit.score == pytest.approx(scores[hit.message.message_id], abs=1e-9)


async def test_words_alone_find_what_has_them(office: Rooms) -> None:
    """The best match first; there is no cosine, and nothing is embedded."""
    n_before = len(office.embedder.batches)
    hits = await office.search.similar(OPERATOR, Query(text="ERR_4711", mode=Mode.WORDS))

    assert [hit.message.message_id for hit in hits] == [151, 150]
    assert [hit.score for hit in hits] == [None, None]
    assert len(office.embedder.batches) == n_before
    assert await found(office, text="quokka", mode=Mode.WORDS) == []


@pytest.mark.parametrize("mode", [Mode.WORDS, Mode.BOTH])
async def test_a_single_chinese_character_finds_texts_that_have_it(office: Rooms, mode: Mode) -> None:
    """By the pairs that begin with it, those first that say it more often; beside texts without any words."""
    said = ["犬が好きで、いつも犬と歩きます", "今日は犬が来た", "猫が好き", 25 * "😂"]
    await office.ingest.saved(GUILD, [message(i, text) for i, text in enumerate(said, 200)])
    await office.settle()

    assert (await found(office, text="犬", mode=mode, limit=2)) == [200, 201]


async def test_a_least_score_does_not_shut_out_words(office: Rooms) -> None:
    """A hit by words alone has no score that could be too low."""
    assert await found(office, text="err_4711", mode=Mode.WORDS, min_score=0.9) == [151, 150]


def test_a_text_and_the_question_for_it_are_of_one_script() -> None:
    """Both are judged by their terms: what is mixed is the same as a question and as a message."""
    mixed = "Docker compose build が動かないので再起動したい"

    assert asked(mixed).script == script_of("".join(terms_of(mixed))) == "han and kana"


@pytest.mark.parametrize("mode", [Mode.WORDS, Mode.BOTH])
async def test_words_of_hidden_messages_find_nothing(office: Rooms, mode: Mode) -> None:
    """What the asker may not read is no hit, however rare its words are."""
    assert 151 not in await found(office, HIDDEN_FROM, text="err_4711", mode=mode, limit=100)


async def test_without_the_embedder_words_answer(office: Rooms) -> None:
    """The answer says why; who asked for meaning alone is told instead."""
    office.embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)
    question = await office.search.question(OPERATOR, Query(text="err_4711"))

    assert question.failure is office.embedder.failure
    assert [hit.message.message_id for hit in await office.search.nearest(question)] == [151, 150]
    with pytest.raises(EmbeddingError):
        await office.search.question(OPERATOR, Query(text="err_4711", mode=Mode.MEANING))


@pytest.mark.usefixtures("rare_in_a_small_server")
async def test_a_message_is_asked_about_by_its_own_words_too(office: Rooms) -> None:
    """What is like a stored message shares its rare words, and is not the message itself."""
    assert (await found(office, message_id=150, limit=1)) == [151]
    assert 150 not in await found(office, message_id=150, limit=100)
    assert await found(office, message_id=151, mode=Mode.WORDS) == [150]


async def test_a_small_server_is_ordered_by_meaning_alone(rooms: Rooms) -> None:
    """Among a handful of messages what is rare is chance: the order is that of the cosines."""
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in enumerate(("red fish", "red bird", "tree"), 1)])
    await rooms.settle()
    hits = await rooms.search.similar(OPERATOR, Query(text="red fish bird bird"))

    assert [hit.relatedness for hit in hits] == [hit.score for hit in hits]


async def test_a_deleted_message_is_found_by_no_word(office: Rooms) -> None:
    """From the commit on neither mode has it."""
    await office.ingest.deleted(GUILD, [150, 151])

    for mode in Mode:
        assert not {150, 151} & set(await found(office, text="err_4711", mode=mode, limit=100))


@pytest.mark.parametrize("mode", Mode)
async def test_a_server_may_prefer_what_is_newer(rooms: Rooms, mode: Mode) -> None:
    """After a half-life a message counts half; a better one comes first only while it is new enough. Off by default."""
    old, new = (snowflake_at(datetime.now(UTC) - timedelta(days=days)) for days in (40, 1))
    texts = {old: "the red fish swims", new: "a red fish swims in the pond"}
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in texts.items()])
    await rooms.settle()
    question = {"text": "the red fish swims", "mode": mode}
    assert await found(rooms, **question) == [old, new]

    for days, first in ((10, new), (3_650, old), (None, old)):
        await rooms.coverage.prefer_newer(server(), days)
        assert (await found(rooms, **question))[0] == first
        assert await rooms.coverage.half_life(GUILD) == days


async def test_what_is_newer_is_looked_for_further_down(rooms: Rooms) -> None:
    """Where older messages fade, more candidates than an answer holds are compared."""
    old = snowflake_at(datetime.now(UTC) - timedelta(days=400))
    new = snowflake_at(datetime.now(UTC))
    await rooms.ingest.saved(GUILD, [message(old + i, "red fish") for i in range(10)])
    await rooms.ingest.saved(GUILD, [message(new, "a fish that is red and swims")])
    await rooms.settle()
    await rooms.coverage.prefer_newer(server(), 30)

    assert await found(rooms, text="red fish", limit=1, mode=Mode.MEANING) == [new]
