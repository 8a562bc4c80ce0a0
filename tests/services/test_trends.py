"""When and where something came up."""

from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, channel, message, server

from bot.askers import EVERYTHING, Member, Operator, Scope
from bot.errors import EmbeddingError, NothingToCompare
from bot.services import backgrounds, nearness, trends
from bot.services.trends import Trends
from bot.times import snowflake_at

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
READS_THE_SQUARE = Member(GUILD, user_id=1, channel_ids=frozenset({CHANNEL}))


def in_week(week: int, n: int = 0) -> int:
    """The id of a message of a week."""
    return snowflake_at(MONDAY + timedelta(weeks=week)) + n


@pytest.fixture
async def harbour(rooms: Rooms) -> Rooms:
    """The ferry in two channels and three weeks, and bread."""
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL, name="vault"))
    ferry = [(0, CHANNEL), (0, CHANNEL), (2, CHANNEL), (2, OTHER_CHANNEL)]
    told = [message(in_week(week, n), "ferry late", channel_id=where) for n, (week, where) in enumerate(ferry)]
    await rooms.ingest.saved(GUILD, [*told, message(in_week(1), "bread butter")])
    await rooms.settle()
    return rooms


async def test_matches_are_counted_by_week_and_channel(harbour: Rooms) -> None:
    """The busiest channel comes first, and a week without a match counts as well."""
    trend = await Trends(harbour.search).of(Operator(), "ferry late", EVERYTHING)

    assert trend.weekly.weeks == (date(2025, 3, 3), date(2025, 3, 10), date(2025, 3, 17))
    assert list(trend.weekly.counts.items()) == [(CHANNEL, (2, 0, 1)), (OTHER_CHANNEL, (0, 0, 1))]
    assert trend.names == {CHANNEL: "square", OTHER_CHANNEL: "vault"}
    assert trend.n_matches == 4


async def test_what_the_asker_may_not_read_is_not_counted(harbour: Rooms) -> None:
    """Neither the matches nor the channel are told of."""
    trend = await Trends(harbour.search).of(READS_THE_SQUARE, "ferry late", EVERYTHING)

    assert trend.weekly.counts == {CHANNEL: (2, 0, 1)}
    assert trend.channel_ids == {CHANNEL}


async def test_a_trend_can_be_narrowed(harbour: Rooms) -> None:
    """To a time and to channels."""
    within = Scope(channel_ids=frozenset({CHANNEL}), after_id=in_week(1))

    assert (await Trends(harbour.search).of(Operator(), "ferry late", within)).weekly.counts == {CHANNEL: (1,)}


async def test_where_nothing_can_be_measured_a_least_similarity_counts(harbour: Rooms) -> None:
    """In a small server what is far away is no match, and it is said that this is rough."""
    trend = await Trends(harbour.search).of(Operator(), "ferry late", EVERYTHING)
    nothing = await Trends(harbour.search).of(Operator(), "quokka", EVERYTHING)

    assert trend.is_rough
    assert not trend.is_cut
    assert (nothing.n_matches, nothing.is_rough, nothing.weekly.weeks) == (0, False, ())


async def test_what_is_not_related_is_no_match(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the limit is measured, it decides, and nothing is rough."""
    monkeypatch.setattr(backgrounds, "ENOUGH", 100)
    monkeypatch.setattr(nearness, "ENOUGH", 20)
    talk = [message(in_week(0, i), f"w{i} v{i % 37} u{i % 41} t{i % 43}") for i in range(300)]
    await rooms.ingest.saved(GUILD, [*talk, *[message(in_week(1, i), "ferry late today") for i in range(3)]])
    await rooms.settle()
    trend = await Trends(rooms.search).of(Operator(), "ferry late today", EVERYTHING)

    assert not trend.is_rough
    assert trend.weekly.counts[CHANNEL][-1] == 3
    assert trend.n_matches < 30


async def test_a_search_that_was_cut_says_so(harbour: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more matches than are counted it is told that there may be more."""
    monkeypatch.setattr(trends, "MOST", 3)
    trend = await Trends(harbour.search).of(Operator(), "ferry late", EVERYTHING)

    assert trend.is_cut
    assert trend.n_matches == 3


async def test_without_the_embedder_words_are_counted(rooms: Rooms) -> None:
    """The messages with the same words are, and why only they."""
    await rooms.ingest.saved(GUILD, [message(in_week(0, i), f"ferry number {i}") for i in range(5)])
    await rooms.ingest.saved(GUILD, [message(in_week(0, i), f"bread number {i}") for i in range(5, 150)])
    await rooms.settle()
    rooms.embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)
    trend = await Trends(rooms.search).of(Operator(), "ferry", EVERYTHING)

    assert trend.failure is rooms.embedder.failure
    assert trend.n_matches == 5


async def test_a_text_that_says_nothing_is_no_question(harbour: Rooms) -> None:
    """It is refused as it is by the search."""
    with pytest.raises(NothingToCompare):
        await Trends(harbour.search).of(Operator(), "\u200b", EVERYTHING)
