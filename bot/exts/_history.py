"""A server's past as Discord gives it out, for the backfill."""

import logging
from collections.abc import AsyncIterator, Collection

import discord

from bot.errors import HistoryUnavailable
from bot.exts._access import bot_may_read, may_read
from bot.exts._convert import location_of, message_of
from bot.messages import Location, Message
from bot.services.backfill import PAGE, Place

log = logging.getLogger(__name__)

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class DiscordHistory:
    """The channels and threads of one server that the bot may read, and their pages.

    Private threads are left out but for those asked for by id. What fails only for now raises FAILED_FOR_NOW.
    """

    def __init__(self, guild: discord.Guild, *, private_ids: Collection[int]) -> None:
        self._guild = guild
        self._private_ids = private_ids
        self._threads: dict[int, discord.Thread] = {}

    async def places(self) -> AsyncIterator[Place]:
        active = await self._guild.active_threads()
        channels = sorted(self._guild.channels, key=lambda channel: -(getattr(channel, "last_message_id", 0) or 0))
        for channel in channels:
            if not may_read(channel, self._guild.me):
                continue
            if isinstance(channel, Readable):
                yield Place(location_of(channel), channel.last_message_id)
            for thread in active:
                if thread.parent_id == channel.id and self._is_wanted(thread):
                    yield self._place(thread)
            async for thread in self._archived(channel):
                yield self._place(thread)

    async def page(
        self, location: Location, *, before_id: int | None = None, after_id: int | None = None
    ) -> list[Message]:
        self._refuse_closed(location)
        channel_id = location.channel.channel_id
        channel = self._guild.get_channel_or_thread(channel_id) or self._threads.get(channel_id)
        if not isinstance(channel, Readable):
            raise HistoryUnavailable("it is no longer there")
        history = channel.history(
            limit=PAGE,
            before=None if before_id is None else discord.Object(before_id),
            after=None if after_id is None else discord.Object(after_id),
            oldest_first=after_id is not None,
        )
        try:
            messages = [message_of(message, self._guild.id) async for message in history]
        except (discord.Forbidden, discord.NotFound) as error:
            raise HistoryUnavailable(f"HTTP {error.status}, code {error.code}") from error
        if not messages:
            # Without the right to read history Discord answers with no messages, not with an error.
            self._refuse_closed(location)
        return messages[::-1] if after_id is not None else messages

    def _refuse_closed(self, location: Location) -> None:
        if not bot_may_read(self._guild, location.channel):
            raise HistoryUnavailable("the bot may not read it")

    async def _archived(self, channel: discord.abc.GuildChannel) -> AsyncIterator[discord.Thread]:
        try:
            if isinstance(channel, discord.TextChannel | discord.ForumChannel):
                async for thread in channel.archived_threads(limit=None):
                    yield thread
            if isinstance(channel, discord.TextChannel) and self._private_ids:
                manages = channel.permissions_for(self._guild.me).manage_threads
                async for thread in channel.archived_threads(limit=None, private=True, joined=not manages):
                    if self._is_wanted(thread):
                        yield thread
        except (discord.Forbidden, discord.NotFound) as error:
            log.warning("archived threads of channel %d are not told: code %d", channel.id, error.code)

    def _is_wanted(self, thread: discord.Thread) -> bool:
        return not thread.is_private() or thread.id in self._private_ids

    def _place(self, thread: discord.Thread) -> Place:
        self._threads[thread.id] = thread
        return Place(location_of(thread), thread.last_message_id)
