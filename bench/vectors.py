"""Vectors like those of OpenAI's models, made rather than fetched: uneven in their axes, in topics, with a common part.

What makes such vectors hard or easy to search is how fast the variance falls from axis to axis, how they cluster and
how much all of them have in common; independent random numbers have nothing of it and flatter no engine but the exact.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bench.corpus import N_QUERIES, Halves, zipf_shares
from bot.vectors import Ids, Vectors

N_TOPICS = 3_000
TOPIC_EXPONENT = 0.6  # of the sizes of topics by rank
_NOISE, _TOPIC, _COMMON = 0.8, 0.55, 0.45
_BLOCK = 128  # rows that stay in the cache while they are rotated: several times faster than 4,096 at once
_VECTORS, _QUERIES, _MODEL = 0, 1, 2  # streams of random numbers


class Generated:
    """Rows of one distribution, which dim and seed tell alone: fewer rows are the first ones of more."""

    def __init__(self, n: int, *, dim: int, seed: int) -> None:
        self.n, self.dim, self._seed = n, dim, seed
        self.kind, self.key = "openai-like", f"openai-like-{n}x{dim}-seed{seed}"
        rng = self._stream(_MODEL)
        # A standard deviation of i^-0.5 on axis i is a variance of 1/i.
        spread = np.arange(1, dim + 1, dtype=np.float32) ** np.float32(-0.5)
        self._spread = spread / np.linalg.norm(spread)
        self._rotate = Rotation(dim, rng)
        common = rng.standard_normal(dim, dtype=np.float32) * self._spread
        topics = rng.standard_normal((N_TOPICS, dim), dtype=np.float32) * self._spread
        self._centres = topics * _TOPIC + common * (_COMMON / np.linalg.norm(common))
        self._topic_shares = zipf_shares(N_TOPICS, TOPIC_EXPONENT)

    @property
    def about(self) -> str:
        held = np.cumsum(self._spread**2)
        axes = [n for n in (1, 10, 100, 1_000) if n < self.dim]
        shares = ", ".join(f"{100 * held[n - 1]:.0f} % on the first {n:,}" for n in axes)
        return (
            f"generated, seed {self._seed}: variance 1/i on axis i ({shares}), {N_TOPICS:,} topics with sizes as "
            f"rank^-{TOPIC_EXPONENT}, noise {_NOISE} / topic {_TOPIC} / common {_COMMON}, rotated at random"
        )

    def fill(self, vectors: Halves) -> Ids:
        topics = np.empty(self.n, np.int64)

        def fill_block(start: int) -> None:
            n = min(_BLOCK, self.n - start)  # of a whole block, so that it begins like that of a larger corpus
            block, block_topics = self._block(_BLOCK, self._stream(_VECTORS, start))
            vectors[start : start + n], topics[start : start + n] = block[:n], block_topics[:n]

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for _ in threads.map(fill_block, range(0, self.n, _BLOCK)):
                pass
        return topics

    def queries(self) -> Vectors:
        return self._block(N_QUERIES, self._stream(_QUERIES))[0]

    def _block(self, n: int, rng: np.random.Generator) -> tuple[Vectors, Ids]:
        topics = rng.choice(N_TOPICS, n, p=self._topic_shares)
        rows = rng.standard_normal((n, self.dim), dtype=np.float32)
        rows *= self._spread * _NOISE
        rows += self._centres[topics]
        rows = self._rotate(rows)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows, topics

    def _stream(self, *which: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, self.dim, *which))


class Rotation:
    """A random orthonormal map of float32 [n, dim] in dim * sqrt(dim) steps a row: two small ones, twice over.

    Without it the variance would stand on the first axes, which an engine that cuts vectors up could make use of.
    """

    def __init__(self, dim: int, rng: np.random.Generator) -> None:
        self._n_left = next(n for n in range(int(dim**0.5), 0, -1) if dim % n == 0)
        self._n_right = dim // self._n_left
        self._left, self._right = _orthonormal(self._n_left, rng), _orthonormal(self._n_right, rng)
        self._signs = rng.choice(np.array([-1, 1], np.float32), dim)

    def __call__(self, rows: Vectors) -> Vectors:
        n, dim = rows.shape
        for _ in range(2):
            # One small product a row: BLAS leaves those to the thread they are in, and large ones would fight for all.
            rows = (rows * self._signs).reshape(n, self._n_left, self._n_right) @ self._right
            rows = (np.ascontiguousarray(rows.transpose(0, 2, 1)) @ self._left).reshape(n, dim)
        return rows


def _orthonormal(dim: int, rng: np.random.Generator) -> Vectors:
    return np.linalg.qr(rng.standard_normal((dim, dim)))[0].astype(np.float32)
