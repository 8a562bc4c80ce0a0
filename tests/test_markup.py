"""What readers see of Discord's markup."""

import time

import pytest

from bot.markup import is_telling, joined, readable, without_quotes

ADA, SQUARE, STAFF = 123456789012345678, 123456789012345679, 123456789012345670
NAMES = {ADA: "Ada", SQUARE: "square", STAFF: "Staff"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(f"ask <@{ADA}> or <@!{ADA}>", "ask @Ada or @Ada", id="members"),
        pytest.param(f"<@&{STAFF}> in <#{SQUARE}>", "@Staff in #square", id="role and channel"),
        pytest.param(f"<@1{ADA}> <@&1{ADA}> <#1{ADA}>", "@someone @role #channel", id="unknown ones"),
        pytest.param(f"<:party_blob:{ADA}><a:spin:{ADA}>", ":party_blob::spin:", id="emoji"),
        pytest.param("<t:1618953630> <t:1618953630:R>", "2021-04-20 21:20 UTC 2021-04-20 21:20 UTC", id="moments"),
        pytest.param("<t:9999999999999>", "<t:9999999999999>", id="a moment that is none"),
        pytest.param(f"</index start:{ADA}> <id:customize>", "/index start #customize", id="commands and pages"),
        pytest.param("if a <b: 1> c", "if a <b: 1> c", id="no markup"),
    ],
)
def test_markup_is_put_as_it_is_seen(content: str, expected: str) -> None:
    """Names stand for mentions, a word for what has none, and what is no markup stays."""
    assert readable(content, NAMES) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("> said before\nmy answer\n> and this", "\nmy answer\n", id="lines"),
        pytest.param("mine\n>>> all of\nthe rest", "mine\n", id="the rest"),
        pytest.param("a > b\n>no quote", "a > b\n>no quote", id="none"),
    ],
)
def test_what_others_said_is_left_out(content: str, expected: str) -> None:
    """Quoted lines go; a sign for greater stays."""
    assert without_quotes(content) == expected


@pytest.mark.parametrize("name", ["nvidia-bug-report.log.gz", "error.txt", "crash dump.txt", "cat.gif", "請求書.pdf"])
def test_a_name_that_somebody_gave_tells_something(name: str) -> None:
    """Names with a word of their own are worth finding."""
    assert is_telling(name)


@pytest.mark.parametrize(
    "name",
    [
        "image.png",
        "IMG_2034.jpg",
        "unknown.png",
        "SPOILER_image0.jpg",
        "Screenshot_2024-01-02-10-11-12.png",
        "Screenshot 2024-01-02 at 10.11.12 AM.png",
        "20240102_101112.jpg",
        "a3f9c2d1e4b5.png",
        "video0.mov",
        "voice-message.ogg",
        "スクリーンショット 2024-01-02.png",
        "",
    ],
)
def test_a_name_that_a_camera_gave_tells_nothing(name: str) -> None:
    """Numbers, dates and what programs call pictures are not worth finding."""
    assert not is_telling(name)


def test_texts_are_joined_once_each() -> None:
    """Empty ones and repeated ones are left out."""
    assert joined(["a", None, "", " a ", "b"]) == "a\nb"


@pytest.mark.parametrize(
    "name", ["1" * 200 + "q.png", "abcdef" * 40 + "q.png", "e3b0c44298fc1c149afbf4c8996fb924" * 7, "a." * 100]
)
def test_no_name_takes_long(name: str) -> None:
    """Whatever a file is called is looked at in no time."""
    started = time.perf_counter()
    is_telling(name)

    assert time.perf_counter() - started < 0.1
