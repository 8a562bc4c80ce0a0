"""Vectors that are there already: of the local model over exports, or in any .npy file."""

import asyncio
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.corpus import BATCH, N_QUERIES, Halves
from bench.exports import mixed_texts
from bot.embedding.local import LocalEmbedder
from bot.services.importer import export_files
from bot.vectors import Ids, Vectors, unit

_N_DIRECTIONS = 256


class Embedded:
    """The local model's vectors of the different texts of exports, in a mixed order; the last texts are the queries."""

    kind = "local"

    def __init__(self, exports: list[Path], *, size: int) -> None:
        self._embedder = LocalEmbedder()
        texts = list(dict.fromkeys(mixed_texts(list(export_files(exports)))))
        self.n, self.dim = min(size, len(texts) - N_QUERIES), self._embedder.dim
        self._texts, self._asked = texts[: self.n], texts[-N_QUERIES:]
        self.key = f"local-{self.n}x{self.dim}-{zlib.crc32(''.join(texts).encode()):08x}"
        self.about = f"{self._embedder.model_key} of {self.n:,} different texts"

    def fill(self, vectors: Halves) -> Ids:
        for start in range(0, self.n, BATCH):
            vectors[start : start + BATCH] = self._embed(self._texts[start : start + BATCH])
        return topics_of(vectors)

    def queries(self) -> Vectors:
        return self._embed(self._asked)

    def _embed(self, texts: list[str]) -> Vectors:
        return asyncio.run(self._embedder.embed(texts))


class Saved:
    """The rows of an .npy file, float16 or float32 [n, dim]; some of them, at random, are the queries."""

    def __init__(self, path: Path, *, size: int) -> None:
        self._rows: npt.NDArray[np.floating] = np.load(path, mmap_mode="r")
        order = np.random.default_rng(0).permutation(len(self._rows))
        self._asked = np.sort(order[:N_QUERIES])
        self._taken = np.sort(order[N_QUERIES : N_QUERIES + size])
        self.n, self.dim = len(self._taken), self._rows.shape[1]
        changed = zlib.crc32(f"{path.resolve()} {path.stat().st_mtime_ns}".encode())
        self.kind = f"file {path.stem}"
        self.key = f"{path.stem}-{self.n}x{self.dim}-{changed:08x}"
        self.about = f"{self.n:,} of the {len(self._rows):,} rows of {path.name}"

    def fill(self, vectors: Halves) -> Ids:
        for start in range(0, self.n, BATCH):
            rows = self._rows[self._taken[start : start + BATCH]]
            vectors[start : start + BATCH] = unit(rows.astype(np.float32))
        return topics_of(vectors)

    def queries(self) -> Vectors:
        return unit(self._rows[self._asked].astype(np.float32))


def topics_of(vectors: Halves) -> Ids:
    """Which of some random directions each row of float16 [n, dim] points to most: the nearer, the oftener the same."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((vectors.shape[1], _N_DIRECTIONS), dtype=np.float32)
    topics = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), BATCH):
        topics[start : start + BATCH] = (vectors[start : start + BATCH].astype(np.float32) @ directions).argmax(axis=1)
    return topics
