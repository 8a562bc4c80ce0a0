"""The past of a server as Discord gives it out: what whoever reads it may ask for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.messages import Channel, Location, Message

PAGE = 100  # the most messages that Discord gives at once


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or thread whose history can be read; `newest_id` is None where none is known."""

    location: Location
    newest_id: int | None


class History(Protocol):
    """The past of one server, as the bot may read it at this moment.

    What fails only for now raises HistoryDelayed, wherever Discord is asked.
    """

    @property
    def guild_id(self) -> int: ...

    def places(self) -> AsyncIterator[Place]:
        """Every channel and thread that the bot may read now, archived threads too."""

    async def page(
        self, location: Location, *, before_id: int | None = None, after_id: int | None = None
    ) -> Sequence[Message]:
        """Up to PAGE messages, newest first: the newest, the nearest before an id, or the nearest after one.

        Raises HistoryUnavailable, also when nothing came back because nothing may be read.
        """

    async def message(self, channel_id: int, message_id: int) -> Message | None:
        """A message as it is now, None where it is gone. Raises HistoryUnavailable."""

    def locate(self, channel: Channel) -> Location | None:
        """Where a known channel or thread stands now; None where the bot may not read it."""

    async def is_gone(self, channel: Channel) -> bool:
        """Whether a known channel or thread was surely deleted."""
