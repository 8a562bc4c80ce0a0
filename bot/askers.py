"""Who asks, and which messages that lets a search consider."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Scope:
    """Which messages a search may consider; None means that a field sets no limit.

    An empty set admits nothing. `after_id` is inclusive and `before_id` exclusive.
    """

    guild_ids: frozenset[int] | None = None
    channel_ids: frozenset[int] | None = None
    author_ids: frozenset[int] | None = None
    after_id: int | None = None
    before_id: int | None = None
    excluded_ids: frozenset[int] = frozenset()

    def __and__(self, other: Self) -> "Scope":
        """What both admit."""
        return Scope(
            guild_ids=_both(self.guild_ids, other.guild_ids),
            channel_ids=_both(self.channel_ids, other.channel_ids),
            author_ids=_both(self.author_ids, other.author_ids),
            after_id=max((i for i in (self.after_id, other.after_id) if i is not None), default=None),
            before_id=min((i for i in (self.before_id, other.before_id) if i is not None), default=None),
            excluded_ids=self.excluded_ids | other.excluded_ids,
        )

    def admits(self, *, message_id: int, guild_id: int, channel_id: int, author_id: int) -> bool:
        """Whether one message lies within this scope."""
        return (
            (self.guild_ids is None or guild_id in self.guild_ids)
            and (self.channel_ids is None or channel_id in self.channel_ids)
            and (self.author_ids is None or author_id in self.author_ids)
            and (self.after_id is None or message_id >= self.after_id)
            and (self.before_id is None or message_id < self.before_id)
            and message_id not in self.excluded_ids
        )


def _both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    if one is None or other is None:
        return one if other is None else other
    return one & other


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Operator:
    """The person at the terminal, who has the database anyway."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of one server, with the channels they may read at this moment."""

    guild_id: int
    user_id: int
    channel_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Audience:
    """Everyone who can read one place, with the channels that all of them may read at this moment."""

    guild_id: int
    channel_ids: frozenset[int]


Asker = Operator | Member | Audience


def visible_to(asker: Asker) -> Scope:
    """What the asker may see now: the one place where that is decided."""
    match asker:
        case Operator():
            return EVERYTHING
        case Member(guild_id=guild_id, channel_ids=channel_ids) | Audience(guild_id=guild_id, channel_ids=channel_ids):
            return Scope(guild_ids=frozenset({guild_id}), channel_ids=channel_ids)
