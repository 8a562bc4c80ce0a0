"""Groups of messages that say the same, found without a look at all pairs.

Each vector is drawn on fewer axes, which fit into memory; near ones are looked for in lists; a leader and what lies
near to it make a group; and what is in a group is compared once more, by the vectors as they are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import isqrt

import faiss
import numpy as np

from bot.askers import Scope
from bot.index.base import VectorSource
from bot.vectors import Halves, Ids, Vectors, among, begins, unit

_AXES = 128
_LEAST_FOR_AXES = 2 * _AXES  # vectors of a sample
_FIRST_BATCHES = 4
_MARGIN = 0.05  # by which a cosine on fewer axes may fall short
_NEAREST = 16  # neighbors of each: of a larger group the leaders meet in the next round
_ROUNDS = 4
_LEAST_FOR_LISTS = 10_000
_N_A_LIST = 40  # as k-means wants
_PROBED = 6  # lists
_A_BATCH = 4_096
_MOST = 1_024  # wordings of one group, which are all compared with each other
_READ, _COMPARED = 0.55, 0.9  # of the whole work, when that much is done
_SEED = 1

OnShare = Callable[[float], None]
_Edges = tuple[Ids, Ids]  # from where to where


def alike(
    source: VectorSource, scope: Scope, *, sample_ids: Ids, limit: float, n_expected: int, on_share: OnShare
) -> list[list[int]]:
    """Groups of two or more of a scope's messages, each with its leader first and then the nearest first.

    All of a group have a cosine of `limit` or more to its leader, by the vectors of their whole texts. No message is in
    two groups. `sample_ids` are messages by chance, which the axes are made of. `on_share` is told which share of the
    work is done, as far as there are about `n_expected` messages; what it raises ends the work.
    """
    sample = source.halves(sample_ids)[1]
    axes = _axes(sample if len(sample) >= _LEAST_FOR_AXES else _first(source, scope))
    ids, drawn = _drawn(source, scope, axes, n_expected, on_share)
    if not len(ids):
        return []
    order, starts = _copies(drawn)
    firsts, weights = order[starts[:-1]], np.diff(starts)
    leaders = _leaders(drawn[firsts], weights, limit - _MARGIN, on_share)
    del drawn
    found: list[list[int]] = []
    for members, vectors in _read_again(source, ids[firsts], _by_leader(leaders, weights), on_share):
        for star in _stars(vectors, weights[members], limit):
            rows = [order[starts[member] : starts[member + 1]] for member in members[star].tolist()]
            found.append(ids[np.concatenate(rows)].tolist())
    return found


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
    ids, drawn, n_read = [np.empty(0, np.int64)], [np.empty((0, 0), np.float16)], 0
    for batch in source.within(scope):
        whole = begins(batch.message_ids)  # what follows are parts of a long text
        rows = batch.vectors[whole].astype(np.float32)
        rows = unit(rows if axes is None else rows @ axes).astype(np.float16)
        sound = np.isfinite(rows).all(axis=1)
        ids.append(batch.message_ids[whole][sound])
        drawn.append(rows[sound])
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


def _leaders(rows: Halves, weights: Ids, limit: float, on_share: OnShare) -> Ids:
    """For each row of float16 [n, m] the one that leads its group, itself where it has none.

    Few neighbors of a row are known: the leaders of what lies close together are near to each other, and led in turn.
    """
    leaders = np.arange(len(rows))
    left, reached = leaders, _READ
    for number in range(_ROUNDS):
        until = _COMPARED if number == _ROUNDS - 1 else (reached + _COMPARED) / 2
        sources, targets = _near(rows[left], limit, _between(on_share, reached, until))
        led = left[_led(sources, targets, weights[left])]
        reached = until
        if np.array_equal(led, left):
            break
        new = np.arange(len(rows))
        new[left] = led
        leaders = new[leaders]
        weights = np.bincount(leaders, weights=weights, minlength=len(rows)).astype(np.int64)
        touched = np.zeros(len(left), np.bool_)
        touched[sources] = touched[targets] = True
        left = left[touched & (led == left)]
    return leaders


def _between(on_share: OnShare, start: float, stop: float) -> OnShare:
    return lambda share: on_share(start + (stop - start) * share)


def _near(rows: Halves, limit: float, on_share: OnShare) -> _Edges:
    """The pairs of rows with a cosine of the limit or more, each row with its nearest ones only."""
    index = _index(rows)
    sources, targets = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start in range(0, len(rows), _A_BATCH):
        batch = rows[start : start + _A_BATCH].astype(np.float32)
        scores, found = index.search(batch, min(_NEAREST, len(rows)))
        own = np.arange(start, start + len(batch))[:, None]
        is_near = (scores >= limit) & (found >= 0) & (found != own)
        sources.append(np.broadcast_to(own, found.shape)[is_near])
        targets.append(found[is_near])
        on_share((start + len(batch)) / len(rows))
    return np.concatenate(sources), np.concatenate(targets)


def _index(rows: Halves) -> faiss.Index:
    """An index of float16 [n, m] by inner product; a large one looks at a few of its lists."""
    n, dim = rows.shape
    if n < _LEAST_FOR_LISTS:
        index = faiss.IndexFlatIP(dim)
    else:
        n_lists = 2 * isqrt(n)
        index = faiss.index_factory(dim, f"IVF{n_lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.nprobe, index.cp.seed = _PROBED, _SEED
        chosen = np.random.default_rng(_SEED).choice(n, min(n, _N_A_LIST * n_lists), replace=False)
        index.train(rows[chosen].astype(np.float32))
    for start in range(0, n, _A_BATCH):
        index.add(rows[start : start + _A_BATCH].astype(np.float32))
    return index


def _led(sources: Ids, targets: Ids, weights: Ids) -> Ids:
    """For each row the one that leads it: who has most around takes all of it that is not led yet, and so on."""
    n = len(weights)
    ends, others = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    order = np.argsort(ends, kind="stable")
    ends, others = ends[order], others[order]
    starts = np.searchsorted(ends, np.arange(n + 1)).tolist()
    reach = np.bincount(ends, weights=weights[others], minlength=n)
    led, is_free = np.arange(n), np.ones(n, np.bool_)
    for row in np.argsort(-reach, kind="stable")[: np.count_nonzero(reach)].tolist():
        if is_free[row]:
            near = others[starts[row] : starts[row + 1]]
            near = near[is_free[near]]
            is_free[near] = is_free[row] = False
            led[near] = row
    return led


def _by_leader(leaders: Ids, weights: Ids) -> list[Ids]:
    """The rows of each group of two messages or more; a huge one is cut."""
    sizes = np.bincount(leaders, weights=weights, minlength=len(leaders))
    order = np.argsort(leaders, kind="stable")
    order = order[sizes[leaders[order]] > 1]
    groups = np.split(order, np.flatnonzero(np.diff(leaders[order])) + 1)
    return [group[start : start + _MOST] for group in groups for start in range(0, len(group), _MOST)]


def _read_again(
    source: VectorSource, ids: Ids, groups: Sequence[Ids], on_share: OnShare
) -> Iterator[tuple[Ids, Vectors]]:
    """Groups of rows with the vectors of the messages ids[row] as they are kept, float32 [n, dim] of length 1.

    What was deleted or rewritten meanwhile is left out.
    """
    for n_done, together in enumerate(batches := _batches(groups), 1):
        embedded = source.get(np.sort(ids[np.concatenate(together)]))
        whole = embedded[begins(embedded.message_ids)]
        vectors = unit(whole.vectors.astype(np.float32))
        for group in together:
            there = group[among(ids[group], whole.message_ids)]
            if len(there):
                yield there, vectors[np.searchsorted(whole.message_ids, ids[there])]
        on_share(_COMPARED + (1 - _COMPARED) * n_done / len(batches))


def _batches(groups: Sequence[Ids]) -> list[list[Ids]]:
    batches: list[list[Ids]] = []
    n = _A_BATCH
    for group in groups:
        if n + len(group) > _A_BATCH:
            batches.append([])
            n = 0
        batches[-1].append(group)
        n += len(group)
    return batches


def _stars(vectors: Vectors, weights: Ids, limit: float) -> Iterator[Ids]:
    """The rows of float32 [n, dim] in groups of two messages or more, each with its leader first."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, 1.0)
    is_near, is_free = scores >= limit, np.ones(len(vectors), np.bool_)
    while True:
        reach = is_near[:, is_free] @ weights[is_free] * is_free
        leader = int(np.argmax(reach))
        if reach[leader] < 2:  # noqa: PLR2004  # alone
            return
        members = np.flatnonzero(is_near[leader] & is_free)
        is_free[members] = False
        yield members[np.lexsort((members, -scores[leader, members], members != leader))]
