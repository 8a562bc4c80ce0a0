"""Which message stands in which dense rows, one for each of its vectors, and where it was written: for filters.

A row takes 37 bytes: a dictionary of its id alone would take three times as much, so most ids are looked up in a sorted
order, and only the newest in a dictionary.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bot.askers import Scope
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, begins

Mask = npt.NDArray[np.bool_]
ROW_BYTES = 37
_MOST_RECENT = 65_536  # of these are in the dictionary before the order is made anew, which takes some 0.1 s a million


class Codes:
    """Small numbers for Discord's large ones, so that a set of them becomes a table to look rows up in."""

    def __init__(self) -> None:
        self._code_of: dict[int, int] = {}

    def of(self, ids: Ids) -> npt.NDArray[np.int32]:
        """The numbers of ids, given out where they have none yet."""
        known, places = np.unique(ids, return_inverse=True)
        codes = [self._code_of.setdefault(i, len(self._code_of)) for i in known.tolist()]
        return np.array(codes, np.int32)[places]

    def ids(self) -> Ids:
        """The id of each number."""
        return np.fromiter(self._code_of, np.int64, len(self._code_of))

    def table(self, ids: Iterable[int]) -> Mask:
        """Whether each number is that of one of the ids."""
        table = np.zeros(max(len(self._code_of), 1), np.bool_)
        table[[code for i in ids if (code := self._code_of.get(i)) is not None]] = True
        return table


class Rows:
    """Row numbers from 0 for message ids. A freed row is given to a later message."""

    def __init__(self) -> None:
        self.message_ids: Ids = np.zeros(0, np.int64)  # of each row; without a meaning where the row is free
        self.embedding_ids: Ids = np.zeros(0, np.int64)
        self._channels = np.zeros(0, np.int32)
        self._authors = np.zeros(0, np.int32)
        self._channel_codes, self._author_codes = Codes(), Codes()
        self._is_taken: Mask = np.zeros(0, np.bool_)
        # Rows by rising message id, with their ids; some of them may have been dropped since.
        self._order, self._ordered_ids = np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._recent: dict[int, int] = {}  # the rows that are not in the order
        self._more: dict[int, list[int]] = {}  # the second and further rows of messages that have several
        self._free: list[int] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def ids(self) -> Ids:
        """The ids that stand in a row, ascending."""
        ids = np.sort(self.message_ids[self._is_taken])
        ids_once: Ids = ids[begins(ids)]
        return ids_once

    def n_bytes(self) -> int:
        """What all rows take in memory, but for the few in the dictionary."""
        return ROW_BYTES * len(self.message_ids)

    def taken(self) -> Ids:
        """The rows that hold a message, ascending."""
        return np.flatnonzero(self._is_taken)

    def put(self, messages: EmbeddedMessages) -> Ids:
        """Give each vector of new messages a row; their rows. None of them may stand in one already."""
        self._grow(len(messages) - len(self._free))
        taken = [self._free.pop() for _ in range(len(messages))]
        rows = np.array(taken, np.int64)
        self.message_ids[rows] = messages.message_ids
        self.embedding_ids[rows] = messages.embedding_ids
        self._channels[rows] = self._channel_codes.of(messages.channel_ids)
        self._authors[rows] = self._author_codes.of(messages.author_ids)
        self._is_taken[rows] = True
        self._recent.update(self._with_more(messages.message_ids, rows))
        self._n += len(messages)
        if len(self._recent) > _MOST_RECENT:
            self._sort()
        return rows

    def adopt(self, ids: Ids) -> None:
        """Have the messages of int64 [4, n], as ids_of gives them, in the rows from 0 on. There must be no row yet."""
        self.message_ids, self.embedding_ids = ids[0].copy(), ids[3].copy()
        self._channels, self._authors = self._channel_codes.of(ids[1]), self._author_codes.of(ids[2])
        self._is_taken = np.ones(ids.shape[1], np.bool_)
        self._n = ids.shape[1]
        self._sort()

    def drop(self, message_ids: Iterable[int]) -> Ids:
        """Free the rows of messages, where they have any; those rows."""
        ids = np.unique(np.fromiter(message_ids, np.int64))
        rows = self.rows_of(ids)
        for message_id in ids.tolist():
            if (row := self._recent.pop(message_id, None)) is not None:
                self._free.append(row)  # one in the order is free when the order is made anew
            self._free += self._more.pop(message_id, ())
        self._is_taken[rows] = False
        self._n -= len(rows)
        return rows

    def rows_of(self, message_ids: Ids) -> Ids:
        """The rows of those of the messages that have any; no message may be named twice."""
        recent = [row for i in message_ids.tolist() if (row := self._recent.get(i)) is not None]
        if self._more:
            recent += [row for i in message_ids.tolist() for row in self._more.get(i, ())]
        if not len(self._order):
            return np.array(recent, np.int64)
        places = np.minimum(np.searchsorted(self._ordered_ids, message_ids), len(self._order) - 1)
        rows = self._order[places].astype(np.int64)
        there = (self._ordered_ids[places] == message_ids) & self._is_taken[rows]
        return np.concatenate([rows[there], np.array(recent, np.int64)])

    def within(self, scope: Scope) -> Mask:
        """Which rows hold a message that the scope admits, bool [number of rows]."""
        mask = self._is_taken.copy()
        if scope.channel_ids is not None:
            mask &= self._channel_codes.table(scope.channel_ids).take(self._channels)
        if scope.author_ids is not None:
            mask &= self._author_codes.table(scope.author_ids).take(self._authors)
        if scope.after_id is not None:
            mask &= self.message_ids >= scope.after_id
        if scope.before_id is not None:
            mask &= self.message_ids < scope.before_id
        if scope.excluded_ids:
            mask[self.rows_of(np.array(sorted(scope.excluded_ids), np.int64))] = False
        return mask

    def ids_of(self, rows: Ids) -> Ids:
        """The ids of the message, the channel, the author and the embedding of each row, int64 [4, n]."""
        return np.stack(
            [
                self.message_ids[rows],
                self._channel_codes.ids()[self._channels[rows]],
                self._author_codes.ids()[self._authors[rows]],
                self.embedding_ids[rows],
            ]
        )

    def _grow(self, n_missing: int) -> None:
        if n_missing <= 0:
            return
        n_rows = len(self.message_ids)
        n_more = max(n_missing, n_rows // 8, 64)
        for name in ("message_ids", "embedding_ids", "_channels", "_authors", "_is_taken"):
            setattr(self, name, np.pad(getattr(self, name), (0, n_more)))
        self._free.extend(range(n_rows + n_more - 1, n_rows - 1, -1))

    def _sort(self) -> None:
        """Take every row into the order, and free those that were dropped out of it."""
        dropped = self._order[~self._is_taken[self._order]]
        self._free.extend(dropped.tolist())
        rows = self.taken()
        rows = rows[np.argsort(self.message_ids[rows], kind="stable")]
        self._more.clear()
        self._with_more(self.message_ids[rows], rows)
        self._order = rows[begins(self.message_ids[rows])].astype(np.int32)
        self._ordered_ids = self.message_ids[self._order]
        self._recent.clear()

    def _with_more(self, message_ids: Ids, rows: Ids) -> list[tuple[int, int]]:
        """Keep the further rows of messages that stand in several, one after another; each id with its first row."""
        is_first = begins(message_ids)
        for message_id, row in zip(message_ids[~is_first].tolist(), rows[~is_first].tolist(), strict=True):
            self._more.setdefault(message_id, []).append(row)
        return list(zip(message_ids[is_first].tolist(), rows[is_first].tolist(), strict=True))
