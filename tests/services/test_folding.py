"""Hits that say the same, as one."""

import pytest
from make import message

from bot.messages import Hit, StoredMessage
from bot.services.folding import MOST_COPIES, folded

LONG = "free nitro for the first hundred people who come to the new server and click on this link right now today"


def hits(*texts: str) -> list[Hit]:
    return [Hit(StoredMessage(message(i, text), "square", "Town"), 1 - i / 100) for i, text in enumerate(texts, 1)]


def groups(*texts: str) -> list[list[int]]:
    """The numbers of the texts that make one hit, those of the copies after it."""
    found = folded(hits(*texts))
    return [[one.message.message_id, *(copy.message.message_id for copy in one.copies)] for one in found]


def test_equal_texts_are_one_hit() -> None:
    """The first one stands, in the first one's place; signs and capitals make no difference."""
    assert groups("red fish", "bird", "Red fish!", "tree", "red  fish") == [[1, 3, 5], [2], [4]]


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        pytest.param(LONG, LONG.replace("today", "tonight"), True, id="a word in a long text"),
        pytest.param(LONG, f"hey {LONG}", True, id="a word more"),
        pytest.param(LONG, LONG.replace("hundred", "200"), False, id="another number"),
        pytest.param("red fish", "red bird", False, id="a word in a short text"),
        pytest.param("red fish", "fish red", True, id="another order"),
        pytest.param("東京タワーに行きました", "東京タワーに行きました。", True, id="Japanese"),
        pytest.param("東京タワーに行きました", "大阪城に行きました", False, id="other Japanese"),
    ],
)
def test_b14_nearly_equal_texts_are_one_hit(one: str, other: str, is_one: bool) -> None:
    """A word in ten may be another one, but no number."""
    assert groups(one, other) == ([[1, 2]] if is_one else [[1], [2]])


def test_b14_not_all_of_a_flood_is_remembered() -> None:
    """The first copies are kept, so many that the answer says "or more"."""
    [hit] = folded(hits(*["red fish"] * 200))

    assert len(hit.copies) == MOST_COPIES
