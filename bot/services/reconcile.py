"""Compares what is stored with what Discord holds: nobody tells what was deleted or edited while the bot was away."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.errors import BotError, HistoryDelayed, HistoryUnavailable, StorageFailed
from bot.messages import Channel, Location, Message, StoredMessage
from bot.services.coverage import Coverage
from bot.services.history import PAGE, History
from bot.services.ingest import Ingest, Tally
from bot.services.keeping import Keeping
from bot.services.uptodate import UpToDate
from bot.storage.servers import Marks, ServerStore
from bot.storage.sweeps import Sweep, SweepStore
from bot.texts import storable
from bot.times import MAX_SNOWFLAKE, milliseconds

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # between two pages of the sweep, over all servers: of the 50 requests a second that Discord grants, one
RECENT = timedelta(days=7)  # where something was written since, the newest page is compared at once
_IDLE_S = 30.0
_FAILED_S = 600.0  # how long a channel is left alone whose comparison failed as nobody expected
_DISAGREED_S = 60.0
_DONE = object()


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """A page of a channel beside what is stored of it.

    `floor_id` is the oldest id that it speaks for, 0 where it reaches the channel's beginning; `gone_ids` are stored
    and no longer on Discord.
    """

    messages: tuple[Message, ...]
    floor_id: int
    gone_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Which stored messages are still as they are stored, and how many could not be asked about."""

    true_ids: frozenset[int]
    n_unknown: int


class Reconcile:
    """Finds what was deleted and edited unheard: at once where it is to be shown, else page by page."""

    def __init__(
        self,
        ingest: Ingest,
        coverage: Coverage,
        servers: ServerStore,
        sweeps: SweepStore,
        up_to_date: UpToDate,
        *,
        keeping: Keeping,
        every: timedelta,
    ) -> None:
        self._ingest = ingest
        self._coverage = coverage
        self._keeping = keeping
        self._servers = servers
        self._sweeps = sweeps
        self._up_to_date = up_to_date
        self._every = every
        self._not_before: dict[int, float] = {}  # by channel, in monotonic seconds
        self._began: dict[int, int] = {}  # by channel: at which moment comparing all of it began

    async def confirm(self, rows: Sequence[StoredMessage], history: History, *, within: float) -> Confirmed:
        """Ask Discord, all at once and for so many seconds at most, about messages that may have changed unheard.

        What is gone is deleted and what was rewritten is stored anew before this returns.
        """
        at = self._up_to_date.now()
        unsure = {row.message.message_id: row.message for row in rows if not self._is_true(row.message)}
        found = await self._asked(history, [m for m in unsure.values() if not self._is_refused(m)], within)
        gone = [message_id for message_id, message in found.items() if message is None]
        there = [message for message in found.values() if message is not None]
        try:
            await self._ingest.renewed(history.guild_id, there)
            await self._ingest.deleted(history.guild_id, gone)
        except StorageFailed as error:
            log.warning("%d messages were found changed, which is not stored: %s", len(found), error)
        unchanged = {m.message_id for m in there if _is_same(m, unsure[m.message_id])}
        for message_id in unchanged:
            self._up_to_date.confirmed(message_id, at=at)
        sure = {row.message.message_id: row.message for row in rows if row.message.message_id not in unsure}
        # What was told of since the rows were read, applied or not, is left out.
        now = await self._ingest.stored(history.guild_id, [*sure, *unchanged])
        sure_ids = {i for i, message in sure.items() if i in now and now[i].shown == message.shown}
        true_ids = {i for i in sure_ids | (unchanged & set(now)) if not self._up_to_date.is_waiting(i)}
        return Confirmed(frozenset(true_ids), n_unknown=len(unsure) - len(found))

    async def page(self, history: History, location: Location, *, before_id: int | None = None) -> ComparedPage:
        """The newest page of a channel, or the one before an id. Raises HistoryUnavailable and HistoryDelayed."""
        channel_id = location.channel.channel_id
        # What is stored while the page is on its way cannot be in it.
        newest = (await self._sweeps.bounds(location.guild_id, channel_id))[1] if before_id is None else before_id - 1
        messages = await history.page(location, before_id=before_id)
        floor_id = messages[-1].message_id if len(messages) == PAGE else 0
        stored = await self._sweeps.ids_between(location.guild_id, channel_id, oldest=floor_id, newest=newest)
        gone = stored - {message.message_id for message in messages}
        if gone:
            await self._refuse_doubtful(history, location, messages, sorted(gone))
        return ComparedPage(tuple(messages), floor_id, frozenset(gone))

    async def _refuse_doubtful(
        self, history: History, location: Location, messages: Sequence[Message], gone: Sequence[int]
    ) -> None:
        """A deletion is final: Discord must know nothing of some that a page lacks, nor of any below a short page."""
        for message_id in {gone[0], gone[len(gone) // 2], gone[-1]}:
            if await history.message(location.channel.channel_id, message_id) is not None:
                raise HistoryDelayed("a page lacks a message that is there", seconds=_DISAGREED_S)
        is_short = 0 < len(messages) < PAGE and gone[0] < messages[-1].message_id
        if is_short and await history.page(location, before_id=messages[-1].message_id):
            raise HistoryDelayed("a page is not all there is", seconds=_DISAGREED_S)

    async def apply(
        self, location: Location, page: ComparedPage, wanted: Sequence[Message], *, reached: Marks | None = None
    ) -> Tally:
        """Store what is wanted of a page, with the marks that it moved, and delete what is gone."""
        tally = await self._ingest.saved(location.guild_id, wanted, reached=reached)
        if page.gone_ids:
            log.info("channel %d: %d messages were deleted unheard", location.channel.channel_id, len(page.gone_ids))
            await self._ingest.deleted(location.guild_id, page.gone_ids)
        return tally

    async def compare_newest(self, history: History, location: Location) -> Tally:
        """Compare the newest page of a channel; its messages are counted only where they changed something."""
        at = self._up_to_date.now()
        began_at = datetime.now(UTC)
        tally, floor_id = await self._compare(history, location, None)
        await self.was_read(location, down_to=floor_id, at=at, began_at=began_at)
        return Tally(new=tally.new, changed=tally.changed)

    async def was_read(self, location: Location, *, down_to: int, at: int, began_at: datetime) -> None:
        """A channel was just read from its newest message down to an id, page by page."""
        self._up_to_date.compared(location.guild_id, location.channel.channel_id, down_to=down_to, at=at)
        if down_to == 0:
            await self._went_on(location, 0, began_at)

    async def drop_gone(self, history: History, listed_ids: set[int]) -> None:
        """Drop known threads that were not among those listed and that are surely deleted.

        The threads of a channel that is gone or closed share its fate.
        """
        for channel in await self._servers.channels(history.guild_id):
            is_missing = channel.is_thread and channel.channel_id not in listed_ids
            if is_missing and history.locate(channel) is not None:
                await self._drop_if_gone(history, channel)

    async def sweep(self, histories: Callable[[], Iterable[History]]) -> None:
        """Compare all that is stored, a page in turn for each server, again and again until cancelled."""
        walks: dict[int, AsyncIterator[None]] = {}
        rests_until: dict[int, float] = {}
        while True:
            for history in histories():
                guild_id = history.guild_id
                if guild_id not in walks and rests_until.get(guild_id, 0.0) <= time.monotonic():
                    walks[guild_id] = self._walk(history)
            for guild_id, walk in list(walks.items()):
                if not await self._goes_on(guild_id, walk):
                    del walks[guild_id]
                    rests_until[guild_id] = time.monotonic() + _IDLE_S
                else:
                    await asyncio.sleep(PAUSE_S)
            if not walks:
                await asyncio.sleep(PAUSE_S)

    async def _goes_on(self, guild_id: int, walk: AsyncIterator[None]) -> bool:
        """The next page of a server; whether there was one. A database that refuses may take it later."""
        try:
            return await anext(walk, _DONE) is not _DONE
        except StorageFailed as error:
            log.warning("comparing server %d goes on in %.0f s: %s", guild_id, _IDLE_S, error)
            return False

    def _is_true(self, message: Message) -> bool:
        return self._up_to_date.is_true(message.guild_id, message.channel_id, message.message_id)

    def _is_refused(self, message: Message) -> bool:
        return self._up_to_date.is_refused(message.guild_id, message.channel_id)

    async def _asked(self, history: History, messages: Sequence[Message], within: float) -> dict[int, Message | None]:
        """What Discord answers in time, by message id; where it refuses it is not asked again."""
        at = self._up_to_date.now()
        tasks = [asyncio.ensure_future(history.message(m.channel_id, m.message_id)) for m in messages]
        if not tasks:
            return {}
        try:
            await asyncio.wait(tasks, timeout=within)
        finally:
            for task in tasks:
                task.cancel()
        found = {}
        for message, answer in zip(messages, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
            if not isinstance(answer, BaseException):
                found[message.message_id] = answer
            elif isinstance(answer, HistoryUnavailable):
                self._up_to_date.refused(message.channel_id, at=at)
            elif isinstance(answer, Exception) and not isinstance(answer, BotError):
                log.error("message %d could not be asked about", message.message_id, exc_info=answer)
        return found

    async def _walk(self, history: History) -> AsyncIterator[None]:
        """Compare the channels of a server that are due; yields after each page that Discord was asked for."""
        channels = {channel.channel_id: channel for channel in await self._servers.channels(history.guild_id)}
        for sweep in await self._sweeps.of_server(history.guild_id):
            channel = channels.get(sweep.channel_id)
            if channel is None or not self._is_due(history.guild_id, sweep):
                continue
            if (location := history.locate(channel)) is None:
                continue
            at = self._up_to_date.now()
            try:
                async for _ in self._walk_channel(history, location, sweep):
                    yield
            except HistoryDelayed as error:
                log.info("channel %d is compared later: %s", channel.channel_id, error.reason)
                self._not_before[channel.channel_id] = time.monotonic() + error.seconds
                yield
            except HistoryUnavailable as error:
                log.info("channel %d is not compared: %s", channel.channel_id, error.reason)
                self._up_to_date.refused(channel.channel_id, at=at)
                if channel.is_thread:
                    await self._drop_if_gone(history, channel)
                yield
            except BotError:
                raise
            except Exception:
                log.exception("comparing channel %d failed", channel.channel_id)
                self._not_before[channel.channel_id] = time.monotonic() + _FAILED_S
                yield

    def _is_due(self, guild_id: int, sweep: Sweep) -> bool:
        is_early = self._not_before.get(sweep.channel_id, 0.0) > time.monotonic()
        if is_early or self._up_to_date.is_refused(guild_id, sweep.channel_id):
            return False
        is_old = sweep.done_at is None or sweep.done_at < datetime.now(UTC) - self._every
        return is_old or not self._up_to_date.is_true(guild_id, sweep.channel_id, 0)

    async def _walk_channel(self, history: History, location: Location, sweep: Sweep) -> AsyncIterator[None]:
        began_at = sweep.began_at or datetime.now(UTC)
        if sweep.reached_id is None:
            self._began[sweep.channel_id] = self._up_to_date.now()
        at = self._began.get(sweep.channel_id)  # None where another process began it, which says nothing about now
        oldest, _ = await self._sweeps.bounds(location.guild_id, sweep.channel_id)
        before_id = sweep.reached_id
        while before_id != 0:
            _, floor_id = await self._compare(history, location, before_id)
            before_id = 0 if floor_id <= oldest else floor_id
            await self._went_on(location, before_id, began_at)
            if at is not None:
                self._up_to_date.compared(location.guild_id, sweep.channel_id, down_to=before_id, at=at)
            yield

    async def _compare(self, history: History, location: Location, before_id: int | None) -> tuple[Tally, int]:
        """One page; of what is not stored only what should have been is stored now."""
        page = await self.page(history, location, before_id=before_id)
        marks = await self._servers.marks(location.guild_id, location.channel.channel_id)
        tally = Tally(changed=await self._ingest.renewed(location.guild_id, page.messages))
        # A channel that was closed meanwhile is not filled again.
        is_wanted = self._keeping.covers(location) and history.locate(location.channel) is not None
        lowest = marks.low_id if marks is not None and is_wanted else MAX_SNOWFLAKE
        wanted = [message for message in page.messages if message.message_id >= lowest]
        tally += await self.apply(location, page, wanted, reached=marks)
        return tally, page.floor_id

    async def _went_on(self, location: Location, reached_id: int, began_at: datetime) -> None:
        await self._sweeps.went_on(
            location.guild_id, location.channel.channel_id, reached_id=reached_id, began_at=began_at
        )

    async def _drop_if_gone(self, history: History, channel: Channel) -> None:
        try:
            if await history.is_gone(channel):
                log.info("thread %d was deleted unheard", channel.channel_id)
                await self._ingest.channels_deleted(channel.guild_id, [channel.channel_id])
                await self._coverage.load()
        except HistoryDelayed as error:
            log.info("whether thread %d is gone is not known: %s", channel.channel_id, error.reason)


def _is_same(found: Message, stored: Message) -> bool:
    """Whether a message says what was stored; an export may word it differently without any edit."""
    return storable(found.shown) == stored.shown or _edited_ms(found) == _edited_ms(stored)


def _edited_ms(message: Message) -> int | None:
    return None if message.edited_at is None else milliseconds(message.edited_at)
