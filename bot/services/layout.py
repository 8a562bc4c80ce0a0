"""From vectors to groups and to places on a plane; the same vectors always give the same."""

import numpy as np

from bot.vectors import Ids, Vectors

_SEED = 8
_TRIES, _ROUNDS = 10, 30  # of k-means
_TURNS = 20  # towards the directions in which vectors differ most
_NEIGHBOURS = 15  # that each point of a layout is drawn to
_STEPS, _EARLY = 300, 80  # of a layout, the early ones with stronger pulls
_PULL, _RATE, _MOST_GAIN = 6.0, 100.0, 10.0
_PUSHING = 128  # points that push all others away in one step
_NOTHING = 1e-12


def groups_of(vectors: Vectors, n_groups: int) -> Ids:
    """The number of a group for each row of a unit float32 [n, dim]: k-means by cosines, the best of some tries."""
    chance = np.random.default_rng(_SEED)
    tries = [_one_try(vectors, n_groups, chance) for _ in range(_TRIES)]
    return max(tries, key=lambda one: one[1])[0]


def _one_try(vectors: Vectors, n_groups: int, chance: np.random.Generator) -> tuple[Ids, float]:
    centres = _spread(vectors, n_groups, chance)
    nearest = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        before, similar = nearest, vectors @ centres.T
        nearest = similar.argmax(axis=1)
        if np.array_equal(before, nearest):
            break
        sums = (nearest == np.arange(n_groups)[:, None]).astype(np.float32) @ vectors
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > _NOTHING, sums / np.maximum(lengths, _NOTHING), centres)
    return nearest, float(similar.max(axis=1).sum())


def _spread(vectors: Vectors, n_groups: int, chance: np.random.Generator) -> Vectors:
    """Rows to begin with, each the more likely the farther it is from those before (k-means++)."""
    chosen = [int(chance.integers(len(vectors)))]
    for _ in range(n_groups - 1):
        far = np.maximum(1 - (vectors @ vectors[chosen].T).max(axis=1), 0).astype(np.float64)
        weights = far / far.sum() if far.sum() > _NOTHING else np.full(len(far), 1 / len(far))
        chosen.append(int(chance.choice(len(vectors), p=weights)))
    centres: Vectors = vectors[chosen].copy()
    return centres


def plane(vectors: Vectors) -> Vectors:
    """Places float32 [n, 2] for the rows of a unit float32 [n, dim], near each other where the vectors are: t-SNE.

    It begins with the two directions in which the vectors differ most, so that the whole keeps its shape.
    """
    places = _principal(vectors)
    if len(vectors) <= _NEIGHBOURS:
        return places
    places *= 1e-2 / max(float(places.std()), _NOTHING)
    ends, chance = _neighbours(vectors), np.random.default_rng(_SEED)
    moves, gains = np.zeros_like(places), np.ones_like(places)
    for step in range(_STEPS):
        some = chance.integers(len(places), size=_PUSHING)
        slope = (_PULL if step < _EARLY else 1) * _drawn_to(places, ends) - _pushed_from(places, places[some])
        gains = np.clip(np.where(slope * moves > 0, gains * 0.8, gains + 0.2), 0.01, _MOST_GAIN)
        moves = (0.5 if step < _EARLY else 0.8) * moves - _RATE * gains * slope
        places += moves
        places -= places.mean(axis=0)
    return places


def _principal(vectors: Vectors) -> Vectors:
    """Where the vectors lie along the two directions in which they differ most, found by turning towards them."""
    around = vectors - vectors.mean(axis=0)
    directions = np.random.default_rng(_SEED).standard_normal((vectors.shape[1], 2), np.float32)
    for _ in range(_TURNS):
        directions, _ = np.linalg.qr(around.T @ (around @ directions))
    places: Vectors = around @ directions
    return places


def _neighbours(vectors: Vectors) -> Ids:
    """Pairs of rows, int64 [2, n]: each with the nearest to it, all of which are worth the same."""
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    nearest = np.argpartition(-similar, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    ends: Ids = np.stack([np.repeat(np.arange(len(vectors)), _NEIGHBOURS), nearest.ravel()])
    return ends


def _drawn_to(places: Vectors, ends: Ids) -> Vectors:
    """How far each place would move towards its neighbours."""
    ways = places[ends[0]] - places[ends[1]]
    ways *= (2 / len(ends[0])) / (1 + (ways * ways).sum(axis=1, keepdims=True))
    sums = [
        np.bincount(ends[0], ways[:, axis], len(places)) - np.bincount(ends[1], ways[:, axis], len(places))
        for axis in range(places.shape[1])
    ]
    pull: Vectors = np.stack(sums, axis=1).astype(np.float32)
    return pull


def _pushed_from(places: Vectors, some: Vectors) -> Vectors:
    """How far each place would be moved away by all, which some chosen by chance stand for."""
    squares = (places * places).sum(axis=1)[:, None] + (some * some).sum(axis=1) - 2 * (places @ some.T)
    near = 1 / (1 + np.maximum(squares, 0))
    weights = near * near
    push: Vectors = 4 * (weights.sum(axis=1)[:, None] * places - weights @ some) / float(near.sum())
    return push
