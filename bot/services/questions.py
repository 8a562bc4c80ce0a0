"""The vectors of questions: equal ones are embedded once, and of their texts nothing is kept."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import EmbeddingError
from bot.messages import Generation
from bot.texts import embed_text
from bot.vectors import Vectors

_MOST = 1_024  # of 3,072 numbers each they take 12 MiB
_KEPT_S = 300.0
_PATIENCE_S = 15.0  # of somebody who waits for an answer; what is to be stored can wait longer


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    vector: Vectors
    end: asyncio.TimerHandle


@dataclass(slots=True, eq=False)
class _UnderWay:
    task: asyncio.Task[Vectors]
    n_waiting: int = 0


class Payer(Protocol):
    """Embeds texts on somebody's account."""

    @property
    def account(self) -> int:
        """Whose account that is."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """As an Embedder does."""
        ...


class QuestionVectors:
    """Embeds questions, and remembers a while in memory what came of it.

    A text is known by a hash whose key is as old as the process and is told to nobody, so that not even a guess at it
    can be checked. Vectors of one model are kept at a time.
    """

    def __init__(self, *, most: int = _MOST, kept_s: float = _KEPT_S) -> None:
        self._most, self._kept_s = most, kept_s
        self._secret = secrets.token_bytes(32)
        self._generation: Generation | None = None
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()  # what was asked last stands last
        self._under_way: dict[tuple[bytes, int], _UnderWay] = {}

    def __len__(self) -> int:
        """How many vectors are kept."""
        return len(self._kept)

    async def of(self, text: str, embedder: Payer, generation: Generation) -> Vectors:
        """The vector of a question, float32 [dim] that nobody writes to. Raises EmbeddingError.

        Who asks on the same account while an equal question is under way waits for the same vector, or gets the same
        error.
        """
        self._turn_to(generation)
        text = embed_text(text)
        key = hashlib.blake2b(f"{generation}\n{text}".encode(), key=self._secret, digest_size=32).digest()
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept.vector
        together = key, embedder.account
        if (asked := self._under_way.get(together)) is None:
            asked = self._under_way[together] = _UnderWay(asyncio.create_task(self._embedded(key, text, embedder)))
        return await self._waited_for(together, asked)

    def forget(self) -> None:
        """Keep nothing of what was asked until now."""
        for kept in self._kept.values():
            kept.end.cancel()
        self._kept.clear()

    def _turn_to(self, generation: Generation) -> None:
        if generation != self._generation:
            self.forget()
        self._generation = generation

    async def _waited_for(self, together: tuple[bytes, int], asked: _UnderWay) -> Vectors:
        """One of those who wait may leave; when the last has left there is nothing to embed."""
        asked.n_waiting += 1
        try:
            return await asyncio.shield(asked.task)
        finally:
            asked.n_waiting -= 1
            if not asked.n_waiting:
                del self._under_way[together]
                asked.task.cancel()

    async def _embedded(self, key: bytes, text: str, embedder: Payer) -> Vectors:
        generation = self._generation
        try:
            async with asyncio.timeout(_PATIENCE_S):
                vector = (await embedder.embed([text]))[0, :]
        except TimeoutError:
            raise EmbeddingError("timeout", "no vector in time", retryable=True) from None
        vector.flags.writeable = False
        if generation == self._generation:
            self._keep(key, vector)
        return vector

    def _keep(self, key: bytes, vector: Vectors) -> None:
        end = asyncio.get_running_loop().call_later(self._kept_s, self._kept.pop, key, None)
        self._kept[key] = _Kept(vector, end)
        if len(self._kept) > self._most:
            _, oldest = self._kept.popitem(last=False)
            oldest.end.cancel()
