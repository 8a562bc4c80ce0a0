"""The words of a text, as the full-text index has them, and the script that it is written in.

Words are what lies between spaces; names of things (paths, error codes, identifiers, addresses) stay whole beside their
parts. Scripts without spaces between words give pairs of characters.
"""

from collections.abc import Iterable, Iterator, Sequence

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
_SINGLE = regex.compile(r"\p{Han}")
_PAIR = regex.compile(rf"[{_UNSPACED}][{_UNSPACED}\p{{M}}]")
# Where there are no spaces, one kind of characters is mostly one word. Hiragana ends and joins others: it is a word
# where it begins anew and there is more of it.
_READ_WORD = regex.compile(
    r"""\p{Han}[\p{Han}々]{1,7} | [\p{Katakana}ー]{3,12} | \p{Hangul}{2,10}
      | (?<![\p{Hiragana}\p{Han}])[\p{Hiragana}ー]{4,10}(?!\p{Hiragana})""",
    regex.VERBOSE,
)
_READ_NAME = regex.compile(r"\p{L}[\p{L}\p{M}\p{N}'_.+#\-]{1,23}")
_ADDRESS = regex.compile(r"[/\\:@=&]")  # what has parts that nobody would call words
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
_IN_PAIRS = frozenset({"han and kana", "hangul", "thai"})
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


def sought_terms(question: str) -> list[str]:
    """The terms that a question is looked for by: those that it has.

    One of single Chinese characters alone has few texts in which those stand by themselves: it is looked for by the
    pairs that begin with them. Such a term ends in a star, which stands in no other.
    """
    terms = terms_of(question)
    return [f"{term}*" for term in terms] if all(map(_SINGLE.fullmatch, terms)) else terms


def as_sought(texts: Sequence[Sequence[str]], sought: Iterable[str]) -> Sequence[Sequence[str]]:
    """The terms of texts with each pair as the term with a star that it is found by, if it is found by one."""
    starred = {term[0]: term for term in sought if term.endswith("*")}
    return [[starred.get(term[0], term) for term in its] for its in texts] if starred else texts


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


def whole_names(terms: Iterable[str]) -> Iterator[str]:
    """The terms of a text without the parts of names, which stand behind them."""
    parts: list[str] = []
    for term in terms:
        if parts and term == parts[0]:
            parts = parts[1:]
            continue
        parts = _of_name(term)[1:]
        yield term


def readable_words(terms: Iterable[str]) -> list[str]:
    """What of a text's terms a person would read as words, in their order.

    Pairs of characters are put together again; numbers, addresses and what only joins words are left out.
    """
    words: list[str] = []
    run = address = ""
    for term in terms:
        is_pair = bool(_PAIR.fullmatch(term))
        if not (is_pair and run and run[-1] == term[0]):
            words += _READ_WORD.findall(run)
            run = ""
        if is_pair:
            run += term[1:] if run else term
            continue
        address = term if _ADDRESS.search(term) else address if term in address else ""
        if not address and _READ_NAME.fullmatch(term):
            words.append(term)
    return words + _READ_WORD.findall(run)


def script_of(text: str) -> str:
    """The script that most letters of a text are of; Latin where it has none of those that are told apart."""
    if text.isascii():
        return _LATIN
    counts = {name: len(letters.findall(text)) for name, letters in _SCRIPTS.items()}
    return max(reversed(counts), key=counts.__getitem__)


def in_pairs(script: str) -> bool:
    """Whether what is written in a script has pairs of characters for terms."""
    return script in _IN_PAIRS
