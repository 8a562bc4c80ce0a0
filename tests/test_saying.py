"""Which texts say nothing, and which too little alone."""

import pytest

from bot.saying import says_little, says_nothing


@pytest.mark.parametrize(
    "text",
    [
        *("", "ok", "OK, thanks!", "lol", "looool", "hahahaha yes", "thank you so much", "+1", "...", "?"),
        *("👍", "😀😀", "👨\u200d👩\u200d👧", "🇯🇵", ":kekw:", "@Bob thanks", "www", "jajaja"),
        *("はい", "了解です!", "ありがとうございます", "草草草", "笑", "ㅋㅋㅋ", "谢谢", "спасибо"),
    ],
)
def test_assent_thanks_and_laughter_say_nothing(text: str) -> None:
    """Nobody looks for them: they stand in every conversation."""
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "off",
            "god",
            "col",
            "g",
            "hello",
            "hi",
            "why",
            "E404",
            "42",
            "c++",
            "don't",
            "printer",
            "haha the printer",
            "ok, reinstall it",
        ),
        *("same error here", "https://example.com", "はい、直りました", "ok " * 40),
    ],
)
def test_one_word_of_its_own_says_something(text: str) -> None:
    """A greeting, a number, a name or a word among the others is worth finding; what is long is not looked at."""
    assert not says_nothing(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("yes, since the update", True),
        ("x" * 40, True),
        ("x" * 41, False),
        ("あ" * 13, True),
        ("あ" * 14, False),
    ],
)
def test_a_short_text_says_little(text: str, expected: bool) -> None:
    """Up to forty bytes, which are some eight words or thirteen characters of Japanese."""
    assert says_little(text) is expected
