"""How messages are written: each in its newest version, inside a transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.messages import Message, Said
from bot.storage.channels import untitle
from bot.storage.contexts import answering, make_anew, word_anew
from bot.storage.database import AMONG, Transaction, json_ids
from bot.storage.optouts import as_wished
from bot.storage.versions import Version
from bot.texts import storable


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save came to, by message id: each id given is in exactly one of the first five.

    `buried` ones were deleted before and stay so. `opted_out` ones are of people who do not want them kept. `stale`
    ones had a vector that no longer fits their text, or that of what they answer; the threads of those who opted out
    have no titles.
    """

    new: frozenset[int]
    changed: frozenset[int]
    unchanged: frozenset[int]
    buried: frozenset[int]
    opted_out: frozenset[int]
    stale: frozenset[int]


async def write(transaction: Transaction, guild_id: int, incoming: Mapping[int, tuple[Message, Version]]) -> Saved:
    """Store messages of one server where they are new or newer; what has text to embed becomes pending."""
    incoming, opted_out = await as_wished(transaction, guild_id, incoming)
    ids = json_ids(incoming)
    stored = await versions(transaction, guild_id, ids)
    buried = await _buried(transaction, guild_id, ids)
    new = [i for i in incoming if i not in stored and i not in buried]
    damaged = {i for i in stored if incoming[i][1].mends(stored[i])}
    changed = [i for i in stored if i in damaged or incoming[i][1].supersedes(stored[i])]
    stale = [i for i in changed if i in damaged or not incoming[i][1].embeds_as(stored[i])]
    written = [*new, *changed]
    await _put_authors(transaction, [incoming[i][0] for i in written])
    await _put(transaction, [incoming[i] for i in written])
    if damaged:
        await word_anew(transaction, guild_id, damaged)
    others = set(await answering(transaction, guild_id, [*new, *stale]))
    if opted_out:
        others.update(await untitle(transaction, guild_id, opted_out))
    await make_anew(transaction, guild_id, {*new, *stale, *others})
    return Saved(
        new=frozenset(new),
        changed=frozenset(changed),
        unchanged=frozenset(stored) - frozenset(changed),
        buried=frozenset(buried),
        opted_out=opted_out,
        stale=frozenset(stale) | (others - frozenset(new)),
    )


async def versions(transaction: Transaction, guild_id: int, ids: str) -> dict[int, Version]:
    """The versions that are stored of messages, given as `json_ids`."""
    rows = await transaction.fetch(
        f"""SELECT message_id, origin, coalesce(edited_at, 0), content, attached, names, content_hash,
                   message_id = channel_id, reply_to
            FROM messages WHERE guild_id = ? AND {AMONG}""",
        (guild_id, ids),
    )
    return {row[0]: Version(row[1], row[2], Said(*row[3:6]), row[6], bool(row[7]), row[8]) for row in rows}


async def _buried(transaction: Transaction, guild_id: int, ids: str) -> set[int]:
    rows = await transaction.fetch(f"SELECT message_id FROM tombstones WHERE guild_id = ? AND {AMONG}", (guild_id, ids))
    return {row[0] for row in rows}


async def _put_authors(transaction: Transaction, messages: Iterable[Message]) -> None:
    names = {(m.guild_id, m.author_id): storable(m.author_name) for m in messages}
    await transaction.execute_many(
        """INSERT INTO authors (guild_id, author_id, name) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name NOT IN (name, '')""",
        [(*key, name) for key, name in names.items()],
    )


async def _put(transaction: Transaction, messages: Iterable[tuple[Message, Version]]) -> None:
    await transaction.insert_many(
        """INSERT INTO messages (guild_id, message_id, channel_id, author_id, origin, edited_at, content_hash, content,
                                 attached, names, reply_to, leans, is_bot)
           VALUES {rows}
           ON CONFLICT DO UPDATE SET origin = excluded.origin, edited_at = excluded.edited_at,
                                     content_hash = excluded.content_hash, content = excluded.content,
                                     attached = excluded.attached, names = excluded.names,
                                     reply_to = excluded.reply_to, leans = excluded.leans,
                                     is_bot = excluded.is_bot""",
        [
            (
                message.guild_id,
                message.message_id,
                message.channel_id,
                message.author_id,
                int(version.origin),
                version.edited_ms or None,
                version.text_hash,
                version.said.content,
                version.said.attached,
                version.said.names,
                message.reply_to,
                version.leans,
                message.is_bot,
            )
            for message, version in messages
        ],
    )
