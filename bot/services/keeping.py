"""Whether a message may be kept, and why not: asked by everything that stores one."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.messages import Channel, ChannelKind, Location, Message, Origin, Server
from bot.services.coverage import Coverage
from bot.storage.keeping import KeepingStore, Limits
from bot.times import snowflake_at


class Kind(StrEnum):
    """What is left out unless a server turns it on; the values are keys of the words."""

    AGE_RESTRICTED = "age_restricted"
    VOICE = "voice"
    BOTS = "bots"
    PRIVATE_THREADS = "private_threads"


# Reasons for which what is stored goes too. A notice may be a message that could not be understood this time, and what
# a server no longer wants indexed stays, as a stop of its indexing says.
TAKEN_OUT = frozenset({"own", "bot", "too_old", Kind.AGE_RESTRICTED, Kind.VOICE, Kind.PRIVATE_THREADS})


class Keeping:
    """The settings that say what is kept and how long, known from `load` on.

    What may be kept of the places that a server wants indexed: nothing of kinds that are off, nothing too old, no
    notices of Discord, and never what the bot itself says. `retention_days` is the limit of the installation.
    """

    def __init__(self, coverage: Coverage, store: KeepingStore, *, retention_days: float | None = None) -> None:
        self._coverage = coverage
        self._store = store
        self.retention_days = retention_days
        self._limits: dict[int, Limits] = {}
        self._own_ids: set[int] = set()
        self._setting = asyncio.Lock()  # held while what is known and what is stored may differ

    async def load(self) -> None:
        async with self._setting:
            self._limits = await self._store.limits()
            self._own_ids = await self._store.selves()

    @property
    def guild_ids(self) -> frozenset[int]:
        """The servers that ever set something."""
        return frozenset(self._limits)

    async def met_oneself(self, user_id: int) -> None:
        """The bot has this account."""
        if user_id not in self._own_ids:
            await self._store.put_self(user_id)
            self._own_ids.add(user_id)

    def includes(self, guild_id: int, kind: Kind) -> bool:
        """Whether a server turned a kind on."""
        return kind in self._of(guild_id).kinds

    async def include(self, server: Server, kind: Kind) -> None:
        """A kind is kept from now on; its past is read by whoever reads histories."""
        async with self._setting:
            limits = self._of(server.guild_id)
            await self._put(server, replace(limits, kinds=limits.kinds | {kind}))

    async def exclude(self, server: Server, kind: Kind) -> None:
        """A kind is kept no longer; what is stored of it is taken out by `Withdrawal`."""
        async with self._setting:
            limits = self._of(server.guild_id)
            await self._put(server, replace(limits, kinds=limits.kinds - {kind}))

    def own_days(self, guild_id: int) -> int | None:
        """The limit that a server set itself."""
        return self._of(guild_id).retention_days

    def days(self, guild_id: int) -> float | None:
        """After how many days a server's messages go: the shorter of its own limit and the installation's."""
        return min((d for d in (self.retention_days, self.own_days(guild_id)) if d is not None), default=None)

    async def retain(self, server: Server, days: int | None) -> None:
        """A server's messages are kept so many days, or without a limit of its own."""
        async with self._setting:
            await self._put(server, replace(self._of(server.guild_id), retention_days=days))

    def border_id(self, guild_id: int) -> int:
        """The smallest id that a message of a server may have now; 0 where age does not matter."""
        days = self.days(guild_id)
        return 0 if days is None else snowflake_at(datetime.now(UTC) - timedelta(days=days))

    def wants_older(self, guild_id: int, low_id: int) -> bool:
        """Whether what is older than an id is to be read."""
        return low_id > self.border_id(guild_id) and self._coverage.wants_history(guild_id)

    def covers(self, location: Location) -> bool:
        """Whether messages at a place are to be stored. A private thread may also be named by itself."""
        if self.shut_out(location) is not None:
            return False
        if location.is_private and not self.includes(location.guild_id, Kind.PRIVATE_THREADS):
            return self._coverage.told(location.guild_id).get(location.channel.channel_id, False)
        return self._coverage.covers(location)

    def shut_out(self, location: Location) -> Kind | None:
        """The kind for which nothing may be kept of a place, whatever else was said of it."""
        return next((kind for kind in _kinds(location.channel) if self._shuts_out(kind, location)), None)

    def is_barred(self, location: Location, kind: Kind) -> bool:
        """Whether a place is of a kind that its server has just turned off; a private thread may be named by itself."""
        channel_id, told = location.channel.channel_id, self._coverage.told(location.guild_id)
        is_named = kind is Kind.PRIVATE_THREADS and told.get(channel_id, False)
        return kind in _kinds(location.channel) and not is_named

    def refusal(self, message: Message, location: Location | None) -> str | None:
        """Why a message is not kept, as a key of the words; None when it is. `location` is None where none is known."""
        if message.is_notice:
            return "notice"
        if message.author_id in self._own_ids:
            return "own"
        if message.is_bot and not self.includes(message.guild_id, Kind.BOTS):
            return "bot"
        if message.message_id < self.border_id(message.guild_id):
            return "too_old"
        if location is not None and (kind := self.shut_out(location)) is not None:
            return kind.value
        return "unwanted" if self._is_unwanted(message, location) else None

    async def refusals(self, guild_id: int, messages: Sequence[Message]) -> list[str | None]:
        """For each of a server's messages why it is not kept; None for what is."""
        locations = await self._store.locations(guild_id, {message.channel_id for message in messages})
        return [self.refusal(message, locations.get(message.channel_id)) for message in messages]

    async def unread(self, guild_id: int, channel_ids: Collection[int] | None = None) -> None:
        """As KeepingStore.forget_marks."""
        await self._store.forget_marks(guild_id, channel_ids)

    async def is_shut_out(self, guild_id: int, channel_id: int) -> bool:
        """Whether nothing may be kept of a known channel."""
        location = (await self._store.locations(guild_id, [channel_id])).get(channel_id)
        return location is not None and self.shut_out(location) is not None

    def _shuts_out(self, kind: Kind, location: Location) -> bool:
        if self.includes(location.guild_id, kind):
            return False
        # Private threads were named one by one; a stop, of one or of all, leaves what is stored.
        if kind is Kind.PRIVATE_THREADS:
            told = self._coverage.told(location.guild_id)
            return location.channel.channel_id not in told and self._coverage.is_indexed(location.guild_id)
        return True

    def _is_unwanted(self, message: Message, location: Location | None) -> bool:
        """Whether a message is imported into a channel that a server leaves out, having said what it wants."""
        has_spoken = bool(self._coverage.told(message.guild_id))
        return message.origin is Origin.EXPORT and has_spoken and (location is None or not self.covers(location))

    def _of(self, guild_id: int) -> Limits:
        return self._limits.get(guild_id, Limits())

    async def _put(self, server: Server, limits: Limits) -> None:
        await self._store.put_limits(server, limits)
        self._limits[server.guild_id] = limits


def _kinds(channel: Channel) -> list[Kind]:
    """The kinds that a channel is of."""
    kinds = [Kind.AGE_RESTRICTED] if channel.is_age_restricted else []
    if channel.kind in _KINDS:
        kinds.append(_KINDS[channel.kind])
    return kinds


_KINDS = {ChannelKind.VOICE: Kind.VOICE, ChannelKind.PRIVATE_THREAD: Kind.PRIVATE_THREADS}
