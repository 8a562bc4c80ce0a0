"""Named stand-ins whose answers a person can work out."""

import zlib
from collections.abc import Sequence

import numpy as np

from bot.embedding.base import checked
from bot.errors import EmbeddingError
from bot.vectors import Vectors


class WordEmbedder:
    """Counts words: each adds 1 to the place that its CRC-32 names, so texts are alike by the words they share.

    Remembers the batches it was given, refuses every batch that holds one of `poison`, and fails with
    `failure` while that is set.
    """

    def __init__(self, dim: int = 64, *, model_key: str = "words") -> None:
        self.model_key = model_key
        self.dim = dim
        self.batches: list[list[str]] = []
        self.poison: set[str] = set()
        self.failure: EmbeddingError | None = None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.failure is not None:
            raise self.failure
        self.batches.append(list(texts))
        if self.poison & set(texts):
            raise EmbeddingError("refused", "HTTP 400", blames_input=True)
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.dim] += 1
        return checked(vectors, n=len(texts), dim=self.dim)

    @property
    def texts(self) -> list[str]:
        """Every text it was ever given, in order."""
        return [text for batch in self.batches for text in batch]
