"""Maps, as they come out."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from pixels import pixels, share_of

from bot.pictures import canvas
from bot.pictures.canvas import COLOURS, GROUND, INK
from bot.pictures.points import Points, draw_points


def points(n_groups: int, *, apart: float = 5.0, label: str = "温泉 · ferry · boat") -> Points:
    """Groups of thirty points each in a row, so far apart."""
    chance = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_groups), 30)
    places = chance.standard_normal((len(groups), 2)) * 0.5 + np.stack([groups * apart, groups * 0.0], axis=1)
    return Points("A map", places.astype(np.float32), groups, [label] * n_groups)


def test_a_map_shows_its_groups_and_their_names() -> None:
    """Points in the colours of their groups and labels in ink stand on the ground."""
    seen = pixels(draw_points(points(3)))

    assert seen.shape == (675, 1200, 4)
    assert share_of(seen, GROUND) > 0.8
    assert share_of(seen, INK) > 0.0004
    assert all(share_of(seen, colour, near=0.3) > 0.0005 for colour in COLOURS[:3])


@pytest.mark.parametrize("apart", [0.0, 0.2, 5.0])
def test_no_label_covers_another_one(monkeypatch: pytest.MonkeyPatch, apart: float) -> None:
    """Twelve names are read also where all groups lie in one place, and all of them within the picture."""
    boxes: list[np.ndarray] = []
    whole = canvas.png

    def measured(figure: Figure) -> bytes:
        figure.draw_without_rendering()
        boxes.extend(np.array(canvas._box(text)) for text in figure.axes[0].texts)
        return whole(figure)

    monkeypatch.setattr(canvas, "png", measured)
    draw_points(points(12, apart=apart))

    assert len(boxes) == 12
    for n, one in enumerate(boxes):
        assert -1 <= one[0] < one[2] <= 1201
        assert -1 <= one[1] < one[3] <= 676
        for other in boxes[:n]:
            wide, high = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
            assert min(wide, high) < 2


@pytest.mark.filterwarnings("error")
def test_points_in_one_place_are_drawn() -> None:
    """A map of equal messages is a map, if a dull one."""
    same = Points("A map", np.zeros((40, 2), np.float32), np.zeros(40, np.int64), ["🎂"])

    assert pixels(draw_points(same)).shape == (675, 1200, 4)
