"""Groups of points with names: a map without measures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.vectors import Ids, Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points to be drawn: `places` are float32 [n, 2], `groups` int64 [n] with the number of each one's label."""

    title: str
    places: Vectors
    groups: Ids
    labels: Sequence[str]


def draw_points(points: Points) -> bytes:
    """A PNG of points, each group with its label where most of it lies. To be called in a thread."""
    from bot.pictures import canvas  # noqa: PLC0415  # as in draw_bars

    with canvas.canvas(points.title) as (figure, axes):
        axes.set_axis_off()
        labels = []
        for number, label in enumerate(points.labels):
            places = points.places[points.groups == number]
            canvas.add_group(axes, places, number)
            labels.append((label, _middle(places), canvas.colour_of(number)))
        canvas.add_labels(figure, axes, labels)
        return canvas.png(figure)


def _middle(places: Vectors) -> Vectors:
    """The point that lies nearest to all others of a group, wherever a few of them have strayed to."""
    squares = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    middle: Vectors = places[np.sqrt(squares).sum(axis=1).argmin()]
    return middle
