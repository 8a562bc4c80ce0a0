"""Bars by week, as they come out."""

import subprocess
import sys
from datetime import date, timedelta

import pytest
from pixels import DARK, WHITE, pixels, share_of, upon

from bot.pictures.bars import MOST_SERIES, Bars, draw_bars
from bot.pictures.canvas import COLOURS, GROUND, INK, OTHERS

MONDAY = date(2025, 3, 3)


def bars(*series: tuple[str, list[int]], rest: tuple[str, list[int]] | None = None, title: str = "ferry") -> Bars:
    n = len(series[0][1])
    return Bars(title, "Messages a week", [MONDAY + timedelta(weeks=i) for i in range(n)], series, rest)


def test_a_picture_is_a_png_that_discord_shows_whole() -> None:
    """It has Discord's measures, shows ground, ink and bars, and fits into any limit of uploads."""
    png = draw_bars(bars(("#square", [1, 0, 4])))
    seen = pixels(png)

    assert png.startswith(b"\x89PNG\r\n")
    assert seen.shape == (675, 1200, 4)
    assert len(png) < 2**20
    assert share_of(seen, GROUND) > 0.5
    assert share_of(seen, INK) > 0.0004
    assert share_of(seen, COLOURS[0]) > 0.05


@pytest.mark.parametrize("theme", [WHITE, DARK])
def test_a_picture_looks_the_same_in_every_theme(theme: str) -> None:
    """Nothing of the theme shows through, so that what stands out in one stands out in the other."""
    png = draw_bars(bars(("#square", [1, 0, 4])))

    assert (upon(png, theme) == pixels(png)[..., :3]).all()


def test_higher_counts_are_higher_bars() -> None:
    """A bar of four covers four times as much as a bar of one."""
    seen = pixels(draw_bars(bars(("#a", [1, 0]), ("#b", [0, 4]))))

    assert share_of(seen, COLOURS[1]) == pytest.approx(4 * share_of(seen, COLOURS[0]), rel=0.1)


def test_every_channel_has_a_colour_and_the_rest_is_grey() -> None:
    """Seven layers are seen, each with a place in the legend."""
    series = [(f"#channel-{i}", [3, 3]) for i in range(MOST_SERIES)]
    seen = pixels(draw_bars(bars(*series, rest=("other channels", [3, 3]))))

    assert all(share_of(seen, colour) > 0.01 for colour in (*COLOURS, OTHERS))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "title", ["温泉とフェリー", "Фёдор", "🎂🎉", "$x^{", "a\nb\tc", "한국어", "\u202eabc", "x" * 500, ""], ids=ascii
)
def test_any_title_can_be_drawn(title: str) -> None:
    """Whatever people write becomes letters, or is left out where there are none for it; none is a formula."""
    assert pixels(draw_bars(bars((title, [1]), (title, [2]), title=title))).shape == (675, 1200, 4)


@pytest.mark.parametrize("n", [1, 2, 620])
def test_one_week_or_all_of_discords_time_can_be_drawn(n: int) -> None:
    """However many weeks there are, the bars are seen."""
    assert share_of(pixels(draw_bars(bars(("#square", [2] * n)))), COLOURS[0], near=0.2) > 0.05


def test_equal_bars_are_equal_pictures() -> None:
    """Nothing of the moment or the machine stands in the file."""
    assert draw_bars(bars(("#square", [1, 2]))) == draw_bars(bars(("#square", [1, 2])))


def test_nothing_is_loaded_before_something_is_drawn() -> None:
    """The doors of the program open without the library that draws."""
    doors = "import bot.cli, bot.client, bot.exts.pictures, bot.exts.similar, bot.cli.running"
    told = "print([m for m in sys.modules if m.split('.')[0] in ('matplotlib', 'matplotlib_fontja', 'PIL')])"
    done = subprocess.run([sys.executable, "-c", f"import sys; {doors}; {told}"], capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"
