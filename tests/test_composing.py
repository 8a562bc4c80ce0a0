"""The text that is embedded of a message."""

import json

import pytest

from bot.composing import Composition, hash_of, own_text
from bot.messages import Said
from bot.texts import content_hash

LONG = "the printer in the hall has been jammed since Monday, again"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(Said("hello <@123456789012345678>"), "hello @someone", id="markup"),
        pytest.param(
            Said("hello <@123456789012345678>", names=json.dumps({"123456789012345678": "Ada"})),
            "hello @Ada",
            id="names",
        ),
        pytest.param(Said("", "crash.log"), "crash.log", id="an attachment alone"),
        pytest.param(Said("look", "A title\nand more"), "look A title and more", id="an embed"),
        pytest.param(
            Said(f"> {LONG}\nthat was mended yesterday, try it again now"),
            "that was mended yesterday, try it again now",
            id="without the quote",
        ),
        pytest.param(Said(f"> {LONG}\nmended"), f"> {LONG} mended", id="a quote for a short answer"),
        pytest.param(Said(f"> {LONG}\nthanks!"), "", id="a quote for nothing"),
        pytest.param(Said(f"> {LONG}"), f"> {LONG}", id="a quote alone"),
        pytest.param(Said("ok 👍"), "", id="nothing"),
    ],
)
def test_what_a_message_says_itself(said: Said, expected: str) -> None:
    """Mentions by name, what came with it, and quotes only where little else is said."""
    assert own_text(said) == expected


@pytest.mark.parametrize(
    ("composition", "expected"),
    [
        pytest.param(Composition(Said(LONG)), LONG, id="alone"),
        pytest.param(Composition(Said("mended"), parent=Said(LONG)), f"{LONG} mended", id="an answer"),
        pytest.param(Composition(Said("mended"), parent=Said("x" * 1_000)), f"{'x' * 400} mended", id="too much"),
        pytest.param(Composition(Said(LONG), title="Printers"), f"Printers {LONG}", id="a title"),
        pytest.param(Composition(Said(LONG), title="The printer in…"), LONG, id="a title that repeats it"),
        pytest.param(Composition(Said("ok"), title="Printers"), "Printers", id="a title for nothing"),
        pytest.param(Composition(Said("mended"), parent=Said("ok")), "mended", id="an answer to nothing"),
    ],
)
def test_what_is_embedded(composition: Composition, expected: str) -> None:
    """What a message answers, or stands under, goes before its own text."""
    assert composition.text == expected


def test_only_what_says_something_has_a_hash() -> None:
    """Nothing is kept beside a text that says nothing, unless it opens a thread, which has a title."""
    assert hash_of("a word") == content_hash("a word")
    assert hash_of("") is None
    assert hash_of("", opens_thread=True) == content_hash("")
