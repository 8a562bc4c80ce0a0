"""Faiss, by itself: float32 as it comes, no second look at what it finds."""

from abc import ABC, abstractmethod
from pathlib import Path

import faiss
import numpy as np

from bench.contenders import graphs
from bench.contenders.base import Allowed, InFolder, Lacks, rows_of
from bench.corpus import Corpus
from bot.vectors import Ids, Vectors

_RECALL_WANTED = 0.95
_N_TRIED = 32  # stored rows that nprobe is chosen with
_POINTS_A_LIST = 16  # that k-means sees; it takes hours to see all of a million
_ROUNDS = 10


class _Faiss(InFolder, ABC):
    """What all of them do: rows are numbered as they are added."""

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        super().__init__(corpus, folder)
        self._ids = corpus.ids
        self._index: faiss.Index = None

    @abstractmethod
    def _empty(self) -> faiss.Index:
        """An index without rows, trained if need be. Raises Lacks."""

    def build(self) -> None:
        self._index = self._empty()
        for rows, vectors in self._corpus.batches():
            self._add(vectors, np.arange(rows.start, rows.stop))

    def _add(self, vectors: Vectors, rows: Ids) -> None:  # noqa: ARG002  # numbered the same by themselves
        self._index.add(vectors)

    def save(self) -> None:
        faiss.write_index(self._index, str(self._folder / "index.faiss"))

    def open(self) -> None:
        self._index = faiss.read_index(str(self._folder / "index.faiss"))

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        selector = None
        if allowed is not None:
            selector = faiss.IDSelectorBitmap(np.packbits(allowed.mask, bitorder="little"))
        rows = self._index.search(query[None], k, params=self._parameters(selector))[1][0]
        return self._ids[rows[rows >= 0]]

    def _parameters(self, selector: "faiss.IDSelector | None") -> "faiss.SearchParameters":
        return faiss.SearchParameters(sel=selector)


class _Flat(_Faiss):
    """Every row is looked at. A row that is removed moves all behind it, and their numbers with them."""

    _metric = faiss.METRIC_L2

    def _empty(self) -> faiss.Index:
        index = faiss.IndexFlat(self._corpus.dim, self._metric)
        # Room for all of them at once: an index that grows has two copies of itself each time.
        index.codes.resize(len(self._corpus) * self._corpus.dim * 4)
        index.codes.resize(0)
        return index

    def delete(self, message_id: int) -> None:
        row = np.searchsorted(self._ids, [message_id])
        self._index.remove_ids(row)
        self._ids = np.delete(self._ids, row)


class FlatL2(_Flat):
    about = "Faiss IndexFlatL2, float32; a deletion moves all rows behind it"


class FlatIP(_Flat):
    about = "Faiss IndexFlatIP, float32; a deletion moves all rows behind it"
    _metric = faiss.METRIC_INNER_PRODUCT


class Ivf(_Faiss):
    """Rows in lists, of which the nearest are looked at: as many as it takes to find most of what there is."""

    def _empty(self) -> faiss.Index:
        n_lists = 4 * int(len(self._corpus) ** 0.5)
        index = faiss.index_factory(self._corpus.dim, f"IVF{n_lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1  # no warning: it is meant to see a part
        index.cp.niter = _ROUNDS
        sample = self._sample(_POINTS_A_LIST * n_lists)
        index.train(sample)
        self._tried = sample[:: max(len(sample) // _N_TRIED, 1)][:_N_TRIED].copy()
        index.set_direct_map_type(faiss.DirectMap.Hashtable)  # to remove without a look at every list
        return index

    def build(self) -> None:
        super().build()
        self._index.nprobe = self._n_lists_to_probe()
        self._tell()

    def open(self) -> None:
        super().open()
        self._tell()

    def _add(self, vectors: Vectors, rows: Ids) -> None:
        self._index.add_with_ids(vectors, rows)  # without ids the table to remove by stays empty, in silence

    def delete(self, message_id: int) -> None:
        row = rows_of(self._corpus, message_id)
        self._index.remove_ids(faiss.IDSelectorArray(row))

    def _parameters(self, selector: "faiss.IDSelector | None") -> "faiss.SearchParameters":
        return faiss.SearchParametersIVF(sel=selector, nprobe=self._index.nprobe)

    def _sample(self, n: int) -> Vectors:
        """Some n rows from all over the corpus."""
        rng = np.random.default_rng(0)
        share = min(n / len(self._corpus), 1)
        return np.concatenate([rows[rng.random(len(rows)) < share] for _, rows in self._corpus.batches()])

    def _n_lists_to_probe(self) -> int:
        """The least power of two with which stored rows find the wanted share of their neighbours."""
        n_probed, exact = 1, self._neighbours(self._index.nlist)
        while n_probed < self._index.nlist:
            found = self._neighbours(n_probed)
            if np.mean([len(f & e) / len(e) for f, e in zip(found, exact, strict=True)]) >= _RECALL_WANTED:
                break
            n_probed *= 2
        return min(n_probed, self._index.nlist)

    def _neighbours(self, n_probed: int) -> list[set[int]]:
        """The ten nearest of each row that it is tried with, the first of eleven being itself."""
        found = self._index.search(self._tried, 11, params=faiss.SearchParametersIVF(nprobe=n_probed))[1]
        return [set(rows[1:].tolist()) for rows in found]

    def _tell(self) -> None:
        self.about = (
            f"Faiss IndexIVFFlat, float32, inner product: {self._index.nlist:,} lists (4 sqrt(n)) trained on "
            f"{_POINTS_A_LIST} rows a list in {_ROUNDS} rounds; {self._index.nprobe:,} probed, the least power of two "
            f"with which stored rows find {_RECALL_WANTED:.0%} of their neighbours"
        )


class Hnsw(_Faiss):
    about = f"Faiss IndexHNSWFlat, float32, inner product: {graphs.SETTINGS}"

    def _empty(self) -> faiss.Index:
        graphs.check_size(len(self._corpus))
        index = faiss.IndexHNSWFlat(self._corpus.dim, graphs.N_LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = graphs.N_BREADTH_TO_ADD
        return index

    def delete(self, message_id: int) -> None:  # noqa: ARG002
        raise Lacks("it cannot remove")

    def _parameters(self, selector: "faiss.IDSelector | None") -> "faiss.SearchParameters":
        return faiss.SearchParametersHNSW(sel=selector, efSearch=graphs.N_BREADTH_TO_SEARCH)
