"""The words of a text, as the full-text index has them, and the script that it is written in.

Words are what lies between spaces; names of things (paths, error codes, identifiers, addresses) stay whole beside their
parts. Scripts without spaces between words give pairs of characters.
"""

import regex

from bot.texts import embed_text

# Where terms_of gives another answer for any text, a migration has to queue all messages in `unworded` again.
_MAX_TERMS = 2_000  # of one text: a message of 4,000 characters has no more
_LONGEST = 64  # characters of one term; whoever looks for a longer one has its parts

# Hangul has spaces, but its words carry their particles with them, so that pairs find more.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー々〆〇\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_WORD = rf"[\p{{L}}\p{{N}}\p{{M}}_--[{_UNSPACED}]]"
_JOINT = r"['’.\-/:\\#@+&=]"
_TERM = regex.compile(
    rf"""(?P<unspaced>[{_UNSPACED}][{_UNSPACED}\p{{M}}]*)
       | (?P<name>{_WORD}+(?:{_JOINT}+{_WORD}+)*(?:\+\+|\#(?!\w))?)""",
    regex.VERBOSE | regex.VERSION1,
)
_PARTS = regex.compile(rf"[{_WORD}--_]+", regex.VERSION1)
_LATIN = "latin"
# Languages that share no words: whoever knows more scripts than these gains nothing by it here.
_SCRIPTS = {
    "han and kana": regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]"),
    "hangul": regex.compile(r"\p{Hangul}"),
    "cyrillic": regex.compile(r"\p{Cyrillic}"),
    "arabic": regex.compile(r"\p{Arabic}"),
    "thai": regex.compile(r"\p{Thai}"),
    _LATIN: regex.compile(r"\p{Latin}"),
}
_SHORT = 2  # characters at most of what stands at an apostrophe and is no word: l'eau, don't


def terms_of(content: str) -> list[str]:
    """The terms of a message in their order, as often as they occur; none of them has a space or a quote in it."""
    terms: list[str] = []
    for match in _TERM.finditer(embed_text(content).casefold()):
        if (run := match["unspaced"]) is not None:
            terms += [run[i : i + 2] for i in range(len(run) - 1)] or [run]
        else:
            terms += _of_name(match["name"])
        if len(terms) >= _MAX_TERMS:
            break
    return terms[:_MAX_TERMS]


def _of_name(name: str) -> list[str]:
    """A word, or a name of several parts with each of them."""
    if name.isalnum():
        return [name[:_LONGEST]]
    name = name.replace("’", "'")
    parts = _PARTS.findall(name)
    if len(parts) == 1 and name.strip("_") != parts[0]:
        return [name[:_LONGEST]]  # c++
    if name.replace("'", "").isalnum():
        parts = [part for part in parts if len(part) > _SHORT]
    return [name[:_LONGEST], *(part[:_LONGEST] for part in parts)]


def script_of(text: str) -> str:
    """The script that most letters of a text are of; Latin where it has none of those that are told apart."""
    if text.isascii():
        return _LATIN
    counts = {name: len(letters.findall(text)) for name, letters in _SCRIPTS.items()}
    return max(reversed(counts), key=counts.__getitem__)
