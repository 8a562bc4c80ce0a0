"""Compact codes: a bit or two for each number of a vector (RaBitQ), in lists of near ones; the database has the rest.

A vector of 3,072 numbers takes 441 bytes instead of 12,288. Scores of codes are estimates; `rescoring` makes
them exact. Faiss keeps the lists and compares the codes; which lists are looked at is decided here, by how many rows
in scope they hold, so that a filter does not cost recall.

Lists are changed here as well, in place: with 1.15.1 `remove_ids` looks at every row, and leaves what it removed in
memory.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import faiss
import numpy as np
import numpy.typing as npt

from bot.askers import EVERYTHING, Scope
from bot.index.base import Neighbor, VectorSource, check_messages, check_query
from bot.index.halves import firsts
from bot.index.partition import Partition
from bot.index.rabitq import lists_around
from bot.index.reach import Reach, reach_over
from bot.index.rescoring import EXACT_UP_TO, MAX_READ, Candidates, nearest_exactly
from bot.index.rotation import Rotation
from bot.index.rows import Mask, Rows
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors, begins

Codes = npt.NDArray[np.uint8]
Estimates = npt.NDArray[np.float32]
_QUERY_BITS = 3  # to which a query is rounded: with 4 the best 30 hold as many of the true ten as here the best 50
_AS_GOOD_AS_EQUAL = 0.97  # a score that says that a question was said before: those are easy to find
_DENSE = 3  # one row in so many is in scope
_AT_ONCE = 256  # messages between two turns of searches
_SAMPLED = 65_536  # rows that are counted to learn how a filter spreads over the lists
_PLACE_BYTES = 8 + 4  # the row's number in its list, and the list's number beside the row


@dataclass(frozen=True, slots=True, eq=False)
class CodedList:
    """One list's messages and their codes uint8 [n, bytes], which make an index without encoding.

    `ids` are int64 [4, n]: those of each message, of its channel, its author and its embedding.
    """

    number: int
    ids: Ids
    codes: Codes

    @property
    def message_ids(self) -> Ids:
        message_ids: Ids = self.ids[0]
        return message_ids

    @property
    def embedding_ids(self) -> Ids:
        embedding_ids: Ids = self.ids[3]
        return embedding_ids

    def only(self, those: Mask) -> "CodedList":
        """Some of its messages."""
        return CodedList(self.number, self.ids[:, those], self.codes[those])


class CodesIndex:
    """The codes of one server's messages under a lock."""

    def __init__(
        self, dim: int, partition: Partition, source: VectorSource, pool: ThreadPoolExecutor, reach: Reach | None = None
    ) -> None:
        self.partition = partition
        self.reach = reach or Reach()
        self.dim = dim
        self._source = source
        self._pool = pool
        self._rotation = Rotation(dim)
        self._rows = Rows()
        self._list_of = np.zeros(0, np.int32)  # of each row
        self._index = lists_around(self._rotation(partition.centres()))
        self._lock = threading.Lock()

    @property
    def code_size(self) -> int:
        """Bytes of a code."""
        return int(self._index.code_size)

    def __len__(self) -> int:
        return len(self._rows)

    def ids(self) -> Ids:
        with self._lock:
            return self._rows.ids()

    def n_bytes(self) -> int:
        with self._lock:
            codes = len(self._rows.message_ids) * (self.code_size + _PLACE_BYTES)
            return codes + self._rows.n_bytes() + self.partition.n_bytes()

    def encoded(self, messages: EmbeddedMessages) -> tuple[Ids, Codes]:
        """The list that each message belongs into, and its code."""
        vectors = messages.vectors.astype(np.float32)
        lists, turned = self.partition.lists_of(vectors), self._rotation(vectors)
        codes = np.empty((len(vectors), self._index.code_size), np.uint8)
        self._index.encode_vectors(len(vectors), *map(faiss.swig_ptr, (turned, lists, codes)))
        return lists, codes

    def upsert(self, messages: EmbeddedMessages) -> None:
        check_messages(messages, dim=self.dim)
        borders = [*np.flatnonzero(begins(messages.message_ids))[::_AT_ONCE].tolist(), len(messages)]
        for start, end in pairwise(borders):
            self._upsert(messages[start:end])

    def _upsert(self, messages: EmbeddedMessages) -> None:
        lists, codes = self.encoded(messages)
        with self._lock:
            self._drop(messages.message_ids)
            rows = self._put(messages, lists)
            for number, places in _by_list(lists):
                self._add(number, rows[places], codes[places])

    def take(self, lists: Iterable[CodedList]) -> None:
        """Hold what an index with the same partition has encoded. There must be nothing in yet."""
        ids, numbers, n = [np.empty((4, 0), np.int64)], [np.empty(0, np.int32)], 0
        with self._lock:
            for coded in lists:
                rows = np.arange(n, n + len(coded.message_ids))
                self._add(coded.number, rows, np.ascontiguousarray(coded.codes))
                ids.append(coded.ids)
                numbers.append(np.full(len(rows), coded.number, np.int32))
                n += len(rows)
            self._rows.adopt(np.concatenate(ids, axis=1))
            self._list_of = np.concatenate(numbers)

    def coded(self) -> Iterator[CodedList]:
        """All that is in, list by list; what changes meanwhile may be in it or not."""
        for number in range(self.partition.n_lists):
            with self._lock:
                rows, codes = self._list(number)
                coded = CodedList(number, self._rows.ids_of(rows), codes.copy())
            yield coded

    def remove(self, message_ids: Iterable[int]) -> None:
        ids = np.unique(np.fromiter(message_ids, np.int64))
        for start in range(0, len(ids), _AT_ONCE):
            with self._lock:
                self._drop(ids[start : start + _AT_ONCE].tolist())

    def search(
        self, vector: Vectors, k: int, scope: Scope = EVERYTHING, *, n_sure: int | None = None
    ) -> list[Neighbor]:
        check_query(vector, k, dim=self.dim)
        faiss.omp_set_num_threads(1)  # of this thread: what a query asks for is over before others would have begun
        turned = self._rotation(vector[np.newaxis])
        nearest_lists = self.partition.nearest_first(vector)
        n_sure = min(n_sure or k, k)
        return nearest_exactly(
            vector,
            k,
            self._source,
            lambda width: self._candidates(turned, nearest_lists, width, n_sure, scope),
            n_sure=n_sure,
        )

    def measure_reach(self, vectors: Vectors) -> None:
        """Learn how many lists searches have to look at from stored ones of its vectors, float32 [n, dim]."""
        faiss.omp_set_num_threads(1)
        turned, everything = self._rotation(vectors), np.arange(self.partition.n_lists)
        shares = []
        for row, vector in zip(turned, vectors, strict=True):
            nearest_lists = self.partition.nearest_first(vector)
            with self._lock:
                estimates, rows = self._ask_in_halves(row[np.newaxis], Reach.N_LOOKED_AT, everything, None)
                sizes = np.bincount(self._list_of[self._rows.taken()], minlength=self.partition.n_lists)
                lists = self._list_of[rows]
            held = np.cumsum(sizes[nearest_lists]) / sizes.sum()
            place = np.empty(self.partition.n_lists, np.int64)
            place[nearest_lists] = everything
            shares.append(held[place[lists]][estimates < _AS_GOOD_AS_EQUAL])
        self.reach = reach_over(shares)

    def _candidates(self, turned: Vectors, nearest_lists: Ids, width: int, k: int, scope: Scope) -> Candidates:
        with self._lock:
            mask = self._rows.within(scope)
            n_admitted = int(np.count_nonzero(mask))
            if n_admitted <= MAX_READ:
                ids = np.unique(self._rows.message_ids[mask])
                return Candidates(ids, np.zeros(len(ids), np.float32), are_all=True)
            are_few = n_admitted <= EXACT_UP_TO
            if are_few or width >= n_admitted:
                width, lists = n_admitted, nearest_lists
            else:
                lists = self._to_look_at(nearest_lists, mask, n_admitted, k)
            estimates, rows = self._ask(turned, width, lists, mask, n_admitted)
            are_all = len(rows) < width or width == n_admitted
            ids = self._rows.message_ids[rows]
            best = firsts(ids)
            return Candidates(ids[best], estimates[best], are_all=are_all, are_few=are_few)

    def _to_look_at(self, nearest_lists: Ids, mask: Mask, n_admitted: int, k: int) -> Ids:
        """As many of the lists, the nearest first, as together hold the wanted share of the rows in scope."""
        share = self.reach.share(k * len(self._rows) / n_admitted)
        if share >= 1:
            return nearest_lists
        step = max(len(mask) // _SAMPLED, 1) | 1  # odd, since rows may take turns
        counted = np.bincount(self._list_of[::step][mask[::step]], minlength=self.partition.n_lists)
        held = np.cumsum(counted[nearest_lists])
        if not held[-1]:
            return nearest_lists
        return nearest_lists[: int(np.searchsorted(held, share * held[-1])) + 1]

    def _ask(self, turned: Vectors, width: int, lists: Ids, mask: Mask, n_admitted: int) -> tuple[Estimates, Ids]:
        """The best rows of some lists that the mask admits, with their estimates.

        Where most rows are admitted, whether the next one is can be foreseen by no processor: looking at all of them
        and dropping the others then takes half the time. Where too few are left of that, they are asked for as such.
        """
        if _DENSE * n_admitted >= len(self._rows):
            wider = width + int(width * 1.5 * (len(self._rows) / n_admitted - 1))
            estimates, rows = self._ask_in_halves(turned, wider, lists, None)
            admitted = np.flatnonzero(mask[rows])[:width]
            if len(admitted) == width or len(rows) < wider:
                return estimates[admitted], rows[admitted]
        selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        return self._ask_in_halves(turned, width, lists, selector)

    def _ask_in_halves(
        self, turned: Vectors, k: int, lists: Ids, selector: faiss.IDSelector | None
    ) -> tuple[Estimates, Ids]:
        """The k best of some lists with their estimates; two halves of the lists are looked at side by side."""
        parts = [part for part in (lists[::2], lists[1::2]) if len(part)]
        found = list(self._pool.map(lambda part: self._ask_lists(turned, k, part, selector), parts))
        estimates, rows = np.concatenate([e for e, _ in found]), np.concatenate([r for _, r in found])
        best = np.argsort(-estimates, kind="stable")[:k]
        return estimates[best], rows[best]

    def _ask_lists(
        self, turned: Vectors, k: int, lists: Ids, selector: faiss.IDSelector | None
    ) -> tuple[Estimates, Ids]:
        faiss.omp_set_num_threads(1)  # of this thread, as in `search`
        estimates, rows = np.empty((1, k), np.float32), np.empty((1, k), np.int64)
        keys, unused = np.ascontiguousarray(lists, np.int64), np.zeros(len(lists), np.float32)
        parameters = faiss.IVFRaBitQSearchParameters(sel=selector, nprobe=len(lists), qb=_QUERY_BITS)
        arrays = map(faiss.swig_ptr, (keys, unused, estimates, rows))
        # The wrapper that takes arrays takes no parameters. The False is for store_pairs.
        self._index.search_preassigned_c(1, faiss.swig_ptr(turned), k, *arrays, False, parameters)  # noqa: FBT003
        is_found = rows[0] >= 0
        return estimates[0][is_found], rows[0][is_found]

    def _put(self, messages: EmbeddedMessages, lists: Ids) -> Ids:
        rows = self._rows.put(messages)
        n_missing = len(self._rows.message_ids) - len(self._list_of)
        self._list_of = np.pad(self._list_of, (0, n_missing))
        self._list_of[rows] = lists
        return rows

    def _add(self, number: int, rows: Ids, codes: Codes) -> None:
        self._index.invlists.add_entries(number, len(rows), *map(faiss.swig_ptr, (rows, codes)))

    def _drop(self, message_ids: Iterable[int]) -> None:
        rows = self._rows.drop(message_ids)
        for number, places in _by_list(self._list_of[rows].astype(np.int64)):
            self._drop_from(number, rows[places])

    def _drop_from(self, number: int, gone: Ids) -> None:
        """Close the gaps with the last ones of a list, and wipe the end."""
        rows, codes = self._list(number)
        is_gone = np.isin(rows, gone)
        n_left = len(rows) - int(np.count_nonzero(is_gone))
        gaps, movers = np.flatnonzero(is_gone[:n_left]), n_left + np.flatnonzero(~is_gone[n_left:])
        rows[gaps], codes[gaps] = rows[movers], codes[movers]
        codes[n_left:] = 0
        self._index.invlists.resize(number, n_left)

    def _list(self, number: int) -> tuple[Ids, Codes]:
        """A list's rows and codes where Faiss has them, to be read and changed under the lock."""
        lists, size = self._index.invlists, self._index.code_size
        n = lists.list_size(number)
        if not n:
            return np.empty(0, np.int64), np.empty((0, size), np.uint8)
        rows = faiss.rev_swig_ptr(lists.get_ids(number), n)
        return rows, faiss.rev_swig_ptr(lists.get_codes(number), n * size).reshape(n, size)


def _by_list(lists: Ids) -> Iterator[tuple[int, Ids]]:
    """Each list that is named, with the places where it is."""
    order = np.argsort(lists, kind="stable")
    borders = np.flatnonzero(np.diff(lists[order], prepend=-1, append=-1))
    for start, end in pairwise(borders.tolist()):
        yield int(lists[order[start]]), order[start:end]
