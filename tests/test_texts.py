import time
from datetime import timedelta

import pytest
import regex
from acting import BIDI, FSI, PDI, TURNING, graphemes
from hypothesis import example, given
from hypothesis import strategies as st
from make import utc

from bot.texts import MAX_BYTES, MAX_CHARACTERS, age, content_hash, embed_text, quote, storable

NOW = utc("2025-06-15T12:00:00")

# Texts of the characters that the rules are about, beside those of every kind, half characters among them.
TROUBLE = st.text(
    st.sampled_from(
        "aA .\n\r\t\0\x1b\x7f\x85\u2028\u2029\u00a0\u3000\u200b\u200d\ufe0f\u3164\u115f\u0301\u0323\u0e33ｶﾞｱー"
        "가각한👩🏽😀🇯🇵\ufdfa\u1e9b\u0344\u0958\ud800\udfff\U000e0067\U000e007fאع٥" + BIDI
    )
)
TEXTS = st.text(st.characters()) | TROUBLE
LONG = st.builds(lambda text, n, end: text * n + end, TROUBLE, st.integers(1, 3_000), TROUBLE)


# --- what is embedded


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("   ", id="spaces"),
        pytest.param("\n\r\n\t", id="line breaks"),
        pytest.param("\u3000\u00a0\u2003", id="other spaces"),
        pytest.param("\u200b\u200c\u200d\u2060\ufeff", id="zero width"),
        pytest.param("\ufe0f\ufe0e\U000e0100", id="variation selectors"),
        pytest.param("\u180b\u180c\u180d", id="Mongolian variation selectors"),
        pytest.param("\u3164\u115f\u1160\uffa0", id="Hangul fillers"),
        pytest.param("\u2800", id="blank Braille"),
        pytest.param("\u17b4\u17b5", id="Khmer inherent vowels"),
        pytest.param("\0\x01\x1b\x7f\x80\x9f", id="controls"),
        pytest.param("\u2028\u2029", id="separators"),
        pytest.param(BIDI, id="directions"),
        pytest.param("\U000e0067\U000e007f", id="tags"),
        pytest.param(" \u200b \u3164\n", id="a mixture"),
    ],
)
def test_b1_what_shows_nothing_is_not_embedded(content):
    """A text that shows nothing has nothing that is worth embedding."""
    assert embed_text(content) == ""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("  one \n\n two\t", "one two", id="white space"),
        pytest.param("one\0two\x1bthree\u2028four", "one two three four", id="B5 controls part words"),
        pytest.param(
            "Really?! No... (yes): 5 > 3 & #1 @ 50 %", "Really?! No... (yes): 5 > 3 & #1 @ 50 %", id="punctuation"
        ),
        pytest.param("本当？", "本当?", id="full-width question mark"),
        pytest.param("「はい。」", "「はい。」", id="Japanese punctuation"),
        pytest.param("pass\u200bword", "password", id="B7 zero width in a word"),
        pytest.param("soft\u00adhyphen", "softhyphen", id="B7 soft hyphen"),
        pytest.param("a\u202eb\u2066c", "abc", id="B6 directions"),
        pytest.param("❤\ufe0f", "❤", id="B1 variation selector"),
        pytest.param("👩\u200d👧", "👩👧", id="B8 family"),
        pytest.param("a\ud800b", "a\N{REPLACEMENT CHARACTER}b", id="B4 half a character"),
        pytest.param("\u0435veryone", "\u0435veryone", id="B7 a homoglyph is a letter of its own"),
        pytest.param("ABC abc", "ABC abc", id="case"),
        pytest.param("ไม่มีช่องว่าง", "ไม่มีช่องว่าง", id="B15 Thai"),
        pytest.param("مرحبا", "مرحبا", id="B15 Arabic"),
        pytest.param("😀😀", "😀😀", id="B15 emoji only"),
    ],
)
def test_b5_b6_b7_b8_b15_the_text_that_is_embedded(content, expected):
    """What acts or hides goes; words, punctuation and everything that carries meaning stay."""
    assert embed_text(content) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("ＡＢＣ　１２３！", "ABC 123!", id="full width"),
        pytest.param("ｶﾞｷﾞｸﾞ", "ガギグ", id="half-width kana"),
        pytest.param("か\u3099", "が", id="voicing mark"),
        pytest.param("cafe\u0301", "café", id="accent"),
        pytest.param("①㈱㍿", "1(株)株式会社", id="circled and squared"),
        pytest.param("ﬁne", "fine", id="ligature"),
        pytest.param("𝓱𝓮𝓵𝓵𝓸", "hello", id="script letters"),
        pytest.param("e\u200d\u0301", "é", id="an invisible character within a letter"),
        pytest.param("か\u200b\u3099", "が", id="an invisible character within kana"),
    ],
)
def test_b7_two_ways_of_writing_are_one_text(one, other):
    """What looks alike by compatibility is embedded alike, so that it costs one embedding and finds the other."""
    assert embed_text(one) == embed_text(other) == other
    assert content_hash(embed_text(one)) == content_hash(embed_text(other))


@pytest.mark.parametrize(
    ("content", "n_characters", "n_bytes"),
    [
        pytest.param("x" * 4_000, 4_000, 4_000, id="4,000 letters"),
        pytest.param("x" * 4_001, 4_000, 4_000, id="4,001 letters"),
        pytest.param("x" * 100_000, 4_000, 4_000, id="100,000 letters"),
        pytest.param("é" * 4_000, 4_000, 8_000, id="2 bytes each"),
        pytest.param("日" * 4_000, 2_730, 8_190, id="3 bytes each"),
        pytest.param("x" + "日" * 4_000, 2_731, 8_191, id="3 bytes each after 1"),
        pytest.param("😀" * 4_000, 2_048, 8_192, id="4 bytes each"),
        pytest.param("x" + "😀" * 4_000, 2_048, 8_189, id="4 bytes each after 1"),
    ],
)
def test_b3_a_long_text_is_cut(content, n_characters, n_bytes):
    """A text is cut to 4,000 characters and 8,192 bytes, and no character is cut in half."""
    text = embed_text(content)

    assert (len(text), len(text.encode())) == (n_characters, n_bytes)
    assert content.startswith(text)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("x" * (MAX_CHARACTERS - 1) + " y", id="by characters"),
        pytest.param("日" * 2_730 + " " + "日" * 10, id="by bytes"),
    ],
)
def test_b3_no_space_is_left_at_the_cut(content):
    """A text that is cut after a word ends with the word."""
    assert embed_text(content) == content.split()[0]


@pytest.mark.parametrize("character", ["\ufdfa", "\u0301", "ﷺ\u0301", "\u3164", "가"], ids=ascii)
def test_b3_no_text_takes_long(character):
    """The text whose normal form is the longest is done in no time, and so is any other."""
    started = time.perf_counter()

    embed_text(character * 4_000)
    embed_text(character * 100_000)

    assert time.perf_counter() - started < 1


def test_b3_a_sign_that_stands_for_a_sentence():
    """A sign that unfolds into eighteen letters is cut after it was unfolded."""
    text = embed_text("\ufdfa" * 4_000)

    assert text.startswith("صلى الله عليه وسلم")
    assert len(text) <= MAX_CHARACTERS


@given(TEXTS | LONG)
@example("e\u200d\u0301")
@example("x" * 3_999 + " y")
@example("¨")
def test_b3_b4_b7_what_is_embedded_is_clean(content):
    """Whatever comes in, what is embedded can be sent, keeps both limits, has no outer spaces and is settled."""
    text = embed_text(content)

    assert len(text) <= MAX_CHARACTERS
    assert len(text.encode()) <= MAX_BYTES
    assert text == text.strip()
    assert "  " not in text
    assert embed_text(text) == text


@given(TEXTS, TEXTS)
def test_hashes_differ_as_texts_do(one, other):
    """Two embedded texts have one hash exactly if they are one text."""
    one, other = embed_text(one), embed_text(other)

    assert (content_hash(one) == content_hash(other)) == (one == other)


def test_a_hash_is_the_same_for_ever():
    """The hash is stored, so it may not change: BLAKE2b of the UTF-8 bytes, 16 bytes long."""
    assert content_hash("hello").hex() == "46fb7408d4f285228f4af516ea25851b"


@given(TEXTS)
def test_b4_what_is_stored_can_be_stored(content):
    """Half characters become marks, one each, and everything else is kept."""
    text = storable(content)

    assert text.encode().decode() == text
    assert len(text) == len(content)
    assert all(kept == was or "\ud800" <= was <= "\udfff" for kept, was in zip(text, content, strict=True))


# --- what is shown


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("plain text", "plain text", id="plain"),
        pytest.param("", "", id="empty"),
        pytest.param("  one \t two  ", "one two", id="spaces"),
        pytest.param("one\ntwo\r\nthree\rfour", "one two three four", id="line breaks"),
        pytest.param("a\0b", "a␀b", id="B5 NUL"),
        pytest.param("\x1b[31mred", "␛[31mred", id="B5 escape sequence"),
        pytest.param("a\x7fb", "a␡b", id="B5 delete"),
        pytest.param("a\x9bb", "a\N{REPLACEMENT CHARACTER}b", id="B5 C1"),
        pytest.param("a\ud800b", "a\N{REPLACEMENT CHARACTER}b", id="B4 half a character"),
        pytest.param("a\u202eb", f"{FSI}ab{PDI}", id="B6 override"),
        pytest.param("\u2066a\u2067b", f"{FSI}ab{PDI}", id="B6 open isolates"),
        pytest.param("\u2069\u202ca", f"{FSI}a{PDI}", id="B6 what was never opened"),
        pytest.param("مرحبا 5", f"{FSI}مرحبا 5{PDI}", id="B6 letters from right to left"),
        pytest.param("a\u200bb", "a\u200bb", id="B7 zero width"),
        pytest.param("ＡＢＣ", "ＡＢＣ", id="B7 shown as written"),
        pytest.param("{0.__class__} %s $x", "{0.__class__} %s $x", id="B12 formats"),
        pytest.param("0123456789", "0123456789", id="just fits"),
    ],
)
def test_b4_b5_b6_b7_b12_a_quote_is_text(content, expected):
    """A quote shows what was written, and what would act is shown as a mark or taken out."""
    assert quote(content, width=20) == expected


@pytest.mark.parametrize(
    ("content", "width", "expected"),
    [
        pytest.param("0123456789x", 10, "012345678…", id="letters"),
        pytest.param("one two three", 5, "one…", id="after a space"),
        pytest.param("日本語日本語", 4, "日本語…", id="Japanese"),
        pytest.param("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 2, "👩‍👩‍👧‍👦…", id="B8 families"),
        pytest.param(
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f" * 2, 1, "…", id="B8 flags of tags"
        ),
        pytest.param("🇯🇵🇫🇷🇩🇪", 2, "🇯🇵…", id="B8 flags"),
        pytest.param("e\u0301" * 5, 3, "e\u0301e\u0301…", id="accents"),
        pytest.param("x" * 100_000, 5, "xxxx…", id="B3 a very long text"),
        pytest.param("x", 1, "x", id="one"),
        pytest.param("xy", 1, "…", id="one of two"),
    ],
)
def test_b3_b8_a_quote_is_cut_between_characters(content, width, expected):
    """A quote that is too long is cut where a reader sees the end of a character, and says that it was."""
    assert quote(content, width=width) == expected


@pytest.mark.parametrize(
    ("content", "start", "width", "expected"),
    [
        pytest.param("0123456789", 5, 10, "0123456789", id="whole where it fits"),
        pytest.param("0123456789x", 5, 10, "…56789x", id="up to the end"),
        pytest.param("0123456789" * 2, 5, 10, "…56789012…", id="cut at both ends"),
        pytest.param("0123456789x", 11, 10, "012345678…", id="behind the end"),
    ],
)
def test_b3_a_long_text_is_quoted_from_within(content, start, width, expected):
    """A sign before it tells that there was more."""
    assert quote(content, width=width, start=start) == expected


def test_b8_marks_on_a_letter_are_bounded():
    """A letter with a thousand marks on it keeps four of them, so that it does not paint over its neighbours."""
    assert quote("a" + "\u0301" * 1_000 + "b", width=2_000) == "a" + "\u0301" * 4 + "b"


@given(TEXTS | LONG, st.integers(1, 90), st.just(0) | st.integers(0, 200))
def test_b4_b5_b6_b8_no_text_breaks_a_quote(content, width, start):
    """Whatever a text holds, its quote fits the width, stays on its line and turns nothing around it."""
    shown = quote(content, width=width, start=start)

    shown.encode()
    inside = shown.removeprefix(FSI).removesuffix(PDI) if shown.startswith(FSI) else shown
    assert (shown == inside) == (not TURNING.search(content))
    assert shown in (inside, f"{FSI}{inside}{PDI}")
    assert not set(inside) & set(BIDI)
    assert len(graphemes(inside)) <= width
    assert not regex.search(r"[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]", shown)


# --- how long ago


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(0), (0, "minutes")),
        (timedelta(seconds=59), (0, "minutes")),
        (timedelta(minutes=1), (1, "minutes")),
        (timedelta(minutes=59, seconds=59), (59, "minutes")),
        (timedelta(hours=1), (1, "hours")),
        (timedelta(hours=23, minutes=59), (23, "hours")),
        (timedelta(days=1), (1, "days")),
        (timedelta(days=59, hours=23), (59, "days")),
        (timedelta(days=60), (2, "months")),
        (timedelta(days=729), (24, "months")),
        (timedelta(days=730), (2, "years")),
        (timedelta(days=3_650), (10, "years")),
        (-timedelta(days=1), (0, "minutes")),
    ],
    ids=str,
)
def test_how_long_ago(passed, expected):
    """An age is told in the largest unit that fits; what lies ahead is now."""
    assert age(NOW - passed, now=NOW) == expected
