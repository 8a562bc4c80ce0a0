"""The contract of every contender."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bench.corpus import Corpus
from bot.vectors import Ids, Vectors

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """The rows that an answer may come from, as bool [n]: the messages of some authors, or of some channels.

    An engine that knows rows only is given them; one that knows authors and channels may use those.
    """

    mask: Mask
    author_ids: frozenset[int] | None = None
    channel_ids: frozenset[int] | None = None


class Lacks(Exception):
    """An engine cannot do what was asked of it; says why, for the footnotes."""


class Contender(Protocol):
    """A vector engine over a corpus, in a folder of its own; `about` says what it is and how it is set.

    Whatever it is asked in is part of its time: a mask has to be turned into what the engine takes.
    """

    about: str

    def __init__(self, corpus: Corpus, folder: Path) -> None: ...

    def build(self) -> None:
        """Take in the vectors of the corpus; it can be searched after. Raises Lacks."""
        ...

    def save(self) -> None:
        """Write what another process needs to `open`; nothing, where it is on disk already."""
        ...

    def open(self) -> None:
        """Read what was saved; it can be searched after."""
        ...

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        """The ids of the k nearest to a unit float32 [dim], nearest first, or all that there are. Raises Lacks."""
        ...

    def delete(self, message_id: int) -> None:
        """Take one message out, durably if the engine is durable: no search finds it after. Raises Lacks."""
        ...

    def n_bytes_on_disk(self) -> int: ...

    def close(self) -> None: ...


class InFolder:
    """What contenders have in common that keep all they have on disk in their folder."""

    about = ""

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._corpus, self._folder = corpus, folder

    def n_bytes_on_disk(self) -> int:
        return n_bytes_in(self._folder)

    def close(self) -> None:
        """Nothing is open."""


def n_bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def rows_of(corpus: Corpus, message_id: int) -> Ids:
    """The row of a message, as int64 [1]."""
    return np.searchsorted(corpus.ids, [message_id])
