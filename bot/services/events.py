"""What Discord reports, as the inbox takes it."""

from dataclasses import dataclass

from bot.messages import Channel, Location, Message


@dataclass(frozen=True, slots=True)
class MessageSaved:
    """A message was written or edited; `location` is None where its channel was not known."""

    message: Message
    location: Location | None


@dataclass(frozen=True, slots=True)
class MessagesDeleted:
    guild_id: int
    message_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChannelDeleted:
    guild_id: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """The bot may no longer read a channel or thread."""

    guild_id: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class ReachChanged:
    """What the bot may read in a server may have changed."""

    guild_id: int


@dataclass(frozen=True, slots=True)
class ChannelsTurned:
    """Channels of a server were opened to the bot or closed to it; the others are as they were."""

    guild_id: int
    channel_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class NamesChanged:
    """Channels of a server may have other names or stand elsewhere; what the bot may read is the same."""

    guild_id: int


@dataclass(frozen=True, slots=True)
class ThreadChanged:
    """A thread may have another title."""

    channel: Channel

    @property
    def guild_id(self) -> int:
        return self.channel.guild_id


@dataclass(frozen=True, slots=True)
class HistoryWanted:
    """Something was not told of a server: what was written meanwhile is to be read."""

    guild_id: int


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """The history of a server was read; a page may have been on its way while its channel was closed or deleted."""

    guild_id: int


@dataclass(frozen=True, slots=True)
class ServerJoined:
    """The bot is in a server, again or still."""

    guild_id: int


@dataclass(frozen=True, slots=True)
class ServerLeft:
    """The bot was removed from a server."""

    guild_id: int


Event = (
    MessageSaved
    | MessagesDeleted
    | ChannelDeleted
    | ChannelClosed
    | ReachChanged
    | ChannelsTurned
    | NamesChanged
    | ThreadChanged
    | HistoryWanted
    | HistoryRead
    | ServerJoined
    | ServerLeft
)


def guild_of(event: Event) -> int:
    return event.message.guild_id if isinstance(event, MessageSaved) else event.guild_id


def message_ids_of(event: Event) -> tuple[int, ...]:
    """The messages that an event tells of one by one."""
    match event:
        case MessageSaved(message=message):
            return (message.message_id,)
        case MessagesDeleted(message_ids=message_ids):
            return message_ids
        case _:
            return ()
