"""One server's index through its life: none at first, then one that fits its size, replaced while it answers."""

import logging
import threading
import time
from collections.abc import Callable, Iterable

import numpy as np

from bot.askers import EVERYTHING, Scope
from bot.index.base import Neighbor, VectorIndex
from bot.index.cache import wipe
from bot.index.codes import CodesIndex
from bot.index.scan import ScanIndex
from bot.index.workshop import Workshop
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors

log = logging.getLogger(__name__)

_QUICK = 20_000  # messages are mirrored before anybody has to wait; more of them are a matter of a background thread
_BATCH = 1_024
_FEW = 256  # changes that are followed while nothing else may change
_WIPED_AFTER_S = 30.0
_SAVED_AFTER = 0.02  # of all messages are not in the file
_LEAST_UNSAVED = 1_000
_NO_ROOM_S = 600.0  # until it is looked at again
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
        self._following = threading.Lock()
        self._making = threading.Lock()

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

    def search(self, vector: Vectors, k: int, scope: Scope = EVERYTHING) -> list[Neighbor]:
        return self._live.search(vector, k, scope)

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
            if not self.is_whole:
                stamps = self._source.stamps()
                n = len(stamps[0])
                if not self._has_room(n):
                    return False
                if not self._workshop.plan(n).is_coded:
                    if n <= _QUICK:
                        self._replace(lambda: self._workshop.made(self._guild_id, stamps[0]))
                elif (found := self._workshop.from_cache(self._guild_id, stamps)) is not None:
                    self._replace(lambda: found.index)
                    self._to_be_wiped(found.gone.tolist())
                    self._n_unsaved += found.n_encoded
            return self.is_whole

    def settle(self) -> int:
        """Hold what the database holds, no more and no less; how many messages that took, beside what `load` takes."""
        self.load()
        with self._making:
            if self.is_whole and not self._workshop.outgrown(self._live, self._n_made_for):
                return self._mend()
            if time.monotonic() < self._due_at:
                return 0
            message_ids, _ = self._source.stamps()
            if not self._has_room(len(message_ids)):
                return 0
            self._replace(lambda: self._workshop.made(self._guild_id, message_ids))
            self._forget_if_gone()
            return len(message_ids)

    def keep(self) -> None:
        """What is due by now: a first or another index, wiping what is gone, saving what is new. Raises OSError."""
        is_due = not self.is_whole or self._workshop.outgrown(self._live, self._n_made_for)
        if is_due and time.monotonic() >= self._due_at:
            self.settle()
        with self._making:
            if self._unwiped and time.monotonic() >= self._unwiped_since + _WIPED_AFTER_S:
                self._wipe()
            if self._n_unsaved >= max(_SAVED_AFTER * self._n_made_for, _LEAST_UNSAVED):
                self._save()

    def close(self) -> None:
        """Leave a file without what is gone, and with what is new where that is quickly written. Raises OSError."""
        if not self._making.acquire(timeout=_PATIENCE_S):
            return  # what is gone is found out again by the next start, and wiped then
        try:
            if self._unwiped:
                self._wipe()
            if self._n_unsaved and self._live.n_bytes() <= _SAVED_AT_THE_END:
                self._save()
        finally:
            self._making.release()

    def forget(self) -> None:
        """The server is gone: so is its file, also where one is being made."""
        self._is_gone = True
        self._workshop.make_room(self._guild_id)
        self._forget_if_gone()

    def _has_room(self, n: int) -> bool:
        """Whether there may be an index over n messages; where not, that is asked again later."""
        if self._workshop.has_room(self._guild_id, n):
            return True
        self._due_at = time.monotonic() + _NO_ROOM_S
        return False

    def _forget_if_gone(self) -> None:
        if self._is_gone:
            self._remove_file()

    def _remove_file(self) -> None:
        if (path := self._workshop.path(self._guild_id)) is not None and self._workshop.may_write:
            path.unlink(missing_ok=True)
            path.with_suffix(".new").unlink(missing_ok=True)

    def _to_be_wiped(self, message_ids: list[int]) -> None:
        if self._workshop.folder is not None and self._workshop.may_write and message_ids:
            self._unwiped_since = self._unwiped_since if self._unwiped else time.monotonic()
            self._unwiped.update(message_ids)

    def _note(self, message_ids: list[int]) -> None:
        self._n_unsaved += len(message_ids)
        if self._changed is not None:
            self._changed.update(message_ids)

    def _replace(self, make: Callable[[], VectorIndex]) -> None:
        """Put another index in the place of the one that answers, with what changed while it was made."""
        with self._following:
            self._changed = set()
        try:
            index = make()
            if not isinstance(index, CodesIndex):
                self._remove_file()  # which may be there from another time
            while True:
                with self._following:
                    changed, self._changed = self._changed, set()
                    if len(changed) <= _FEW:
                        self._renew(index, changed)
                        self._live, self._n_made_for = index, max(len(index), 1)
                        self._n_unsaved = len(changed)
                        return
                self._renew(index, changed)
        finally:
            with self._following:
                self._changed = None

    def _renew(self, index: VectorIndex, message_ids: Iterable[int]) -> None:
        """Have an index hold of some messages what the database holds of them now."""
        ids = np.array(sorted(message_ids), np.int64)
        index.remove(ids)
        for start in range(0, len(ids), _BATCH):
            index.upsert(self._source.get(ids[start : start + _BATCH]))

    def _mend(self) -> int:
        """Compare what is in with what the database holds, and make up for the difference."""
        differing = np.setxor1d(self._live.ids(), self._source.stamps()[0])
        for start in range(0, len(differing), _BATCH):
            with self._following:
                self._renew(self._live, differing[start : start + _BATCH].tolist())
        return len(differing)

    def _wipe(self) -> None:
        gone = self._unwiped.copy()
        if (path := self._workshop.path(self._guild_id)) is not None:
            wipe(path, gone)
        with self._following:
            self._unwiped -= gone

    def _save(self) -> None:
        with self._following:
            n_unsaved, gone = self._n_unsaved, self._unwiped.copy()
        if isinstance(self._live, CodesIndex):
            self._workshop.saved(self._guild_id, self._live)
            self._forget_if_gone()
        with self._following:
            self._n_unsaved -= n_unsaved
            self._unwiped -= gone if isinstance(self._live, CodesIndex) else set()
