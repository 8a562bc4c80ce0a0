"""sqlite-vec in SQLite: exact, on disk, durable; float32, since it has no half precision."""

from pathlib import Path

import apsw
import numpy as np
import sqlite_vec

from bench.contenders.base import Allowed, InFolder, rows_of
from bench.corpus import Corpus
from bot.vectors import Ids, Vectors

_MAPPED = 1 << 40  # reading through a map of the file took two thirds of the time of reading without


class _SqliteVec(InFolder):
    """One table in a database of its own, written in transactions of a batch.

    Rows are numbered: given Discord's ids, vec0 0.1.9 found 20 of 200 neighbours when it was narrowed with IN, and all
    200 with these numbers.
    """

    _page_size = 4_096
    _table = ""
    _nearest = ""
    _nearest_allowed = ""  # ?1 is the vector, ?2 is k, ?3 are rows

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        super().__init__(corpus, folder)
        self._connection = apsw.Connection(":memory:")  # until it is opened

    def build(self) -> None:
        self.open()
        self._connection.execute(f"PRAGMA page_size = {self._page_size}")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(self._table.format(dim=self._corpus.dim))
        for rows, vectors in self._corpus.batches():
            with self._connection:
                self._connection.executemany(
                    "INSERT INTO vectors (row, vector) VALUES (?, ?)",
                    ((row, vector.tobytes()) for row, vector in enumerate(vectors, rows.start)),
                )

    def save(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def open(self) -> None:
        self._connection = apsw.Connection(str(self._folder / "vectors.db"))
        self._connection.enable_load_extension(enable=True)
        self._connection.load_extension(sqlite_vec.loadable_path())
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(f"PRAGMA mmap_size = {_MAPPED}")

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Ids:
        if allowed is None:
            found = self._connection.execute(self._nearest, (query.tobytes(), k))
        else:
            rows = apsw.carray(np.flatnonzero(allowed.mask))
            found = self._connection.execute(self._nearest_allowed, (query.tobytes(), k, rows))
        return self._corpus.ids[np.array([row[0] for row in found], np.int64)]

    def delete(self, message_id: int) -> None:
        row = int(rows_of(self._corpus, message_id)[0])
        self._connection.execute("DELETE FROM vectors WHERE row = ?", (row,))

    def close(self) -> None:
        self._connection.close()


class Virtual(_SqliteVec):
    about = (
        "sqlite-vec's vec0 table, float32, L2, allowed rows as `row IN` an array; SQLite's own file, whose "
        "pages are the system's cache and not this memory; each deletion is a durable transaction"
    )
    _page_size = 16_384  # vec0 keeps 1,024 vectors in a blob
    _table = "CREATE VIRTUAL TABLE vectors USING vec0 (row INTEGER PRIMARY KEY, vector FLOAT[{dim}])"
    _nearest = "SELECT row FROM vectors WHERE vector MATCH ?1 AND k = ?2 ORDER BY distance"
    _nearest_allowed = """SELECT row FROM vectors WHERE vector MATCH ?1 AND k = ?2
                          AND row IN (SELECT value FROM carray(?3)) ORDER BY distance"""


class Plain(_SqliteVec):
    about = "the same vectors as blobs of a plain table, sorted by sqlite-vec's vec_distance_l2; the rest as above"
    _table = "CREATE TABLE vectors (row INTEGER PRIMARY KEY, vector BLOB NOT NULL)"
    _nearest = "SELECT row FROM vectors ORDER BY vec_distance_l2(vector, ?1) LIMIT ?2"
    _nearest_allowed = """SELECT row FROM vectors WHERE row IN (SELECT value FROM carray(?3))
                          ORDER BY vec_distance_l2(vector, ?1) LIMIT ?2"""
