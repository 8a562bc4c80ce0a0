"""No index at all: each question reads the vectors in scope. What answers until an index is made."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import faiss
import numpy as np

from bot.askers import EVERYTHING, Scope
from bot.index.base import Neighbor, VectorSource, check_messages, check_query
from bot.index.halves import NOTHING, Scored, merged, nearest_of
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors, begins


class ScanIndex:
    """The database itself, read from two ends of time at once."""

    def __init__(self, dim: int, source: VectorSource, pool: ThreadPoolExecutor) -> None:
        self._dim = dim
        self._source = source
        self._pool = pool
        self._middle: int | None = None

    def __len__(self) -> int:
        return len(self._source.stamps()[0])

    def ids(self) -> Ids:
        ids = self._source.stamps()[0]
        return ids[begins(ids)]

    def n_bytes(self) -> int:
        return 0

    def upsert(self, messages: EmbeddedMessages) -> None:
        """Nothing but the checks: what the database holds is found."""
        check_messages(messages, dim=self._dim)

    def remove(self, message_ids: Iterable[int]) -> None:
        """Nothing: what the database does not hold is not found."""

    def search(
        self,
        vector: Vectors,
        k: int,
        scope: Scope = EVERYTHING,
        *,
        n_sure: int | None = None,  # noqa: ARG002  # all of them are
    ) -> list[Neighbor]:
        check_query(vector, k, dim=self._dim)
        first, second = self._pool.map(lambda part: self._nearest(vector, k, part), self._halved(scope))
        best = merged(first, second).best(k)
        return [Neighbor(int(i), float(s)) for i, s in zip(best.message_ids, best.scores, strict=True)]

    def _nearest(self, vector: Vectors, k: int, scope: Scope) -> Scored:
        faiss.omp_set_num_threads(1)
        best = NOTHING
        excluded = np.array(sorted(scope.excluded_ids), np.int64)
        for batch in self._source.within(scope):
            admitted = batch[~np.isin(batch.message_ids, excluded)] if len(excluded) else batch
            best = merged(best, nearest_of(admitted.message_ids, np.asarray(admitted.vectors), vector, k)).best(k)
        return best

    def _halved(self, scope: Scope) -> tuple[Scope, Scope]:
        """Two scopes that together are the one, with about as many of the messages in each as there were at first."""
        if self._middle is None:
            ids = self.ids()
            self._middle = int(ids[len(ids) // 2]) if len(ids) else 1
        middle = max(self._middle, scope.after_id or 0)
        if scope.before_id is not None:
            middle = min(middle, scope.before_id)
        return replace(scope, before_id=middle), replace(scope, after_id=middle)
