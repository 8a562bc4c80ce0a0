"""A trend as a picture and in words."""

from collections.abc import Sequence

from bot.errors import BudgetSpent
from bot.pictures.bars import MOST_SERIES, Bars, draw_bars
from bot.pictures.picture import Picture, fitting
from bot.services.trends import LEAST_SCORE, MOST, Trend
from bot.words import Words

_PEAKS = 3
_ASKED = 48  # characters of the question that a title has
_NAME = 40


def picture_of_trend(trend: Trend, text: str, words: Words) -> Picture:
    """When and where a text came up. To be called in a thread; there must be a match."""
    asked = text if len(text) <= _ASKED else f"{text[: _ASKED - 1]}…"
    named = [(_name(trend, channel_id), counts) for channel_id, counts in trend.weekly.counts.items()]
    shown, others = named[:MOST_SERIES], named[MOST_SERIES:]
    rest = [sum(column) for column in zip(*(counts for _, counts in others), strict=True)]
    bars = Bars(
        words("pictures.trend_title", text=asked, n=trend.n_matches),
        words("pictures.a_week"),
        trend.weekly.weeks,
        shown,
        (words("pictures.others"), rest) if others else None,
    )
    return Picture(draw_bars(bars), _told(trend, [*shown, *([bars.rest] if bars.rest else [])], words))


def remarks_on_trend(trend: Trend, words: Words) -> list[str]:
    """What must be known to read a trend rightly."""
    remarks = []
    if trend.failure is not None:
        key = "budget_spent" if isinstance(trend.failure, BudgetSpent) else "words_only"
        remarks.append(words(f"answer.{key}"))
    if trend.is_cut:
        remarks.append(words("pictures.cut", n=MOST))
    if trend.is_rough:
        remarks.append(words("pictures.rough", percent=round(LEAST_SCORE * 100)))
    return remarks


def _told(trend: Trend, named: Sequence[tuple[str, Sequence[int]]], words: Words) -> str:
    weeks, totals = trend.weekly.weeks, trend.weekly.totals
    highest = sorted(range(len(weeks)), key=lambda n: (-totals[n], n))[:_PEAKS]
    peaks = [words("pictures.part", what=weeks[n], n=totals[n]) for n in highest if totals[n]]
    channels = [words("pictures.part", what=name, n=sum(counts)) for name, counts in named]
    comma = words("index.comma")
    values = {"n": trend.n_matches, "first": weeks[0], "last": weeks[-1], "peaks": comma.join(peaks)}
    return fitting(lambda parts: words("pictures.trend_told", **values, channels=comma.join(parts)), channels)


def _name(trend: Trend, channel_id: int) -> str:
    name = trend.names[channel_id] or str(channel_id)
    return f"#{name}" if len(name) <= _NAME else f"#{name[: _NAME - 1]}…"
