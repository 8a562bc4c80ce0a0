"""Reads histories in the background, one task a server, and shows how far each has come."""

import asyncio
import logging
import time
from contextlib import suppress

import discord

from bot.errors import BotError, HistoryDelayed
from bot.exts._failures import FAILED
from bot.exts._history import DiscordHistory
from bot.services.backfill import Backfill, Progress
from bot.services.coverage import WHOLE_SERVER, Coverage, Past
from bot.services.events import HistoryRead
from bot.services.inbox import Inbox
from bot.services.ingest import Tally
from bot.words import Words

log = logging.getLogger(__name__)

SHOWN_EVERY_S = 5.0
_RETRY_S, _LONGEST_RETRY_S = 10.0, 600.0


class _Reading:
    """What is being read of one server."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.was_asked_for = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.progress: Progress | None = None
        self.rate = 0.0  # messages a second, over the last stretch that was shown


class Reader:
    """Starts, repeats and ends the reading of histories."""

    def __init__(self, client: discord.Client, backfill: Backfill, coverage: Coverage, inbox: Inbox) -> None:
        self._client = client
        self._backfill = backfill
        self._coverage = coverage
        self._inbox = inbox
        self._readings: dict[int, _Reading] = {}
        self._is_closed = False

    def start(self, guild_id: int) -> None:
        """Read what is covered and was not read yet; once more when that is going on already."""
        if self._is_closed or not self._coverage.is_indexed(guild_id):
            return
        if not self.is_reading(guild_id):
            reading = self._readings[guild_id] = _Reading()
            reading.task = asyncio.create_task(self._read(guild_id, reading), name=f"history of {guild_id}")
        self._readings[guild_id].was_asked_for.set()

    def is_reading(self, guild_id: int) -> bool:
        reading = self._readings.get(guild_id)
        return reading is not None and reading.task is not None and not reading.task.done()

    def told(self, guild_id: int, words: Words) -> str | None:
        """How far what is being read of a server has come; None where nothing is being read or was read yet."""
        if not self.is_reading(guild_id) or (progress := self._readings[guild_id].progress) is None:
            return None
        return _told(progress, self._readings[guild_id].rate, words, past=self._coverage.past(guild_id))

    async def close(self) -> None:
        """Stop between two pages; the next start of the bot goes on from there."""
        self._is_closed = True
        tasks = [reading.task for reading in self._readings.values() if reading.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, guild_id: int, reading: _Reading) -> None:
        await reading.was_asked_for.wait()
        # None for a server that the bot was removed from.
        while reading.was_asked_for.is_set() and self._client.get_guild(guild_id) is not None:
            reading.was_asked_for.clear()
            wait_s = _RETRY_S
            try:
                await self._read_once(guild_id, reading)
            except HistoryDelayed as error:
                await self._inbox.put(HistoryRead(guild_id))  # the other channels were read
                wait_s = min(max(error.seconds, _RETRY_S), _LONGEST_RETRY_S)
                log.warning("reading the history of server %d goes on in %.0f s: %s", guild_id, wait_s, error.reason)
            except (BotError, *FAILED) as error:
                log.warning("reading the history of server %d goes on in %.0f s: %s", guild_id, wait_s, error)
            except Exception:
                log.exception("reading the history of server %d failed and goes on in %.0f s", guild_id, wait_s)
            else:
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(reading.was_asked_for.wait(), wait_s)
            reading.was_asked_for.set()

    async def _read_once(self, guild_id: int, reading: _Reading) -> None:
        """Read what there is to read, counted together with what was read before."""
        history = DiscordHistory(self._client, guild_id, private_ids=self._private_ids(guild_id))
        shown_at, n_shown = time.monotonic(), reading.tally.total
        async for progress in self._backfill.read(history, reading.tally):
            reading.progress = progress
            seconds = time.monotonic() - shown_at
            if seconds >= SHOWN_EVERY_S or (progress.is_done and not reading.was_asked_for.is_set()):
                reading.rate = (progress.tally.total - n_shown) / max(seconds, 0.001)
                await self._show(guild_id, progress, reading.rate)
                shown_at, n_shown = time.monotonic(), progress.tally.total
        await self._inbox.put(HistoryRead(guild_id))

    def _private_ids(self, guild_id: int) -> set[int]:
        """Only a thread can be a private one: lists of those are not asked for where none is named."""
        guild = self._client.get_guild(guild_id)
        named = {i for i, is_indexed in self._coverage.told(guild_id).items() if is_indexed}
        return named - {WHOLE_SERVER, *(channel.id for channel in (guild.channels if guild else ()))}

    async def _show(self, guild_id: int, progress: Progress, rate: float) -> None:
        log.info(
            "server %d: %d messages read, %.0f a second, %d of %d channels finished, some %d messages left",
            guild_id,
            progress.tally.total,
            rate,
            progress.n_finished,
            progress.n_channels,
            progress.n_left,
        )
        guild, notice = self._client.get_guild(guild_id), await self._backfill.notice(guild_id)
        if notice is None or guild is None:
            return
        channel = guild.get_channel_or_thread(notice.channel_id)
        is_given_up = progress.is_done
        sentence = _told(progress, rate, Words(notice.language), past=self._coverage.past(guild_id))
        try:
            if isinstance(channel, discord.abc.Messageable):
                await channel.get_partial_message(notice.message_id).edit(content=sentence)
        except FAILED as error:
            log.info("progress in server %d is not shown: %s", guild_id, error)
            is_given_up |= isinstance(error, discord.Forbidden | discord.NotFound)
        if is_given_up:
            await self._backfill.unnoted(notice)


def _told(progress: Progress, rate: float, words: Words, *, past: Past) -> str:
    """How far reading has come, in words; without hidden channels' names."""
    values = {"messages": progress.tally.total, "channels": progress.n_channels}
    if not progress.is_done:
        told = words("index.reading", **values, rate=rate, finished=progress.n_finished)
        return f"{told}\n{words('index.left', n=progress.n_left)}" if progress.n_left else told
    told = words(_DONE[past], **values)
    return f"{told}\n{words('index.unavailable', n=progress.n_unavailable)}" if progress.n_unavailable else told


_DONE = {Past.WANTED: "index.read", Past.PAUSED: "index.read_paused", Past.CANCELLED: "index.read_cancelled"}
