"""What Discord reports, put down in the order in which it happened."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

from bot.errors import BotError
from bot.messages import Channel, Location, Message, Server
from bot.services.answers import Answers
from bot.services.coverage import Coverage
from bot.services.events import (
    ChannelClosed,
    ChannelDeleted,
    ChannelsTurned,
    Event,
    HistoryRead,
    HistoryWanted,
    MessageSaved,
    MessagesDeleted,
    NamesChanged,
    ReachChanged,
    ServerJoined,
    ServerLeft,
    ThreadChanged,
    guild_of,
    message_ids_of,
)
from bot.services.ingest import Ingest
from bot.services.keeping import Keeping
from bot.services.uptodate import UpToDate
from bot.services.withdrawal import Withdrawal

log = logging.getLogger(__name__)

SIZE = 10_000
_BATCH = 500  # events a commit
_RETRY_S = 5.0


class Surroundings(Protocol):
    """What only the connection to Discord knows."""

    async def locate(self, guild_id: int, channel_id: int) -> Location | None:
        """The place of a channel that an event did not know."""

    def present(self, guild_id: int) -> Sequence[Location]:
        """The channels and active threads of a server, by the names that they have now."""

    def read(self, guild_id: int) -> None:
        """Have the history of a server read as far as it was not read yet."""

    def read_what_opened(self, guild_id: int) -> None:
        """Have the history read of what the bot may read since the last call."""

    def closed(self, guild_id: int, channels: Sequence[Channel]) -> set[int]:
        """Those of the channels that the bot may not read now, or that are there no longer."""

    async def gone(self, guild_id: int, channels: Sequence[Channel]) -> set[int]:
        """Those of the channels that stand in no place now and that Discord says are not there."""


class Inbox:
    """One bounded queue and the one task that empties it.

    A full queue makes those who put wait in the order in which they came; nothing is dropped.
    """

    def __init__(
        self,
        ingest: Ingest,
        coverage: Coverage,
        answers: Answers,
        up_to_date: UpToDate,
        *,
        keeping: Keeping,
        withdrawal: Withdrawal,
    ) -> None:
        self._up_to_date = up_to_date
        self._ingest = ingest
        self._coverage = coverage
        self._answers = answers
        self._keeping = keeping
        self._withdrawal = withdrawal
        self._queue: asyncio.Queue[Event] = asyncio.Queue(SIZE)
        self._turn = asyncio.Lock()
        self._met: dict[int, Channel] = {}

    def __len__(self) -> int:
        return self._queue.qsize()

    async def put(self, event: Event) -> None:
        self._up_to_date.was_told(message_ids_of(event))
        # A queue alone lets a late comer in before those who wait for room.
        async with self._turn:
            await self._queue.put(event)

    async def emptied(self) -> None:
        """Wait until everything that was put has been dealt with."""
        await self._queue.join()

    async def run(self, surroundings: Surroundings) -> None:
        """Deal with events until cancelled; what only Discord knows is asked of `surroundings`."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            for run in _runs(batch):
                await self._deal_with(run, surroundings)
            for event in batch:
                self._up_to_date.was_applied(message_ids_of(event))
                self._queue.task_done()

    async def _deal_with(self, events: Sequence[Event], surroundings: Surroundings) -> None:
        """Apply events; while the database refuses, they wait, and one that nobody can apply is left out."""
        while True:
            try:
                await self._apply(events, surroundings)
            except BotError as error:
                log.warning("%d events wait: %s", len(events), error)
                await asyncio.sleep(_RETRY_S)
            except Exception:
                if len(events) == 1:
                    log.exception("left out a %s", type(events[0]).__name__)
                    self._up_to_date.lost_sight(guild_of(events[0]))
                    return
                for event in events:
                    await self._deal_with([event], surroundings)
                return
            else:
                return

    async def _apply(  # noqa: C901  # one case for each kind of event
        self, events: Sequence[Event], surroundings: Surroundings
    ) -> None:
        match events[0]:
            case ChannelDeleted(guild_id=guild_id, channel_id=channel_id):
                await self._ingest.channels_deleted(guild_id, [channel_id])
                await self._coverage.load()
                self._met.clear()
            case ChannelClosed(guild_id=guild_id, channel_id=channel_id):
                self._up_to_date.lost_sight_of(channel_id)
                await self._ingest.channels_closed(guild_id, [channel_id])
            case ServerJoined(guild_id=guild_id):
                await self._coverage.joined(guild_id)
                self._met.clear()
            case ServerLeft(guild_id=guild_id):
                self._up_to_date.lost_sight(guild_id)
                await self._coverage.left(guild_id)
            case ReachChanged(guild_id=guild_id):
                self._up_to_date.lost_sight(guild_id)
                await self._look_around(guild_id, surroundings)
            case ChannelsTurned(guild_id=guild_id, channel_ids=channel_ids):
                for channel_id in await self._ingest.with_threads(guild_id, channel_ids):
                    self._up_to_date.lost_sight_of(channel_id)
                await self._look_around(guild_id, surroundings)
            case ThreadChanged(channel=channel):
                await self._rename(channel)
            case HistoryWanted(guild_id=guild_id):
                surroundings.read(guild_id)
            case HistoryRead(guild_id=guild_id) | NamesChanged(guild_id=guild_id):
                await self._look_around(guild_id, surroundings)
            case _:
                await self._apply_messages(events, surroundings)
        self._answers.may_be_stale.set()

    async def _rename(self, channel: Channel) -> None:
        """A thread has this title now; one that nothing is known of stays so."""
        known = {each.channel_id: each for each in await self._ingest.channels(channel.guild_id)}
        if known.get(channel.channel_id, channel) != channel:
            await self._ingest.named(Server(channel.guild_id, ""), channel)
            self._met.pop(channel.channel_id, None)

    async def _look_around(self, guild_id: int, surroundings: Surroundings) -> None:
        """Know channels as they are now, and hold nothing of those that are closed or shut out."""
        self._met.clear()
        surroundings.read_what_opened(guild_id)
        channels, read = await self._ingest.channels(guild_id), await self._ingest.read_live(guild_id)
        # An import of a channel that was gone before is kept.
        if gone := await surroundings.gone(guild_id, [channel for channel in channels if channel.channel_id in read]):
            await self._ingest.channels_deleted(guild_id, gone)
            await self._coverage.load()
        known = {channel.channel_id: channel for channel in channels if channel.channel_id not in gone}
        for location in surroundings.present(guild_id):
            if known.get(location.channel.channel_id, location.channel) != location.channel:
                await self._meet(location)
        await self._ingest.channels_closed(guild_id, surroundings.closed(guild_id, list(known.values())))
        await self._withdrawal.clear(guild_id)

    async def _apply_messages(self, events: Sequence[Event], surroundings: Surroundings) -> None:
        """Saves first, then deletions: a tombstone makes that the same as any other order."""
        saved: defaultdict[int, list[MessageSaved]] = defaultdict(list)
        deleted: defaultdict[int, list[int]] = defaultdict(list)
        for event in events:
            if isinstance(event, MessageSaved):
                saved[event.message.guild_id].append(event)
            elif isinstance(event, MessagesDeleted):
                deleted[event.guild_id] += event.message_ids
        for guild_id, several in saved.items():
            wanted = await self._wanted(guild_id, several, surroundings)
            await self._ingest.saved(guild_id, wanted, risen=self._risen(guild_id, wanted))
        for guild_id, ids in deleted.items():
            await self._ingest.deleted(guild_id, ids)
            await self._answers.unshared(guild_id, ids)

    async def _wanted(self, guild_id: int, events: Sequence[MessageSaved], surroundings: Surroundings) -> list[Message]:
        """Messages in places that are indexed, and new versions of what is stored from elsewhere."""
        known: set[int] = set()
        located: dict[int, Location | None] = {}
        for event in events:
            location, channel_id = event.location, event.message.channel_id
            if location is None and self._coverage.is_indexed(guild_id):
                if channel_id not in located:
                    located[channel_id] = await surroundings.locate(guild_id, channel_id)
                location = located[channel_id]
            if location is not None and self._keeping.covers(location):
                await self._meet(location)
                known.add(event.message.message_id)
        if others := {event.message.message_id for event in events} - known:
            known |= await self._ingest.stored_ids(guild_id, others)
        for event in events:
            if event.message.message_id not in known:
                self._up_to_date.missed(event.message.channel_id)
        return [event.message for event in events if event.message.message_id in known]

    def _risen(self, guild_id: int, messages: Iterable[Message]) -> dict[int, int]:
        """The newest message of each channel that nothing can have been missed of, by channel."""
        newest: dict[int, int] = {}
        for message in messages:
            if self._up_to_date.holds(guild_id, message.channel_id):
                newest[message.channel_id] = max(message.message_id, newest.get(message.channel_id, 0))
        return newest

    async def _meet(self, location: Location) -> None:
        if self._met.get(location.channel.channel_id) != location.channel:
            await self._ingest.met(location.server, location.channel)
            self._met[location.channel.channel_id] = location.channel


def _runs(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Messages' events together, each other event alone and once, in order."""
    for are_messages, several in groupby(events, lambda event: isinstance(event, MessageSaved | MessagesDeleted)):
        if are_messages:
            yield list(several)
        else:
            yield from ([event] for event, _ in groupby(several))
