"""Which of two texts of one message is to stand: the newer one, or the one that is not damaged."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.messages import Message, Origin
from bot.texts import content_hash, embed_text, storable
from bot.times import milliseconds


@dataclass(frozen=True, slots=True)
class Version:
    """What decides which of two texts of one message is the newer."""

    origin: int
    edited_ms: int
    content: str
    text_hash: bytes | None

    def supersedes(self, other: "Version") -> bool:
        """A live text beats an exported one, then the later edit wins, then, for live texts, the arrival."""
        if other.content and not self.content and not self.edited_ms:
            return False  # nobody empties a message without an edit: Discord does not show the bot what is written
        if (self.origin, self.edited_ms) != (other.origin, other.edited_ms):
            return (self.origin, self.edited_ms) > (other.origin, other.edited_ms)
        # Nobody empties a message without a later edit: Discord has stopped showing texts to the bot.
        return self.origin == Origin.LIVE and self.content not in ("", other.content)

    def mends(self, other: "Version") -> bool:
        """Whether the other is a damaged text that this one can stand for.

        A message without text cannot: that may be all that Discord shows the bot.
        """
        if (self.content, self.text_hash) == (other.content, other.text_hash) or not self.content:
            return False
        return is_damaged(other.content, other.text_hash)


def hash_of(content: str) -> bytes | None:
    """What is kept beside a text: the hash of what is embedded of it, None where that is nothing."""
    text = embed_text(content)
    return content_hash(text) if text else None


def is_damaged(content: str, text_hash: bytes | None) -> bool:
    """Whether a stored text and the hash beside it do not belong together.

    Sees what changes the embedded text; blanks, invisible characters and what lies behind its end it does not see.
    """
    return hash_of(content) != text_hash


def newest_of(messages: Iterable[Message]) -> dict[int, tuple[Message, Version]]:
    """Each message in its newest version, by id."""
    newest: dict[int, tuple[Message, Version]] = {}
    for message in messages:
        version = version_of(message)
        known = newest.get(message.message_id)
        if known is None or version.supersedes(known[1]):
            newest[message.message_id] = (message, version)
    return newest


def version_of(message: Message) -> Version:
    return Version(
        origin=message.origin,
        edited_ms=0 if message.edited_at is None else milliseconds(message.edited_at),
        content=storable(message.content),
        text_hash=hash_of(message.content),
    )
