"""The queue of texts that wait for their vectors, as rows and as what is embedded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.composing import Composition
from bot.messages import Said
from bot.parts import parts_of
from bot.storage.contexts import COMPOSED, WITH_CONTEXT, composition_of
from bot.storage.database import AMONG, Row, Transaction, json_ids
from bot.storage.versions import is_damaged
from bot.texts import content_hash

TEXTS_IN_QUEUE = f"""SELECT m.guild_id, m.message_id, m.content_hash, m.channel_id, {COMPOSED}
                      FROM pending q JOIN messages m USING (guild_id, message_id) {WITH_CONTEXT}"""


@dataclass(frozen=True, slots=True)
class PendingText:
    """A text that waits for its vector: what it is made of, what that comes to, and the hash of it.

    A long one waits for those of its parts as well.
    """

    guild_id: int
    message_id: int
    composition: Composition
    text: str
    content_hash: bytes
    parts: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """What is embedded: the whole, and then its parts."""
        return self.text, *self.parts


def has_damaged_text(row: Row) -> bool:
    _, message_id, text_hash, channel_id, *said = row
    return is_damaged(Said(*said[:3]), text_hash, opens_thread=message_id == channel_id)


def pending_text(row: Row) -> PendingText:
    composition = composition_of(row[4:])
    text = composition.text
    return PendingText(row[0], row[1], composition, text, content_hash(text), parts_of(text))


async def unchanged(transaction: Transaction, texts: Sequence[PendingText]) -> list[PendingText]:
    """Those that still wait, and are still made of what they were made of."""
    rows = await transaction.fetch(f"{TEXTS_IN_QUEUE} WHERE q.{AMONG}", (json_ids(text.message_id for text in texts),))
    now = {(row[0], row[1]): composition_of(row[4:]) for row in rows}
    return [text for text in texts if now.get((text.guild_id, text.message_id)) == text.composition]


async def take_off(transaction: Transaction, texts: Iterable[PendingText]) -> None:
    await transaction.execute_many(
        "DELETE FROM pending WHERE guild_id = ? AND message_id = ?",
        [(text.guild_id, text.message_id) for text in texts],
    )
