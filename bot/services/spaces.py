"""The spaces that vectors lie in: that of the model which is set, and for a while that of the one before."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass

from bot.embedding.base import Embedder
from bot.index.mirror import Mirror
from bot.storage.embeddings import EmbeddingStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of one generation and the mirror they are found in; `embedder` is None where it cannot be had."""

    embeddings: EmbeddingStore
    embedder: Embedder | None
    mirror: Mirror


class Spaces:
    """After another model was set the former space goes on answering until the current one is whole."""

    def __init__(
        self, embeddings: EmbeddingStore, embedder: Embedder, mirror: Mirror, former: Space | None = None
    ) -> None:
        self.embeddings = embeddings
        self.embedder = embedder
        self.mirror = mirror
        self.former = former
        self.current = Space(embeddings, embedder, mirror)  # where what is stored gets its vectors
        # Held from a commit until the mirrors have followed it, so that they follow in the order of the commits.
        self.in_step = asyncio.Lock()

    @property
    def answering(self) -> Space:
        """Where questions are answered."""
        return self.former or self.current

    @property
    def all(self) -> list[Space]:
        return [self.current] if self.former is None else [self.current, self.former]

    @property
    def mirrors(self) -> list[Mirror]:
        return [space.mirror for space in self.all]

    async def remove(self, guild_id: int, message_ids: Collection[int]) -> None:
        """Messages are gone or rewritten: nothing finds them any more. The caller holds `in_step`."""
        for mirror in self.mirrors:
            await asyncio.to_thread(mirror.remove, guild_id, message_ids)

    async def drop(self, guild_id: int) -> None:
        """A server is gone."""
        for mirror in self.mirrors:
            await asyncio.to_thread(mirror.drop, guild_id)

    async def change_over(self) -> None:
        """The current space is whole: it answers from now on, and the former one goes."""
        former, self.former = self.former, None
        if former is not None:
            log.info("questions are answered with %s now", self.embeddings.generation)
            await asyncio.to_thread(former.mirror.discard)
        await self.embeddings.generations.drop_others()
