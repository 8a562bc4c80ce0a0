"""Reads the history of what is to be indexed, newest first, and goes on where it stopped."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.errors import HistoryUnavailable
from bot.messages import Location, Message
from bot.services.coverage import Coverage
from bot.services.ingest import Ingest, Tally
from bot.services.uptodate import UpToDate
from bot.storage.servers import Marks, Notice, ServerStore

log = logging.getLogger(__name__)

PAGE = 100  # the most messages that Discord gives at once


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or thread whose history can be read; `newest_id` is None where none is known."""

    location: Location
    newest_id: int | None


class History(Protocol):
    """The past of one server, as the bot may read it."""

    def places(self) -> AsyncIterator[Place]:
        """Every channel and thread that the bot may read now, archived threads too."""

    async def page(
        self, location: Location, *, before_id: int | None = None, after_id: int | None = None
    ) -> Sequence[Message]:
        """Up to PAGE messages, newest first: the newest, the nearest before an id, or the nearest after one.

        Raises HistoryUnavailable, also when nothing came back because nothing may be read.
        """


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading a server's history has come."""

    tally: Tally
    n_channels: int = 0
    n_unavailable: int = 0
    is_done: bool = False


class _Stopped(Exception):
    """Nobody wants to have the channel read any more."""


class Backfill:
    """Walks histories into the database; each page is saved together with the marks that it moved."""

    def __init__(self, ingest: Ingest, coverage: Coverage, servers: ServerStore, up_to_date: UpToDate) -> None:
        self._up_to_date = up_to_date
        self._ingest = ingest
        self._coverage = coverage
        self._servers = servers

    async def read(self, history: History, tally: Tally) -> AsyncIterator[Progress]:
        """Read all that is covered and was not read yet; yields after each page and at the end.

        What is read is added to the tally, which the progress shows.
        """
        progress = Progress(tally)
        listed_at = self._up_to_date.now()
        async for place in history.places():
            if not self._coverage.covers(place.location):
                continue
            progress = replace(progress, n_channels=progress.n_channels + 1)
            try:
                async for of_a_page in self._read_place(history, place, listed_at):
                    tally += of_a_page
                    yield progress
            except _Stopped:
                continue
            except HistoryUnavailable as error:
                log.warning("stopped reading channel %d: %s", place.location.channel.channel_id, error.reason)
                progress = replace(progress, n_unavailable=progress.n_unavailable + 1)
        yield replace(progress, is_done=True)

    async def notice(self, guild_id: int) -> Notice | None:
        """The message that shows how far reading has come, if there is one to be edited."""
        return await self._servers.notice(guild_id)

    async def noted(self, guild_id: int, *, channel_id: int, message_id: int, language: str) -> None:
        """A message of the bot's shows from now on how far reading has come."""
        await self._servers.put_notice(Notice(guild_id, channel_id, message_id, language))

    async def unnoted(self, notice: Notice) -> None:
        """A message no longer shows it; another one that has taken its place still does."""
        await self._servers.drop_notice(notice)

    async def _read_place(self, history: History, place: Place, listed_at: int) -> AsyncIterator[Tally]:
        location = place.location
        channel_id = location.channel.channel_id
        marks = await self._servers.marks(location.guild_id, channel_id)
        if marks and marks.low_id == 0 and (place.newest_id or 0) <= marks.high_id:
            self._up_to_date.was_read(channel_id, at=listed_at)
            return
        await self._ingest.met(location.server, location.channel)
        at = self._up_to_date.now()
        if marks is None:
            page = await self._page(history, location)
            marks = _reached(channel_id, page)
            yield await self._ingest.saved(location.guild_id, page, reached=marks)
            marks = replace(marks, are_first=False)
        else:
            while page := await self._page(history, location, after_id=marks.high_id):
                marks = replace(marks, high_id=page[0].message_id)
                yield await self._ingest.saved(location.guild_id, page, reached=marks)
                at = self._up_to_date.now()
        self._up_to_date.was_read(channel_id, at=at)
        while marks.low_id:
            page = await self._page(history, location, before_id=marks.low_id)
            marks = replace(marks, low_id=_reached(channel_id, page).low_id)
            yield await self._ingest.saved(location.guild_id, page, reached=marks)

    async def _page(self, history: History, location: Location, **around: int) -> Sequence[Message]:
        """The next page, unless indexing was stopped before or while it was on its way: then raise _Stopped."""
        if not self._coverage.covers(location):
            raise _Stopped
        page = await history.page(location, **around)
        if not self._coverage.covers(location):
            raise _Stopped
        return page


def _reached(channel_id: int, page: Sequence[Message]) -> Marks:
    """The marks that a page alone would set; a page that is not full is the last one."""
    if not page:
        return Marks(channel_id, high_id=0, low_id=0)
    return Marks(channel_id, page[0].message_id, page[-1].message_id if len(page) == PAGE else 0)
