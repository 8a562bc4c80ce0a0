"""What a server says anyway: how near its messages come by chance, and the phrases that many use on many days."""

import asyncio
import time
from collections.abc import Collection
from datetime import datetime, timedelta

from bot.askers import EVERYTHING, Scope
from bot.services.backgrounds import Backgrounds
from bot.services.spaces import Spaces
from bot.services.verdicts import Subject, Verdicts, least_cosine
from bot.storage.waves import WaveStore
from bot.times import made_at, snowflake_at
from bot.vectors import Vectors

_WAY = 0.55  # from what comes about by chance to the same text: most rewordings lie beyond
_BEFORE_ENOUGH = 0.75  # cosine that counts as alike while there is too little to measure
_LOWEST = 0.7
_KEPT_S = 300.0
_LOOKED_AT = 64  # of the past, the nearest
_PEOPLE, _DAYS = 3, 3
_PAST = timedelta(days=1)


class Habits:
    """Measures servers whose waves are looked for, and remembers that for some minutes."""

    def __init__(self, store: WaveStore, spaces: Spaces, backgrounds: Backgrounds, verdicts: Verdicts) -> None:
        self._store = store
        self._verdicts = verdicts
        self._space = spaces.current
        self._backgrounds = backgrounds
        self._least: dict[int, tuple[float, float]] = {}

    async def least(self, guild_id: int) -> float:
        """The cosine from which on two messages of a server say the same: what it set, or what is measured."""
        if (threshold := await self._verdicts.threshold(guild_id, Subject.WAVES)) is not None:
            return least_cosine(threshold)
        until, least = self._least.get(guild_id, (0.0, _BEFORE_ENOUGH))
        if until >= time.monotonic():
            return least
        scale = (await self._backgrounds.of(self._space, guild_id, EVERYTHING)).plain
        least = _BEFORE_ENOUGH if scale is None else max(scale.limit + _WAY * (1 - scale.limit), _LOWEST)
        self._least[guild_id] = (time.monotonic() + _KEPT_S, least)
        return least

    async def is_usual(
        self, guild_id: int, vector: Vectors, *, least: float, without: Collection[int], now: datetime
    ) -> bool:
        """Whether several people said so on several days before, in other messages than those of earlier waves."""
        past = Scope(
            guild_ids=frozenset({guild_id}), before_id=snowflake_at(now - _PAST), excluded_ids=frozenset(without)
        )
        found = await asyncio.to_thread(self._space.mirror.search, vector, _LOOKED_AT, past)
        ids = [candidate.message_id for candidate in found if candidate.score >= least]
        if len(ids) < max(_PEOPLE, _DAYS):
            return False
        said = await self._store.of_messages(guild_id, ids)
        days = {made_at(message_id).date() for message_id in said.message_ids.tolist()}
        return len(days) >= _DAYS and len(set(said.author_ids.tolist())) >= _PEOPLE
