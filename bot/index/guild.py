"""One server's index through its life: none at first, then one that fits its size, replaced while it answers."""

import logging
import threading
import time
from collections.abc import Callable, Iterable

import numpy as np

from bot.askers import EVERYTHING, Scope
from bot.errors import BotError
from bot.index.base import Neighbor, VectorIndex
from bot.index.cache import wipe
from bot.index.codes import CodesIndex
from bot.index.scan import ScanIndex
from bot.index.workshop import Workshop
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors, among
from bot.wiping import wipe_file

log = logging.getLogger(__name__)

_QUICK = 20_000  # messages are mirrored before anybody has to wait; more of them are a matter of a background thread
_BATCH = 1_024
_FEW = 256  # changes that are followed while nothing else may change
_WIPED_AFTER_S = 30.0
_SAVED_AFTER = 0.02  # of all messages are not in the file
_LEAST_UNSAVED = 1_000
_NO_ROOM_S = 600.0  # until it is looked at again
_PAUSE_S = 60.0  # after the disk or the database failed
_PATIENCE_S = 1.0  # with an index that is being made, at the end
_SAVED_AT_THE_END = 128 * 2**20  # bytes that are written within a second


class GuildIndex:
    """Answers always: from the database until there is an index, from the old one until a new one is whole."""

    def __init__(self, guild_id: int, workshop: Workshop) -> None:
        self._guild_id = guild_id
        self._workshop = workshop
        self._source = workshop.source(guild_id)
        self._live: VectorIndex = workshop.scan(guild_id)
        self._n_made_for = 0
        self._changed: set[int] | None = None  # messages that changed while another index is made
        self._unwiped: set[int] = set()  # messages that are gone and may be in the file
        self._unwiped_since = 0.0
        self._n_unsaved = 0
        self._is_gone = False
        self._due_at = 0.0  # when there may be room for an index
        self._again_at = 0.0  # after something failed
        self._making = threading.Lock()  # held by whoever makes, mends or saves; the others are taken within it
        self._filing = threading.Lock()  # held by whoever saves or wipes the file of the index that answers
        self._following = threading.Lock()  # held while the index that answers follows the database

    def __len__(self) -> int:
        return len(self._live)

    def ids(self) -> Ids:
        return self._live.ids()

    def n_bytes(self) -> int:
        return self._live.n_bytes()

    @property
    def is_whole(self) -> bool:
        """Whether there is an index, so that no question has to read everything."""
        return not isinstance(self._live, ScanIndex)

    def search(
        self, vector: Vectors, k: int, scope: Scope = EVERYTHING, *, n_sure: int | None = None
    ) -> list[Neighbor]:
        return self._live.search(vector, k, scope, n_sure=n_sure)

    def upsert(self, messages: EmbeddedMessages) -> None:
        with self._following:
            self._live.upsert(messages)
            self._note(messages.message_ids.tolist())

    def remove(self, message_ids: Iterable[int]) -> None:
        ids = [int(i) for i in message_ids]
        with self._following:
            self._live.remove(ids)
            self._note(ids)
            self._to_be_wiped(ids)

    def load(self) -> bool:
        """Have an index if that is a matter of seconds: from the cache, or of few messages. Whether there is one."""
        with self._making:
            return self.is_whole or self._replace(self._quickly_made)

    def settle(self) -> int:
        """Hold what the database holds, no more and no less; how many messages that took, beside what `load` takes.

        What has no index yet, and no room for one, holds it by itself.
        """
        self.load()
        with self._making:
            if self._is_due() and self._replace(self._made):
                return len(self._live)
            return self._mend() if self.is_whole else 0

    def keep(self) -> None:
        """What is due by now: a first or another index, saving what is new. Raises BotError and OSError."""
        if time.monotonic() < self._again_at:
            return
        try:
            if self._is_due():
                self.settle()
            with self._making:
                if self.is_whole and not self._is_gone:
                    self._workshop.takes(self._guild_id, self._live)
                if self._n_unsaved >= max(_SAVED_AFTER * self._n_made_for, _LEAST_UNSAVED):
                    self._save()
        except (BotError, OSError):
            self._again_at = time.monotonic() + _PAUSE_S
            raise

    def wipe(self) -> None:
        """Overwrite in the file what is gone for a while. Waits for no index that is being made. Raises OSError."""
        if self._unwiped and time.monotonic() >= self._unwiped_since + _WIPED_AFTER_S:
            self.wipe_now()

    def wipe_now(self) -> None:
        """Overwrite in the file what is gone. Raises OSError."""
        with self._filing:
            self._wipe_file()

    def close(self) -> None:
        """Leave a file without what is gone, and with what is new where that is quickly written. Raises OSError."""
        # What is not to be had in time is found out again by the next start, and made up for then.
        if self._filing.acquire(timeout=_PATIENCE_S):
            try:
                self._wipe_file()
            finally:
                self._filing.release()
        if not self._making.acquire(timeout=_PATIENCE_S):
            return
        try:
            if self._n_unsaved and self._live.n_bytes() <= _SAVED_AT_THE_END:
                self._save()
        finally:
            self._making.release()

    def forget(self) -> None:
        """The server is gone: so is its file, also where one is being made."""
        self._is_gone = True
        self._forget_if_gone()

    def _is_due(self) -> bool:
        """Whether it is time for a first or another index."""
        return self._workshop.outgrown(self._live) and time.monotonic() >= self._due_at

    def _has_room(self, n: int) -> bool:
        """Whether there may be an index over n messages; where not, that is asked again later."""
        if self._workshop.has_room(self._guild_id, n, n_bytes_more=self._live.n_bytes()):
            return True
        self._due_at = time.monotonic() + _NO_ROOM_S
        return False

    def _forget_if_gone(self) -> None:
        if self._is_gone:
            self._remove_file()
            self._workshop.make_room(self._guild_id)

    def _remove_file(self) -> None:
        if (path := self._workshop.path(self._guild_id)) is not None and self._workshop.may_write:
            wipe_file(path)
            wipe_file(path.with_suffix(".new"))

    def _to_be_wiped(self, message_ids: list[int]) -> None:
        if self._workshop.folder is not None and self._workshop.may_write and message_ids:
            self._unwiped_since = self._unwiped_since if self._unwiped else time.monotonic()
            self._unwiped.update(message_ids)

    def _note(self, message_ids: list[int]) -> None:
        self._n_unsaved += len(message_ids)
        if self._changed is not None:
            self._changed.update(message_ids)

    def _made(self) -> VectorIndex | None:
        stamps = self._source.stamps()
        return self._workshop.made(self._guild_id, stamps) if self._has_room(len(stamps[0])) else None

    def _quickly_made(self) -> VectorIndex | None:
        stamps = self._source.stamps()
        n = len(stamps[0])
        if not self._has_room(n):
            return None
        if self._workshop.plan(n).is_coded:
            return self._out_of_cache(stamps)
        return self._workshop.made(self._guild_id, stamps) if n <= _QUICK else None

    def _out_of_cache(self, stamps: tuple[Ids, Ids]) -> VectorIndex | None:
        found = self._workshop.from_cache(self._guild_id, stamps)
        if found is None:
            self._remove_file()  # which may be one of before there was a key
            return None
        with self._following:
            self._to_be_wiped(found.gone.tolist())
            # What cannot be read cannot be wiped either.
            self._n_unsaved += len(found.index) if found.is_damaged else found.n_encoded
        return found.index

    def _replace(self, make: Callable[[], VectorIndex | None]) -> bool:
        """Put another index in the place of the one that answers, with what changed while it was made.

        Whether `make` gave one.
        """
        changed: set[int] = set()
        with self._following:
            self._changed, n_unsaved = set(), self._n_unsaved
        try:
            if (index := make()) is None:
                return False
            if not isinstance(index, CodesIndex):
                self._remove_file()  # which may be there from another time
            while True:
                with self._following:
                    latest, self._changed = self._changed, set()
                    changed |= latest
                    if len(latest) <= _FEW:
                        self._renew(index, latest)
                        self._live, self._n_made_for = index, max(len(index), 1)
                        self._n_unsaved -= n_unsaved  # which are in the new one
                        self._to_be_wiped(list(changed))  # out of a file that was written meanwhile
                        break
                self._renew(index, latest)
            self._workshop.takes(self._guild_id, index)
            return True
        finally:
            with self._following:
                self._changed = None
            self._forget_if_gone()

    def _renew(self, index: VectorIndex, message_ids: Iterable[int]) -> None:
        """Have an index hold of some messages what the database holds of them now."""
        ids = np.array(sorted(message_ids), np.int64)
        index.remove(ids)
        for start in range(0, len(ids), _BATCH):
            index.upsert(self._source.get(ids[start : start + _BATCH]))

    def _mend(self) -> int:
        """Compare what is in with what the database holds, and make up for the difference."""
        held, stored = self._live.ids(), self._source.stamps()[0]
        differing = np.concatenate([held[~among(held, stored)], stored[~among(stored, held)]])
        for start in range(0, len(differing), _BATCH):
            with self._following:
                self._renew(self._live, differing[start : start + _BATCH].tolist())
        return len(differing)

    def _wipe_file(self) -> None:
        gone, path = self._unwiped.copy(), self._workshop.path(self._guild_id)
        if gone and path is not None:
            wipe(path, gone, self._workshop.open_file)
        with self._following:
            self._unwiped -= gone

    def _save(self) -> None:
        """Write the file anew, after wiping the old one, whose place on the disk is only given free."""
        if not isinstance(self._live, CodesIndex):
            self._n_unsaved = 0
            return
        self.wipe_now()
        with self._filing:
            with self._following:
                n_unsaved, gone = self._n_unsaved, self._unwiped.copy()
            self._workshop.saved(self._guild_id, self._live)
            self._forget_if_gone()
            with self._following:
                self._n_unsaved -= n_unsaved
                self._unwiped -= gone
