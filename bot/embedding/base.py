"""The contract of every embedder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from bot.errors import EmbeddingError
from bot.vectors import Vectors, unit

T = TypeVar("T")

# The limits of one request, from the API reference; a text is at most 8,192 bytes by texts.embed_text, and a
# token is at least a byte, so planning by bytes needs no tokenizer.
MAX_TEXTS = 2_048
MAX_BYTES = 300_000


@dataclass(slots=True)
class Meter:
    """Adds up the tokens that the answers to one call were charged for, those included that were of no use."""

    n_tokens: int = 0


class Embedder(Protocol):
    """Turns texts into vectors that can be compared with each other.

    `model_key` names provider, model and, where it matters, version; `dim` is the length of a vector.
    """

    @property
    def model_key(self) -> str: ...

    @property
    def dim(self) -> int: ...

    async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
        """One float32 row of unit length a text, in their order: [n, dim]. No text may be empty.

        What was charged for it is added to the meter, also where this raises EmbeddingError.
        """
        ...


def requests(units: Iterable[T], texts_of: Callable[[T], Sequence[str]]) -> Iterator[list[T]]:
    """What has one text or more, cut into requests by the count and bytes of all these texts, in its order.

    What has more texts than fit into one request stands alone.
    """
    batch: list[T] = []
    n_texts = n_bytes = 0
    for one in units:
        texts = texts_of(one)
        size = sum(len(text.encode()) for text in texts)
        if batch and (n_texts + len(texts) > MAX_TEXTS or n_bytes + size > MAX_BYTES):
            yield batch
            batch, n_texts, n_bytes = [], 0, 0
        batch.append(one)
        n_texts += len(texts)
        n_bytes += size
    if batch:
        yield batch


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
