"""Counts by week as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

_MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class Bars:
    """Counts by week to be drawn: `weeks` are Mondays without a gap, and each of the series has a count for each.

    The series are stacked in their order, the first at the bottom: six at most have a colour of their own. `rest` is
    what belongs to none of them, drawn in grey on top. `axis` says what is counted.
    """

    title: str
    axis: str
    weeks: Sequence[date]
    series: Sequence[tuple[str, Sequence[int]]]
    rest: tuple[str, Sequence[int]] | None = None


def draw_bars(bars: Bars) -> bytes:
    """A PNG of counts by week. To be called in a thread: drawing takes a while, loading its library at first too."""
    from bot.pictures import canvas  # noqa: PLC0415  # its library takes a second and 60 MB, and few starts need it

    figure, axes = canvas.new_canvas(bars.title)
    floor = [0] * len(bars.weeks)
    layers = [(*one, colour) for one, colour in zip(bars.series, canvas.COLOURS, strict=False)]
    layers += [(*bars.rest, canvas.OTHERS)] if bars.rest else []
    for label, counts, colour in layers:
        places = range(len(bars.weeks))
        axes.bar(places, counts, bottom=floor, width=0.85, color=colour, label=canvas.showable(label, most=28))
        floor = [low + n for low, n in zip(floor, counts, strict=True)]
    axes.set_ylabel(canvas.showable(bars.axis), color=canvas.INK, fontproperties=canvas.font(12))
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_ylim(0, max([*floor, 1]) * 1.08)
    step = -(-len(bars.weeks) // _MOST_TICKS) or 1
    axes.set_xticks(range(0, len(bars.weeks), step), [str(week) for week in bars.weeks[::step]])
    axes.grid(axis="y", color=canvas.FAINT, alpha=0.35)
    axes.set_axisbelow(True)
    if len(layers) > 1:
        canvas.add_legend(axes)
    return canvas.png(figure)
