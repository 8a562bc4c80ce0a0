"""Which of two texts of one message is to stand: the newer one, or the one that is not damaged."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.composing import hash_of, own_text
from bot.messages import Message, Origin, Said
from bot.saying import says_little
from bot.times import milliseconds


@dataclass(frozen=True, slots=True)
class Version:
    """What decides which of two texts of one message is the newer."""

    origin: int
    edited_ms: int
    said: Said
    text_hash: bytes | None
    opens_thread: bool
    reply_to: int | None
    leans: bool = field(default=False, compare=False)  # says so little that what it answers has to be known

    def supersedes(self, other: "Version") -> bool:
        """A live text beats an exported one, then the later edit wins, then, for live texts, the arrival."""
        if not other.said.is_blank and self.said.is_blank and not self.edited_ms:
            return False  # nobody empties a message without an edit: Discord does not show the bot what is written
        if (self.origin, self.edited_ms) != (other.origin, other.edited_ms):
            return (self.origin, self.edited_ms) > (other.origin, other.edited_ms)
        # Nobody empties a message without a later edit: Discord has stopped showing texts to the bot.
        if self.completes(other):
            return True
        return self.origin == Origin.LIVE and not self.said.is_blank and self.said.differs(other.said)

    def completes(self, other: "Version") -> bool:
        """Whether it tells what came with the same text, or what that answers, where the other knows nothing of it."""
        if self.said.content != other.said.content:
            return False
        pairs = [
            (self.said.attached, other.said.attached),
            (self.said.names, other.said.names),
            (self.reply_to, other.reply_to),
        ]
        return any(ours is not None and theirs is None for ours, theirs in pairs)

    def embeds_as(self, other: "Version") -> bool:
        """Whether the vector of the other fits this one as well."""
        return self.text_hash == other.text_hash and (not self.leans or self.reply_to == other.reply_to)

    def mends(self, other: "Version") -> bool:
        """Whether the other is a damaged text that this one can stand for.

        A message without text cannot: that may be all that Discord shows the bot.
        """
        if (self.said, self.text_hash) == (other.said, other.text_hash) or self.said.is_blank:
            return False
        return is_damaged(other.said, other.text_hash, opens_thread=other.opens_thread)


def is_damaged(said: Said, text_hash: bytes | None, *, opens_thread: bool) -> bool:
    """Whether a stored text and the hash beside it do not belong together.

    Sees what changes the embedded text; blanks, invisible characters and what lies behind its end it does not see.
    """
    return hash_of(own_text(said), opens_thread=opens_thread) != text_hash


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
    said = message.said
    own = own_text(said)
    opens_thread = message.message_id == message.channel_id
    return Version(
        origin=message.origin,
        edited_ms=0 if message.edited_at is None else milliseconds(message.edited_at),
        said=said,
        text_hash=hash_of(own, opens_thread=opens_thread),
        opens_thread=opens_thread,
        reply_to=message.reply_to,
        leans=says_little(own),
    )
