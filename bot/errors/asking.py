"""What can keep a question from its answer."""

from dataclasses import dataclass

from bot.errors.base import BotError, Valued


class NothingToCompare(BotError):
    """The question has no text that could be compared."""


@dataclass(eq=False)
class MessageNotFound(Valued):
    """The message does not exist, or the asker may not see it: the two are told alike."""

    message_id: int


@dataclass(eq=False)
class MessageNotEmbedded(Valued):
    """The message is stored, but has no vector yet."""

    message_id: int


@dataclass(eq=False)
class OtherGeneration(Valued):
    """Vectors are stored, but none of the model that is set."""

    stored: tuple[str, ...]
    wanted: str


@dataclass(eq=False)
class MomentInvalid(Valued):
    """Neither a date nor an age."""

    text: str


@dataclass(eq=False)
class SnowflakeInvalid(Valued):
    """Not a Discord id."""

    value: object
    reason: str


@dataclass(eq=False)
class TooLittleToMap(Valued):
    """There are fewer messages than a map takes."""

    least: int
