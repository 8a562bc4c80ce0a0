"""The mirror: an index for each server, so that no search crosses from one to another by accident."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from bot.askers import Scope
from bot.index.base import VectorIndex
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may be a hit; its score is the index's."""

    guild_id: int
    message_id: int
    score: float


class Mirror:
    """Indexes by server, made when a server's first message comes."""

    def __init__(self, make_index: Callable[[], VectorIndex]) -> None:
        self._make_index = make_index
        self._indexes: dict[int, VectorIndex] = {}
        self._making = threading.Lock()
        # Held from a commit until the mirror has followed it, so that it follows in the order of the commits.
        self.in_step = asyncio.Lock()

    def __len__(self) -> int:
        return sum(len(index) for index in list(self._indexes.values()))

    def ids(self, guild_id: int) -> Ids:
        """The ids that the server's index holds, ascending."""
        index = self._indexes.get(guild_id)
        return np.empty(0, np.int64) if index is None else index.ids()

    def upsert(self, guild_id: int, messages: EmbeddedMessages) -> None:
        with self._making:
            if guild_id not in self._indexes:
                self._indexes[guild_id] = self._make_index()
        self._indexes[guild_id].upsert(messages)

    def remove(self, guild_id: int, message_ids: Iterable[int]) -> None:
        if (index := self._indexes.get(guild_id)) is not None:
            index.remove(message_ids)

    def drop(self, guild_id: int) -> None:
        """Forget a server's index."""
        with self._making:
            self._indexes.pop(guild_id, None)

    def search(self, vector: Vectors, k: int, scope: Scope) -> list[Candidate]:
        """The k messages in the scope nearest to a unit float32 [dim], over all servers that it admits."""
        found = [
            Candidate(guild_id, neighbor.message_id, neighbor.score)
            for guild_id, index in list(self._indexes.items())
            if scope.guild_ids is None or guild_id in scope.guild_ids
            for neighbor in index.search(vector, k, scope)
        ]
        return sorted(found, key=lambda candidate: (-candidate.score, -candidate.message_id))[:k]
