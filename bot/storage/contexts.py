"""What goes into the vectors of messages beside their own texts: what they answer, and the titles of threads."""

from collections.abc import Iterable

from bot.composing import Composition
from bot.messages import Said
from bot.storage.database import AMONG, Row, Transaction, json_ids
from bot.storage.versions import is_damaged
from bot.texts import content_hash

THREADS = "('thread', 'private_thread')"
SAID = "m.content, m.attached, m.names"
TITLE = f"""(SELECT t.name FROM channels t
             WHERE t.guild_id = m.guild_id AND t.channel_id = m.message_id AND t.kind IN {THREADS})"""
_TITLE_ABOVE = f"""(SELECT t.name FROM channels t WHERE m.leans
                    AND t.guild_id = m.guild_id AND t.channel_id = m.channel_id AND t.kind IN {THREADS})"""
# Of m: what it says, what a message that says little answers, the title of the thread that it opens, whose id is that
# of the message, and that of the thread which it stands in, if it says little.
COMPOSED = f"""{SAID}, p.content, p.attached, p.names, p.content_hash, p.message_id = p.channel_id,
               {TITLE}, {_TITLE_ABOVE}"""
WITH_CONTEXT = """LEFT JOIN messages p ON m.leans AND p.guild_id = m.guild_id AND p.message_id = m.reply_to
                                         AND p.channel_id = m.channel_id AND p.content_hash IS NOT NULL"""


def composition_of(row: Row) -> Composition:
    """The composition that the columns COMPOSED make. A damaged text goes into no vector."""
    parent = None if row[3] is None else Said(*row[3:6])
    if parent is not None and is_damaged(parent, row[6], opens_thread=bool(row[7])):
        parent = None
    return Composition(Said(*row[:3]), parent, row[8], row[9])


# SQLite would go through all of a server, for want of statistics.
ANSWERING = """SELECT message_id FROM messages INDEXED BY messages_by_parent
               WHERE guild_id = ? AND leans AND reply_to IN (SELECT value FROM json_each(?))"""
BELOW = f"""SELECT m.message_id, e.content_hash, {COMPOSED} FROM messages m INDEXED BY messages_by_channel
            {WITH_CONTEXT} LEFT JOIN embeddings e ON (e.guild_id, e.message_id) = (m.guild_id, m.message_id)
            WHERE m.guild_id = ? AND m.channel_id IN (SELECT value FROM json_each(?)) AND m.leans"""


async def answering(transaction: Transaction, guild_id: int, ids: Iterable[int]) -> list[int]:
    """The messages whose vectors are made of the texts of these, in part."""
    rows = await transaction.fetch(
        f"{ANSWERING} AND content_hash IS NOT NULL",
        (guild_id, json_ids(ids)),
    )
    return _ids(rows)


async def titled(transaction: Transaction, guild_id: int, thread_ids: Iterable[int]) -> list[int]:
    """The messages whose vectors are made of former titles of threads, in part, or are not made yet.

    The words of what opens the threads are queued anew.
    """
    threads = json_ids(thread_ids)
    openers = await transaction.fetch(
        f"SELECT message_id FROM messages WHERE guild_id = ? AND {AMONG} AND content_hash IS NOT NULL",
        (guild_id, threads),
    )
    await word_anew(transaction, guild_id, _ids(openers))
    below = await transaction.fetch(f"{BELOW} AND m.content_hash IS NOT NULL", (guild_id, threads))
    stale = [row[0] for row in below if row[1] != content_hash(composition_of(row[2:]).text)]
    return sorted({*_ids(openers), *stale})


async def word_anew(transaction: Transaction, guild_id: int, ids: Iterable[int]) -> None:
    """Take the words of messages out of the full-text index, and have them wait for it."""
    among = (guild_id, json_ids(ids))
    await transaction.execute(f"DELETE FROM worded WHERE guild_id = ? AND {AMONG}", among)
    await transaction.execute(
        f"""INSERT INTO unworded SELECT guild_id, message_id FROM messages
            WHERE guild_id = ? AND {AMONG} AND content_hash IS NOT NULL ON CONFLICT DO NOTHING""",
        among,
    )


async def make_anew(transaction: Transaction, guild_id: int, ids: Iterable[int]) -> None:
    """Remove the vectors of messages, which wait for new ones if they are worth any."""
    among = json_ids(ids)
    for table in ("embeddings", "pending"):
        await transaction.execute(f"DELETE FROM {table} WHERE guild_id = ? AND {AMONG}", (guild_id, among))
    await transaction.execute(
        f"""INSERT INTO pending (guild_id, message_id)
            SELECT guild_id, message_id FROM messages WHERE guild_id = ? AND {AMONG} AND content_hash IS NOT NULL""",
        (guild_id, among),
    )


def _ids(rows: Iterable[Row]) -> list[int]:
    return [row[0] for row in rows]
