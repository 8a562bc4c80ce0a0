"""Reads histories in the background, one task a server, and shows how far each has come."""

import asyncio
import logging
import time

import discord

from bot.errors import BotError
from bot.exts._failures import FAILED
from bot.exts._history import DiscordHistory
from bot.services.backfill import Backfill, Progress
from bot.services.coverage import WHOLE_SERVER, Coverage
from bot.services.inbox import HistoryRead, Inbox
from bot.services.ingest import Tally
from bot.words import Words

log = logging.getLogger(__name__)

SHOWN_EVERY_S = 5.0
_RETRY_S = 10.0


class Reader:
    """Starts, repeats and ends the reading of histories."""

    def __init__(self, client: discord.Client, backfill: Backfill, coverage: Coverage, inbox: Inbox) -> None:
        self._client = client
        self._backfill = backfill
        self._coverage = coverage
        self._inbox = inbox
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._asked_for: set[int] = set()

    def start(self, guild_id: int) -> None:
        """Read what is covered and was not read yet; once more when that is going on already."""
        if not self._coverage.is_indexed(guild_id):
            return
        self._asked_for.add(guild_id)
        if not self.is_reading(guild_id):
            self._tasks[guild_id] = asyncio.create_task(self._read(guild_id), name=f"history of {guild_id}")

    def is_reading(self, guild_id: int) -> bool:
        task = self._tasks.get(guild_id)
        return task is not None and not task.done()

    async def close(self) -> None:
        """Stop between two pages; the next start goes on from there."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _read(self, guild_id: int) -> None:
        tally = Tally()
        # A new session has new objects for its servers, and none for one that the bot was removed from.
        while guild_id in self._asked_for and (guild := self._client.get_guild(guild_id)) is not None:
            self._asked_for.discard(guild_id)
            try:
                await self._read_once(guild, tally)
            except (BotError, *FAILED) as error:
                log.warning("reading the history of server %d goes on in %.0f s: %s", guild_id, _RETRY_S, error)
            except Exception:
                log.exception("reading the history of server %d failed and goes on in %.0f s", guild_id, _RETRY_S)
            else:
                continue
            self._asked_for.add(guild_id)
            await asyncio.sleep(_RETRY_S)

    async def _read_once(self, guild: discord.Guild, tally: Tally) -> None:
        """Read what there is to read, counted together with what was read before."""
        named = {i for i, is_indexed in self._coverage.told(guild.id).items() if is_indexed}
        # Only a thread can be a private one: lists of those are not asked for where none is named.
        private_ids = named - {WHOLE_SERVER, *(channel.id for channel in guild.channels)}
        shown_at = time.monotonic()
        async for progress in self._backfill.read(DiscordHistory(guild, private_ids=private_ids), tally):
            is_due = time.monotonic() - shown_at >= SHOWN_EVERY_S
            if is_due or (progress.is_done and guild.id not in self._asked_for):
                await self._show(guild, progress)
                shown_at = time.monotonic()
        await self._inbox.put(HistoryRead(guild.id))

    async def _show(self, guild: discord.Guild, progress: Progress) -> None:
        log.info("server %d: %d messages of %d channels read", guild.id, progress.tally.total, progress.n_channels)
        notice = await self._backfill.notice(guild.id)
        if notice is None:
            return
        channel = guild.get_channel_or_thread(notice.channel_id)
        is_given_up = progress.is_done
        try:
            if isinstance(channel, discord.abc.Messageable):
                message = channel.get_partial_message(notice.message_id)
                await message.edit(content=_sentence(progress, Words(notice.language)))
        except FAILED as error:
            log.info("progress in server %d is not shown: %s", guild.id, error)
            is_given_up |= isinstance(error, discord.Forbidden | discord.NotFound)
        if is_given_up:
            await self._backfill.unnoted(notice)


def _sentence(progress: Progress, words: Words) -> str:
    key = "index.read" if progress.is_done else "index.reading"
    sentence = words(key, messages=progress.tally.total, channels=progress.n_channels)
    if progress.is_done and progress.n_unavailable:
        sentence += "\n" + words("index.unavailable", n=progress.n_unavailable)
    return sentence
