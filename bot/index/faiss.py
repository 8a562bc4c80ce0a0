"""The Faiss engine: any index that Faiss can make of a factory string and that keeps the contract.

Facts about Faiss that shape this file, seen with 1.15.1: an id added twice is there twice; more results than
there are come padded with -1; adding and searching at once gives wrong answers in silence, hence the lock.
"""

import logging
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType

import faiss
import numpy as np
import numpy.typing as npt

from bot.askers import EVERYTHING, Scope
from bot.errors import IndexUnsuitable
from bot.index.base import Neighbor, VectorSource, check_messages, check_query
from bot.index.exact import neighbors
from bot.index.halves import is_wide_enough, ranked
from bot.index.rescoring import Candidates, nearest_exactly
from bot.index.rows import ROW_BYTES, Mask, Rows
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors, cosines, unit

log = logging.getLogger(__name__)

# With no more rows than this in scope each is looked at: the same answer from every engine.
MAX_ROWS_ONE_BY_ONE = 2_000
# k-means wants so many points a centroid (faiss/Clustering.h, min_points_per_centroid).
POINTS_A_LIST = 39
_CENTROIDS_WITHOUT_LISTS = 256
# Of 100,000 chat messages a half of the lists held 98.7 % of the nearest ten, a quarter 94.8 %, an eighth 90.7 %.
_SHARE_OF_LISTS_PROBED = 2
_GROWTH_BEFORE_RETRAINING = 4
_SPARE = 16  # more than asked for are found at once, for what Faiss's own scores cannot tell apart

Scores32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FaissKind:
    """A factory string, in which {nlist} stands for a number of lists that fits the number of vectors."""

    name: str
    factory: str
    metric: int

    def make(self, dim: int, *, n: int = 0) -> faiss.Index:
        """An empty index that takes row numbers as ids. Raises IndexUnsuitable."""
        factory = self.factory.format(nlist=max(4 * int(np.sqrt(n)), 1))
        if "IVF" not in factory:
            factory = f"IDMap2,{factory}"
        try:
            index = faiss.index_factory(dim, factory, self.metric)
        except (RuntimeError, AssertionError) as error:
            raise IndexUnsuitable(self.name, _last_sentence(error)) from error
        if (lists := _lists(index)) is not None:
            lists.set_direct_map_type(faiss.DirectMap.Hashtable)
        return index

    def n_to_train(self, dim: int) -> int:
        """From how many vectors on the index can be trained; 0 when it needs no training."""
        if "{nlist}" in self.factory:
            return (4 * POINTS_A_LIST) ** 2
        index = self.make(dim)
        lists = _lists(index)
        if lists is not None:
            return POINTS_A_LIST * int(lists.nlist)
        return 0 if index.is_trained else POINTS_A_LIST * _CENTROIDS_WITHOUT_LISTS

    def bytes_a_message(self, dim: int) -> int:
        """What one message takes in memory: its code, its row and its id."""
        index = self.make(dim)
        inner = _lists(index) or faiss.downcast_index(index).index
        return int(inner.sa_code_size()) + ROW_BYTES + np.dtype(np.int64).itemsize


# Half precision, which is what the database keeps: the same answers as "flat" with half the memory.
EXACT = FaissKind("exact", "SQfp16", faiss.METRIC_INNER_PRODUCT)
NAMED = MappingProxyType(
    {
        "flat": FaissKind("flat", "Flat", faiss.METRIC_INNER_PRODUCT),
        "flat-l2": FaissKind("flat-l2", "Flat", faiss.METRIC_L2),
        "ivf-flat": FaissKind("ivf-flat", "IVF{nlist},Flat", faiss.METRIC_INNER_PRODUCT),
    }
)


def faiss_kind(name: str, *, dim: int) -> FaissKind:
    """The kind that a name or a factory string stands for, tried out if it is a factory string.

    Raises IndexUnsuitable when the index cannot select by id, remove, or give back scores.
    """
    if name in NAMED:
        return NAMED[name]
    kind = FaissKind(name, "HNSW32" if name == "hnsw" else name, faiss.METRIC_INNER_PRODUCT)
    if "{" in name or "}" in name:
        raise IndexUnsuitable(name, "it is not a factory string")
    _try_out(kind, dim)
    return kind


class FaissIndex:
    """One Faiss index under a lock; plain vectors until there are enough to train what needs training."""

    def __init__(self, dim: int, kind: FaissKind, source: VectorSource | None = None) -> None:
        """Codes of a factory string may be coarse: what they find is scored from `source`, if there is one."""
        self._source = None if kind in (EXACT, *NAMED.values()) else source
        self._dim = dim
        self._kind = kind
        self._rows = Rows()
        self._n_to_train = kind.n_to_train(dim)
        self._index = (replace(kind, factory="Flat") if self._n_to_train else kind).make(dim)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def ids(self) -> Ids:
        with self._lock:
            return self._rows.ids()

    def n_bytes(self) -> int:
        with self._lock:
            return len(self._rows.message_ids) * self._kind.bytes_a_message(self._dim)

    def upsert(self, messages: EmbeddedMessages) -> None:
        check_messages(messages, dim=self._dim)
        with self._lock:
            self._drop(messages.message_ids)
            rows = self._rows.put(messages)
            self._index.add_with_ids(np.ascontiguousarray(messages.vectors, np.float32), rows)
            if self._n_to_train and len(self._rows) >= self._n_to_train:
                self._train()

    def remove(self, message_ids: Iterable[int]) -> None:
        with self._lock:
            self._drop(message_ids)

    def search(
        self, vector: Vectors, k: int, scope: Scope = EVERYTHING, *, n_sure: int | None = None
    ) -> list[Neighbor]:
        check_query(vector, k, dim=self._dim)
        if self._source is None:
            return self._nearest(vector, k, scope)
        return nearest_exactly(vector, k, self._source, lambda width: self._found(vector, width, scope), n_sure=n_sure)

    def _found(self, vector: Vectors, width: int, scope: Scope) -> Candidates:
        found = self._nearest(vector, width, scope)
        ids = np.array([neighbor.message_id for neighbor in found], np.int64)
        estimates = np.array([neighbor.score for neighbor in found], np.float32)
        return Candidates(ids, estimates, are_all=len(ids) < width)

    def _nearest(self, vector: Vectors, k: int, scope: Scope) -> list[Neighbor]:
        with self._lock:
            mask = self._rows.within(scope)
            n_admitted = int(np.count_nonzero(mask))
            if n_admitted <= MAX_ROWS_ONE_BY_ONE:
                rows = np.flatnonzero(mask)
            else:
                rows = self._candidates(vector, min(k, n_admitted), mask, n_admitted)
            scores = cosines(self._vectors(rows), vector)
            return neighbors(ranked(self._rows.message_ids[rows], scores).best(k))

    def _drop(self, message_ids: Iterable[int]) -> None:
        rows = self._rows.drop(message_ids)
        if not len(rows):
            return
        # An index with a direct map can be told rows by array only; the others look each row up in a set.
        select = faiss.IDSelectorBatch if _lists(self._index) is None else faiss.IDSelectorArray
        self._index.remove_ids(select(rows))

    def _vectors(self, rows: Ids) -> Vectors:
        if not len(rows):
            return np.empty((0, self._dim), np.float32)
        return np.asarray(self._index.reconstruct_batch(rows), np.float32)

    def _train(self) -> None:
        """Put all vectors into a trained index that fits their number."""
        rows = self._rows.taken()
        vectors = self._vectors(rows)
        trained = self._kind.make(self._dim, n=len(rows))
        log.info("training index %s on %d vectors", self._kind.name, len(rows))
        trained.train(vectors)
        trained.add_with_ids(vectors, rows)
        self._index = trained
        # Only lists of plain vectors can be laid out anew without loss.
        self._n_to_train = _GROWTH_BEFORE_RETRAINING * len(rows) if "{nlist}" in self._kind.factory else 0

    def _candidates(self, vector: Vectors, k: int, mask: Mask, n_admitted: int) -> Ids:
        """The rows of the k best and of all that Faiss cannot tell from the last of them."""
        selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        lists = _lists(self._index)
        n_probed = 0 if lists is None else max(lists.nlist // _SHARE_OF_LISTS_PROBED, 1)
        width = min(k + _SPARE, n_admitted)
        while True:
            scores, rows = self._ask(vector, width, selector, n_probed)
            if len(rows) < width and lists is not None and n_probed < lists.nlist:
                n_probed *= 2
            elif len(rows) < width or width == n_admitted or is_wide_enough(scores, self._rows.message_ids[rows], k):
                return rows
            else:
                width = min(2 * width, n_admitted)

    def _ask(self, vector: Vectors, k: int, selector: faiss.IDSelector, n_probed: int) -> tuple[Scores32, Ids]:
        measures, rows = self._index.search(vector[np.newaxis], k, params=_parameters(self._index, selector, n_probed))
        found = rows[0] >= 0
        return _scores(measures[0][found], self._kind.metric), rows[0][found]


def _scores(measures: Scores32, metric: int) -> Scores32:
    """Cosines from what the metric gives for unit vectors: |a - b|^2 = 2 - 2 cos."""
    return (1 - measures / 2).astype(np.float32) if metric == faiss.METRIC_L2 else measures


def _lists(index: faiss.Index) -> faiss.IndexIVF | None:
    """The inverted lists within an index, if it has any."""
    return faiss.try_extract_index_ivf(index)


def _parameters(index: faiss.Index, selector: faiss.IDSelector, n_probed: int) -> faiss.SearchParameters:
    if _lists(index) is None:
        return faiss.SearchParameters(sel=selector)
    inner = faiss.SearchParametersIVF(sel=selector, nprobe=n_probed)
    if isinstance(faiss.downcast_index(index), faiss.IndexPreTransform):
        return faiss.SearchParametersPreTransform(index_params=inner)
    return inner


def _try_out(kind: FaissKind, dim: int) -> None:
    """Put 100 vectors in, half of them out of scope, take some out, and see whether the answers are true."""
    small = FaissKind(kind.name, re.sub(r"IVF[0-9]+", "IVF1", kind.factory), kind.metric)
    vectors = unit(np.random.default_rng(0).standard_normal((1000, dim), np.float32))
    rows = np.arange(100)
    steps: list[tuple[str, Callable[[], object]]] = []
    index = small.make(dim)
    nothing_left = faiss.IDSelectorArray(np.arange(1, 50))
    odd = np.packbits(rows % 2 == 1, bitorder="little")

    def ask(row: int) -> tuple[float, int]:
        parameters = _parameters(index, faiss.IDSelectorBitmap(odd), 1)
        scores, found = index.search(vectors[row : row + 1], 1, params=parameters)
        return float(_scores(scores[0], kind.metric)[0]), int(found[0][0])

    steps = [
        ("it cannot be trained", lambda: index.train(vectors)),
        ("it cannot keep ids", lambda: index.add_with_ids(vectors[:100], rows)),
        ("it cannot select by id", lambda: ask(0)),
        ("it cannot remove", lambda: index.remove_ids(nothing_left)),
        ("it cannot give vectors back", lambda: index.reconstruct_batch(rows[60:61])),
    ]
    for reason, step in steps:
        try:
            step()
        except (RuntimeError, AssertionError, TypeError) as error:
            raise IndexUnsuitable(kind.name, f"{reason} ({_last_sentence(error)})") from error
    score, found = ask(61)
    if found != 61 or abs(score - 1) > 0.5:  # noqa: PLR2004  # coarse codes may be off, another measure is far off
        raise IndexUnsuitable(kind.name, "it does not give cosines back")
    if ask(60)[1] % 2 == 0 or ask(41)[1] < 50:  # noqa: PLR2004  # the rows that were left
        raise IndexUnsuitable(kind.name, "it finds what is out of scope or removed")


def _last_sentence(error: Exception) -> str:
    """Faiss's own reason, without the place in its source."""
    return str(error).rsplit(": ", 1)[-1].strip() or type(error).__name__
