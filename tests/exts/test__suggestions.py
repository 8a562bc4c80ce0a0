"""What marks a forum's post as solved."""

import pytest

from bot.exts._suggestions import says_solved


@pytest.mark.parametrize(
    "tag",
    [
        "solved",
        "✅ Solved",
        "SOLVED!",
        "Answered",
        "resolved",
        "done",
        "Fixed",
        "解決",
        "解決済み",
        "回答済み",
        "対応済",
        "完了",
    ],
)
def test_a_tag_says_that_a_post_is_solved(tag: str) -> None:
    """In either language, with whatever stands beside it."""
    assert says_solved(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "unsolved",
        "Not solved",
        "unanswered",
        "never fixed",
        "未解決",
        "未回答",
        "解決していない",
        "question",
        "質問",
        "abandoned",
        "",
    ],
)
def test_a_tag_that_says_the_opposite_or_nothing_is_no_such_sign(tag: str) -> None:
    """What contains the word but denies it does not count."""
    assert not says_solved(tag)
