"""Shows that nothing of a person is left: looks at rows, at memory, and at the raw bytes of the files."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.services.needles import Needles
from bot.services.spaces import Spaces
from bot.services.traces import CODES, TERMS, Traces
from bot.storage.database import Database
from bot.storage.evidence import EvidenceStore

MEMORY, CACHE = "memory", "cache"
_TRIES, _PAUSE_S = 20, 0.5  # to empty the log beside others who read it


@dataclass(frozen=True, slots=True)
class Sight:
    """What was looked for in one place, how many of it, and how many of these are there still.

    `subject` has its words; `place` is a table, a file, MEMORY or CACHE.
    """

    subject: str
    place: str
    n: int
    found: int


class Proof:
    """Looks for what there was of a person, after they were forgotten."""

    def __init__(self, store: EvidenceStore, database: Database, spaces: Spaces) -> None:
        self._store = store
        self._database = database
        self._spaces = spaces

    @property
    def sees_bytes(self) -> bool:
        """Whether raw bytes tell anything: those of encrypted files are others, whatever stands there."""
        return self._database.key is None

    async def sights(self, traces: Traces) -> list[Sight]:
        """All places with what is still in them. Nothing may be embedded since. Raises OSError."""
        await self._wipe(traces)
        pieces = {kind: those for kind, those in traces.pieces.items() if those}
        return [
            *await self._rows(traces),
            *await self._mirrored(traces),
            *(await asyncio.to_thread(self._in_files, pieces) if self.sees_bytes else ()),
        ]

    async def _wipe(self, traces: Traces) -> None:
        """Have done now what is done within a minute otherwise: wipe the mirror's files, empty the database's log."""
        for mirror in self._spaces.mirrors:
            for guild_id in traces.written:
                await asyncio.to_thread(mirror.wipe_now, guild_id)
        for _ in range(_TRIES):
            if await self._database.checkpoint():
                return
            await asyncio.sleep(_PAUSE_S)

    async def _rows(self, traces: Traces) -> list[Sight]:
        messages, person, n_stale = Counter[str](), Counter[str](), 0
        for guild_id, written in traces.written.items():
            messages.update(await self._store.rows_left(guild_id, written))
            person.update(await self._store.rows_of(guild_id, traces.person_id))
            n_stale += len([0 async for _ in self._store.vectors(guild_id, traces.stale[guild_id])])
        n, n_made_of = _n(traces.written), _n(traces.stale)
        return [
            *(Sight("messages", table, n, found) for table, found in messages.items()),
            Sight("made_of", "embeddings", n_made_of, n_stale),
            *(Sight("person", table, len(traces.written), found) for table, found in person.items()),
            Sight(TERMS, "lexicon", len(traces.terms), await self._store.n_found(traces.terms)),
        ]

    async def _mirrored(self, traces: Traces) -> list[Sight]:
        """Whether memory and the files of the mirror know messages by their ids."""
        in_memory = in_files = 0
        for mirror in self._spaces.mirrors:
            for guild_id, written in traces.written.items():
                gone = written | traces.stale[guild_id]
                in_memory += len(gone.intersection(mirror.ids(guild_id).tolist()))
                kept = [message_ids.tolist() for message_ids, _ in mirror.kept(guild_id)]
                in_files += len(gone.intersection(i for message_ids in kept for i in message_ids))
        n = _n(traces.written) + _n(traces.stale)
        return [Sight(CODES, MEMORY, n, in_memory), Sight(CODES, CACHE, n, in_files)]

    def _in_files(self, pieces: dict[str, set[bytes]]) -> list[Sight]:
        needles, sights = Needles(piece for those in pieces.values() for piece in those), []
        for path in self._files():
            found = needles.in_file(path)
            sights += [Sight(kind, path.name, len(those), len(those & found)) for kind, those in pieces.items()]
        return sights

    def _files(self) -> Iterable[Path]:
        """The files of the database that are there, and those of the mirror."""
        folder = self._database.path.parent
        kept = [path for mirror in self._spaces.mirrors for path in mirror.files()]
        return [*(path for name in self._store.files if (path := folder / name).exists()), *kept]


def _n(by_server: dict[int, set[int]]) -> int:
    return sum(map(len, by_server.values()))
