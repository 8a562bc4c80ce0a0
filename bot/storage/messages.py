"""Messages: saved once, moved forward by edits, deleted for good."""

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bot.composing import Composition
from bot.messages import Message, Origin, Said, StoredMessage
from bot.parts import WHOLE
from bot.storage.contexts import COMPOSED, WITH_CONTEXT, composition_of, make_anew, titled
from bot.storage.database import AMONG, Database, Row, Transaction, json_ids
from bot.storage.removing import Removed, bury, remove
from bot.storage.saving import Saved, versions, write
from bot.storage.servers import IN_CHANNELS, Marks, forget_channels, forget_marks, put_marks, raise_marks
from bot.storage.versions import is_damaged, newest_of
from bot.times import from_milliseconds

log = logging.getLogger(__name__)

_ROW_BYTES = 100  # ids and hash, with their share of the indexes
_CHECKED_AT_ONCE = 1_024  # some 8 ms of work between two turns of others


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
                return Saved(nothing, nothing, nothing, buried=frozenset(incoming), opted_out=nothing, stale=nothing)
            saved = await write(transaction, guild_id, incoming)
            if reached is not None:
                await put_marks(transaction, guild_id, reached)
            await raise_marks(transaction, guild_id, risen)
        return saved

    async def renew(self, guild_id: int, messages: Sequence[Message]) -> Saved:
        """Store messages of one server in their newest versions; those that are not stored are left out."""
        incoming = newest_of(messages)
        async with self._database.transaction() as transaction:
            stored = await versions(transaction, guild_id, json_ids(incoming))
            return await write(transaction, guild_id, {i: incoming[i] for i in stored})

    async def delete(self, guild_id: int, message_ids: Iterable[int]) -> Removed:
        """Remove messages with all that was made of them and keep them from coming back."""
        ids = json_ids(message_ids)
        async with self._database.transaction() as transaction:
            await bury(transaction, guild_id, ids)
            rows = await transaction.fetch(
                f"SELECT message_id FROM messages WHERE guild_id = ? AND {AMONG}", (guild_id, ids)
            )
            return await remove(transaction, guild_id, rows)

    async def withdraw(self, guild_id: int, message_ids: Iterable[int]) -> Removed:
        """Remove messages with all that was made of them; they may come back."""
        ids = json_ids(message_ids)
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                f"SELECT message_id FROM messages WHERE guild_id = ? AND {AMONG}", (guild_id, ids)
            )
            return await remove(transaction, guild_id, rows)

    async def delete_channels(self, guild_id: int, channel_ids: Collection[int]) -> Removed:
        """Remove whatever is stored and known of channels and keep it from coming back."""
        among = (guild_id, json_ids(channel_ids))
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(f"SELECT message_id FROM messages WHERE {IN_CHANNELS}", among)
            await bury(transaction, guild_id, json_ids(row[0] for row in rows))
            removed = await remove(transaction, guild_id, rows)
            await forget_channels(transaction, guild_id, channel_ids)
            untitled = await titled(transaction, guild_id, channel_ids)
            await make_anew(transaction, guild_id, untitled)
        return replace(removed, stale=(*removed.stale, *untitled))

    async def withdraw_channels(self, guild_id: int, channel_ids: Collection[int]) -> Removed:
        """Remove what was read live in channels, so that it can be read anew.

        What an operator imported stays.
        """
        among = (guild_id, json_ids(channel_ids), Origin.LIVE)
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(f"SELECT message_id FROM messages WHERE {IN_CHANNELS} AND origin = ?", among)
            removed = await remove(transaction, guild_id, rows)
            await forget_marks(transaction, guild_id, channel_ids)
        return removed

    async def get_many(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, StoredMessage]:
        """The messages that exist, by id; damaged ones are left out."""
        rows = await self._database.fetch(
            f"""SELECT m.message_id, m.guild_id, m.channel_id, m.author_id, coalesce(a.name, ''), m.content,
                       m.edited_at, m.origin, coalesce(c.name, ''), coalesce(s.name, ''), m.content_hash,
                       m.attached, m.names, m.reply_to
                FROM messages m
                LEFT JOIN authors a USING (guild_id, author_id)
                LEFT JOIN channels c USING (guild_id, channel_id)
                LEFT JOIN servers s USING (guild_id)
                WHERE m.guild_id = ? AND m.{AMONG}""",
            (guild_id, json_ids(message_ids)),
        )
        damaged = {row[0] for row in rows if _has_damaged_text(row)}
        for message_id in damaged:
            log.error(
                "the text of message %d is damaged; comparing with Discord mends it, or importing it again", message_id
            )
        return {row[0]: _stored(row) for row in rows if row[0] not in damaged}

    async def compositions(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, Composition]:
        """What the vectors of messages are made of, by id."""
        rows = await self._database.fetch(
            f"SELECT m.message_id, {COMPOSED} FROM messages m {WITH_CONTEXT} WHERE m.guild_id = ? AND m.{AMONG}",
            (guild_id, json_ids(message_ids)),
        )
        return {row[0]: composition_of(row[1:]) for row in rows}

    async def damaged_ids(self, guild_id: int | None = None) -> AsyncIterator[int]:
        """The ids of messages whose text is damaged, of one server or of all, after a look at every one."""
        last = (guild_id or 0, 0)
        while rows := await self._database.fetch(
            """SELECT guild_id, message_id, content, attached, names, content_hash, message_id = channel_id
               FROM messages
               WHERE (guild_id, message_id) > (?, ?) AND guild_id = coalesce(?, guild_id)
               ORDER BY guild_id, message_id LIMIT ?""",
            (*last, guild_id, _CHECKED_AT_ONCE),
        ):
            last = rows[-1][:2]
            for row in rows:
                if is_damaged(Said(*row[2:5]), row[5], opens_thread=bool(row[6])):
                    yield row[1]

    async def stored_ids(self, guild_id: int, message_ids: Iterable[int]) -> set[int]:
        """Which of these messages are stored."""
        rows = await self._database.fetch(
            f"SELECT message_id FROM messages WHERE guild_id = ? AND {AMONG}", (guild_id, json_ids(message_ids))
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
            """SELECT count(*), coalesce(sum(octet_length(content) + coalesce(octet_length(attached), 0)), 0)
               FROM messages WHERE guild_id = ?""",
            (guild_id,),
        )
        return int(n), int(n_bytes + n * _ROW_BYTES)

    async def n_tokens(self) -> int:
        """About how many tokens all texts have: one for 4 Latin letters, or for 3 bytes of other scripts.

        Long texts have them twice, since their parts are embedded as well.
        """
        [(n,)] = await self._database.fetch(
            """SELECT coalesce(sum((1 + (octet_length(text) > ?))
                                   * ((octet_length(text) - length(text)) / 2.0
                                      + (3 * length(text) - octet_length(text)) / 8.0)), 0)
               FROM (SELECT concat(content, attached) AS text FROM messages WHERE content_hash IS NOT NULL)""",
            (WHOLE,),
        )
        return int(n)


async def _is_known(transaction: Transaction, guild_id: int, channel_id: int) -> bool:
    return bool(
        await transaction.fetch("SELECT 1 FROM channels WHERE guild_id = ? AND channel_id = ?", (guild_id, channel_id))
    )


def _has_damaged_text(row: Row) -> bool:
    return is_damaged(Said(row[5], row[11], row[12]), row[10], opens_thread=row[0] == row[2])


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
        attached=row[11],
        names=tuple(Said("", names=row[12]).named.items()),
        reply_to=row[13],
    )
    return StoredMessage(message, channel_name=row[8], server_name=row[9])
