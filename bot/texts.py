"""The text that is embedded, its hash, and the text as people are shown it."""

import hashlib
import re
import unicodedata
from datetime import datetime, timedelta

import regex

from bot.markup import readable

# Raise it whenever embed_text or bot.composing gives another answer for any text, and hash all texts anew in the same
# migration: messages.content_hash is that of the text of this version.
TEXT_VERSION = 2
MAX_CHARACTERS = 4_000  # the longest message that Discord lets anybody send
MAX_BYTES = 8_192  # a byte-level tokenizer makes at most a token a byte, and the API takes 8,192 tokens
_MAX_RAW_CHARACTERS = 4 * MAX_CHARACTERS  # composing shrinks a text, so the first cut is a wide one

_INVISIBLE = regex.compile(r"[\p{Cf}\p{Variation_Selector}\u115F\u1160\u17B4\u17B5\u3164\uFFA0\u2800]+")
_CONTROL = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}\s]+")
_MANY_MARKS = regex.compile(r"(\p{M}{4})\p{M}+")
_SPACE = re.compile(r"[^\S\n]+")
_GRAPHEME = regex.compile(r"\X")
_BIDI = regex.compile(r"[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]")
# Letters and digits of scripts that run from right to left turn what stands beside them just as the controls do.
_TURNING = regex.compile(_BIDI.pattern + r"|(?!\p{Cs})[\p{bc=R}\p{bc=AL}\p{bc=AN}]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_FSI, _PDI = "\u2068", "\u2069"


def storable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def embed_text(content: str) -> str:
    """A text as it is embedded; "" where it shows nothing.

    Compatibility forms are unified, invisible characters and control characters go, Discord's markup becomes what is
    seen of it, white space becomes one space, and the rest is cut to 4,000 characters and 8,192 bytes. Punctuation
    stays: it carries meaning.
    """
    return _bounded(readable(_unified(content)))


def embed_text_1(content: str) -> str:
    """The same in its first version, which left Discord's markup as it is."""
    return _bounded(_unified(content))


def _unified(content: str) -> str:
    text = content[:_MAX_RAW_CHARACTERS]
    if text.isascii():
        return text
    # Invisible characters go first: one between a letter and its accent would keep the two apart.
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", storable(text)))


def _bounded(text: str) -> str:
    # Of all that may be there a printable text has single spaces alone, which is quicker to see than to replace.
    if not text.isprintable() or "  " in text:
        text = _CONTROL.sub(" ", text)
    text = text.strip()[:MAX_CHARACTERS]
    if not text.isascii():
        text = text.encode()[:MAX_BYTES].decode(errors="ignore")
    return text.strip()


def content_hash(text: str) -> bytes:
    """16 bytes that stand for an embedded text: equal texts need one embedding."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def quote(content: str, *, width: int, start: int = 0) -> str:
    """A text as it may be shown on a line: cut to `width` graphemes, nothing invisible left to act.

    What is too long is shown from `start` on.
    """
    longest = width * 64
    shown = graphemes(one_line(content[:longest]).strip())
    is_cut = len(shown) > width or len(content) > longest
    if is_cut and (rest := one_line(content[start : start + longest]).strip()) and start:
        shown = ["…", *graphemes(rest)]
        is_cut = len(shown) > width or len(content) - start > longest
    text = "".join(shown[: width - 1]).rstrip() + "…" if is_cut else "".join(shown)
    return isolated(text, source=content)


def one_line(text: str) -> str:
    """The text on one line, outer spaces kept: line breaks become spaces, control characters their visible marks.

    Runs of combining marks are bounded, and direction controls go: what is shown of the text is to be `isolated`.
    """
    # Direction controls go first: one between two runs of marks would let both through.
    text = _BIDI.sub("", storable(text))
    text = _SPACE.sub(" ", text.replace("\r\n", "\n")).replace("\n", " ")
    return _MANY_MARKS.sub(r"\1", "".join(_visible(character) for character in text))


def isolated(shown: str, *, source: str) -> str:
    """What is shown of a source, isolated if that may run from right to left, so that it turns nothing around it."""
    return f"{_FSI}{shown}{_PDI}" if _TURNING.search(source) else shown


def graphemes(text: str) -> list[str]:
    """The text in what a reader sees as its characters."""
    return _GRAPHEME.findall(text)


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:  # noqa: PLR2004  # C0 controls have pictures of their own
        return chr(0x2400 + code)
    if code == 0x7F:  # noqa: PLR2004  # delete
        return "\N{SYMBOL FOR DELETE}"
    if 0x80 <= code < 0xA0 or code in (0x2028, 0x2029):  # noqa: PLR2004  # C1 controls, line separators
        return "\N{REPLACEMENT CHARACTER}"
    return character


def age(moment: datetime, *, now: datetime) -> tuple[int, str]:
    """How long ago, in the largest unit that fits: a count and one of minutes, hours, days, months, years."""
    passed = max(now - moment, timedelta(0))
    if passed < timedelta(hours=1):
        return passed // timedelta(minutes=1), "minutes"
    if passed < timedelta(days=1):
        return passed // timedelta(hours=1), "hours"
    if passed < timedelta(days=60):
        return passed.days, "days"
    if passed < timedelta(days=730):
        return passed.days // 30, "months"
    return passed.days // 365, "years"
