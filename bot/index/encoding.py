"""All messages of a server encoded one after another, and given out list by list.

Lists that grow take up to twice what they hold; arrays that were laid out at the beginning take no more than that.
"""

from collections.abc import Callable, Iterator

import numpy as np

from bot.askers import EVERYTHING
from bot.index.base import VectorSource, check_messages
from bot.index.codes import CodedList, CodesIndex
from bot.vectors import Ids, among


class Encoding:
    """The codes of some of a source's vectors, named by their embeddings, made by an index that stays empty."""

    def __init__(self, index: CodesIndex, source: VectorSource, embedding_ids: Ids, go_on: Callable[[], None]) -> None:
        n, named = len(embedding_ids), np.sort(embedding_ids)
        self._n_lists = index.partition.n_lists
        self._ids = np.empty((4, n), np.int64)
        self._lists = np.empty(n, np.int32)
        self._codes = np.empty((n, index.code_size), np.uint8)
        self._n = 0
        for batch in source.within(EVERYTHING):
            go_on()
            check_messages(batch, dim=index.dim)
            taken = batch[among(batch.embedding_ids, named)]
            these = slice(self._n, self._n + len(taken))
            lists, codes = index.encoded(taken)
            self._ids[:, these] = taken.message_ids, taken.channel_ids, taken.author_ids, taken.embedding_ids
            self._lists[these], self._codes[these] = lists, codes
            self._n += len(taken)

    def __iter__(self) -> Iterator[CodedList]:
        lists = self._lists[: self._n]
        order = np.argsort(lists, kind="stable")
        borders = np.searchsorted(lists[order], np.arange(self._n_lists + 1))
        for number in range(self._n_lists):
            rows: Ids = order[borders[number] : borders[number + 1]]
            yield CodedList(number, self._ids[:, rows], self._codes[rows])
