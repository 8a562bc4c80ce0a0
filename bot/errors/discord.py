"""What can go wrong with Discord, or is not allowed there."""

from dataclasses import dataclass

from bot.errors.base import BotError, Valued


class DiscordTokenRefused(BotError):
    """Discord does not know the token."""


class DiscordIntentMissing(BotError):
    """Message Content is not switched on for the application."""


@dataclass(eq=False)
class DiscordUnreachable(Valued):
    """No connection to Discord came about."""

    reason: str


@dataclass(eq=False)
class HistoryUnavailable(Valued):
    """A channel's history cannot be read, now or any more."""

    reason: str


@dataclass(eq=False)
class HistoryDelayed(Valued):
    """A channel's history cannot be read at this moment, but perhaps after some seconds."""

    reason: str
    seconds: float = 0.0


class NotInServer(BotError):
    """A command came from a place where the bot is no member: a direct message or a foreign server."""


class NotOffered(BotError):
    """The operator has named the servers that may use the bot, and this is none of them."""


class NotAllowed(BotError):
    """The member lacks Manage Server."""


class NotAuthor(BotError):
    """The member did not open this thread."""


class NotAuthorNorModerator(BotError):
    """The member neither opened this thread nor may manage threads or messages in it."""


class NoThreadsThere(BotError):
    """No threads can be opened in the channel."""


class BotMayNotReply(BotError):
    """The bot lacks Send Messages in Threads or Embed Links in the channel."""


class MayNotMark(BotError):
    """The member neither wrote the message nor has Manage Messages where it stands."""


class MayNotWrite(BotError):
    """The member may not write where they want to share an answer."""


class BotMayNotRead(BotError):
    """The bot lacks View Channel or Read Message History in the channel."""


@dataclass(eq=False)
class KindIsOff(Valued):
    """The channel is of a kind that the server leaves out."""

    kind: str


class BotMayNotWrite(BotError):
    """The bot lacks View Channel, Send Messages or Embed Links in the channel."""


class MayNotModerate(BotError):
    """The member lacks Manage Messages in the channel."""


class WaveGone(BotError):
    """Nothing is left of the wave that a notice was about."""


class AnswerExpired(BotError):
    """The answer is older than it is kept, or there never was one."""


class AnswerOfAnother(BotError):
    """The answer was given to another member."""


class NothingToShare(BotError):
    """Of what is shown, nothing may be read by everyone in the channel."""


@dataclass(eq=False)
class TooManyQuestions(Valued):
    """A member asks more often than one machine can answer everybody; `again_at` is in seconds since 1970."""

    again_at: int


class ServerAsksTooOften(TooManyQuestions):
    """The members of a server together ask more often than it is allowed."""
