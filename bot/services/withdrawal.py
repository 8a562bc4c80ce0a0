"""Takes out what may no longer be kept, and lets it back in once it may be kept again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.errors import StorageFailed
from bot.messages import Server
from bot.services.answers import Answers
from bot.services.ingest import Ingest
from bot.services.keeping import Keeping, Kind
from bot.storage.keeping import KeepingStore, Swept

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=30)  # between two looks for messages that have become too old
_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Retention:
    """When messages that were too old were last taken out, how many, and when it is the next time."""

    last_sweep_at: datetime
    next_sweep_at: datetime
    n_swept: int


class Withdrawal:
    """Takes out what settings shut out when they change, and what has become too old every half hour."""

    def __init__(self, ingest: Ingest, keeping: Keeping, store: KeepingStore, answers: Answers) -> None:
        self._ingest = ingest
        self._keeping = keeping
        self._store = store
        self._answers = answers

    async def admit(self, server: Server, kind: Kind) -> None:
        """A server turns a kind on: what was passed over of it is there for whoever reads histories."""
        await self._keeping.include(server, kind)
        if kind is Kind.BOTS:
            await self._ingest.unread(server.guild_id)

    async def bar(self, server: Server, kind: Kind) -> int:
        """A server turns a kind off, and what is stored of it goes; how many messages that were."""
        await self._keeping.exclude(server, kind)
        locations = (await self._store.locations(server.guild_id)).values()
        of_it = [each.channel.channel_id for each in locations if self._keeping.is_barred(each, kind)]
        return await self._empty(server.guild_id, of_it) + await self.clear(server.guild_id)

    async def retain(self, server: Server, days: int | None) -> int:
        """A server sets or drops a limit of its own, and what is too old goes; how many messages that were."""
        n = await self.expire(server.guild_id)  # what the former limit kept out counts as unread from here on
        await self._keeping.retain(server, days)
        return n + await self.expire(server.guild_id)

    @property
    def days(self) -> float | None:
        """After how many days messages go in all servers, unless one sets less."""
        return self._keeping.retention_days

    async def last(self, guild_id: int | None = None) -> Retention | None:
        """The last sweep of one server or of all; None where there was none yet."""
        of_these = [swept for each, swept in (await self._store.sweeps()).items() if guild_id in (None, each)]
        if not of_these:
            return None
        at = max(swept.at for swept in of_these)
        return Retention(at, at + EVERY, sum(swept.n for swept in of_these))

    async def run(self) -> None:
        """Take out what is too old, now and every half hour until cancelled; sooner again where that failed."""
        while True:
            wait_s = EVERY.total_seconds()
            try:
                await self.sweep()
            except StorageFailed as error:
                log.warning("what is too old is taken out in %.0f s: %s", _AGAIN_S, error)
                wait_s = _AGAIN_S
            await asyncio.sleep(wait_s)

    async def sweep(self) -> int:
        """Take out what is too old in every server; how many messages that were."""
        return sum([await self.expire(guild_id) for guild_id in await self._store.guild_ids()])

    async def expire(self, guild_id: int) -> int:
        """Take out what is too old in a server; how many messages that were."""
        if not (border_id := self._keeping.border_id(guild_id)):
            return 0
        # Before anything goes: a longer limit has all of it read again.
        await self._store.raise_low_marks(guild_id, border_id)
        n = await self._take_out(guild_id, lambda: self._store.some_before(guild_id, border_id))
        await self._store.was_swept(guild_id, Swept(datetime.now(UTC), n))
        return n

    async def clear(self, guild_id: int) -> int:
        """Take out what a server's settings shut out; how many messages that were."""
        locations = await self._store.locations(guild_id)
        shut_out = [i for i, location in locations.items() if self._keeping.shut_out(location) is not None]
        n = await self._empty(guild_id, shut_out)
        if not self._keeping.includes(guild_id, Kind.BOTS):
            n += await self._take_out(guild_id, lambda: self._store.some_of_bots(guild_id))
        return n

    async def _empty(self, guild_id: int, channel_ids: Collection[int]) -> int:
        """Take out all of these channels, whose histories count as unread from then on."""
        if not (held := await self._store.held(guild_id, channel_ids)):
            return 0
        await self._ingest.unread(guild_id, held)
        return await self._take_out(guild_id, lambda: self._store.some_in(guild_id, held))

    async def _take_out(self, guild_id: int, some: Callable[[], Awaitable[list[int]]]) -> int:
        """Take out some after some, until there are none."""
        n = 0
        while ids := await some():
            n += await self._ingest.withdrawn(guild_id, ids)
            self._answers.may_be_stale.set()
        if n:
            log.info("server %d: %d messages that may no longer be kept were taken out", guild_id, n)
        return n
