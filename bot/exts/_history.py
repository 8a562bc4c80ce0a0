"""A server's past as Discord gives it out, for whoever reads it and compares with it."""

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import discord

from bot.errors import HistoryDelayed, HistoryUnavailable
from bot.exts._access import base_of, bot_may_read, is_age_restricted, may_read
from bot.exts._convert import is_blank, location_of, message_of, server_of
from bot.exts._failures import FAILED_FOR_NOW
from bot.messages import Channel, Location, Message
from bot.services.history import PAGE, Place

log = logging.getLogger(__name__)

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
_Listed = tuple[int, AsyncIterator[discord.Thread]]
_WAIT_S = 10.0
_UNKNOWN_CHANNEL, _UNKNOWN_MESSAGE = 10003, 10008  # Discord's codes


class DiscordHistory:
    """The channels and threads of one server that the bot may read, their pages and messages.

    Private threads are not among the places but for those asked for by id, or all where that is None.
    """

    def __init__(self, client: discord.Client, guild_id: int, *, private_ids: Collection[int] | None = ()) -> None:
        self.guild_id = guild_id
        self._client = client
        self._private_ids = private_ids

    async def places(self) -> AsyncIterator[Place]:
        """The channels and active threads first, which cost one request, then the archived threads of each channel.

        Where a list of threads cannot be had now, the others are told before HistoryDelayed is raised.
        """
        guild = self._guild
        readable = [channel for channel in guild.channels if may_read(channel, guild.me)]
        readable.sort(key=lambda channel: -(getattr(channel, "last_message_id", 0) or 0))
        for channel in readable:
            if isinstance(channel, Readable):
                yield Place(location_of(channel), channel.last_message_id)
        ids = {channel.id for channel in readable}
        waits: list[float] = []
        for listed_id, threads in self._lists(guild, readable):
            async for thread in _told_of(listed_id, threads, waits):
                if thread.parent_id in ids and self._is_wanted(thread):
                    yield Place(location_of(thread), thread.last_message_id)
        if waits:
            raise HistoryDelayed(f"{len(waits)} lists of threads wait", seconds=min(waits))

    async def page(
        self, location: Location, *, before_id: int | None = None, after_id: int | None = None
    ) -> list[Message]:
        channel_id = location.channel.channel_id
        self._refuse_closed(location.channel)
        with _translated():
            # Newest first, whatever is asked. history() gives up a whole page for one message that it cannot read.
            page = await self._client.http.logs_from(channel_id, PAGE, before=before_id, after=after_id)
        if not page:
            # Without the right to read history Discord answers with no messages, not with an error.
            self._refuse_closed(location.channel)
        return [self._understood(channel_id, payload) for payload in page]

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
        assert base is not None
        here = replace(channel, is_age_restricted=is_age_restricted(base))
        return Location(server_of(guild), here, base.category_id if channel.is_thread else None)

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

    def _understood(self, channel_id: int, payload: Any) -> Message:  # noqa: ANN401  # whatever Discord sends
        """A message of a page; in place of one that cannot be read a notice, which is never stored but counts."""
        message_id = int(payload["id"])
        state = self._client._connection  # noqa: SLF001  # nothing public makes a message of what Discord sends
        try:
            return self._told(state.create_message(channel=self._messageable(channel_id), data=payload))
        except Exception as error:  # noqa: BLE001  # one message that nobody foresaw is not the end of its channel
            # Only the kind of error: its text may quote what people wrote.
            log.warning("message %d of channel %d cannot be read: %s", message_id, channel_id, type(error).__name__)
            return Message(
                message_id, self.guild_id, channel_id, author_id=0, author_name="", content="", is_notice=True
            )

    def _refuse_closed(self, channel: Channel) -> None:
        if not bot_may_read(self._guild, channel):
            raise HistoryUnavailable("the bot may not read it")

    def _lists(self, guild: discord.Guild, readable: Iterable[discord.abc.GuildChannel]) -> Iterator[_Listed]:
        """Every list of threads that is to be asked for, with the id of what it belongs to."""
        yield guild.id, _active(guild)
        for channel in readable:
            if isinstance(channel, discord.TextChannel | discord.ForumChannel):
                yield channel.id, channel.archived_threads(limit=None)
            if isinstance(channel, discord.TextChannel) and (self._private_ids is None or self._private_ids):
                manages = channel.permissions_for(guild.me).manage_threads
                yield channel.id, channel.archived_threads(limit=None, private=True, joined=not manages)

    def _is_wanted(self, thread: discord.Thread) -> bool:
        return not thread.is_private() or self._private_ids is None or thread.id in self._private_ids


async def _active(guild: discord.Guild) -> AsyncIterator[discord.Thread]:
    for thread in await guild.active_threads():
        yield thread


async def _told_of(
    listed_id: int, threads: AsyncIterator[discord.Thread], waits: list[float]
) -> AsyncIterator[discord.Thread]:
    """What can be had of a list; after how many seconds the rest is to be asked for is added to the waits."""
    try:
        with _translated():
            async for thread in threads:
                yield thread
    except HistoryUnavailable as error:
        log.warning("threads of %d are not told: %s", listed_id, error.reason)
    except HistoryDelayed as error:
        log.info("threads of %d are not told before %.0f s: %s", listed_id, error.seconds, error.reason)
        waits.append(error.seconds)
    except Exception:
        log.exception("threads of %d cannot be read", listed_id)
        waits.append(_WAIT_S)


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
