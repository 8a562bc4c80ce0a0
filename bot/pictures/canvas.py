"""What all pictures are painted on: size, colours and fonts. Imported only when something is drawn."""

import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font

# The picture brings its own ground: no theme of Discord's shows through, and what is written stands out in all of them.
GROUND, INK, FAINT = "#23252b", "#f2f3f5", "#8b8f99"
# Told apart also by those who see no red or no green (Okabe and Ito, made lighter where the ground is too near).
COLOURS = ("#56b4e9", "#e69f00", "#2fc79a", "#f0e442", "#d77fb3", "#ff7f3f")
OTHERS = FAINT  # the colour of the rest
_WIDTH, _HEIGHT, _DPI = 1200, 675, 100
_FONT_PACKAGE, _FONT_FILE = "matplotlib_fontja", "fonts/ipaexg.ttf"
_LATIN = "DejaVu Sans"  # comes with matplotlib
_UNSHOWN = "?"  # for a name of which no font has a letter or digit


def new_canvas(title: str) -> tuple[Figure, Axes]:
    """A figure of its own, which nothing else draws on, with a title and empty axes."""
    figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, facecolor=GROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_facecolor(GROUND)
    axes.spines[:].set_color(FAINT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=12)
    axes.set_title(showable(title), color=INK, fontproperties=font(16), pad=14)
    return figure, axes


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


def png(figure: Figure) -> bytes:
    """The picture as a file. No date or version stands in it, so that equal pictures are equal files."""
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


@cache
def _japanese() -> str:
    """The name of the Japanese font, which is known from now on.

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
