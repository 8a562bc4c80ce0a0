"""The contract of every index, and the checks that all of them share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bot.askers import EVERYTHING, Scope
from bot.errors import DimensionError
from bot.messages import EmbeddedMessages
from bot.vectors import Halves, Ids, Vectors, begins


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A message near a vector; `score` is their cosine similarity."""

    message_id: int
    score: float


class VectorSource(Protocol):
    """The vectors of one server's messages as the database keeps them. Calls may come from several threads."""

    def stamps(self) -> tuple[Ids, Ids]:
        """For each vector the id of its message, ascending, and that of its embedding."""
        ...

    def get(self, message_ids: Ids) -> EmbeddedMessages:
        """Those of the messages that have a vector, ascending; damaged ones are left out. Its vectors are float16."""
        ...

    def halves(self, message_ids: Ids) -> tuple[Ids, Halves]:
        """The same in any order and without where they were written: ids, and vectors as float16 [n, dim]."""
        ...

    def within(self, scope: Scope) -> Iterator[EmbeddedMessages]:
        """The messages that a scope admits, its excluded ones among them, ascending in batches, each one whole."""
        ...


class VectorIndex(Protocol):
    """The vectors of one server's messages; a message's score is that of the nearest of its vectors.

    Every engine gives the exact one's scores for vectors as the database keeps them, and the same ids, unless it
    looks at a part of its lists only or keeps coarser codes: of those the recall is measured. It never gives an id
    that was removed, one twice, or more than k; the nearest come first, and the newer first among equals. Calls
    may come from several threads.
    """

    def upsert(self, messages: EmbeddedMessages) -> None:
        """Add messages, or replace those that are there; all vectors of each. Raises DimensionError and ValueError."""
        ...

    def remove(self, message_ids: Iterable[int]) -> None:
        """Take messages out; unknown ids are fine."""
        ...

    def search(
        self, vector: Vectors, k: int, scope: Scope = EVERYTHING, *, n_sure: int | None = None
    ) -> list[Neighbor]:
        """The k messages in the scope that are nearest to a unit float32 [dim]. Raises as upsert.

        With `n_sure` only so many have to be: those behind them are the nearest that were seen on the way there.
        """
        ...

    def ids(self) -> Ids:
        """The ids that are in, ascending."""
        ...

    def n_bytes(self) -> int:
        """What it takes in memory."""
        ...

    def __len__(self) -> int:
        """How many vectors are in."""
        ...


def check_messages(messages: EmbeddedMessages, *, dim: int) -> None:
    """Raise DimensionError or ValueError for what no engine may be handed."""
    _check_dim(messages.vectors, dim)
    if not np.isfinite(messages.vectors).all():
        raise ValueError("a vector is not finite")
    if len(messages) and messages.message_ids.min() < 1:
        raise ValueError("an id is below 1")
    if len(np.unique(messages.embedding_ids)) != len(messages):
        raise ValueError("an embedding is there twice")
    if len(np.unique(messages.message_ids)) != np.count_nonzero(begins(messages.message_ids)):
        raise ValueError("the vectors of a message lie apart")


def check_query(vector: Vectors, k: int, *, dim: int) -> None:
    """Raise DimensionError or ValueError for what no engine may be asked."""
    _check_dim(vector, dim)
    if not np.isfinite(vector).all():
        raise ValueError("the vector is not finite")
    if k < 1:
        raise ValueError(f"k is {k}")


def _check_dim(vectors: Vectors | Halves, dim: int) -> None:
    if vectors.shape[-1] != dim:
        raise DimensionError(dim, vectors.shape[-1])
