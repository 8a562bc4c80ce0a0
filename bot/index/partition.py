"""Where vectors lie: lists of near ones, learnt from a sample, of which a search looks at the nearest only."""

from collections.abc import Iterable
from math import isqrt

import faiss
import numpy as np

from bot.vectors import Ids, Vectors

# Below this a search looks at every code, which takes some 5 ms at 3,072 numbers. With 100,000 messages lists took
# longer, and found 98.6 % of the nearest ten.
LEAST_FOR_LISTS = 200_000
# Lists are learnt and chosen in so many numbers. Of a million vectors of 3,072 numbers without much structure 99 % of
# the nearest ten lay in 23 % of 1,000 lists, in 19 % of 2,000, and with twice as many axes in 18 %.
_AXES = 512
_N_FOR_AXES = 4_096
_N_A_LIST = 40  # k-means wants 39 (faiss/Clustering.h, min_points_per_centroid)
_ROUNDS = 10
_SEED = 1


class Partition:
    """The centres of lists: `mean` float32 [dim], `axes` [dim, m] orthonormal, `centroids` [n_lists, m] around it."""

    def __init__(self, mean: Vectors, axes: Vectors, centroids: Vectors) -> None:
        self.mean, self.axes, self.centroids = mean, axes, centroids
        self._lengths = np.linalg.norm(self.centres(), axis=1)
        self._half_squares = np.square(centroids).sum(axis=1) / 2
        self._axis_rows = np.ascontiguousarray(axes.T)

    @property
    def n_lists(self) -> int:
        return len(self.centroids)

    def n_bytes(self) -> int:
        """What it takes in memory, with the centres that Faiss has of it."""
        return self.mean.nbytes + 2 * self.axes.nbytes + self.centroids.nbytes + 4 * self.n_lists * len(self.mean)

    def centres(self) -> Vectors:
        """The centre of each list among the vectors, float32 [n_lists, dim]."""
        centres: Vectors = self.centroids @ self.axes.T + self.mean
        return centres

    def lists_of(self, vectors: Vectors) -> Ids:
        """The list that each row of float32 [n, dim] belongs into: that of the nearest centre."""
        if self.n_lists == 1:
            return np.zeros(len(vectors), np.int64)
        seen = (vectors - self.mean) @ self.axes
        lists: Ids = np.argmax(seen @ self.centroids.T - self._half_squares, axis=1)
        return lists

    def nearest_first(self, vector: Vectors) -> Ids:
        """All lists by the angle between their centre and a float32 [dim], the smallest first."""
        products = _products(self.centroids, _products(self._axis_rows, vector)) + self.mean @ vector
        return np.argsort(-products / self._lengths)


def n_lists_for(n: int) -> int:
    """How many lists suit n messages."""
    return 1 if n < LEAST_FOR_LISTS else 2 * isqrt(n)


def n_in_sample(n: int) -> int:
    """How many vectors of n `learnt` wants to see."""
    return min(n, max(_N_FOR_AXES, _N_A_LIST * n_lists_for(n)))


def learnt(sample: Iterable[Vectors], n_lists: int) -> Partition:
    """The partition of a sample, float32 [n, dim] in batches in a random order. Raises ValueError for no batch."""
    first: list[Vectors] = []
    batches = iter(sample)
    for batch in batches:
        first.append(batch)
        if sum(map(len, first)) >= _N_FOR_AXES:
            break
    if not first:
        raise ValueError("an empty sample")
    shown = np.concatenate(first)
    mean = shown.mean(axis=0) if len(shown) else np.zeros(shown.shape[1], np.float32)
    if n_lists == 1 or not len(shown):
        return Partition(mean, np.zeros((len(mean), 1), np.float32), np.zeros((1, 1), np.float32))
    axes = _principal_axes(shown - mean)
    seen = [(shown - mean) @ axes]
    del shown, first
    seen += [(batch - mean) @ axes for batch in batches]
    return Partition(mean, axes, _centroids(np.concatenate(seen), n_lists))


def _principal_axes(centred: Vectors) -> Vectors:
    """The directions in which rows around 0 vary most, float32 [dim, m], by subspace iteration."""
    dim = centred.shape[1]
    if dim <= _AXES:
        return np.eye(dim, dtype=np.float32)
    basis = np.random.default_rng(_SEED).standard_normal((dim, _AXES), np.float32)
    for _ in range(3):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    return np.ascontiguousarray(basis, np.float32)


def _centroids(points: Vectors, n_lists: int) -> Vectors:
    """Centres of float32 [n, m] by k-means, as many as there are points for."""
    n_lists = min(n_lists, len(points))
    kmeans = faiss.Kmeans(
        points.shape[1], n_lists, niter=_ROUNDS, seed=_SEED, min_points_per_centroid=1, max_points_per_centroid=2**20
    )
    kmeans.train(np.ascontiguousarray(points))
    centroids: Vectors = kmeans.centroids.reshape(n_lists, -1)
    return centroids


def _products(rows: Vectors, vector: Vectors) -> Vectors:
    """The inner products of float32 [n, d] with a float32 [d].

    NumPy's would wake threads that go on spinning for 30 ms, on the cores that the search needs next.
    """
    products = np.empty(len(rows), np.float32)
    rows, vector = np.ascontiguousarray(rows, np.float32), np.ascontiguousarray(vector, np.float32)
    faiss.fvec_inner_products_ny(*map(faiss.swig_ptr, (products, vector, rows)), len(vector), len(rows))
    return products
