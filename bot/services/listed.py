"""Stored messages in a list that is shown to one member."""

from dataclasses import dataclass, replace
from typing import Self

from bot.askers import Asker, visible_to
from bot.messages import StoredMessage


@dataclass(frozen=True, slots=True)
class Listed:
    """Messages that somebody may read, the latest first; `n_more` follow.

    Of `n_unknown` Discord did not say in time whether they are still there.
    """

    shown: tuple[StoredMessage, ...]
    n_more: int
    n_unknown: int

    def seen_by(self, asker: Asker) -> Self:
        """The list less what the asker may not see, for the last look before it is shown."""
        scope = visible_to(asker)
        return replace(self, shown=tuple(stored for stored in self.shown if stored.message.is_within(scope)))

    @property
    def channel_ids(self) -> frozenset[int]:
        """Where what it shows was written."""
        return frozenset(stored.message.channel_id for stored in self.shown)
