"""How a channel is known, and the titles of threads, of which vectors are made in part."""

from collections.abc import Iterable
from dataclasses import replace

from bot.messages import Channel
from bot.storage.contexts import THREADS, make_anew, titled
from bot.storage.database import Transaction, json_ids
from bot.storage.optouts import is_unwanted
from bot.texts import storable


def told_of(channel: Channel) -> tuple[int | None, str, str, bool, int | None]:
    """What is told of a channel, as the columns have it."""
    return (channel.parent_id, channel.kind, storable(channel.name), channel.is_age_restricted, channel.owner_id)


async def put_channel(transaction: Transaction, channel: Channel) -> list[int]:
    """Know a channel as it was told last; the messages that lost their vectors with the former title of the thread.

    The thread of somebody who does not want to be kept has no title, and no owner either.
    """
    if is_untitled := await _is_unwanted(transaction, channel):
        channel = replace(channel, name="", owner_id=None)
    title = await _title(transaction, channel)
    await transaction.execute(
        """INSERT INTO channels (guild_id, channel_id, parent_id, kind, name, is_age_restricted, owner_id, is_untitled)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET parent_id = excluded.parent_id, kind = excluded.kind,
                                     name = iif(is_untitled OR excluded.is_untitled, '',
                                                coalesce(nullif(excluded.name, ''), name)),
                                     is_age_restricted = excluded.is_age_restricted,
                                     owner_id = iif(is_untitled OR excluded.is_untitled, NULL,
                                                    coalesce(excluded.owner_id, owner_id)),
                                     is_untitled = is_untitled OR excluded.is_untitled""",
        (channel.guild_id, channel.channel_id, *told_of(channel), is_untitled),
    )
    if title == await _title(transaction, channel):
        return []
    stale = await titled(transaction, channel.guild_id, [channel.channel_id])
    await make_anew(transaction, channel.guild_id, stale)
    return stale


async def untitle(transaction: Transaction, guild_id: int, thread_ids: Iterable[int]) -> list[int]:
    """Drop the titles of those of these that are threads, and who opened them.

    The ids of the messages whose vectors are made of the titles.
    """
    threads = await transaction.fetch(
        f"""UPDATE channels SET name = '', is_untitled = 1, owner_id = NULL
            WHERE guild_id = ? AND channel_id IN (SELECT value FROM json_each(?)) AND kind IN {THREADS}
            RETURNING channel_id""",
        (guild_id, json_ids(thread_ids)),
    )
    return await titled(transaction, guild_id, [row[0] for row in threads]) if threads else []


async def _is_unwanted(transaction: Transaction, channel: Channel) -> bool:
    """Whether a thread is that of somebody who does not want its title kept."""
    if not channel.is_thread or channel.owner_id is None:
        return False
    return await is_unwanted(transaction, channel.guild_id, channel.owner_id, channel.channel_id)


async def _title(transaction: Transaction, channel: Channel) -> str | None:
    """The name of a thread, as it is known; None for other channels."""
    rows = await transaction.fetch(
        f"SELECT name FROM channels WHERE guild_id = ? AND channel_id = ? AND kind IN {THREADS}",
        (channel.guild_id, channel.channel_id),
    )
    return rows[0][0] if rows else None
