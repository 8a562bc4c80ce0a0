"""Which index a server gets, by how many messages it has, and how it is made."""

import ctypes
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from bot.askers import EVERYTHING
from bot.index.base import VectorIndex, VectorSource
from bot.index.cache import Cached, CacheUnusable, Opener, SoundLists, open_plain, opened, save
from bot.index.codes import CodedList, CodesIndex
from bot.index.encoding import Encoding
from bot.index.faiss import EXACT, FaissIndex, FaissKind
from bot.index.partition import learnt, n_in_sample, n_lists_for
from bot.index.rabitq import code_size_for
from bot.index.room import Room, left_for_indexes
from bot.index.scan import ScanIndex
from bot.messages import Stamp
from bot.vectors import Ids, Vectors, begins

log = logging.getLogger(__name__)

Index = TypeVar("Index", bound=VectorIndex)
_MIB = 2**20
# Exact indexes are small and quickly filled up to here; beyond it codes answer as well and as fast in a fifteenth.
_EXACT_BYTES = 64 * _MIB
_OUTGROWN = 2  # times as many lists would suit, which is with four times as many messages
_SAMPLE_BATCH = 1_024
_N_QUESTIONS = 300  # stored vectors by which an index measures how far it has to look
_BUSY_AT_MOST = 0.25  # of a cache may be out of date before it is not worth reading


class MakingStopped(Exception):
    """An index is not made to its end, since nobody needs it any more."""


class Stamps(Protocol):
    """What tells whether a cache is this database's."""

    def now(self, guild_id: int) -> Stamp:
        """What is saved at this moment bears this."""
        ...

    def are_ours(self, stamp: Stamp, guild_id: int) -> bool:
        """Whether a cache was made beside this very database, or a copy of it that knew no more."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """An index for so many messages: its name, and what it takes in memory."""

    name: str
    n_bytes: int
    is_coded: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """An index out of its file: the messages there that are gone, and how many were not there and had to be encoded.

    `is_damaged` says that some of the file could not be read, whatever stood there.
    """

    index: CodesIndex
    gone: Ids
    n_encoded: int
    is_damaged: bool


class Workshop:
    """Makes the indexes of all servers.

    `kind` is what every server gets, or None where their size decides. Without `folder` nothing is kept on disk, and
    who may not write there only reads what others keep. `room` is shared with other workshops of the process. Searches
    share the threads of `pool`, and those without an index, which take seconds, the threads of `scan_pool`.
    """

    def __init__(
        self,
        dim: int,
        sources: Callable[[int], VectorSource],
        *,
        pool: ThreadPoolExecutor,
        kind: FaissKind | None = None,
        folder: Path | None = None,
        stamps: Stamps | None = None,
        limit_bytes: int = 1024 * _MIB,
        room: Room | None = None,
        scan_pool: ThreadPoolExecutor | None = None,
        may_write: bool = True,
        open_file: Opener = open_plain,
    ) -> None:
        self.dim = dim
        self.source = sources
        self.kind = kind
        self.folder = folder if stamps is not None and kind is None else None
        self.may_write, self.open_file = may_write, open_file
        self.stamps = stamps
        self._pool = pool
        self._scan_pool = scan_pool or pool
        self._limit_bytes = limit_bytes
        self.room = room or Room(left_for_indexes(limit_bytes))
        self._is_stopped = threading.Event()

    def stop(self) -> None:
        """What is being made raises MakingStopped."""
        self._is_stopped.set()

    @property
    def name(self) -> str:
        """What the operator has set."""
        return "auto" if self.kind is None else self.kind.name

    def file_size(self, guild_id: int) -> int:
        """Bytes on disk of what is kept of a server's index."""
        path = self.path(guild_id)
        return path.stat().st_size if path is not None and path.exists() else 0

    def plan(self, n: int) -> Plan:
        """What a server with n messages gets."""
        kind = self.kind or EXACT
        exact = Plan(kind.name, n * kind.bytes_a_message(self.dim))
        if self.kind is not None or n * 2 * self.dim <= min(_EXACT_BYTES, self._limit_bytes // 8):
            return exact
        n_lists = n_lists_for(n)
        centres = n_lists * self.dim * 4 + (2 * self.dim * min(self.dim, 512) * 4 if n_lists > 1 else 0)
        return Plan("codes" if n_lists == 1 else "lists", n * (code_size_for(self.dim) + 49) + centres, is_coded=True)

    def has_room(self, guild_id: int, n: int, n_bytes_more: int = 0) -> bool:
        """Whether an index over n messages of a server fits, which then counts as there.

        `n_bytes_more` are of the one that it is to replace: for a while both are in memory.
        """
        n_bytes = self.plan(n).n_bytes
        if self.room.claim((self, guild_id), n_bytes + n_bytes_more):
            return True
        log.warning(
            "server %d gets no index of %d MiB, which is more than MEMORY_LIMIT_MB leaves", guild_id, n_bytes // _MIB
        )
        return False

    def takes(self, guild_id: int, index: VectorIndex) -> None:
        """Count what a server's index takes by now."""
        self.room.renew((self, guild_id), index.n_bytes())

    def make_room(self, guild_id: int) -> None:
        """A server has no index any more."""
        self.room.give_back((self, guild_id))

    def path(self, guild_id: int) -> Path | None:
        return None if self.folder is None else self.folder / f"{guild_id}.mirror"

    def scan(self, guild_id: int) -> ScanIndex:
        """What answers before there is an index."""
        return ScanIndex(self.dim, self.source(guild_id), self._scan_pool)

    def outgrown(self, index: VectorIndex) -> bool:
        """Whether a server has another index due, for its size."""
        if isinstance(index, ScanIndex):
            return True
        if not isinstance(index, CodesIndex):
            return self.plan(len(index)).is_coded
        return n_lists_for(len(index)) > _OUTGROWN * index.partition.n_lists

    def made(self, guild_id: int, stamps: tuple[Ids, Ids]) -> VectorIndex:
        """An index of all messages that have a vector; `stamps` are the source's."""
        source = self.source(guild_id)
        if not self.plan(len(stamps[0])).is_coded:
            return self._filled(FaissIndex(self.dim, self.kind or EXACT, source), source)
        return self._coded(guild_id, source, stamps)

    def _coded(self, guild_id: int, source: VectorSource, stamps: tuple[Ids, Ids]) -> CodesIndex:
        """Codes of all messages. They go through the file, so that they are in memory once only."""
        message_ids, embedding_ids = stamps
        log.info("building the index of server %d over %d vectors", guild_id, len(message_ids))
        partition = learnt(self._sample(source, message_ids), n_lists_for(len(message_ids)))
        index = CodesIndex(self.dim, partition, source, self._pool)
        encoding = Encoding(index, source, embedding_ids, self._go_on)
        if self._kept(guild_id, index, encoding):
            del encoding
            _give_back_memory()
            found = self.from_cache(guild_id, source.stamps())
            index = self._filled(index, source) if found is None else found.index
        else:
            index.take(encoding)
        if index.partition.n_lists > 1:
            self._measure_reach(guild_id, index, source, message_ids)
        return index

    def _measure_reach(self, guild_id: int, index: CodesIndex, source: VectorSource, message_ids: Ids) -> None:
        chosen = np.random.default_rng(0).choice(message_ids, min(_N_QUESTIONS, len(message_ids)), replace=False)
        index.measure_reach(source.get(np.sort(chosen)).vectors.astype(np.float32))
        self._kept(guild_id, index, index.coded())
        _give_back_memory()

    def saved(self, guild_id: int, index: CodesIndex) -> None:
        """Keep an index on disk, where that is wanted. Raises OSError."""
        self._save(guild_id, index, index.coded())

    def _save(self, guild_id: int, index: CodesIndex, lists: Iterable[CodedList]) -> None:
        path = self.path(guild_id)
        if path is not None and self.stamps is not None and self.may_write:
            save(path, Cached(self.stamps.now(guild_id), index.partition, index.reach), lists, self.open_file)

    def from_cache(self, guild_id: int, stamps: tuple[Ids, Ids]) -> Loaded | None:
        """The index as it was saved, brought up to date; None where there is no file that can be trusted.

        `stamps` are the source's.
        """
        if (path := self.path(guild_id)) is None or self.stamps is None:
            return None
        try:
            cached, file = opened(path, self.open_file)
        except FileNotFoundError:
            return None
        except CacheUnusable as error:
            log.warning("the cache of server %d is made anew: %s", guild_id, error.reason)
            return None
        with file:
            if not self.stamps.are_ours(cached.stamp, guild_id) or len(cached.partition.mean) != self.dim:
                log.info("the cache of server %d is another's, and made anew", guild_id)
                return None
            try:
                found = self._up_to_date(guild_id, cached, SoundLists(file, cached), stamps)
            except OSError as error:
                log.warning("the cache of server %d is made anew: %s", guild_id, error)
                return None
        _give_back_memory()
        return found

    def _up_to_date(self, guild_id: int, cached: Cached, lists: SoundLists, stamps: tuple[Ids, Ids]) -> Loaded | None:
        source, (message_ids, embedding_ids) = self.source(guild_id), stamps
        index = CodesIndex(self.dim, cached.partition, source, self._pool, cached.reach)
        is_in, gone = np.zeros(len(message_ids), np.bool_), [np.empty(0, np.int64)]
        order = np.argsort(embedding_ids)
        ascending = embedding_ids[order]

        def those_that_are_true() -> Iterator[CodedList]:
            for coded in lists if len(message_ids) else ():
                self._go_on()
                places = order[np.minimum(np.searchsorted(ascending, coded.embedding_ids), len(order) - 1)]
                true = (message_ids[places] == coded.message_ids) & (embedding_ids[places] == coded.embedding_ids)
                true &= ~is_in[places]
                is_in[places[true]] = True
                gone.append(coded.message_ids[~true])
                yield coded.only(true)

        index.take(those_that_are_true())
        missing = message_ids[~is_in]
        missing = missing[begins(missing)]
        if len(missing) > _BUSY_AT_MOST * len(message_ids):
            log.info("the cache of server %d lacks %d messages, and is made anew", guild_id, len(missing))
            return None
        for start in range(0, len(missing), _SAMPLE_BATCH):
            self._go_on()
            index.upsert(source.get(missing[start : start + _SAMPLE_BATCH]))
        return Loaded(index, gone=np.concatenate(gone), n_encoded=len(missing), is_damaged=lists.n_unsound > 0)

    def _filled(self, index: Index, source: VectorSource) -> Index:
        for batch in source.within(EVERYTHING):
            self._go_on()
            index.upsert(batch)
        return index

    def _sample(self, source: VectorSource, message_ids: Ids) -> Iterator[Vectors]:
        """Vectors of messages chosen by chance, in batches."""
        chosen = np.random.default_rng(0).permutation(message_ids)[: n_in_sample(len(message_ids))]
        for start in range(0, len(chosen), _SAMPLE_BATCH):
            self._go_on()
            yield source.get(np.sort(chosen[start : start + _SAMPLE_BATCH])).vectors.astype(np.float32)

    def _go_on(self) -> None:
        if self._is_stopped.is_set():
            raise MakingStopped

    def _kept(self, guild_id: int, index: CodesIndex, lists: Iterable[CodedList]) -> bool:
        """Whether an index could be saved."""
        if self.folder is None or not self.may_write:
            return False
        try:
            self._save(guild_id, index, lists)
        except OSError as error:
            log.warning("the index of server %d could not be saved: %s", guild_id, error)
            return False
        return True


def _give_back_memory() -> None:
    """The C library keeps what was freed for later, hundreds of megabytes of it, unless it is told."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
