"""Arrays of vectors and ids, and the two formulas that everything rests on."""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]  # as the database keeps them
Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


def among(ids: Ids, others: Ids) -> npt.NDArray[np.bool_]:
    """Which of some ids are among others, which ascend.

    As np.isin, which (as np.unique and all that rest on it) keeps every other thread waiting, with a million for 0.2 s.
    """
    if not len(others):
        return np.zeros(len(ids), np.bool_)
    places = np.minimum(np.searchsorted(others, ids), len(others) - 1)
    found: npt.NDArray[np.bool_] = others[places] == ids
    return found


def begins(ids: Ids) -> npt.NDArray[np.bool_]:
    """Which of some ids do not repeat the one before."""
    new: npt.NDArray[np.bool_] = np.diff(ids, prepend=-1) != 0
    return new


def unit(vectors: Vectors) -> Vectors:
    """Each row of a float32 [n, dim] brought to length 1; a row without a direction becomes NaN."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows: Vectors = (vectors / lengths).astype(np.float32, copy=False)
    return rows


def cosines(vectors: Vectors | Halves, vector: Vectors) -> Scores:
    """The cosine similarity of each row of float32 or float16 [n, dim] to float32 [dim], as float64 [n].

    Lengths are divided out, since half precision leaves them 0.0001 off. Summed row by row in double precision:
    equal rows have equal scores wherever they stand, which a matrix product does not promise.
    """
    rows, query = vectors.astype(np.float64), vector.astype(np.float64)
    lengths = np.sqrt((rows * rows).sum(axis=1) * (query * query).sum())
    scores: Scores = (rows * query).sum(axis=1) / lengths
    return scores
