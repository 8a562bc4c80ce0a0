"""Arrays of vectors and ids, and the two formulas that everything rests on."""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


def unit(vectors: Vectors) -> Vectors:
    """Each row of a float32 [n, dim] brought to length 1; a row without a direction becomes NaN."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows: Vectors = (vectors / lengths).astype(np.float32, copy=False)
    return rows


def cosines(vectors: Vectors, vector: Vectors) -> Scores:
    """The cosine similarity of each row of a unit float32 [n, dim] to a unit float32 [dim], as float64 [n].

    Summed row by row in double precision: equal rows have equal scores wherever they stand, which a matrix
    product does not promise.
    """
    scores: Scores = (vectors.astype(np.float64) * vector.astype(np.float64)).sum(axis=1)
    return scores
