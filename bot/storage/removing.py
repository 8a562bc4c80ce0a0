"""How messages are removed: with all that was made of them, inside a transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.storage.contexts import answering, make_anew
from bot.storage.database import AMONG, Row, Transaction, json_ids
from bot.times import milliseconds


@dataclass(frozen=True, slots=True)
class Removed:
    """The ids of messages that were removed, and of those that lost their vectors, since those were made of them."""

    message_ids: tuple[int, ...]
    stale: tuple[int, ...]


async def bury(transaction: Transaction, guild_id: int, ids: str) -> None:
    """Leave tombstones; nothing is kept of a server that is not known."""
    await transaction.execute(
        """INSERT INTO tombstones (guild_id, message_id, deleted_at)
           SELECT guild_id, value, ? FROM servers, json_each(?) WHERE guild_id = ? ON CONFLICT DO NOTHING""",
        (milliseconds(datetime.now(UTC)), ids, guild_id),
    )


async def remove(transaction: Transaction, guild_id: int, rows: Iterable[Row]) -> Removed:
    """Remove messages, given as rows of their ids, and the vectors that were made of them."""
    ids = [row[0] for row in rows]
    stale = set(await answering(transaction, guild_id, ids)) - set(ids)
    await transaction.execute(f"DELETE FROM messages WHERE guild_id = ? AND {AMONG}", (guild_id, json_ids(ids)))
    await make_anew(transaction, guild_id, stale)
    return Removed(tuple(ids), tuple(stale))
