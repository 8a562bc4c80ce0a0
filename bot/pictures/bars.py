"""Counts by week as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

MOST_SERIES = 6  # that have a colour of their own
_MOST_TICKS = 8
_HEADROOM = 1.08
_LEAST_ROOM = 10  # weeks, so that few bars do not become walls


@dataclass(frozen=True, slots=True)
class Bars:
    """Counts by week to be drawn: `weeks` are Mondays without a gap, and each of the series has a count for each.

    The series, MOST_SERIES at most, are stacked in their order, the first at the bottom. `rest` is what belongs to
    none of them, drawn in grey on top. `axis` says what is counted.
    """

    title: str
    axis: str
    weeks: Sequence[date]
    series: Sequence[tuple[str, Sequence[int]]]
    rest: tuple[str, Sequence[int]] | None = None


def draw_bars(bars: Bars) -> bytes:
    """A PNG of counts by week. To be called in a thread: drawing takes a while, the first time longest."""
    from bot.pictures import canvas  # noqa: PLC0415  # its library takes a second and memory, and few starts need it

    with canvas.canvas(bars.title) as (figure, axes):
        floor = [0] * len(bars.weeks)
        layers = [(*one, colour) for one, colour in zip(bars.series, canvas.COLOURS, strict=False)]
        layers += [(*bars.rest, canvas.OTHERS)] if bars.rest else []
        for label, counts, colour in layers:
            canvas.add_layer(axes, floor, counts, colour=colour, label=label)
            floor = [low + n for low, n in zip(floor, counts, strict=True)]
        beside = max((_LEAST_ROOM - len(bars.weeks)) / 2, 0) + 1
        axes.set_xlim(-beside, len(bars.weeks) - 1 + beside)
        axes.set_ylim(0, max([*floor, 1]) * _HEADROOM)
        canvas.count_upwards(axes, bars.axis)
        step = max(-(-len(bars.weeks) // _MOST_TICKS), 1)
        axes.set_xticks(range(0, len(bars.weeks), step), [str(week) for week in bars.weeks[::step]])
        if len(layers) > 1:
            canvas.add_legend(axes)
        return canvas.png(figure)
