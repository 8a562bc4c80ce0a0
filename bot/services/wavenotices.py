"""What is told of waves: to everyone in the channel of a notice, and to who asks for more."""

import asyncio
from dataclasses import dataclass

import numpy as np

from bot.askers import Audience, Member, visible_to
from bot.errors import WaveGone
from bot.messages import StoredMessage
from bot.services.history import History
from bot.services.listed import Listed
from bot.services.reconcile import Reconcile
from bot.services.search import Search
from bot.services.verdicts import Subject, Verdict, Verdicts
from bot.services.waves import Waves
from bot.services.windows import tells_until
from bot.storage.waves import Extent, Wave, WaveState, WaveStore
from bot.vectors import Vectors

__all__ = ["Extent", "Told", "Wave", "WaveNotices", "WavePage", "WaveState"]  # as they are stored

PAGE = 10
_MOST_SHOWN = 1_000  # messages of a wave that can be paged through, the latest
_MOST_MEASURED = 64  # that a verdict goes by, the latest
_CHECKED_FOR_S = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """A wave as everyone may know it who reads a channel: its extent and an example, None where they may read none.

    `is_empty` says that there is nothing left of it anywhere.
    """

    wave: Wave
    extent: Extent | None
    example: StoredMessage | None
    is_empty: bool


@dataclass(frozen=True, slots=True)
class WavePage(Listed):
    """Messages of a wave, from a place on."""

    wave_id: int
    start: int


class WaveNotices:
    """Reads waves for those who may know of them, and takes what moderators say."""

    def __init__(
        self, store: WaveStore, waves: Waves, search: Search, reconcile: Reconcile, verdicts: Verdicts
    ) -> None:
        self._store = store
        self._waves = waves
        self._search = search
        self._reconcile = reconcile
        self._verdicts = verdicts
        self._turned: set[int] = set()  # the servers whose permissions changed

    async def to_draw(self) -> list[Wave]:
        """The waves whose notices are not posted, or are not as they should be."""
        turned, self._turned = self._turned, set()
        for guild_id in turned:
            await self._store.redraw(guild_id)
        return await self._store.to_draw()

    async def told(self, wave: Wave, audience: Audience) -> Told:
        """What everyone may know of a wave who reads its notice."""
        ids = await self._store.member_ids(wave.guild_id, wave.wave_id)
        extent = await self._store.extent(wave, visible_to(audience))
        first = [] if extent is None else [extent.first_id]
        seen = await self._search.seen(audience, wave.guild_id, first)
        return Told(wave, extent, next(iter(seen.values()), None), is_empty=not ids)

    async def drawn(self, wave: Wave, notice_id: int) -> None:
        """The bot's message shows a wave as it was told."""
        await self._store.drawn(wave, notice_id)

    async def gone(self, wave: Wave) -> None:
        """The notice was deleted, which dismisses the wave."""
        await self._store.drop(wave)

    def permissions_changed(self, guild_id: int) -> None:
        """The notices of a server may show what not everyone there may read any more."""
        self._turned.add(guild_id)
        self._waves.has_news.set()

    async def wave(self, guild_id: int, wave_id: int) -> Wave:
        """Raises WaveGone."""
        wave = await self._store.wave(guild_id, wave_id)
        if wave is None:
            raise WaveGone
        return wave

    async def page(self, asker: Member, wave_id: int, start: int, *, history: History) -> WavePage:
        """The messages of a wave that somebody may read, from a place on. Raises WaveGone."""
        await self.wave(asker.guild_id, wave_id)
        ids = (await self._store.member_ids(asker.guild_id, wave_id))[:_MOST_SHOWN]
        seen = await self._search.seen(asker, asker.guild_id, ids)
        latest = sorted(seen.values(), key=lambda stored: -stored.message.message_id)
        here = latest[start : start + PAGE]
        confirmed = await self._reconcile.confirm(here, history, within=_CHECKED_FOR_S)
        shown = tuple(stored for stored in here if stored.message.message_id in confirmed.true_ids)
        n_more = max(len(latest) - start - PAGE, 0)
        return WavePage(shown, n_more=n_more, n_unknown=confirmed.n_unknown, wave_id=wave_id, start=start)

    async def dismiss(self, guild_id: int, wave_id: int) -> None:
        """Tell no more of a wave. Raises WaveGone."""
        wave = await self.wave(guild_id, wave_id)
        await self._store.put_state(guild_id, wave_id, WaveState.DISMISSED)
        self._waves.has_news.set()
        await self._judge(wave, Verdict.DISMISSED)

    async def helped(self, guild_id: int, wave_id: int) -> bool:
        """It was good to be told of a wave; whether nobody had said anything of it before. Raises WaveGone."""
        is_first = await self._judge(await self.wave(guild_id, wave_id), Verdict.HELPED)
        self._waves.has_news.set()
        return is_first

    async def ignore(self, guild_id: int, wave_id: int) -> None:
        """Tell no more of what is like a wave, from now on. Raises WaveGone where nothing is left of it."""
        await self.wave(guild_id, wave_id)
        members = await self._store.of_messages(guild_id, await self._store.member_ids(guild_id, wave_id))
        if not len(members):
            raise WaveGone
        await self._store.ignore(guild_id, wave_id, _middle(members.vectors.astype(np.float32)))
        await self._waves.tidy()
        self._waves.has_news.set()

    async def _judge(self, wave: Wave, verdict: Verdict) -> bool:
        """What is said first counts: whoever was helped dismisses a notice as well, when it has done its work."""
        watch = (await self._store.watches()).get(wave.guild_id)
        ids = (await self._store.member_ids(wave.guild_id, wave.wave_id))[:_MOST_MEASURED]
        members = await self._store.of_messages(wave.guild_id, ids)
        score = await asyncio.to_thread(tells_until, members, watch) if watch is not None and len(members) else None
        if not await self._store.judge(wave):
            return False
        await self._verdicts.note(wave.guild_id, Subject.WAVES, verdict, score=score)
        return True

    async def n_ignored(self, guild_id: int) -> int:
        """How many kinds of messages a server does not want to hear of."""
        return len(await self._store.ignored(guild_id))

    async def latest(self, guild_id: int, *, limit: int) -> list[Wave]:
        """The waves that were found in a server last, the newest first."""
        return (await self._store.of_server(guild_id))[: -limit - 1 : -1]


def _middle(vectors: Vectors) -> Vectors:
    """The direction in which float32 [n, dim] lie together."""
    total = vectors.sum(axis=0)
    middle: Vectors = total / max(float(np.linalg.norm(total)), np.finfo(np.float32).tiny)
    return middle
