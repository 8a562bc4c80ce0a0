"""hnswlib, a graph in memory; of the fork that comes as a wheel, under the same module name."""

from pathlib import Path

import hnswlib
import numpy as np

from bench.contenders import graphs
from bench.contenders.base import Allowed, InFolder, rows_of
from bench.corpus import Corpus
from bot.vectors import Ids, Vectors


class Hnswlib(InFolder):
    about = (
        f"hnswlib (chroma-hnswlib), float32, inner product: {graphs.SETTINGS}; allowed rows through a Python function "
        "that it calls for each row it meets, nothing where it meets fewer than it was asked for; a deletion marks the "
        "row, which keeps its room"
    )

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        super().__init__(corpus, folder)
        self._index = hnswlib.Index("ip", corpus.dim)

    def build(self) -> None:
        graphs.check_size(len(self._corpus))
        self._index.init_index(len(self._corpus), ef_construction=graphs.N_BREADTH_TO_ADD, M=graphs.N_LINKS)
        self._index.set_ef(graphs.N_BREADTH_TO_SEARCH)
        for rows, vectors in self._corpus.batches():
            self._index.add_items(vectors, np.arange(rows.start, rows.stop))

    def save(self) -> None:
        self._index.save_index(str(self._folder / "index.bin"))

    def open(self) -> None:
        self._index.load_index(str(self._folder / "index.bin"))
        self._index.set_ef(graphs.N_BREADTH_TO_SEARCH)

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        # A list answers faster than an array, which would make a number of its own of each value.
        is_allowed = None
        if allowed is not None:
            is_allowed, k = allowed.mask.tolist().__getitem__, min(k, int(np.count_nonzero(allowed.mask)))
        try:
            rows = self._index.knn_query(query[None], k, num_threads=1, filter=is_allowed)[0][0]
        except RuntimeError:  # it found fewer than k, and gives none of them
            return np.empty(0, np.int64)
        return self._corpus.ids[rows.astype(np.int64)]

    def delete(self, message_id: int) -> None:
        self._index.mark_deleted(int(rows_of(self._corpus, message_id)[0]))
