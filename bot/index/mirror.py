"""The mirror: an index for each server, so that no search crosses from one to another by accident."""

import logging
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.askers import Scope
from bot.errors import BotError
from bot.index.alike import OnShare, alike
from bot.index.cache import CacheUnusable, SoundLists, opened
from bot.index.codes import Codes
from bot.index.guild import GuildIndex
from bot.index.workshop import Workshop
from bot.messages import EmbeddedMessages, Generation
from bot.vectors import Halves, Ids, Vectors, begins
from bot.wiping import wipe_file

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may be a hit, with its score."""

    guild_id: int
    message_id: int
    score: float


class Mirror:
    """Indexes by server, made when a server is loaded or its first message comes."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self._indexes: dict[int, GuildIndex] = {}
        self._making = threading.Lock()

    def __len__(self) -> int:
        return sum(len(index) for index in list(self._indexes.values()))

    def n_bytes(self) -> int:
        """What all indexes take in memory."""
        return sum(index.n_bytes() for index in list(self._indexes.values()))

    def guild_ids(self) -> list[int]:
        """The servers that have an index, or are about to."""
        return list(self._indexes)

    def ids(self, guild_id: int) -> Ids:
        """The ids that the server's index holds, ascending."""
        index = self._indexes.get(guild_id)
        return np.empty(0, np.int64) if index is None else index.ids()

    def forget_others(self, guild_ids: Collection[int]) -> None:
        """Remove what is kept on disk of any server but these."""
        folder = self.workshop.folder
        if folder is None or not self.workshop.may_write:
            return
        known = {self.workshop.path(guild_id) for guild_id in guild_ids}
        for path in folder.glob("*"):
            if path not in known:
                wipe_file(path)

    def load(self, guild_id: int) -> bool:
        """As GuildIndex.load."""
        return self._index(guild_id).load()

    def settle(self, guild_id: int) -> int:
        """As GuildIndex.settle."""
        return self._index(guild_id).settle()

    def keep(self, guild_id: int) -> None:
        """As GuildIndex.keep; a server that was dropped has nothing to keep."""
        if (index := self._indexes.get(guild_id)) is not None:
            index.keep()

    def wipe(self, guild_id: int) -> None:
        """As GuildIndex.wipe; a server that was dropped has no file."""
        if (index := self._indexes.get(guild_id)) is not None:
            index.wipe()

    def wipe_now(self, guild_id: int) -> None:
        """As GuildIndex.wipe_now; a server that was dropped has no file."""
        if (index := self._indexes.get(guild_id)) is not None:
            index.wipe_now()

    def files(self) -> list[Path]:
        """What is kept on disk of all servers."""
        folder = self.workshop.folder
        return [] if folder is None else sorted(path for path in folder.rglob("*") if path.is_file())

    def kept(self, guild_id: int) -> Iterator[tuple[Ids, Codes]]:
        """The ids of messages in a server's file with their codes, uint8 [n, size], in parts. Raises OSError."""
        if (path := self.workshop.path(guild_id)) is None:
            return
        try:
            cached, file = opened(path, self.workshop.open_file)
        except (FileNotFoundError, CacheUnusable):
            return
        with file:
            for coded in SoundLists(file, cached):
                yield coded.message_ids, coded.codes

    def close(self) -> None:
        """As GuildIndex.close, for all of them: what one cannot do keeps no other from it."""
        for guild_id, index in list(self._indexes.items()):
            try:
                index.close()
            except (BotError, OSError) as error:
                log.warning("the file of server %d is not as it should be: %s", guild_id, error)

    def take_in(self, guild_id: int, message_ids: Ids) -> None:
        """Hold what the database holds of some messages now, which is the only thing that may be shown."""
        if len(embedded := self.workshop.source(guild_id).get(message_ids)):
            self._index(guild_id).upsert(embedded)

    def remove(self, guild_id: int, message_ids: Iterable[int]) -> None:
        self._index(guild_id).remove(message_ids)

    def drop(self, guild_id: int) -> None:
        """Forget a server's index, and what is kept of it."""
        with self._making:
            index = self._indexes.pop(guild_id, None)
        if index is None:
            index = GuildIndex(guild_id, self.workshop)
        index.forget()

    def discard(self) -> None:
        """Forget all indexes, and all that is kept of this generation."""
        for guild_id in self.guild_ids():
            self.drop(guild_id)
        if self.workshop.folder is not None and self.workshop.may_write:
            _wipe_folder(self.workshop.folder)

    def search(self, vector: Vectors, k: int, scope: Scope, *, n_sure: int | None = None) -> list[Candidate]:
        """The k messages in the scope nearest to a unit float32 [dim], over all servers that it admits.

        `n_sure` is as in VectorIndex.
        """
        found = [
            Candidate(guild_id, neighbor.message_id, neighbor.score)
            for guild_id, index in list(self._indexes.items())
            if scope.guild_ids is None or guild_id in scope.guild_ids
            for neighbor in index.search(vector, k, scope, n_sure=n_sure)
        ]
        return sorted(found, key=lambda candidate: (-candidate.score, -candidate.message_id))[:k]

    def vectors(self, guild_id: int, message_ids: Ids) -> tuple[Ids, Halves]:
        """The stored vectors of a server's messages, float16 [n, dim], and whose they are.

        Any may be missing, and a long text has several.
        """
        return self.workshop.source(guild_id).halves(message_ids)

    def alike(
        self, guild_id: int, scope: Scope, *, sample_ids: Ids, limit: float, n_expected: int, on_share: OnShare
    ) -> list[list[list[int]]]:
        """Groups of a server's messages that may say the same, as `alike` finds them by the vectors that are stored."""
        source = self.workshop.source(guild_id)
        return alike(source, scope, sample_ids=sample_ids, limit=limit, n_expected=n_expected, on_share=on_share)

    def wholes(self, guild_id: int, message_ids: Ids) -> EmbeddedMessages:
        """Those of a server's messages that have a vector, ascending, each with that of its whole text, as float16."""
        embedded = self.with_parts(guild_id, message_ids)
        return embedded[begins(embedded.message_ids)]

    def with_parts(self, guild_id: int, message_ids: Ids) -> EmbeddedMessages:
        """The same, each followed by the vectors of its parts in their order."""
        return self.workshop.source(guild_id).get(message_ids)

    def _index(self, guild_id: int) -> GuildIndex:
        with self._making:
            if guild_id not in self._indexes:
                self._indexes[guild_id] = GuildIndex(guild_id, self.workshop)
            return self._indexes[guild_id]


def mirror_folder(data_dir: Path, generation: Generation) -> Path:
    """Where the mirror of a generation is kept: its files never meet those of another one."""
    return data_dir / "mirror" / f"{zlib.crc32(str(generation).encode()):08x}"


def forget_generations_but(data_dir: Path, kept: Collection[Path]) -> None:
    """Remove the folders of all generations but some."""
    for folder in (data_dir / "mirror").glob("*"):
        if folder not in kept:
            _wipe_folder(folder)


def wipe_mirrors(data_dir: Path) -> None:
    """Overwrite and remove what is kept of all generations. Raises OSError."""
    for path in (data_dir / "mirror").glob("*/*"):
        wipe_file(path)
    forget_generations_but(data_dir, [])


def _wipe_folder(folder: Path) -> None:
    """Overwrite what is in a folder and remove it; what cannot be goes at another start."""
    try:
        for path in folder.glob("*"):
            wipe_file(path)
        folder.rmdir()
    except OSError as error:
        log.warning("what is left of a former mirror could not be removed: %s", error)
