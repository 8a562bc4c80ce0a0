"""An embedder that is quick with many texts and never takes two of them for one."""

import asyncio
from collections.abc import Sequence

import numpy as np
from fakes import WordEmbedder
from openai_server import scattered

from bot.embedding.base import checked
from bot.vectors import Vectors


class ScatteringEmbedder(WordEmbedder):
    """Gives each text a direction of its own, beside the event loop as the offline model does."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dim), np.float32)
        vectors = await asyncio.to_thread(scattered, list(texts))
        return checked(vectors, n=len(texts), dim=self.dim)
