"""Reads one channel: up from where it was left, its newest page again, and down to its beginning."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.messages import Location, Message
from bot.services.history import History, Place
from bot.services.ingest import Ingest, Tally
from bot.services.keeping import Keeping
from bot.services.reconcile import RECENT, ComparedPage, Reconcile
from bot.services.uptodate import UpToDate
from bot.storage.servers import Marks, ServerStore
from bot.times import made_at, snowflake_at


@dataclass(slots=True)
class Span:
    """What one reading has gone through of a channel's past: `n_read` messages below `newest_id`, down to `low_id`."""

    newest_id: int = 0
    low_id: int = 0
    n_read: int = 0

    def n_left(self, beginning_id: int) -> int:
        """How many older messages there are, if they were always written as densely since an id was made."""
        read_for = made_at(self.newest_id) - made_at(self.low_id)
        left_for = made_at(self.low_id) - made_at(beginning_id)
        return max(round(self.n_read * (left_for / read_for)), 0) if self.low_id and read_for else 0


class Stopped(Exception):
    """Nobody wants to have the channel read any more."""


class Walker:
    """Walks through channels; each page is saved together with the marks that it moved."""

    def __init__(
        self, ingest: Ingest, keeping: Keeping, servers: ServerStore, reconcile: Reconcile, up_to_date: UpToDate
    ) -> None:
        self._up_to_date = up_to_date
        self._ingest = ingest
        self._keeping = keeping
        self._servers = servers
        self._reconcile = reconcile

    async def pages(self, history: History, place: Place, span: Span, *, listed_at: int) -> AsyncIterator[Tally]:
        """Read what was not read yet, a page a step; what was read of the past is added to the span.

        `listed_at` is the moment before the place was told. Raises Stopped, HistoryUnavailable and HistoryDelayed.
        """
        marks = await self._servers.marks(place.location.guild_id, place.location.channel.channel_id)
        if marks is None:
            async for tally in self._first(history, place.location, span):
                yield tally
            return
        await self._ingest.met(place.location.server, place.location.channel)
        async for tally in self._rise(history, place, marks, listed_at):
            yield tally
        if self._is_to_be_compared(place):
            yield await self._reconcile.compare_newest(history, place.location)
        async for tally in self._fall(history, place.location, marks, span):
            yield tally

    async def _first(self, history: History, location: Location, span: Span) -> AsyncIterator[Tally]:
        """Read a channel for the first time."""
        await self._ingest.met(location.server, location.channel)
        channel_id, at, began_at = location.channel.channel_id, self._up_to_date.now(), datetime.now(UTC)
        page = await self._reconcile.page(history, location)
        self._refuse_unwanted(location)
        high_id = page.messages[0].message_id if page.messages else 0
        marks = Marks(channel_id, high_id=high_id, low_id=self._low(location, page))
        span.newest_id, span.low_id, span.n_read = marks.high_id, marks.low_id, len(page.messages) - 1
        tally = await self._reconcile.apply(location, page, page.messages, reached=marks)
        self._up_to_date.was_read(channel_id, at=at)
        await self._reconcile.was_read(location, down_to=marks.low_id, at=at, began_at=began_at)
        yield tally
        async for tally in self._fall(history, location, replace(marks, are_first=False), span):
            await self._reconcile.was_read(location, down_to=span.low_id, at=at, began_at=began_at)
            yield tally

    async def _rise(self, history: History, place: Place, marks: Marks, listed_at: int) -> AsyncIterator[Tally]:
        """Read what is newer than the high mark, the oldest of it first."""
        location, at = place.location, listed_at
        if (place.newest_id or 0) > marks.high_id:
            at = self._up_to_date.now()
            while page := await self._page(history, location, after_id=marks.high_id):
                marks = replace(marks, high_id=page[0].message_id)
                yield await self._ingest.saved(location.guild_id, page, reached=marks)
                at = self._up_to_date.now()
        self._up_to_date.was_read(marks.channel_id, at=at)

    async def _fall(self, history: History, location: Location, marks: Marks, span: Span) -> AsyncIterator[Tally]:
        """Read what is older than the low mark, as long as that is wanted and may be kept."""
        span.newest_id, span.low_id = span.newest_id or marks.low_id, marks.low_id
        while marks.low_id and self._keeping.wants_older(location.guild_id, marks.low_id):
            self._refuse_unwanted(location)
            page = await self._reconcile.page(history, location, before_id=marks.low_id)
            self._refuse_unwanted(location)
            marks = replace(marks, low_id=self._low(location, page))
            span.low_id, span.n_read = marks.low_id, span.n_read + len(page.messages)
            yield await self._reconcile.apply(location, page, page.messages, reached=marks)

    def _low(self, location: Location, page: ComparedPage) -> int:
        """Down to where a page has read what may be kept; what is too old, if there may be any, counts as not read."""
        border_id = self._keeping.border_id(location.guild_id)
        oldest_id = min([location.channel.channel_id, *(message.message_id for message in page.messages[-1:])])
        return border_id if max(page.floor_id, oldest_id) < border_id else page.floor_id

    def _is_to_be_compared(self, place: Place) -> bool:
        """Whether something was written lately in a channel that something may have been missed of."""
        channel, newest_id = place.location.channel, place.newest_id or 0
        is_recent = newest_id >= snowflake_at(datetime.now(UTC) - RECENT)
        return is_recent and not self._up_to_date.is_true(channel.guild_id, channel.channel_id, newest_id)

    async def _page(self, history: History, location: Location, *, after_id: int) -> Sequence[Message]:
        self._refuse_unwanted(location)
        page = await history.page(location, after_id=after_id)
        self._refuse_unwanted(location)
        return page

    def _refuse_unwanted(self, location: Location) -> None:
        """Indexing may be stopped before a page is asked for, and while it is on its way."""
        if not self._keeping.covers(location):
            raise Stopped
