"""usearch, a graph in memory with half-precision vectors."""

from pathlib import Path

import numpy as np
from usearch.index import Index

from bench.contenders import graphs
from bench.contenders.base import Allowed, InFolder, Lacks, rows_of
from bench.corpus import Corpus
from bot.vectors import Ids, Vectors


class Usearch(InFolder):
    about = f"usearch, float16, inner product: {graphs.SETTINGS}; a deletion marks the row, which keeps its room"

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        super().__init__(corpus, folder)
        self._index = Index(
            ndim=corpus.dim,
            metric="ip",
            dtype="f16",
            connectivity=graphs.N_LINKS,
            expansion_add=graphs.N_BREADTH_TO_ADD,
            expansion_search=graphs.N_BREADTH_TO_SEARCH,
        )

    def build(self) -> None:
        graphs.check_size(len(self._corpus))
        for rows, vectors in self._corpus.batches():
            self._index.add(np.arange(rows.start, rows.stop), vectors.astype(np.float16))

    def save(self) -> None:
        self._index.save(self._folder / "index.usearch")

    def open(self) -> None:
        self._index.load(self._folder / "index.usearch")

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        if allowed is not None:
            raise Lacks("it has no filter in its Python package")
        return self._corpus.ids[self._index.search(query.astype(np.float16), k).keys.astype(np.int64)]

    def delete(self, message_id: int) -> None:
        self._index.remove(int(rows_of(self._corpus, message_id)[0]))
