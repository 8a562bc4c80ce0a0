"""The oracle: every vector compared, in double precision. What the other engines are held against."""

from collections.abc import Iterable

import numpy as np

from bot.askers import EVERYTHING, Scope
from bot.index.base import Neighbor, check_messages, check_query
from bot.index.halves import Scored, ranked
from bot.index.rows import Rows
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors, cosines


class ExactIndex:
    """Keeps the vectors as they are and looks at each one."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._rows = Rows()
        self._vectors = np.zeros((0, dim), np.float32)

    def __len__(self) -> int:
        return len(self._rows)

    def ids(self) -> Ids:
        return self._rows.ids()

    def n_bytes(self) -> int:
        return self._vectors.nbytes + self._rows.n_bytes()

    def upsert(self, messages: EmbeddedMessages) -> None:
        check_messages(messages, dim=self._dim)
        self._rows.drop(messages.message_ids)
        rows = self._rows.put(messages)
        n_missing = len(self._rows.message_ids) - len(self._vectors)
        self._vectors = np.pad(self._vectors, ((0, n_missing), (0, 0)))
        self._vectors[rows] = messages.vectors

    def remove(self, message_ids: Iterable[int]) -> None:
        self._vectors[self._rows.drop(message_ids)] = 0

    def search(
        self,
        vector: Vectors,
        k: int,
        scope: Scope = EVERYTHING,
        *,
        n_sure: int | None = None,  # noqa: ARG002  # all of them are
    ) -> list[Neighbor]:
        check_query(vector, k, dim=self._dim)
        rows = np.flatnonzero(self._rows.within(scope))
        scores = cosines(self._vectors[rows], vector)
        return neighbors(ranked(self._rows.message_ids[rows], scores).best(k))


def neighbors(best: Scored) -> list[Neighbor]:
    """A ranking as an index gives it."""
    return [Neighbor(int(i), float(score)) for i, score in zip(best.message_ids, best.scores, strict=True)]
