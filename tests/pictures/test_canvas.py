"""Colours and letters."""

import itertools

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.colors import to_rgb
from matplotlib.font_manager import findfont
from pixels import BLACK, DARK, WHITE, contrast

from bot.pictures.canvas import COLOURS, FAINT, GROUND, INK, OTHERS, font, png, showable
from bot.pictures.canvas import canvas as new_canvas

# How colours look to those whose eyes lack the red or the green (Machado, Oliveira and Fernandes 2009).
WITHOUT_RED = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
WITHOUT_GREEN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]


def test_what_is_written_stands_out_from_its_ground() -> None:
    """Letters have the contrast that small print needs (WCAG AAA), colours that of shapes (AA)."""
    assert contrast(INK, GROUND) >= 7
    assert all(contrast(colour, GROUND) >= 3 for colour in (*COLOURS, OTHERS, FAINT))


@pytest.mark.parametrize("theme", [WHITE, DARK, BLACK])
def test_the_ground_is_no_glare_in_the_dark_and_no_hole_in_the_light(theme: str) -> None:
    """Against a light theme the picture has an edge, against a dark one it does not dazzle."""
    assert contrast(GROUND, WHITE) > 10 if theme == WHITE else contrast(GROUND, theme) < 2


@pytest.mark.parametrize("eyes", [np.eye(3), WITHOUT_RED, WITHOUT_GREEN], ids=["all", "without red", "without green"])
def test_no_two_colours_look_the_same_to_anybody(eyes) -> None:
    """Also to those who cannot tell red from green."""
    seen = [np.array(eyes) @ np.array(to_rgb(colour)) for colour in (*COLOURS, OTHERS)]

    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) > 0.2


def test_letters_come_with_the_packages() -> None:
    """Latin and Japanese ones are found without a font of the machine, and the library's settings stay as they were."""
    before = dict(rcParams)
    families = font(12).get_family()

    assert [findfont(family, fallback_to_default=False).rsplit("/")[-1] for family in families] == [
        "DejaVuSans.ttf",
        "ipaexg.ttf",
    ]
    assert dict(rcParams) == before


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("#general", "#general"),
        ("#雑談部屋ー", "#雑談部屋ー"),
        ("#🎮-games", "#-games"),
        ("a\n b\t", "a b"),
        ("$5", r"\$5"),
        ("🎂🎉", "?"),
        ("#-", "?"),
        ("", "?"),
        ("abcdef", "ab…"),
    ],
)
def test_only_what_there_are_letters_for_is_written(text: str, shown: str) -> None:
    """The rest is left out, and where nothing is left that says anything a question mark stands."""
    assert showable(text, most=3 if text == "abcdef" else 80) == shown


def test_two_pictures_share_nothing() -> None:
    """What is drawn on one is not seen on the other."""
    with new_canvas("one") as (first, axes):
        axes.plot([1, 2], [1, 2], color=INK, linewidth=40)
        before = png(first)
    with new_canvas("one") as (second, _):
        assert png(second) != before
