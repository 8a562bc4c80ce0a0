"""What goes into the vectors of messages beside their own texts: what they answer, and the titles of threads."""

from collections.abc import Iterable

from bot.composing import Composition
from bot.messages import Said
from bot.storage.database import Row, Transaction, json_ids

THREADS = "('thread', 'private_thread')"
_AMONG = "message_id IN (SELECT value FROM json_each(?))"
# Of m: what a message that says little answers, in the same channel, or else the title of the thread that it stands in;
# and the title of the thread that it opens, whose id is that of the message.
SAID = "m.content, m.attached, m.names"
COMPOSED = f"{SAID}, p.content, p.attached, p.names, t.name"
WITH_CONTEXT = f"""
    LEFT JOIN messages p ON m.leans AND p.guild_id = m.guild_id AND p.message_id = m.reply_to
                            AND p.channel_id = m.channel_id AND p.content_hash IS NOT NULL
    LEFT JOIN channels t ON t.guild_id = m.guild_id AND t.kind IN {THREADS} AND t.channel_id
                            IN (m.message_id, iif(m.leans AND p.message_id IS NULL, m.channel_id, NULL))"""
TITLE = f"""(SELECT t.name FROM channels t
             WHERE t.guild_id = m.guild_id AND t.channel_id = m.message_id AND t.kind IN {THREADS})"""


def composition_of(row: Row) -> Composition:
    """The composition that the columns COMPOSED make."""
    parent = Said(*row[3:6]) if row[3] is not None else None
    return Composition(Said(*row[:3]), parent, row[6])


async def answering(transaction: Transaction, guild_id: int, ids: Iterable[int]) -> list[int]:
    """The messages whose vectors are made of the texts of these, in part."""
    rows = await transaction.fetch(
        """SELECT message_id FROM messages
           WHERE guild_id = ? AND leans AND reply_to IN (SELECT value FROM json_each(?))
           AND content_hash IS NOT NULL""",
        (guild_id, json_ids(ids)),
    )
    return _ids(rows)


async def titled(transaction: Transaction, guild_id: int, thread_ids: Iterable[int]) -> list[int]:
    """The messages whose vectors are made of the titles of threads, in part; their words are queued anew."""
    threads = json_ids(thread_ids)
    openers = await transaction.fetch(
        f"SELECT message_id FROM messages WHERE guild_id = ? AND {_AMONG} AND content_hash IS NOT NULL",
        (guild_id, threads),
    )
    opening = json_ids(_ids(openers))
    await transaction.execute(f"DELETE FROM worded WHERE guild_id = ? AND {_AMONG}", (guild_id, opening))
    await transaction.execute(
        "INSERT INTO unworded SELECT ?, value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING", (guild_id, opening)
    )
    under = await transaction.fetch(
        """SELECT message_id FROM messages WHERE guild_id = ? AND channel_id IN (SELECT value FROM json_each(?))
           AND leans AND content_hash IS NOT NULL""",
        (guild_id, threads),
    )
    return sorted({*_ids(openers), *_ids(under)})


async def make_anew(transaction: Transaction, guild_id: int, ids: Iterable[int]) -> None:
    """Remove the vectors of messages, which wait for new ones if they are worth any."""
    among = json_ids(ids)
    for table in ("embeddings", "pending"):
        await transaction.execute(f"DELETE FROM {table} WHERE guild_id = ? AND {_AMONG}", (guild_id, among))
    await transaction.execute(
        f"""INSERT INTO pending (guild_id, message_id)
            SELECT guild_id, message_id FROM messages WHERE guild_id = ? AND {_AMONG} AND content_hash IS NOT NULL""",
        (guild_id, among),
    )


def _ids(rows: Iterable[Row]) -> list[int]:
    return [row[0] for row in rows]
