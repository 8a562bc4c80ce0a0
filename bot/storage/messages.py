"""Messages: saved once, moved forward by edits, deleted for good."""

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bot.messages import Message, Origin, StoredMessage
from bot.storage.database import Database, Transaction, json_ids
from bot.storage.servers import IN_CHANNELS, Marks, forget_channels, forget_marks, put_marks, raise_marks
from bot.storage.versions import Version, is_damaged, newest_of
from bot.texts import storable
from bot.times import from_milliseconds, milliseconds

log = logging.getLogger(__name__)

_ROW_BYTES = 100  # ids and hash, with their share of the indexes
_CHECKED_AT_ONCE = 1_024  # some 8 ms of work between two turns of others
_AMONG = "message_id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save came to, by message id: each id given is in exactly one of the first four.

    `buried` ones were deleted before and stay so. `stale` ones had a vector that no longer fits their text.
    """

    new: frozenset[int]
    changed: frozenset[int]
    unchanged: frozenset[int]
    buried: frozenset[int]
    stale: frozenset[int]


class MessageStore:
    """The tables messages, authors and tombstones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self,
        guild_id: int,
        messages: Sequence[Message],
        *,
        reached: Marks | None = None,
        risen: Mapping[int, int] = MappingProxyType({}),
    ) -> Saved:
        """Store messages of one server, each in its newest version; what has text to embed becomes pending.

        `reached` moves a channel's marks in the same transaction; a channel that is no longer known, since it was
        deleted while its page was on the way, takes none of it. `risen` raises high marks that are there, by channel.
        """
        incoming = newest_of(messages)
        async with self._database.transaction() as transaction:
            if reached is not None and not await _is_known(transaction, guild_id, reached.channel_id):
                nothing: frozenset[int] = frozenset()
                return Saved(nothing, nothing, nothing, buried=frozenset(incoming), stale=nothing)
            saved = await _write(transaction, guild_id, incoming)
            if reached is not None:
                await put_marks(transaction, guild_id, reached)
            await raise_marks(transaction, guild_id, risen)
        return saved

    async def renew(self, guild_id: int, messages: Sequence[Message]) -> Saved:
        """Store messages of one server in their newest versions; those that are not stored are left out."""
        incoming = newest_of(messages)
        async with self._database.transaction() as transaction:
            stored = await _versions(transaction, guild_id, json_ids(incoming))
            return await _write(transaction, guild_id, {i: incoming[i] for i in stored})

    async def delete(self, guild_id: int, message_ids: Iterable[int]) -> int:
        """Remove messages with all that was made of them and keep them from coming back; how many there were."""
        ids = json_ids(message_ids)
        async with self._database.transaction() as transaction:
            await _bury(transaction, guild_id, ids)
            return await transaction.execute(f"DELETE FROM messages WHERE guild_id = ? AND {_AMONG}", (guild_id, ids))

    async def delete_channels(self, guild_id: int, channel_ids: Collection[int]) -> list[int]:
        """Remove whatever is stored and known of channels and keep it from coming back; the ids of what there was."""
        among = (guild_id, json_ids(channel_ids))
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(f"SELECT message_id FROM messages WHERE {IN_CHANNELS}", among)
            ids = [row[0] for row in rows]
            await _bury(transaction, guild_id, json_ids(ids))
            await transaction.execute(f"DELETE FROM messages WHERE {IN_CHANNELS}", among)
            await forget_channels(transaction, guild_id, channel_ids)
        return ids

    async def withdraw_channels(self, guild_id: int, channel_ids: Collection[int]) -> list[int]:
        """Remove what was read live in channels, so that it can be read anew; the ids of what there was.

        What an operator imported stays.
        """
        among = (guild_id, json_ids(channel_ids), Origin.LIVE)
        async with self._database.transaction() as transaction:
            live = f"{IN_CHANNELS} AND origin = ?"
            rows = await transaction.fetch(f"SELECT message_id FROM messages WHERE {live}", among)
            await transaction.execute(f"DELETE FROM messages WHERE {live}", among)
            await forget_marks(transaction, guild_id, channel_ids)
        return [row[0] for row in rows]

    async def get_many(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, StoredMessage]:
        """The messages that exist, by id; damaged ones are left out."""
        rows = await self._database.fetch(
            f"""SELECT m.message_id, m.guild_id, m.channel_id, m.author_id, coalesce(a.name, ''), m.content,
                       m.edited_at, m.origin, coalesce(c.name, ''), coalesce(s.name, ''), m.content_hash
                FROM messages m
                LEFT JOIN authors a USING (guild_id, author_id)
                LEFT JOIN channels c USING (guild_id, channel_id)
                LEFT JOIN servers s USING (guild_id)
                WHERE m.guild_id = ? AND m.{_AMONG}""",
            (guild_id, json_ids(message_ids)),
        )
        damaged = {row[0] for row in rows if is_damaged(row[5], row[10])}
        for message_id in damaged:
            log.error(
                "the text of message %d is damaged; comparing with Discord mends it, or importing it again", message_id
            )
        return {row[0]: _stored(row) for row in rows if row[0] not in damaged}

    async def damaged_ids(self, guild_id: int | None = None) -> AsyncIterator[int]:
        """The ids of messages whose text is damaged, of one server or of all, after a look at every one."""
        last = (guild_id or 0, 0)
        while rows := await self._database.fetch(
            """SELECT guild_id, message_id, content, content_hash FROM messages
               WHERE (guild_id, message_id) > (?, ?) AND guild_id = coalesce(?, guild_id)
               ORDER BY guild_id, message_id LIMIT ?""",
            (*last, guild_id, _CHECKED_AT_ONCE),
        ):
            last = rows[-1][:2]
            for row in rows:
                if is_damaged(row[2], row[3]):
                    yield row[1]

    async def stored_ids(self, guild_id: int, message_ids: Iterable[int]) -> set[int]:
        """Which of these messages are stored."""
        rows = await self._database.fetch(
            f"SELECT message_id FROM messages WHERE guild_id = ? AND {_AMONG}", (guild_id, json_ids(message_ids))
        )
        return {row[0] for row in rows}

    async def guild_of(self, message_id: int) -> int | None:
        """The server of a message that is known by its id alone."""
        rows = await self._database.fetch(
            "SELECT guild_id FROM messages WHERE guild_id IN (SELECT guild_id FROM servers) AND message_id = ?",
            (message_id,),
        )
        return int(rows[0][0]) if rows else None

    async def count(self, guild_id: int | None = None) -> int:
        """How many are stored, of one server or of all."""
        [(n,)] = await self._database.fetch(
            "SELECT count(*) FROM messages" + (" WHERE guild_id = ?" if guild_id else ""),
            (guild_id,) if guild_id else (),
        )
        return int(n)

    async def sizes(self, guild_id: int) -> tuple[int, int]:
        """How many messages of a server are stored, and about how many bytes they take without their vectors."""
        [(n, n_bytes)] = await self._database.fetch(
            "SELECT count(*), coalesce(sum(octet_length(content)), 0) FROM messages WHERE guild_id = ?", (guild_id,)
        )
        return int(n), int(n_bytes + n * _ROW_BYTES)

    async def n_tokens(self) -> int:
        """About how many tokens all texts have: one for 4 Latin letters, or for 3 bytes of other scripts."""
        [(n,)] = await self._database.fetch(
            """SELECT coalesce(sum((octet_length(content) - length(content)) / 2.0
                                   + (3 * length(content) - octet_length(content)) / 8.0), 0)
               FROM messages WHERE content_hash IS NOT NULL"""
        )
        return int(n)


async def _write(transaction: Transaction, guild_id: int, incoming: Mapping[int, tuple[Message, Version]]) -> Saved:
    ids = json_ids(incoming)
    stored = await _versions(transaction, guild_id, ids)
    buried = await _buried(transaction, guild_id, ids)
    new = [i for i in incoming if i not in stored and i not in buried]
    damaged = {i for i in stored if incoming[i][1].mends(stored[i])}
    changed = [i for i in stored if i in damaged or incoming[i][1].supersedes(stored[i])]
    stale = [i for i in changed if i in damaged or incoming[i][1].text_hash != stored[i].text_hash]
    written = [*new, *changed]
    await _put_authors(transaction, [incoming[i][0] for i in written])
    await _put(transaction, [incoming[i] for i in written])
    await _forget_vectors(transaction, guild_id, stale)
    await _queue(transaction, guild_id, [i for i in [*new, *stale] if incoming[i][1].text_hash])
    return Saved(
        new=frozenset(new),
        changed=frozenset(changed),
        unchanged=frozenset(stored) - frozenset(changed),
        buried=frozenset(buried),
        stale=frozenset(stale),
    )


async def _versions(transaction: Transaction, guild_id: int, ids: str) -> dict[int, Version]:
    rows = await transaction.fetch(
        f"""SELECT message_id, origin, coalesce(edited_at, 0), content, content_hash FROM messages
            WHERE guild_id = ? AND {_AMONG}""",
        (guild_id, ids),
    )
    return {row[0]: Version(*row[1:]) for row in rows}


async def _buried(transaction: Transaction, guild_id: int, ids: str) -> set[int]:
    rows = await transaction.fetch(
        f"SELECT message_id FROM tombstones WHERE guild_id = ? AND {_AMONG}", (guild_id, ids)
    )
    return {row[0] for row in rows}


async def _is_known(transaction: Transaction, guild_id: int, channel_id: int) -> bool:
    return bool(
        await transaction.fetch("SELECT 1 FROM channels WHERE guild_id = ? AND channel_id = ?", (guild_id, channel_id))
    )


async def _bury(transaction: Transaction, guild_id: int, ids: str) -> None:
    """Leave tombstones; nothing is kept of a server that is not known."""
    await transaction.execute(
        """INSERT INTO tombstones (guild_id, message_id, deleted_at)
           SELECT guild_id, value, ? FROM servers, json_each(?) WHERE guild_id = ? ON CONFLICT DO NOTHING""",
        (milliseconds(datetime.now(UTC)), ids, guild_id),
    )


async def _put_authors(transaction: Transaction, messages: Iterable[Message]) -> None:
    names = {(m.guild_id, m.author_id): storable(m.author_name) for m in messages}
    await transaction.execute_many(
        """INSERT INTO authors (guild_id, author_id, name) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name NOT IN (name, '')""",
        [(*key, name) for key, name in names.items()],
    )


async def _put(transaction: Transaction, messages: Iterable[tuple[Message, Version]]) -> None:
    await transaction.execute_many(
        """INSERT INTO messages (guild_id, message_id, channel_id, author_id, origin, edited_at, content_hash, content)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET origin = excluded.origin, edited_at = excluded.edited_at,
                                     content_hash = excluded.content_hash, content = excluded.content""",
        [
            (
                message.guild_id,
                message.message_id,
                message.channel_id,
                message.author_id,
                int(version.origin),
                version.edited_ms or None,
                version.text_hash,
                version.content,
            )
            for message, version in messages
        ],
    )


async def _forget_vectors(transaction: Transaction, guild_id: int, ids: Iterable[int]) -> None:
    for table in ("embeddings", "pending"):
        await transaction.execute(f"DELETE FROM {table} WHERE guild_id = ? AND {_AMONG}", (guild_id, json_ids(ids)))


async def _queue(transaction: Transaction, guild_id: int, ids: Iterable[int]) -> None:
    await transaction.execute_many(
        "INSERT INTO pending (guild_id, message_id) VALUES (?, ?) ON CONFLICT DO UPDATE SET parked = NULL",
        [(guild_id, i) for i in ids],
    )


def _stored(row: tuple[Any, ...]) -> StoredMessage:
    message = Message(
        message_id=row[0],
        guild_id=row[1],
        channel_id=row[2],
        author_id=row[3],
        author_name=row[4],
        content=row[5],
        edited_at=None if row[6] is None else from_milliseconds(row[6]),
        origin=Origin(row[7]),
    )
    return StoredMessage(message, channel_name=row[8], server_name=row[9])
