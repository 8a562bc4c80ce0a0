"""The contract of every embedder."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from bot.errors import EmbeddingError
from bot.vectors import Vectors, unit


class Embedder(Protocol):
    """Turns texts into vectors that can be compared with each other.

    `model_key` names provider, model and, where it matters, version; `dim` is the length of a vector.
    """

    @property
    def model_key(self) -> str: ...

    @property
    def dim(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One float32 row of unit length a text, in their order: [n, dim]. No text may be empty.

        Raises EmbeddingError.
        """
        ...


def checked(vectors: Vectors, *, n: int, dim: int) -> Vectors:
    """The vectors brought to unit length, if they are n finite ones of dim numbers and none is zero.

    Raises EmbeddingError.
    """
    if vectors.shape != (n, dim) or dim < 1:
        raise EmbeddingError("wrong_shape", f"{vectors.shape} instead of {(n, dim)}")
    vectors = unit(vectors)
    if not np.isfinite(vectors).all():
        raise EmbeddingError("not_finite", "a vector is zero or holds NaN", blames_input=True)
    return vectors
