"""What the bot itself may read, as its cache of servers knows it at this moment."""

import logging
from collections.abc import Sequence

import discord

from bot.errors import HistoryDelayed
from bot.exts._access import base_of, is_age_restricted, readable_ids
from bot.exts._convert import location_of
from bot.exts._failures import FAILED_FOR_NOW
from bot.exts._history import DiscordHistory
from bot.exts._reader import Reader
from bot.messages import Channel, Location

log = logging.getLogger(__name__)


class Reach:
    """Answers what the inbox cannot know by itself; what comes within reach is read."""

    def __init__(self, client: discord.Client, reader: Reader) -> None:
        self._client = client
        self._reader = reader
        self._open: dict[int, set[tuple[int, bool]]] = {}  # with whether it is age-restricted

    async def locate(self, guild_id: int, channel_id: int) -> Location | None:
        """The place of a channel or thread that the cache does not hold; None when Discord does not tell."""
        guild = self._client.get_guild(guild_id)
        if guild is None:
            return None
        try:
            return location_of(await guild.fetch_channel(channel_id))
        except FAILED_FOR_NOW:
            self._reader.start(guild_id)  # what cannot be placed now is found in the history
        except (discord.HTTPException, discord.InvalidData) as error:
            log.info("channel %d cannot be placed: %s", channel_id, error)
        return None

    def present(self, guild_id: int) -> list[Location]:
        """The channels and active threads of a server, by the names that they have now."""
        guild = self._client.get_guild(guild_id)
        return [] if guild is None else [location_of(place) for place in (*guild.channels, *guild.threads)]

    def read(self, guild_id: int) -> None:
        """Have the history of a server read as far as it was not read yet."""
        self._reader.start(guild_id)

    def read_what_opened(self, guild_id: int) -> None:
        """Have the history read of what the bot may read since the last call."""
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            self._open.pop(guild_id, None)
            return
        readable = readable_ids(guild, guild.me)
        now_open = {(c.id, is_age_restricted(c)) for c in guild.channels if c.id in readable}
        if now_open - self._open.get(guild_id, set()):
            self._reader.start(guild_id)
        self._open[guild_id] = now_open

    def closed(self, guild_id: int, channels: Sequence[Channel]) -> set[int]:
        """Those of the channels that the bot may not read now, or that are there no longer."""
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return set()
        readable = readable_ids(guild, guild.me)
        bases = ((channel.channel_id, base_of(guild, channel)) for channel in channels)
        return {channel_id for channel_id, base in bases if base is None or base.id not in readable}

    async def gone(self, guild_id: int, channels: Sequence[Channel]) -> set[int]:
        """Those of the channels that stand in no place now and that Discord says are not there."""
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return set()
        missing = [channel for channel in channels if base_of(guild, channel) is None]
        history = DiscordHistory(self._client, guild_id)
        try:
            return {channel.channel_id for channel in missing if await history.is_gone(channel)}
        except HistoryDelayed as error:
            log.info("whether channels of server %d are gone is not known: %s", guild_id, error.reason)
            return set()
