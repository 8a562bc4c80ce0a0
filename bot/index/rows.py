"""Which message stands in which dense row, and where it was written: what filters are computed from."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bot.askers import Scope
from bot.messages import EmbeddedMessages
from bot.vectors import Ids

Mask = npt.NDArray[np.bool_]


class Rows:
    """Row numbers from 0 for message ids. A freed row has id 0 and is given to a later message."""

    def __init__(self) -> None:
        self._columns = np.zeros((3, 0), np.int64)  # message, channel and author of each row
        self._row_of: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def message_ids(self) -> Ids:
        """The message id of each row, 0 for a free one."""
        column: Ids = self._columns[0]
        return column

    def ids(self) -> Ids:
        """The ids that stand in a row, ascending."""
        ids: Ids = np.sort(self.message_ids[self.message_ids > 0])
        return ids

    def put(self, messages: EmbeddedMessages) -> Ids:
        """Give new messages a row each; their rows. None of them may stand in one already."""
        self._grow(len(messages) - len(self._free))
        taken = [self._free.pop() for _ in range(len(messages))]
        rows = np.array(taken, np.int64)
        self._columns[:, rows] = messages.message_ids, messages.channel_ids, messages.author_ids
        self._row_of.update(zip(messages.message_ids.tolist(), taken, strict=True))
        return rows

    def drop(self, message_ids: Iterable[int]) -> Ids:
        """Free the rows of messages, where they have one; those rows."""
        freed = [row for i in message_ids if (row := self._row_of.pop(int(i), None)) is not None]
        rows = np.array(freed, np.int64)
        self._columns[:, rows] = 0
        self._free.extend(freed)
        return rows

    def within(self, scope: Scope) -> Mask:
        """Which rows hold a message that the scope admits, bool [number of rows]."""
        message_ids, channel_ids, author_ids = self._columns
        mask: Mask = message_ids > 0
        if scope.channel_ids is not None:
            mask &= np.isin(channel_ids, list(scope.channel_ids))
        if scope.author_ids is not None:
            mask &= np.isin(author_ids, list(scope.author_ids))
        if scope.after_id is not None:
            mask &= message_ids >= scope.after_id
        if scope.before_id is not None:
            mask &= message_ids < scope.before_id
        excluded = [row for i in scope.excluded_ids if (row := self._row_of.get(i)) is not None]
        mask[excluded] = False
        return mask

    def _grow(self, n_missing: int) -> None:
        if n_missing <= 0:
            return
        n_rows = self._columns.shape[1]
        n_more = max(n_missing, n_rows // 2, 64)
        self._columns = np.pad(self._columns, ((0, 0), (0, n_more)))
        self._free.extend(range(n_rows + n_more - 1, n_rows - 1, -1))
