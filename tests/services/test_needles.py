"""Many pieces of bytes are found at once, wherever they stand."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.needles import LEAST, LENGTH, Needles, pieces_of


def noise(n: int, *, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(n)


@pytest.mark.parametrize("start", [0, 1, 7, 8, 4_095, 10_000 - LENGTH])
def test_a_piece_is_found_wherever_it_stands(start: int) -> None:
    """At each offset, at the beginning and at the end; others are not."""
    piece, other = noise(LENGTH, seed=1), noise(LENGTH, seed=2)
    hay = noise(10_000)
    hay = hay[:start] + piece + hay[start + LENGTH :]

    assert Needles([piece, other]).in_bytes(hay) == {piece}


@given(st.binary(max_size=200), st.lists(st.binary(min_size=LEAST, max_size=LENGTH), max_size=8), st.data())
def test_what_is_found_is_what_is_there(hay: bytes, pieces: list[bytes], data: st.DataObject) -> None:
    """The same as looking for each piece by itself, also where pieces begin alike or overlap."""
    if len(hay) > LEAST:
        start = data.draw(st.integers(0, len(hay) - LEAST))
        pieces = [*pieces, hay[start : start + LENGTH], hay[start : start + LEAST]]

    assert Needles(pieces).in_bytes(hay) == {piece for piece in pieces if piece in hay}


def test_a_piece_across_two_blocks_of_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way a file is cut for reading; a file that is not there has nothing."""
    monkeypatch.setattr("bot.services.needles._BLOCK", 100)
    piece, path = noise(LENGTH, seed=1), tmp_path / "file"
    for start in range(60, 110):
        path.write_bytes(noise(start) + piece + noise(150, seed=3))
        assert Needles([piece]).in_file(path) == {piece}, start

    assert Needles([piece]).in_file(tmp_path / "none") == set()
    assert Needles([]).in_file(path) == set()


def test_pieces_are_of_the_beginning_the_middle_and_the_end() -> None:
    """What is too short or has too little in it to tell anything has none."""
    whole = noise(1_000)
    pieces = pieces_of(whole)

    assert len(pieces) == 3
    assert {whole.index(piece) for piece in pieces} == {0, 484, 968}
    assert pieces_of(whole[:LEAST]) == [whole[:LEAST]]
    assert pieces_of(whole[: LEAST - 1]) == pieces_of(b"") == pieces_of(bytes(100)) == pieces_of(b"haha" * 20) == []
