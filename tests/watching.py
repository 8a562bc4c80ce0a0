"""A server whose waves are looked for, on a clock that stands still until it is moved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from conftest import Rooms
from make import GUILD, channel, message, server

from bot.services.backgrounds import Backgrounds
from bot.services.habits import Habits
from bot.services.wavenotices import WaveNotices
from bot.services.waves import Watch, Waves
from bot.storage.lexicon import Lexicon
from bot.storage.waves import WaveStore
from bot.times import snowflake_at

WATCH = Watch(GUILD, 99, 5, 3, 10, 3, "en")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SQUARE, MARKET, HARBOUR = 10, 20, 30
PEOPLE = (501, 502, 503, 504)


@dataclass
class Watched:
    """The services of a server, and its clock."""

    rooms: Rooms
    now: datetime = NOON
    n_said: int = 0
    waves: Waves = field(init=False)
    notices: WaveNotices = field(init=False)
    store: WaveStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = WaveStore(self.rooms.database, self.rooms.embeddings.generation)
        self.begin()

    def begin(self) -> None:
        """Look with nothing remembered, as after a restart."""
        backgrounds = Backgrounds(Lexicon(self.rooms.database))
        habits = Habits(self.store, self.rooms.spaces, backgrounds, self.rooms.verdicts)
        self.waves = Waves(self.store, habits, dim=self.rooms.embedder.dim, clock=lambda: self.now)
        self.notices = WaveNotices(self.store, self.waves, self.rooms.search, self.rooms.reconcile, self.rooms.verdicts)
        self.rooms.indexer.has_stored = self.waves.stored

    async def say(
        self,
        texts: Iterable[str],
        *,
        by: Sequence[int] = PEOPLE,
        where: Sequence[int] = (SQUARE,),
        at: datetime | None = None,
        **values: object,
    ) -> list[int]:
        """Have people say texts in turn, in these channels in turn, and look at that; the ids of the messages."""
        first_id = snowflake_at(at or self.now) + self.n_said
        said = [
            message(first_id + n, text, author_id=by[n % len(by)], channel_id=where[n % len(where)], **values)
            for n, text in enumerate(texts)
        ]
        self.n_said += len(said)
        await self.rooms.ingest.saved(GUILD, said)
        await self.look()
        return [one.message_id for one in said]

    async def look(self) -> None:
        """Have what waits embedded, and looked at."""
        async for _ in self.rooms.indexer.drain():
            pass
        await self.waves.look()

    async def pass_by(self, **time: float) -> None:
        """Let some time pass, and have the waves that are over found."""
        self.now += timedelta(**time)
        await self.waves.tidy()

    async def found(self) -> list[tuple[str, list[int]]]:
        """The waves of the server: their states and their messages, the oldest first."""
        waves = await self.store.of_server(GUILD)
        return [(wave.state, sorted(await self.store.member_ids(GUILD, wave.wave_id))) for wave in waves]


async def watched_server(rooms: Rooms, watch: Watch | None = WATCH) -> Watched:
    """A server with three channels, its mirror loaded, watched unless there is no watch."""
    for channel_id in (SQUARE, MARKET, HARBOUR):
        await rooms.ingest.met(server(), channel(channel_id))
    await rooms.indexer.reconcile()
    town = Watched(rooms)
    if watch is not None:
        await town.waves.watch(watch)
    return town
