"""What was said in a server during the last minutes, as vectors beside one another."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from bot.messages import EmbeddedMessages
from bot.storage.waves import Watch
from bot.times import made_at
from bot.vectors import Halves, Ids, Vectors

Flags = npt.NDArray[np.bool_]
_BYTES = 64 * 2**20  # of vectors that a window may take: 32,768 of the local model
_FIRST_ROWS = 1_024
_GONE = 0  # no message has this id
_MOST_OF_A_WAVE = 64  # vectors of a wave that others are compared with, the latest
_TWO = 2  # messages of a wave that one which joins it is like


class Window:
    """The latest messages that may be part of a wave; when it is full the oldest give way."""

    def __init__(self, dim: int) -> None:
        self.most = max(_BYTES // (4 * dim), _FIRST_ROWS)
        self._n = 0
        self._vectors = np.empty((_FIRST_ROWS, dim), np.float32)
        self._places = np.empty((3, _FIRST_ROWS), np.int64)  # ids of messages, channels and authors

    def __len__(self) -> int:
        return int(np.count_nonzero(self._places[0, : self._n]))

    def put(self, messages: EmbeddedMessages, *, first_id: int) -> None:
        """Hold messages, each as it was put last, and none from before an id; at most `most` of them at once."""
        self.take_out(messages.message_ids)
        if self._n + len(messages) > len(self._vectors):
            self._make_room(len(messages), first_id)
        rows = slice(self._n, self._n + len(messages))
        self._vectors[rows] = messages.vectors
        self._places[:, rows] = messages.message_ids, messages.channel_ids, messages.author_ids
        self._n = rows.stop

    def take_out(self, message_ids: Ids) -> None:
        """Hold messages no longer; unknown ids are fine."""
        ids = self._places[0, : self._n]
        ids[np.isin(ids, message_ids)] = _GONE

    def holds(self, message_ids: Ids) -> Flags:
        """Which of some messages it holds."""
        held: Flags = np.isin(message_ids, self._places[0, : self._n])
        return held

    def alike(self, vectors: Vectors | Halves, *, least: float, first_id: int) -> "Alike":
        """Which messages from an id on are at least so near to each of some vectors [n, dim]."""
        near = self._vectors[: self._n] @ vectors.T >= least
        near &= (self._places[0, : self._n] >= first_id)[:, np.newaxis]
        return Alike(self, near)

    def rows(self, rows: Ids | Flags) -> EmbeddedMessages:
        """Messages by their rows, the oldest first."""
        ids, channel_ids, author_ids = self._places[:, : self._n][:, rows]
        order = np.argsort(ids, kind="stable")
        vectors = self._vectors[: self._n][rows]
        return EmbeddedMessages(ids[order], channel_ids[order], author_ids[order], ids[order], vectors[order])

    def _make_room(self, n: int, first_id: int) -> None:
        kept = self.rows(self._places[0, : self._n] >= max(first_id, 1))
        kept = kept[max(len(kept) + n - self.most, 0) :]
        # As much again, so that not every message makes room anew.
        size = min(max(2 * (len(kept) + n), _FIRST_ROWS), self.most)
        self._vectors = np.empty((size, self._vectors.shape[1]), np.float32)
        self._places = np.empty((3, size), np.int64)
        self._n = len(kept)
        self._vectors[: self._n] = kept.vectors
        self._places[:, : self._n] = kept.message_ids, kept.channel_ids, kept.author_ids


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """For each message of a window whether it is like each of some vectors."""

    window: Window
    near: Flags

    def groups(self, at_least: int) -> list[EmbeddedMessages]:
        """For each of the vectors what is like it, where that is not less than so many messages."""
        enough = np.flatnonzero(self.near.sum(axis=0) >= at_least)
        return [self.window.rows(self.near[:, column]) for column in enough]

    def like_two(self) -> EmbeddedMessages:
        """What is like two of the vectors, or like the only one."""
        return self.window.rows(self.near.sum(axis=1) >= min(_TWO, self.near.shape[1]))


@dataclass(slots=True, eq=False)
class LiveWave:
    """A wave that may grow: the vectors of its latest messages, float32 [n, dim], and when the last one was written."""

    wave_id: int
    vectors: Vectors
    last_at: datetime
    joined: list[int] = field(default_factory=list)

    def takes(self, vectors: Vectors | Halves, *, least: float) -> Flags:
        """Which of some vectors [n, dim] are like two of its messages, or like the only one."""
        near = (vectors @ self.vectors.T >= least).sum(axis=1)
        taken: Flags = near >= min(_TWO, len(self.vectors))
        return taken

    def touches(self, vectors: Vectors | Halves, *, least: float) -> bool:
        """Whether one of some vectors is like one of its messages: many of them are then no wave of their own."""
        return bool((vectors @ self.vectors.T >= least).any())

    def join(self, messages: EmbeddedMessages) -> None:
        """Messages, the oldest first, belong to it."""
        if not len(messages):
            return
        vectors = np.concatenate([self.vectors, messages.vectors.astype(np.float32)])
        self.vectors = vectors[-_MOST_OF_A_WAVE:]
        self.joined += messages.message_ids.tolist()
        self.last_at = max(self.last_at, made_at(int(messages.message_ids[-1])))


def is_wave(messages: EmbeddedMessages, watch: Watch) -> bool:
    """Whether messages that are alike are a wave: of several people, or of one in several channels."""
    authors = messages.author_ids.tolist()
    if len(messages) >= watch.n_messages and len(set(authors)) >= watch.n_accounts:
        return True
    places = set(zip(authors, messages.channel_ids.tolist(), strict=True))
    return any(n >= watch.n_channels for n in _counts([author for author, _ in places]))


def tells_until(messages: EmbeddedMessages, watch: Watch) -> float | None:
    """The cosine up to which they would be told as a wave, were it asked of what is alike; None where they are none.

    That is how near to the message that leads them the last one lies which makes them enough.
    """
    vectors = messages.vectors.astype(np.float32)
    cosines = vectors @ vectors.T
    found = []
    for row in cosines:
        nearest = np.argsort(-row, kind="stable")
        n = 1 + bisect_left(range(1, len(row) + 1), 1, key=lambda n: is_wave(messages[nearest[:n]], watch))
        if n <= len(row):
            found.append(float(row[nearest[n - 1]]))
    return max(found, default=None)


def _counts(values: Sequence[int]) -> list[int]:
    return [values.count(value) for value in set(values)]
