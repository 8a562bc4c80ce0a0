"""A server's past as Discord gives it out, for whoever reads it and compares with it."""

import logging
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus

import discord

from bot.errors import HistoryDelayed, HistoryUnavailable
from bot.exts._access import base_of, bot_may_read, may_read
from bot.exts._convert import is_blank, location_of, message_of, server_of
from bot.exts._failures import FAILED_FOR_NOW
from bot.messages import Channel, Location, Message
from bot.services.history import PAGE, Place

log = logging.getLogger(__name__)

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
_WAIT_S = 10.0
_UNKNOWN_CHANNEL, _UNKNOWN_MESSAGE = 10003, 10008  # Discord's codes


class DiscordHistory:
    """The channels and threads of one server that the bot may read, their pages and messages.

    Private threads are not among the places but for those asked for by id.
    """

    def __init__(self, client: discord.Client, guild_id: int, *, private_ids: Collection[int] = ()) -> None:
        self.guild_id = guild_id
        self._client = client
        self._private_ids = private_ids

    async def places(self) -> AsyncIterator[Place]:
        """The channels and active threads first, which cost one request, then the archived threads of each channel."""
        guild = self._guild
        with _translated():
            active = await guild.active_threads()
        readable = [channel for channel in guild.channels if may_read(channel, guild.me)]
        readable.sort(key=lambda channel: -(getattr(channel, "last_message_id", 0) or 0))
        ids = {channel.id for channel in readable}
        for place in (*readable, *active):
            if isinstance(place, discord.Thread) and (place.parent_id not in ids or not self._is_wanted(place)):
                continue
            if isinstance(place, Readable):
                yield Place(location_of(place), place.last_message_id)
        for channel in readable:
            async for thread in self._archived(channel):
                yield Place(location_of(thread), thread.last_message_id)

    async def page(
        self, location: Location, *, before_id: int | None = None, after_id: int | None = None
    ) -> list[Message]:
        self._refuse_closed(location.channel)
        history = self._messageable(location.channel.channel_id).history(
            limit=PAGE,
            before=None if before_id is None else discord.Object(before_id),
            after=None if after_id is None else discord.Object(after_id),
            oldest_first=after_id is not None,
        )
        with _translated():
            messages = [self._told(message) async for message in history]
        if not messages:
            # Without the right to read history Discord answers with no messages, not with an error.
            self._refuse_closed(location.channel)
        return messages[::-1] if after_id is not None else messages

    async def message(self, channel_id: int, message_id: int) -> Message | None:
        place = self._guild.get_channel_or_thread(channel_id)
        base = place.parent if isinstance(place, discord.Thread) else place
        if base is not None and not may_read(base, self._guild.me):
            raise HistoryUnavailable("the bot may not read it")
        try:
            with _translated():
                return self._told(await self._messageable(channel_id).fetch_message(message_id))
        except HistoryUnavailable as error:
            # That the channel is unknown says nothing yet of all the messages in it.
            if _code(error) == _UNKNOWN_MESSAGE:
                return None
            raise

    def locate(self, channel: Channel) -> Location | None:
        guild = self._client.get_guild(self.guild_id)
        if guild is None or not bot_may_read(guild, channel):
            return None
        base = base_of(guild, channel)
        category_id = base.category_id if channel.is_thread and base is not None else None
        return Location(server_of(guild), channel, category_id)

    async def is_gone(self, channel: Channel) -> bool:
        guild = self._guild
        if guild.get_channel_or_thread(channel.channel_id) is not None:
            return False
        try:
            with _translated():
                await guild.fetch_channel(channel.channel_id)
        except HistoryUnavailable as error:
            return _code(error) == _UNKNOWN_CHANNEL
        return False

    @property
    def _guild(self) -> discord.Guild:
        """A new session has new objects for its servers."""
        guild = self._client.get_guild(self.guild_id)
        if guild is None or guild.unavailable:
            raise HistoryDelayed("the server is not there", seconds=_WAIT_S)
        return guild

    def _messageable(self, channel_id: int) -> discord.PartialMessageable:
        # Archived threads are not in the cache, and to read them nothing but their id is needed.
        return self._client.get_partial_messageable(channel_id, guild_id=self.guild_id)

    def _told(self, message: discord.Message) -> Message:
        """A message that comes without anything is none that was emptied: the bot is not shown what is written."""
        told = message_of(message, self.guild_id)
        return replace(told, edited_at=None) if is_blank(message) else told

    def _refuse_closed(self, channel: Channel) -> None:
        if not bot_may_read(self._guild, channel):
            raise HistoryUnavailable("the bot may not read it")

    async def _archived(self, channel: discord.abc.GuildChannel) -> AsyncIterator[discord.Thread]:
        try:
            with _translated():
                if isinstance(channel, discord.TextChannel | discord.ForumChannel):
                    async for thread in channel.archived_threads(limit=None):
                        yield thread
                if isinstance(channel, discord.TextChannel) and self._private_ids:
                    manages = channel.permissions_for(self._guild.me).manage_threads
                    async for thread in channel.archived_threads(limit=None, private=True, joined=not manages):
                        if self._is_wanted(thread):
                            yield thread
        except HistoryUnavailable as error:
            log.warning("archived threads of channel %d are not told: %s", channel.id, error.reason)

    def _is_wanted(self, thread: discord.Thread) -> bool:
        return not thread.is_private() or thread.id in self._private_ids


def _code(error: HistoryUnavailable) -> int:
    """What Discord says is not there; 0 where it says something else."""
    return error.__cause__.code if isinstance(error.__cause__, discord.NotFound) else 0


@contextmanager
def _translated() -> Iterator[None]:
    """Discord's errors as those of the services."""
    try:
        yield
    except discord.RateLimited as error:
        raise HistoryDelayed("Discord asks to wait", seconds=error.retry_after) from error
    except FAILED_FOR_NOW as error:
        raise HistoryDelayed(type(error).__name__, seconds=_WAIT_S) from error
    except (discord.HTTPException, discord.InvalidData) as error:
        if isinstance(error, discord.HTTPException) and error.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise HistoryDelayed("Discord asks to wait again and again", seconds=_WAIT_S) from error
        code = f"HTTP {error.status}, code {error.code}" if isinstance(error, discord.HTTPException) else "invalid data"
        raise HistoryUnavailable(code) from error
