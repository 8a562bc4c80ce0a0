"""Other people's words inside a Discord message: shown as they were written, and nothing in them acts."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import groupby, islice, takewhile
from operator import itemgetter

from bot.texts import embed_text, graphemes, isolated, one_line, quote

# Escaped wherever they stand: what begins or ends styles, code, spoilers, mentions, emoji and links; the slash because
# clients look for invites in the raw text, with or without a scheme. Escaped only where they can matter: bullets and
# headings not within a word, the point of a numbered list, the bracket of a link's target. Each choice looks only at
# what stands before, so that a longer text is never escaped to a shorter one.
_MARKUP = re.compile(r"[\\*_~`|<>\[\]@:/]|(?<!\w)[-+#]|(?<=\d)\.|(?<=\])\(")

# Where Discord sees spoilers: bars that are escaped or stand in code make none.
_INLINE = r"""
    \\[^0-9A-Za-z\s]
  | (?<!`)(?P<ticks>`++) .+? (?<!`)(?P=ticks)(?!`)
  | \|\|(?P<hidden>.+?)\|\|
"""
# What begins in a block quote, a heading or a subtext ends there.
_BLOCK = r"(?P<block> (?:^[ ]*>[ ][^\n]*\n?)+ | ^[ ]*(?:\#{1,3}|-\#)[ ][^\n]* )"
_FLAGS = re.DOTALL | re.MULTILINE | re.VERBOSE
_IN_BLOCK = re.compile(_INLINE, _FLAGS)
_IN_MESSAGE = re.compile(f"{_BLOCK} | {_INLINE}", _FLAGS)

_COVER = "▒▒▒"  # stands for a spoiler where there is no way to hide one

# The graphemes of a text, each with the number of its piece: pieces of odd numbers are spoilers.
_Units = list[tuple[int, str]]


def escaped(text: str) -> str:
    """A name or another short text on one line, as Discord shows it: exactly its characters, none of them acting.

    It is not cut. It may stand anywhere but in the label of a masked link, where Discord shows the backslashes too.
    """
    return isolated(_escape(one_line(text).strip()), source=text)


def quoted(content: str, *, budget: int, width: int = 200, start: int = 0) -> str:
    """A message's content as one line of a block quote; "" if it shows nothing. What is too long begins at `start`.

    It takes at most `budget` UTF-16 code units, which may not be less than 8, and `width` graphemes, the bars of
    spoilers not counted. Spoilers stay spoilers, also where the text is cut; everything else is plain text.
    """
    n_outer = len(content) - len(content.lstrip())
    return _cut(content, _pieces, budget=budget, width=width, start=max(start - n_outer, 0))


def named(name: str, *, budget: int, width: int = 32) -> str:
    """A name, cut like a quote; bars are bars in it, as Discord shows names."""
    return _cut(name, _one_piece, budget=budget, width=width)


def plain(content: str, *, budget: int) -> str:
    """A text on one line for where Discord shows no markup, what stood in spoilers covered; "" if it shows nothing.

    It takes at most `budget` UTF-16 code units, which may not be less than 8.
    """
    if not embed_text(content):
        return ""
    pieces = _pieces(content.strip(), 0, budget * 64)
    covered = "".join(_COVER if number % 2 else piece for number, piece in enumerate(pieces))
    widths = range(1, budget + 1)
    n_fitting = bisect_right(widths, budget, key=lambda width: utf16_length(quote(covered, width=width)))
    shown = quote(covered, width=widths[max(n_fitting - 1, 0)])
    return shown if utf16_length(shown) <= budget else "…"  # what a reader sees as one character may be endless


def utf16_length(text: str) -> int:
    """How long Discord takes the text to be."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(content: str, pieces: Callable[[str, int, int], list[str]], *, budget: int, width: int, start: int = 0) -> str:
    if not embed_text(content):
        return ""
    content = content.strip()
    longest = width * 64

    def shown(first: int) -> tuple[str, bool]:
        before = "…" if first else ""
        units = list(islice(_units(pieces(content, first, longest)), width + 1 - len(before)))
        is_all = len(units) <= width - len(before) and len(content) - first <= longest
        whole = isolated(before + _line(units), source=content)
        if is_all and utf16_length(whole) <= budget:
            return whole, True
        return _shortened(units[: width - len(before)], before, content=content, budget=budget), False

    text, is_whole = shown(0)
    if not is_whole and start and width > 1 and embed_text(content[start:]):
        text, _ = shown(start)
    return text


def _shortened(units: _Units, before: str, *, content: str, budget: int) -> str:
    """As many of the units as fit between two signs that there is more, or before one."""

    def cut(n_units: int) -> str:
        return isolated(before + _line(units[:n_units]) + "…", source=content)

    # The last grapheme never stays: the ellipsis takes its place, and it may be half of one if the content is too long.
    n_fitting = bisect_right(range(len(units)), budget, key=lambda n_units: utf16_length(cut(n_units)))
    return cut(max(n_fitting - 1, 0))


def _units(pieces: list[str]) -> Iterator[tuple[int, str]]:
    for number, piece in enumerate(pieces):
        for grapheme in graphemes(one_line(piece)):
            yield number, grapheme


def _pieces(content: str, first: int, longest: int) -> list[str]:
    """The `longest` characters from the first on, in turns outside and inside of spoilers, without their bars."""
    kept = content[: first + longest]
    pieces, end = [], first
    # Spoilers are looked for in the whole content: one that is cut may begin far before the cut, or end far behind it.
    for start, stop in takewhile(lambda span: span[0] < len(kept), _spoilers(content)):
        pieces += [kept[end : max(start - 2, end)], kept[max(start, first) : max(stop, first)]]
        end = max(stop + 2, first)
    return [*pieces, kept[end:]]


def _one_piece(content: str, first: int, longest: int) -> list[str]:
    return [content[first : first + longest]]


def _spoilers(content: str) -> Iterator[tuple[int, int]]:
    """Where the text in spoilers starts and stops, in order; one that hides nothing but bars is none."""
    for token in _IN_MESSAGE.finditer(content):
        for inner in _IN_BLOCK.finditer(content, *token.span()) if token["block"] else [token]:
            if inner["hidden"] and embed_text(inner["hidden"].replace("|", "")):
                yield inner.span("hidden")


def _line(units: _Units) -> str:
    runs = ((number, "".join(map(itemgetter(1), run))) for number, run in groupby(units, key=itemgetter(0)))
    return "".join(_spoiler(text) if number % 2 else _escape(text) for number, text in runs).strip()


def _spoiler(text: str) -> str:
    inner = _escape(text.rstrip("|"))  # a bar at the end would close the spoiler too early, even an escaped one
    return f"||{inner}||" if inner.strip() else ""


def _escape(line: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", line)
