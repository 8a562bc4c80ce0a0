"""Finds waves: alike messages of several people, or of one in several channels, within minutes."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from bot.errors import BotError
from bot.messages import EmbeddedMessages
from bot.services.habits import Habits
from bot.services.windows import Flags, LiveWave, Window, is_wave
from bot.storage.waves import Watch, WaveState, WaveStore
from bot.times import made_at, snowflake_at
from bot.vectors import Vectors

__all__ = ["Watch", "Waves"]  # a watch is handed out as it is stored

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
_TIDIED_EVERY_S = 5.0
_WAITING = 20_000  # messages of a server that may wait to be looked at
_AT_ONCE = 64  # that are compared with the window in one product
_CONSIDERED = 64  # messages of those that may be a wave, the latest; the others follow if it is one
_LESS = 0.1  # how much less like a wave that goes on those may be who would else be one beside it
_ROUNDS = 8  # of looking for what is like that which was found before


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class _Sight:
    """One server as it is watched: what was said lately, the waves that go on, and the directions that it ignores."""

    watch: Watch
    window: Window
    ignored: Vectors
    waves: list[LiveWave] = field(default_factory=list)


class Waves:
    """Is told of each vector that is stored; looks in a task of its own. Suggests, and does nothing to anybody."""

    def __init__(self, store: WaveStore, habits: Habits, *, dim: int, clock: Clock = _now) -> None:
        self._store = store
        self._habits = habits
        self._dim = dim
        self.clock = clock  # what is too old is history by it
        self._sights: dict[int, _Sight] = {}
        self._waiting: defaultdict[int, deque[int]] = defaultdict(lambda: deque(maxlen=_WAITING))
        self._has_waiting = asyncio.Event()
        self.has_news = asyncio.Event()  # set when a notice is to be posted or edited

    def stored(self, guild_id: int, message_ids: Iterable[int]) -> None:
        """Messages have their vectors; those that are too old to be part of a wave are history, or imported."""
        sight = self._sights.get(guild_id)
        if sight is None:
            return
        first_id = self._first_id(sight.watch)
        if young := [message_id for message_id in message_ids if message_id >= first_id]:
            self._waiting[guild_id].extend(young)
            self._has_waiting.set()

    async def watch(self, watch: Watch) -> None:
        """Look for waves in a server from now on, or look otherwise."""
        await self._store.put_watch(watch)
        await self.tidy()

    async def unwatch(self, guild_id: int) -> bool:
        """Look for no waves in a server, and forget what it ignores; whether it was watched."""
        was_watched = await self._store.drop_watch(guild_id)
        await self.tidy()
        self.has_news.set()
        return was_watched

    async def watch_of(self, guild_id: int) -> Watch | None:
        """What a server has looked for."""
        return (await self._store.watches()).get(guild_id)

    async def run(self) -> None:
        """Look whenever there is something new, until cancelled; waves that were open before go on."""
        loop = asyncio.get_running_loop()
        tidied_at = -_TIDIED_EVERY_S
        while True:
            try:
                if loop.time() >= tidied_at + _TIDIED_EVERY_S:
                    await self.tidy()
                    tidied_at = loop.time()
                await self.look()
            except BotError as error:
                log.warning("waves are not looked for at the moment: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_waiting.wait(), _TIDIED_EVERY_S)

    async def tidy(self) -> None:
        """Watch what is to be watched by now, and no longer wait for waves that are over."""
        watches = await self._store.watches()
        for guild_id, watch in watches.items():
            sight = self._sights.get(guild_id)
            if sight is None or sight.watch != watch:
                self._sights[guild_id] = await self._opened(watch)
            else:
                sight.ignored = await self._store.ignored(guild_id)
                sight.waves = [wave for wave in sight.waves if wave.last_at >= self._since(watch)]
        for guild_id in self._sights.keys() - watches.keys():
            self._sights.pop(guild_id, None)
        await self._store.end_quiet(self.clock())

    async def look(self) -> None:
        """Compare what is new with what was said lately."""
        self._has_waiting.clear()
        while self._waiting:
            guild_id, ids = self._waiting.popitem()
            if (sight := self._sights.get(guild_id)) is not None:
                await self._look_at(sight, ids)

    async def _opened(self, watch: Watch) -> _Sight:
        """A server as it is to be watched, with what was said and found there lately."""
        window = Window(self._dim)
        lately = await self._store.since(watch.guild_id, self._first_id(watch), limit=window.most)
        window.put(lately[::-1], first_id=0)
        sight = _Sight(watch, window, await self._store.ignored(watch.guild_id))
        for wave in await self._store.of_server(watch.guild_id):
            if wave.state is not WaveState.OVER and wave.last_at >= self._since(watch):
                ids = await self._store.member_ids(watch.guild_id, wave.wave_id)
                members = await self._store.of_messages(watch.guild_id, ids)
                if len(members):
                    live = LiveWave(wave.wave_id, np.empty((0, self._dim), np.float32), wave.last_at)
                    live.join(members[::-1])
                    live.joined.clear()
                    sight.waves.append(live)
                    window.take_out(members.message_ids)
        return sight

    async def _look_at(self, sight: _Sight, ids: Iterable[int]) -> None:
        guild_id = sight.watch.guild_id
        least = await self._habits.least(guild_id)
        new = (await self._store.of_messages(guild_id, ids))[::-1]
        for start in range(0, len(new), _AT_ONCE):
            some = _in_full(new[start : start + _AT_ONCE])
            groups = await asyncio.to_thread(self._taken_in, sight, some, least)
            for group in groups:
                await self._consider(sight, group, least)
        for wave in sight.waves:
            if wave.joined:
                joined, wave.joined = wave.joined, []
                await self._store.grow(guild_id, wave.wave_id, joined, last_at=wave.last_at)
                self.has_news.set()

    def _taken_in(self, sight: _Sight, messages: EmbeddedMessages, least: float) -> list[EmbeddedMessages]:
        """Put messages where they belong; those in the window that one of them is like, where these may be a wave."""
        if len(sight.ignored):
            lengths = np.linalg.norm(sight.ignored, axis=1)
            messages = messages[(messages.vectors @ sight.ignored.T < least * lengths).all(axis=1)]
        for wave in sight.waves:
            taken = wave.takes(messages.vectors, least=least)
            wave.join(messages[taken])
            messages = messages[~taken]
            if taken.any():
                self._gather(sight, wave, least)
        first_id = self._first_id(sight.watch)
        sight.window.put(messages, first_id=first_id)
        if not len(messages):
            return []
        alike = sight.window.alike(messages.vectors, least=least, first_id=first_id)
        return alike.groups(min(sight.watch.n_messages, sight.watch.n_channels))

    async def _consider(self, sight: _Sight, group: EmbeddedMessages, least: float) -> None:
        """Begin a wave with messages that are alike, unless too few of them say what is not said anyway."""
        group = await self._store_knows(sight, group[-_CONSIDERED:])
        if not is_wave(group, sight.watch):
            return
        usual = await self._usual(sight, group, least)
        sight.window.take_out(group.message_ids[usual])  # so that it is asked of each only once
        group = group[~usual]
        if not is_wave(group, sight.watch):
            return
        sight.window.take_out(group.message_ids)
        for wave in sight.waves:
            if wave.touches(group.vectors, least=least - _LESS):
                wave.join(group)
                return
        last_at = made_at(int(group.message_ids[-1]))
        ids = group.message_ids.tolist()
        wave_id = await self._store.begin(sight.watch, ids, last_at=last_at)
        wave = LiveWave(wave_id, group.vectors.astype(np.float32), last_at)
        await asyncio.to_thread(self._gather, sight, wave, least)
        sight.waves.append(wave)
        log.info("wave %d was found in server %d", wave.wave_id, sight.watch.guild_id)
        self.has_news.set()

    async def _store_knows(self, sight: _Sight, group: EmbeddedMessages) -> EmbeddedMessages:
        """Those of a group that are in the window still, and as they were when they came into it."""
        held = sight.window.holds(group.message_ids)
        stored = await self._store.of_messages(sight.watch.guild_id, group.message_ids[held].tolist())
        return group[np.isin(group.message_ids, stored.message_ids)]

    async def _usual(self, sight: _Sight, group: EmbeddedMessages, least: float) -> Flags:
        """Which messages of a group say what is said anyway."""
        guild_id = sight.watch.guild_id
        without = await self._store.member_ids(guild_id)
        return np.array(
            [
                await self._habits.is_usual(guild_id, vector, least=least, without=without, now=self.clock())
                for vector in group.vectors
            ],
            np.bool_,
        )

    def _gather(self, sight: _Sight, wave: LiveWave, least: float) -> None:
        """Let a wave have what in the window is like it, and what is like that."""
        for _ in range(_ROUNDS):
            alike = sight.window.alike(wave.vectors, least=least, first_id=self._first_id(sight.watch))
            if not len(more := alike.like_two()):
                return
            wave.join(more)
            sight.window.take_out(more.message_ids)

    def _since(self, watch: Watch) -> datetime:
        return self.clock() - timedelta(minutes=watch.minutes)

    def _first_id(self, watch: Watch) -> int:
        return snowflake_at(self._since(watch))


def _in_full(messages: EmbeddedMessages) -> EmbeddedMessages:
    """Messages with vectors as they are calculated with."""
    vectors = messages.vectors.astype(np.float32)
    return EmbeddedMessages(
        messages.message_ids, messages.channel_ids, messages.author_ids, messages.embedding_ids, vectors
    )
