"""Groups of messages that may say the same, found without a look at all pairs.

Each vector is drawn on fewer axes, which fit into memory, and its nearest ones are looked for in lists. What is near,
by way of others too, makes a group. These are candidates: who asks compares them once more.
"""

from collections.abc import Callable
from itertools import islice
from math import isqrt

import faiss
import numpy as np
import numpy.typing as npt

from bot.askers import Scope
from bot.index.base import VectorSource
from bot.vectors import Halves, Ids, Vectors, begins, unit

_AXES = 128
_LEAST_FOR_AXES = 2 * _AXES  # vectors of a sample
_FIRST_BATCHES = 4
_MARGIN = 0.05  # by which a cosine on fewer axes may fall short
_NEAREST = 16  # neighbors of each
_LEAST_FOR_LISTS = 10_000
_N_A_LIST = 40  # as k-means wants
_PROBED = 6  # lists
_A_BATCH = 4_096
_MOST = 2_048  # wordings of one group, which are all compared with each other later on
_CLOSER, _CLOSEST = 0.01, 0.97
_READ = 0.6  # of the whole work, when that much is done
_SEED = 1

OnShare = Callable[[float], None]
_Edges = tuple[Ids, Ids, npt.NDArray[np.float32]]  # from where to where, and how near


def alike(
    source: VectorSource, scope: Scope, *, sample_ids: Ids, limit: float, n_expected: int, on_share: OnShare
) -> list[list[list[int]]]:
    """Groups of two or more of a scope's messages that may say the same; of each its wordings, and who said them.

    All of a group lie around a cosine of `limit` or more, by way of others perhaps: whoever asks has to look closer.
    No message is in two groups. `sample_ids` are messages by chance, which the axes are made of. `on_share` is told
    which share of the work is done, as far as there are about `n_expected` messages; what it raises ends the work.
    """
    sample = source.halves(sample_ids)[1]
    axes = _axes(sample if len(sample) >= _LEAST_FOR_AXES else _first(source, scope))
    ids, drawn = _drawn(source, scope, axes, n_expected, on_share)
    if not len(ids):
        return []
    order, starts = _copies(drawn)
    wordings, weights = drawn[order[starts[:-1]]], np.diff(starts)
    del drawn
    edges = _near(wordings, limit - _MARGIN, on_share)
    groups = _groups(len(wordings), edges, weights, limit - _MARGIN)
    on_share(1.0)
    return [[ids[order[starts[one] : starts[one + 1]]].tolist() for one in group.tolist()] for group in groups]


def _first(source: VectorSource, scope: Scope) -> Halves:
    """The first vectors of a scope, float16 [n, dim], where nothing is known of the others."""
    batches = [batch.vectors for batch in islice(source.within(scope), _FIRST_BATCHES)]
    return np.concatenate(batches).astype(np.float16) if batches else np.empty((0, 0), np.float16)


def _axes(sample: Halves) -> Vectors | None:
    """The directions in which rows of float16 [n, dim] are long, float32 [dim, m], by subspace iteration.

    None where the rows have few numbers anyway, or are too few to tell.
    """
    n, dim = sample.shape
    if dim <= _AXES or n < _LEAST_FOR_AXES:
        return None
    rows = sample.astype(np.float32)
    basis = np.random.default_rng(_SEED).standard_normal((dim, _AXES), np.float32)
    for _ in range(3):
        basis = np.linalg.qr(rows.T @ (rows @ basis))[0]
    return np.ascontiguousarray(basis, np.float32)


def _drawn(
    source: VectorSource, scope: Scope, axes: Vectors | None, n_expected: int, on_share: OnShare
) -> tuple[Ids, Halves]:
    """The messages of a scope with their vectors on the axes, float16 [n, m] of length 1."""
    ids: list[Ids] = [np.empty(0, np.int64)]
    drawn: list[Halves] = [np.empty((0, 0), np.float16)]
    n_read = 0
    for batch in source.within(scope):
        whole = begins(batch.message_ids)  # what follows are parts of a long text
        rows = batch.vectors[whole].astype(np.float32)
        rows = unit(rows if axes is None else rows @ axes)
        sound = np.isfinite(rows).all(axis=1)
        ids.append(batch.message_ids[whole][sound])
        drawn.append(rows[sound].astype(np.float16))
        n_read += len(rows)
        on_share(_READ * min(n_read / max(n_expected, 1), 1.0))
    return np.concatenate(ids), np.concatenate(drawn[1:] or drawn)


def _copies(drawn: Halves) -> tuple[Ids, Ids]:
    """The rows with those that are the same beside each other, the later ones first, and where each of them begin."""
    rng = np.random.default_rng(_SEED)
    factors = rng.integers(1, 2**63, drawn.shape[1], np.uint64) | np.uint64(1)
    sums = [
        (drawn[start : start + _A_BATCH].view(np.uint16) * factors).sum(axis=1)
        for start in range(0, len(drawn), _A_BATCH)
    ]
    keys = np.concatenate(sums).view(np.int64)
    order = np.lexsort((-np.arange(len(keys)), keys))
    return order, np.concatenate([[0], np.flatnonzero(np.diff(keys[order])) + 1, [len(order)]])


def _near(rows: Halves, limit: float, on_share: OnShare) -> _Edges:
    """The pairs of rows with a cosine of the limit or more, each row with its nearest ones only."""
    index = _index(rows)
    order = _by_list(index, rows)
    sources, targets, near = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for start in range(0, len(rows), _A_BATCH):
        some = order[start : start + _A_BATCH]
        scores, found = index.search(rows[some].astype(np.float32), min(_NEAREST, len(rows)))
        own = some[:, None]
        is_near = (scores >= limit) & (found >= 0) & (found != own)
        sources.append(np.broadcast_to(own, found.shape)[is_near])
        targets.append(found[is_near])
        near.append(scores[is_near])
        on_share(_READ + (1 - _READ) * (start + len(some)) / len(rows))
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(near)


def _index(rows: Halves) -> faiss.Index:
    """An index of float16 [n, m] by inner product; a large one looks at a few of its lists."""
    n, dim = rows.shape
    if n < _LEAST_FOR_LISTS:
        index = faiss.IndexFlatIP(dim)
    else:
        n_lists = 3 * isqrt(n)
        index = faiss.index_factory(dim, f"IVF{n_lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.nprobe, index.cp.seed = _PROBED, _SEED
        chosen = np.random.default_rng(_SEED).choice(n, min(n, _N_A_LIST * n_lists), replace=False)
        index.train(rows[chosen].astype(np.float32))
    for start in range(0, n, _A_BATCH):
        index.add(rows[start : start + _A_BATCH].astype(np.float32))
    return index


def _by_list(index: faiss.Index, rows: Halves) -> Ids:
    """The numbers of rows, those of a list beside each other: they look at the same lists, which are at hand then."""
    if not isinstance(index, faiss.IndexIVF):
        return np.arange(len(rows))
    batches = (rows[start : start + _A_BATCH].astype(np.float32) for start in range(0, len(rows), _A_BATCH))
    list_of = np.concatenate([index.quantizer.search(batch, 1)[1][:, 0] for batch in batches])
    order: Ids = np.argsort(list_of, kind="stable")
    return order


def _groups(n: int, edges: _Edges, weights: Ids, limit: float) -> list[Ids]:
    """Those of n rows that edges lead to, of two messages or more; of a huge group what lies closer together."""
    labels = _joined(np.arange(n), *edges[:2])
    while (is_huge := np.bincount(labels, minlength=n)[labels] > _MOST).any() and limit < _CLOSEST:
        limit += _CLOSER
        labels[is_huge] = np.flatnonzero(is_huge)
        sources, targets, scores = edges
        kept = is_huge[sources] & (scores >= limit)
        edges = sources[kept], targets[kept], scores[kept]
        labels = _joined(labels, *edges[:2])
    sizes = np.bincount(labels, weights=weights, minlength=n)
    order = np.argsort(labels, kind="stable")
    order = order[sizes[labels[order]] > 1]
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else []
    return [part for group in groups for part in np.array_split(group, -(-len(group) // _MOST))]


def _joined(labels: Ids, sources: Ids, targets: Ids) -> Ids:
    """The labels of rows, the same where edges lead from one to another, by way of others too."""
    while True:
        least = np.minimum(labels[sources], labels[targets])
        joined = labels.copy()
        np.minimum.at(joined, sources, least)
        np.minimum.at(joined, targets, least)
        joined = joined[joined]
        if np.array_equal(joined, labels):
            return labels
        labels = joined
