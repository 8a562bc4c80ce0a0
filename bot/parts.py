"""A long text in parts, each of which has a vector of its own: that of the whole says too little of any of them."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.texts import graphemes

# Measured with the local model on 1,062 texts of eight unrelated sentences each, of 480 bytes on average: the first hit
# was right for 66 % of 600 questions by whole texts alone, for 71 % with these numbers, and for 76 % with parts of 150
# bytes, which are twice as many.
WHOLE = 400  # bytes of UTF-8 at most of a text that has no parts: some 70 English words, 130 Japanese characters
_PART = 250  # about as many in each part of a longer one
_FINE = 4  # times as small as a part is what is not divided if it can be helped

_SENTENCE = re.compile(r".+?(?:[.!?…][\"')\]]*\s+|[。！？][」』）]*\s*|$)", re.DOTALL)
_WORD = re.compile(r"\S+\s*|\s+")


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of a text that is too long for one vector, of about equal length; none of another text.

    They end where sentences do, if those are not too long themselves.
    """
    n_bytes = len(text.encode())
    if n_bytes <= WHOLE:
        return ()
    size = n_bytes / round(n_bytes / _PART)
    numbered = _numbered(_pieces(text, size / _FINE), size)
    return tuple("".join(piece for _, piece in part).strip() for _, part in groupby(numbered, key=lambda one: one[0]))


def begins_at(text: str, parts: Sequence[str], number: int) -> int:
    """Where in a text one of its parts begins; their numbers count from 1."""
    end = 0
    for part in parts[: number - 1]:
        end = text.index(part, end) + len(part)
    return text.index(parts[number - 1], end)


def pieces_of(text: str) -> Iterator[str]:
    """What a text may be divided between: short sentences, and of longer ones the words."""
    return _pieces(text, _PART / _FINE)


def _numbered(pieces: Iterator[str], size: float) -> Iterator[tuple[int, str]]:
    """Each piece with the number of the part that its middle lies in."""
    end = 0
    for piece in pieces:
        n_bytes = len(piece.encode())
        yield int((end + n_bytes / 2) / size), piece
        end += n_bytes


def _pieces(text: str, size: float) -> Iterator[str]:
    """Sentences; of those with more bytes than that the words, and of such words what is seen as characters."""
    for sentence in _SENTENCE.findall(text):
        for word in [sentence] if len(sentence.encode()) <= size else _WORD.findall(sentence):
            yield from [word] if len(word.encode()) <= size else graphemes(word)
