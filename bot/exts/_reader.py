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
from bot.services.keeping import Keeping, Kind
from bot.words import Words

log = logging.getLogger(__name__)

SHOWN_EVERY_S = 5.0
_APART_S = 0.5  # between the beginnings of two readings of a server, each of which lists its channels
_RETRY_S, _LONGEST_RETRY_S = 10.0, 600.0


class _Reading:
    """What is being read of one server."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.was_asked_for = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.progress: Progress | None = None
        self.retry_s = 0.0  # how long to wait at least before it is tried again
        self.rate = 0.0  # messages a second, over the last stretch that was shown


class Reader:
    """Starts, repeats and ends the reading of histories."""

    def __init__(
        self, client: discord.Client, backfill: Backfill, coverage: Coverage, keeping: Keeping, inbox: Inbox
    ) -> None:
        self._client = client
        self._backfill = backfill
        self._coverage = coverage
        self._keeping = keeping
        self._inbox = inbox
        self._readings: dict[int, _Reading] = {}
        self._began_at: dict[int, float] = {}  # by server, in monotonic seconds
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
            await self._wait_for_turn(guild_id)
            reading.was_asked_for.clear()
            n_before = reading.tally.total
            seconds = await self._try_to_read(guild_id, reading)
            if seconds is None:
                continue
            is_in_vain = reading.tally.total == n_before
            reading.retry_s = max(2 * reading.retry_s, _RETRY_S) if is_in_vain else _RETRY_S
            await self._wait_to_retry(guild_id, reading, seconds)

    async def _wait_for_turn(self, guild_id: int) -> None:
        """What asks for a reading again and again does not make one without a pause."""
        await asyncio.sleep(self._began_at.get(guild_id, -_APART_S) + _APART_S - time.monotonic())
        self._began_at[guild_id] = time.monotonic()

    async def _wait_to_retry(self, guild_id: int, reading: _Reading, seconds: float) -> None:
        """Twice as long each time that nothing could be read; no longer once somebody asks for it."""
        reading.retry_s = min(reading.retry_s, _LONGEST_RETRY_S)
        wait_s = min(max(seconds, reading.retry_s), _LONGEST_RETRY_S)
        log.warning("reading the history of server %d goes on in %.0f s", guild_id, wait_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(reading.was_asked_for.wait(), wait_s)
        reading.was_asked_for.set()

    async def _try_to_read(self, guild_id: int, reading: _Reading) -> float | None:
        """Read what there is to read; after how many seconds to try again where that was not all."""
        try:
            await self._read_once(guild_id, reading)
        except HistoryDelayed as error:
            await self._inbox.put(HistoryRead(guild_id))  # the other channels were read
            log.warning("not all of the history of server %d can be read now: %s", guild_id, error.reason)
            return error.seconds
        except (BotError, *FAILED) as error:
            log.warning("reading the history of server %d failed: %s", guild_id, error)
        except Exception:
            log.exception("reading the history of server %d failed", guild_id)
        else:
            return None
        return 0.0

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

    def _private_ids(self, guild_id: int) -> set[int] | None:
        """None for all private threads. Only a thread can be one: their lists are not asked for where none is named."""
        if self._keeping.includes(guild_id, Kind.PRIVATE_THREADS):
            return None
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
