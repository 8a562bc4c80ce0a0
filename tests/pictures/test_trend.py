"""A trend in a picture and in words."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import BudgetSpent, EmbeddingError
from bot.pictures.picture import MOST_TOLD
from bot.pictures.trend import picture_of_trend, remarks_on_trend
from bot.services.trends import Trend
from bot.weeks import by_week
from bot.words import Words

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)


def trend(*counts: list[int], name: str = "channel-{}", **values: object) -> Trend:
    """Channels with so many matches a week."""
    moments = {
        channel_id: [MONDAY + timedelta(weeks=week) for week, n in enumerate(its) for _ in range(n)]
        for channel_id, its in enumerate(counts, 1)
    }
    return Trend(by_week(moments), {channel_id: name.format(channel_id) for channel_id in moments}, **values)


def test_the_words_tell_what_the_picture_shows() -> None:
    """How many there were from when to when, the highest weeks, and the channels."""
    assert picture_of_trend(trend([1, 0, 4, 2], [0, 0, 1, 0]), "ferry", Words("en")).told == (
        "Bars for 8 messages from the week of 2025-03-03 to that of 2025-03-24 (weeks begin on Mondays, UTC). "
        "Most in the weeks of 2025-03-17 (5), 2025-03-24 (2), 2025-03-03 (1). "
        "By channel: #channel-1 (7), #channel-2 (1)."
    )


def test_beyond_six_channels_they_are_told_together() -> None:
    """The words have as many channels as the picture has colours, and one line for the rest."""
    told = picture_of_trend(trend(*[[i] for i in range(9, 0, -1)]), "ferry", Words("en")).told

    assert "#channel-6 (4), other channels (6)." in told
    assert "#channel-7" not in told


def test_japanese_is_told_in_japanese() -> None:
    """The same in the other language, with a channel that has no name told by its id."""
    told = picture_of_trend(trend([2], name=""), "フェリー", Words("ja")).told

    assert "2 件の棒グラフ" in told
    assert "#1（2 件）" in told


def test_long_names_leave_the_words_within_discords_limit() -> None:
    """However long channels are called, all that is told fits."""
    told = picture_of_trend(trend(*[[1]] * 9, name="長" * 100), "f" * 4_000, Words("ja")).told

    assert len(told) <= MOST_TOLD


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_limits_a_trend_is_said(language: str) -> None:
    """Nothing is said of a whole one; of one that is cut, rough or without vectors, each of that."""
    words = Words(language)

    assert remarks_on_trend(trend([1]), words) == []
    assert remarks_on_trend(trend([1], is_cut=True, is_rough=True, failure=EmbeddingError("timeout", "")), words) == [
        words("answer.words_only"),
        words("pictures.cut", n=2_000),
        words("pictures.rough", percent=50),
    ]
    assert remarks_on_trend(trend([1], failure=BudgetSpent()), words) == [words("answer.budget_spent")]
