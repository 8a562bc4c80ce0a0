"""Reads the history of what is to be indexed, channel by channel in turn, and goes on where it stopped."""

import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from bot.errors import BotError, HistoryDelayed, HistoryUnavailable
from bot.messages import Location
from bot.services.coverage import Coverage
from bot.services.history import History, Place
from bot.services.ingest import Tally
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
    """Reading one channel, until `pages` has no more or one of the ends below has come."""

    location: Location
    span: Span
    pages: AsyncIterator[Tally]
    is_over: bool = False
    is_unavailable: bool = False
    delayed_for: float | None = None


class Backfill:
    """Lets every channel have its turn, and shows how far reading has come."""

    def __init__(
        self, walker: Walker, coverage: Coverage, servers: ServerStore, reconcile: Reconcile, up_to_date: UpToDate
    ) -> None:
        self._walker = walker
        self._coverage = coverage
        self._servers = servers
        self._reconcile = reconcile
        self._up_to_date = up_to_date
        self._not_before: dict[int, float] = {}  # by channel, in monotonic seconds

    async def read(self, history: History, tally: Tally) -> AsyncIterator[Progress]:
        """Read all that is covered and was not read yet; yields after each page and at the end.

        What is read is added to the tally, which the progress shows. Raises HistoryDelayed at the end where some
        channels cannot be read now, and StorageFailed.
        """
        walks: list[_Walk] = []
        async for of_a_page in self._in_turn(history, walks):
            tally += of_a_page
            yield _progress(tally, walks)
        if delays := [walk.delayed_for for walk in walks if walk.delayed_for is not None]:
            raise HistoryDelayed(f"{len(delays)} channels wait", seconds=min(delays))
        yield replace(_progress(tally, walks), is_done=True)

    async def notice(self, guild_id: int) -> Notice | None:
        """The message that shows how far reading has come, if there is one to be edited."""
        return await self._servers.notice(guild_id)

    async def noted(self, guild_id: int, *, channel_id: int, message_id: int, language: str) -> None:
        """A message of the bot's shows from now on how far reading has come."""
        await self._servers.put_notice(Notice(guild_id, channel_id, message_id, language))

    async def unnoted(self, notice: Notice) -> None:
        """A message no longer shows it; another one that has taken its place still does."""
        await self._servers.drop_notice(notice)

    async def _in_turn(self, history: History, walks: list[_Walk]) -> AsyncIterator[Tally]:
        """A page of each channel as soon as it is known, then another one of those that have more, and so on."""
        listed_at = self._up_to_date.now()
        listed_ids: set[int] = set()
        async for place in history.places():
            listed_ids.add(place.location.channel.channel_id)
            if self._coverage.covers(place.location):
                walks.append(self._walk(history, place, listed_at))
                if (tally := await self._step(walks[-1])) is not None:
                    yield tally
        await self._reconcile.drop_gone(history, listed_ids)
        waiting = deque(walk for walk in walks if not walk.is_over)
        while waiting:
            walk = waiting.popleft()
            if (tally := await self._step(walk)) is not None:
                waiting.append(walk)
                yield tally

    def _walk(self, history: History, place: Place, listed_at: int) -> _Walk:
        span = Span()
        return _Walk(place.location, span, self._walker.pages(history, place, span, listed_at=listed_at))

    async def _step(self, walk: _Walk) -> Tally | None:
        """The next page of a channel; None where reading it is over, for whatever reason."""
        channel_id = walk.location.channel.channel_id
        try:
            self._refuse_too_early(channel_id)
            return await anext(walk.pages)
        except (StopAsyncIteration, Stopped):
            pass
        except HistoryUnavailable as error:
            log.warning("stopped reading channel %d: %s", channel_id, error.reason)
            self._up_to_date.refused(channel_id)
            walk.is_unavailable = True
        except HistoryDelayed as error:
            log.info("reading channel %d goes on in %.0f s at the soonest: %s", channel_id, error.seconds, error.reason)
            self._not_before[channel_id] = time.monotonic() + error.seconds
            walk.delayed_for = error.seconds
        except BotError:
            raise
        except Exception:
            log.exception("reading channel %d failed", channel_id)
            walk.is_unavailable = True
        walk.is_over = True
        return None

    def _refuse_too_early(self, channel_id: int) -> None:
        if (wait := self._not_before.get(channel_id, 0) - time.monotonic()) > 0:
            raise HistoryDelayed("Discord asked to wait", seconds=wait)


def _progress(tally: Tally, walks: Sequence[_Walk]) -> Progress:
    return Progress(
        tally,
        n_channels=len(walks),
        n_finished=sum(walk.is_over and not walk.is_unavailable and walk.delayed_for is None for walk in walks),
        n_unavailable=sum(walk.is_unavailable for walk in walks),
        n_left=sum(walk.span.n_left(walk.location.channel.channel_id) for walk in walks if not walk.is_over),
    )
