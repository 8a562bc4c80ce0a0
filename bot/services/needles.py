"""Looks for many pieces of bytes at once, wherever in a file they may stand."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

LENGTH = 32  # bytes of a piece: where something is cut into pages, the next piece of it is whole
LEAST = 16  # bytes: a shorter piece may stand anywhere by chance
_LEAST_DIFFERENT = 6  # bytes that a piece begins with, or it is zeros or laughter, which stand in many places
_BLOCK = 4 * 2**20
_BITS = 24
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_Words = npt.NDArray[np.uint64]


def pieces_of(whole: bytes) -> list[bytes]:
    """Pieces that tell whether bytes stand somewhere, also in part; none where they are too few to tell."""
    if len(whole) <= LENGTH:
        pieces = {whole}
    else:
        last = len(whole) - LENGTH
        pieces = {whole[start : start + LENGTH] for start in (0, last // 2, last)}
    return [piece for piece in pieces if len(piece) >= LEAST and len(set(piece[:LEAST])) >= _LEAST_DIFFERENT]


class Needles:
    """Pieces to be found, each of 16 bytes at least."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: defaultdict[bytes, set[bytes]] = defaultdict(set)
        for piece in pieces:
            self._pieces[piece[:LEAST]].add(piece)
        begins = np.frombuffer(b"".join(self._pieces), "<u8").reshape(-1, 2)
        self._hashes = np.sort(_hashed(begins[:, 0], begins[:, 1]))
        self._may_be = np.zeros(2**_BITS, np.bool_)
        self._may_be[self._hashes >> np.uint64(64 - _BITS)] = True

    def in_bytes(self, hay: bytes) -> set[bytes]:
        """Those that stand in bytes."""
        found: set[bytes] = set()
        for shift in range(8 if self._pieces else 0):
            n_words = (len(hay) - shift) // 8
            if n_words < 2:  # noqa: PLR2004  # a piece has two words at least
                break
            for at in self._candidates(np.frombuffer(hay, "<u8", n_words, offset=shift)):
                start = shift + 8 * at
                near = self._pieces.get(hay[start : start + LEAST], ())
                found.update(piece for piece in near if hay.startswith(piece, start))
        return found

    def in_file(self, path: Path) -> set[bytes]:
        """Those that stand in a file, or none where there is no file. Raises OSError."""
        found: set[bytes] = set()
        for block in _blocks(path):
            found |= self.in_bytes(block)
        return found

    def _candidates(self, words: _Words) -> list[int]:
        """Where a piece may begin: its first two words have the hash of one."""
        hashes = _hashed(words[:-1], words[1:])
        [maybe] = self._may_be[hashes >> np.uint64(64 - _BITS)].nonzero()
        near = hashes[maybe]
        at = np.minimum(np.searchsorted(self._hashes, near), len(self._hashes) - 1)
        likely: list[int] = maybe[self._hashes[at] == near].tolist()
        return likely


def _hashed(first: _Words, second: _Words) -> _Words:
    mixed: _Words = first * _FACTORS[0] ^ second * _FACTORS[1]
    return mixed * _FACTORS[0]


def _blocks(path: Path) -> Iterator[bytes]:
    """A file in blocks that overlap by the length of a piece."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        kept = b""
        while block := file.read(_BLOCK):
            yield kept + block
            kept = (kept + block)[-LENGTH:]
