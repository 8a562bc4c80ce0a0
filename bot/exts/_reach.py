"""What the bot itself may read, as its cache of servers knows it at this moment."""

from collections.abc import Sequence

import discord

from bot.exts._access import base_of, may_read
from bot.exts._convert import location_of
from bot.exts._reader import Reader
from bot.messages import Channel, Location
from bot.services.coverage import Coverage


class Reach:
    """Answers what the inbox cannot know by itself; what comes within reach is read."""

    def __init__(self, client: discord.Client, reader: Reader, coverage: Coverage) -> None:
        self._client = client
        self._reader = reader
        self._coverage = coverage
        self._open: dict[int, set[int]] = {}

    async def locate(self, guild_id: int, channel_id: int) -> Location | None:
        """The place of a channel or thread that the cache does not hold; None when Discord does not tell."""
        guild = self._client.get_guild(guild_id)
        if guild is None:
            return None
        try:
            return location_of(await guild.fetch_channel(channel_id))
        except discord.DiscordServerError:
            self._reader.start(guild)  # what cannot be placed now is found in the history
            return None
        except discord.HTTPException:
            return None

    def present(self, guild_id: int) -> list[Location]:
        """The channels and active threads of a server, by the names that they have now."""
        guild = self._client.get_guild(guild_id)
        return [] if guild is None else [location_of(place) for place in (*guild.channels, *guild.threads)]

    def closed(self, guild_id: int, channels: Sequence[Channel]) -> set[int]:
        """Those of the channels that the bot may not read now, or that are there no longer."""
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return set()
        self._read_what_opened(guild)
        bases = {channel.channel_id: base_of(guild, channel) for channel in channels}
        return {i for i, base in bases.items() if base is None or not may_read(base, guild.me)}

    def _read_what_opened(self, guild: discord.Guild) -> None:
        now_open = {channel.id for channel in guild.channels if may_read(channel, guild.me)}
        before = self._open.get(guild.id, set())
        self._open[guild.id] = now_open
        if now_open - before and self._coverage.is_indexed(guild.id):
            self._reader.start(guild)
