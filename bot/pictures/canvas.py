"""What all pictures are painted on: size, colours and fonts. Imported only when something is drawn."""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from bot.vectors import Vectors

# The picture brings its own ground: no theme of Discord's shows through, and what is written stands out in all of them.
GROUND, INK, FAINT = "#23252b", "#f2f3f5", "#9a9fa8"
# Told apart also by those who see no red or no green: Okabe's and Ito's, made lighter where two of them came near.
COLOURS = ("#4da3ff", "#f0a830", "#009e73", "#f0e442", "#ffb3d9", "#d55e00")
OTHERS = FAINT  # the colour of the rest
_MARKERS = ("o", "^")  # where there are more groups than colours
_WIDTH, _HEIGHT, _DPI = 1200, 675, 100
_FONT_PACKAGE, _FONT_FILE = "matplotlib_fontja", "fonts/ipaexg.ttf"
_LATIN = "DejaVu Sans"  # comes with matplotlib
_UNSHOWN = "?"  # for a name of which no font has a letter or digit
_BAR = 0.85  # of the room that a week has
_ROUNDS = 60  # in which labels make room for each other
_one_at_a_time = threading.Lock()  # the library's fonts are shared by all figures, and it promises nothing to threads


@contextmanager
def canvas(title: str) -> Iterator[tuple[Figure, Axes]]:
    """A figure that nothing else draws on, with a title and empty axes; others wait until it is done."""
    with _one_at_a_time:
        figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, facecolor=GROUND, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_facecolor(GROUND)
        axes.spines[:].set_color(FAINT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=12)
        axes.set_title(showable(title), color=INK, fontproperties=font(16), pad=14)
        yield figure, axes


def png(figure: Figure) -> bytes:
    """The picture as a file. No version stands in it, so that equal pictures are equal files."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=GROUND, metadata={"Software": None})
    return buffer.getvalue()


def font(size: float) -> FontProperties:
    """Letters of a size in points, Japanese ones too."""
    return FontProperties(family=[_LATIN, _japanese()], size=size)


def showable(text: str, *, most: int = 80) -> str:
    """What of a text there are letters for, on one line and cut to a length; a dollar sign begins no formula."""
    shown = " ".join("".join(filter(_has_glyph, text)).split())
    if not any(map(str.isalnum, shown)):
        return _UNSHOWN
    return (shown if len(shown) <= most else f"{shown[: most - 1]}…").replace("$", r"\$")


def add_layer(axes: Axes, floor: Sequence[int], counts: Sequence[int], *, colour: str, label: str) -> None:
    """Bars that stand on a floor, all of them one shape, for there may be hundreds."""
    left = np.arange(len(counts)) - _BAR / 2
    low, high = np.asarray(floor), np.asarray(floor) + np.asarray(counts)
    corners = np.stack([[left, low], [left, high], [left + _BAR, high], [left + _BAR, low]]).transpose(2, 0, 1)
    axes.add_collection(PolyCollection(list(corners), facecolors=colour, label=showable(label, most=28)))


def count_upwards(axes: Axes, text: str) -> None:
    """Whole numbers beside the bars, and what they count."""
    axes.set_ylabel(showable(text), color=INK, fontproperties=font(12))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=FAINT, alpha=0.35)
    axes.set_axisbelow(True)


def add_legend(axes: Axes) -> None:
    """What the colours mean, beside the picture and in the order in which they are stacked."""
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        labels[::-1],
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
        labelcolor=INK,
        prop=font(12),
    )


def add_group(axes: Axes, places: Vectors, number: int) -> None:
    """Points of one group, float32 [n, 2], of a colour and form of its own as far as there are some."""
    marker = _MARKERS[number // len(COLOURS) % len(_MARKERS)]
    axes.scatter(places[:, 0], places[:, 1], s=16, color=colour_of(number), marker=marker, alpha=0.75, linewidths=0)


def colour_of(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def add_labels(figure: Figure, axes: Axes, labels: Sequence[tuple[str, Vectors, str]]) -> None:
    """Texts at places, float32 [2], each of a colour, moved up or down where one would cover another."""
    texts = [
        axes.text(
            float(place[0]),
            float(place[1]),
            showable(label, most=48),
            color=INK,
            fontproperties=font(13),
            ha="center",
            va="center",
            path_effects=[withStroke(linewidth=3, foreground=GROUND)],
            bbox={"boxstyle": "round,pad=0.25", "facecolor": GROUND, "edgecolor": colour, "alpha": 0.85},
        )
        for label, place, colour in labels
    ]
    figure.draw_without_rendering()
    boxes = np.array([_box(text) for text in texts])
    ground = np.array(axes.get_window_extent().extents)
    for text, box, moved in zip(texts, boxes, _apart(boxes, ground), strict=True):
        way = axes.transData.inverted().transform(moved[:2]) - axes.transData.inverted().transform(box[:2])
        text.set_position(tuple(np.asarray(text.get_position()) + way))


def _box(text: Text) -> tuple[float, float, float, float]:
    patch = text.get_bbox_patch()
    assert patch is not None
    left, low, right, high = patch.get_window_extent().extents
    return left, low, right, high


def _apart(boxes: Vectors, ground: Vectors) -> Vectors:
    """Boxes [n, 4] (left, low, right, high), moved so that they lie on the ground and do not cover each other."""
    boxes = boxes.copy()
    for _ in range(_ROUNDS):
        for n in range(len(boxes)):
            for other in range(n):
                _push(boxes[n], boxes[other])
        boxes[:, [0, 2]] += (np.maximum(ground[0] - boxes[:, 0], 0) - np.maximum(boxes[:, 2] - ground[2], 0))[:, None]
        boxes[:, [1, 3]] += (np.maximum(ground[1] - boxes[:, 1], 0) - np.maximum(boxes[:, 3] - ground[3], 0))[:, None]
    return boxes


def _push(one: Vectors, other: Vectors) -> None:
    """Move two boxes that cover each other apart, up and down."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide > 0 and high > 0:
        way = (high / 2 + 1) * (1 if one[1] >= other[1] else -1)
        one[[1, 3]] += way
        other[[1, 3]] -= way


@cache
def _japanese() -> str:
    """The name of the Japanese font, which the library knows from now on.

    Its package is not imported, for that would change the settings of everything that is drawn in this process.
    """
    fontManager.addfont(_font_path())
    return get_font(_font_path()).family_name


@cache
def _font_path() -> Path:
    spec = find_spec(_FONT_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / _FONT_FILE


@cache
def _glyphs() -> frozenset[int]:
    """The characters that one of the fonts has."""
    latin = fontManager.findfont(_LATIN)
    return frozenset(get_font(latin).get_charmap()) | frozenset(get_font(_font_path()).get_charmap())


def _has_glyph(character: str) -> bool:
    return character.isspace() or (ord(character) in _glyphs() and character.isprintable())
