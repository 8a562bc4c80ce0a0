"""What is to be indexed: nothing, until a server says so."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.errors import NotOffered
from bot.messages import Location, Server
from bot.storage.servers import ServerStore

WHOLE_SERVER = 0


class Past(StrEnum):
    """What becomes of the part of a server's history that was not read yet."""

    WANTED = "wanted"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Coverage:
    """Which channels each server wants indexed, known from `load` on.

    The nearest word counts: that on the thread, else on its channel, its category, the server. What of a covered
    place may be kept is for `Keeping` to say. Where `offered_to` names servers, nothing is indexed of others, whatever
    they said.
    """

    def __init__(self, servers: ServerStore, offered_to: frozenset[int] | None = None) -> None:
        self._servers = servers
        self._offered_to = offered_to
        self._told: dict[int, dict[int, bool]] = {}
        self._past: dict[int, Past] = {}
        self._telling = asyncio.Lock()  # held while what is known and what is stored may differ
        self.has_left = asyncio.Event()  # set when the bot was removed from a server

    async def load(self) -> None:
        async with self._telling:
            self._told = await self._servers.coverage()
            self._past = {guild_id: Past(past) for guild_id, past in (await self._servers.histories()).items()}

    def is_offered(self, guild_id: int) -> bool:
        """Whether a server may use the bot at all."""
        return self._offered_to is None or guild_id in self._offered_to

    def refuse_strangers(self, guild_id: int) -> None:
        """Raises NotOffered where a server may not use the bot."""
        if not self.is_offered(guild_id):
            raise NotOffered

    @property
    def strangers(self) -> frozenset[int]:
        """The servers that something is stored of and that may not use the bot, or may no longer."""
        return frozenset(guild_id for guild_id in self._past if not self.is_offered(guild_id))

    @property
    def guild_ids(self) -> frozenset[int]:
        """The servers that ever said something."""
        return frozenset(self._told)

    def told(self, guild_id: int) -> Mapping[int, bool]:
        """What a server said, by channel id; WHOLE_SERVER stands for all the rest."""
        return self._told.get(guild_id, {})

    def is_indexed(self, guild_id: int) -> bool:
        """Whether a server has anything indexed."""
        return self.is_offered(guild_id) and any(self.told(guild_id).values())

    async def half_life(self, guild_id: int) -> int | None:
        """After how many days a message counts half as much as a new one in a server's answers; None for never."""
        return (await self._servers.half_lives()).get(guild_id)

    async def prefer_newer(self, server: Server, days: int | None) -> None:
        """A server wants its newer messages first, or no longer does."""
        await self._servers.put_half_life(server, days)

    def covers(self, location: Location) -> bool:
        """Whether a place is to be indexed."""
        if not self.is_offered(location.guild_id):
            return False
        told = self.told(location.guild_id)
        for channel_id in (*location.path, WHOLE_SERVER):
            if channel_id in told:
                return told[channel_id]
        return False

    def past(self, guild_id: int) -> Past:
        """What becomes of what was not read yet."""
        return self._past.get(guild_id, Past.WANTED)

    def wants_history(self, guild_id: int) -> bool:
        """Whether older messages are to be read; what was written while the bot was away is read in any case."""
        return self.past(guild_id) is Past.WANTED

    async def put_past(self, guild_id: int, past: Past) -> None:
        """Read on, pause or give up what was not read yet."""
        async with self._telling:
            await self._servers.put_history(guild_id, past)
            self._past[guild_id] = past

    async def start(self, server: Server, channel_id: int = WHOLE_SERVER) -> None:
        """Index a channel, or all of the server that was not stopped by name; its history is wanted (again).

        Raises NotOffered.
        """
        self.refuse_strangers(server.guild_id)
        await self.put_past(server.guild_id, Past.WANTED)
        async with self._telling:
            await self._tell(server, {**self.told(server.guild_id), channel_id: True})

    async def stop(self, server: Server, channel_id: int = WHOLE_SERVER) -> None:
        """Index no more of a channel, or nothing at all; what was stopped by name stays so at a later start."""
        async with self._telling:
            told = self.told(server.guild_id)
            if channel_id == WHOLE_SERVER:
                told = dict.fromkeys((i for i, is_indexed in told.items() if not is_indexed), False)
            await self._tell(server, {**told, channel_id: False})

    async def know(self, server: Server) -> None:
        """Something is put down of a server, which may not have said yet what it wants indexed."""
        async with self._telling:
            await self._servers.cover(server, dict(self.told(server.guild_id)))

    async def joined(self, guild_id: int) -> None:
        """The bot is in a server, again or still."""
        await self._servers.joined(guild_id)

    async def left(self, guild_id: int) -> None:
        """The bot was removed from a server."""
        await self._servers.left(guild_id)
        self.has_left.set()

    async def left_for(self, period: timedelta) -> list[int]:
        """The servers that the bot was removed from longer ago than a period."""
        return await self._servers.left_before(datetime.now(UTC) - period)

    async def _tell(self, server: Server, told: dict[int, bool]) -> None:
        await self._servers.cover(server, told)
        self._told[server.guild_id] = told
