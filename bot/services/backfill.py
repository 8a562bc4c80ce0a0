"""Reads the history of what is to be indexed, channel by channel in turn, and goes on where it stopped."""

import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from bot.errors import BotError, HistoryDelayed, HistoryUnavailable
from bot.messages import Location
from bot.services.history import History, Place
from bot.services.ingest import Tally
from bot.services.keeping import Keeping
from bot.services.reconcile import Reconcile
from bot.services.uptodate import UpToDate
from bot.services.walk import Span, Stopped, Walker
from bot.storage.servers import Notice, ServerStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading a server's history has come: of so many channels so many are read to their beginning.

    `n_left` estimates how many messages are still to be read, from how dense those were that were read.
    """

    tally: Tally
    n_channels: int = 0
    n_finished: int = 0
    n_unavailable: int = 0
    n_left: int = 0
    is_done: bool = False


@dataclass(slots=True)
class _Walk:
    """Reading one channel."""

    location: Location
    span: Span
    pages: AsyncIterator[Tally]
    n_left: int = 0


@dataclass(slots=True)
class _Run:
    """What one reading of a server has come to, counted as it goes: it is looked at after each page of many channels.

    `waits` holds after how many seconds each thing is to be asked for that could not be had now.
    """

    n_channels: int = 0
    n_finished: int = 0
    n_unavailable: int = 0
    n_left: int = 0
    waits: list[float] = field(default_factory=list)

    def progress(self, tally: Tally) -> Progress:
        return Progress(
            tally,
            n_channels=self.n_channels,
            n_finished=self.n_finished,
            n_unavailable=self.n_unavailable,
            n_left=self.n_left,
        )


class Backfill:
    """Lets every channel have its turn, and shows how far reading has come."""

    def __init__(
        self, walker: Walker, keeping: Keeping, servers: ServerStore, reconcile: Reconcile, up_to_date: UpToDate
    ) -> None:
        self._walker = walker
        self._keeping = keeping
        self._servers = servers
        self._reconcile = reconcile
        self._up_to_date = up_to_date
        self._not_before: dict[int, float] = {}  # by channel, in monotonic seconds

    async def read(self, history: History, tally: Tally) -> AsyncIterator[Progress]:
        """Read all that is covered and was not read yet; yields after each page and at the end.

        What is read is added to the tally, which the progress shows. Raises HistoryDelayed at the end where some
        channels cannot be read, or not be listed, now, and StorageFailed.
        """
        run = _Run()
        async for of_a_page in self._in_turn(history, run):
            tally += of_a_page
            yield run.progress(tally)
        if run.waits:
            raise HistoryDelayed(f"{len(run.waits)} channels or lists of them wait", seconds=min(run.waits))
        yield replace(run.progress(tally), is_done=True)

    async def notice(self, guild_id: int) -> Notice | None:
        """The message that shows how far reading has come, if there is one to be edited."""
        return await self._servers.notice(guild_id)

    async def noted(self, guild_id: int, *, channel_id: int, message_id: int, language: str) -> None:
        """A message of the bot's shows from now on how far reading has come."""
        await self._servers.put_notice(Notice(guild_id, channel_id, message_id, language))

    async def unnoted(self, notice: Notice) -> None:
        """A message no longer shows it; another one that has taken its place still does."""
        await self._servers.drop_notice(notice)

    async def _in_turn(self, history: History, run: _Run) -> AsyncIterator[Tally]:
        """A page of each channel as soon as it is known, then another one of those that have more, and so on."""
        waiting: deque[_Walk] = deque()
        async for walk in self._walks(history, run):
            if (tally := await self._step(walk, run)) is not None:
                waiting.append(walk)
                yield tally
        while waiting:
            walk = waiting.popleft()
            if (tally := await self._step(walk, run)) is not None:
                waiting.append(walk)
                yield tally

    async def _walks(self, history: History, run: _Run) -> AsyncIterator[_Walk]:
        """Each channel that is covered; where all could be listed, threads that are not there are dropped."""
        listed_at = self._up_to_date.now()
        listed_ids: set[int] = set()
        try:
            async for place in history.places():
                listed_ids.add(place.location.channel.channel_id)
                if self._keeping.covers(place.location):
                    run.n_channels += 1
                    yield self._walk(history, place, listed_at)
        except HistoryDelayed as error:
            log.info(
                "listing server %d goes on in %.0f s at the soonest: %s", history.guild_id, error.seconds, error.reason
            )
            run.waits.append(error.seconds)
        else:
            await self._reconcile.drop_gone(history, listed_ids)

    def _walk(self, history: History, place: Place, listed_at: int) -> _Walk:
        span = Span()
        return _Walk(place.location, span, self._walker.pages(history, place, span, listed_at=listed_at))

    async def _step(self, walk: _Walk, run: _Run) -> Tally | None:
        """The next page of a channel; None where reading it is over, for whatever reason, which is counted."""
        tally = await self._page(walk, run)
        beginning_id = max(walk.location.channel.channel_id, self._keeping.border_id(walk.location.guild_id))
        n_left = 0 if tally is None else walk.span.n_left(beginning_id)
        run.n_left += n_left - walk.n_left
        walk.n_left = n_left
        return tally

    async def _page(self, walk: _Walk, run: _Run) -> Tally | None:
        guild_id, channel_id = walk.location.guild_id, walk.location.channel.channel_id
        if self._up_to_date.is_refused(guild_id, channel_id):
            run.n_unavailable += 1
            return None
        at = self._up_to_date.now()
        try:
            self._refuse_too_early(channel_id)
            return await anext(walk.pages)
        except (StopAsyncIteration, Stopped):
            run.n_finished += 1
        except HistoryUnavailable as error:
            log.warning("stopped reading channel %d: %s", channel_id, error.reason)
            self._up_to_date.refused(channel_id, at=at)
            run.n_unavailable += 1
        except HistoryDelayed as error:
            log.info("reading channel %d goes on in %.0f s at the soonest: %s", channel_id, error.seconds, error.reason)
            self._not_before[channel_id] = time.monotonic() + error.seconds
            run.waits.append(error.seconds)
        except BotError:
            raise
        except Exception:
            log.exception("reading channel %d failed", channel_id)
            run.n_unavailable += 1
        return None

    def _refuse_too_early(self, channel_id: int) -> None:
        if (wait := self._not_before.get(channel_id, 0) - time.monotonic()) > 0:
            raise HistoryDelayed("Discord asked to wait", seconds=wait)
