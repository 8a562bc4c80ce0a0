"""Marks that one message asks what another one asked before, and the bot's replies that say so."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.askers import Scope
from bot.errors import DuplicateOfItself, MessageNotFound
from bot.storage.database import Database, Row, Transaction, json_ids
from bot.times import from_milliseconds, made_at, milliseconds

_LINKS = """SELECT d.guild_id, d.marked_at, m.message_id, m.channel_id, m.author_id,
                   o.message_id, o.channel_id, o.author_id, d.percent
            FROM duplicates d
            JOIN messages m ON m.guild_id = d.guild_id AND m.message_id = d.message_id
            JOIN messages o ON o.guild_id = d.guild_id AND o.message_id = d.original_id"""


@dataclass(frozen=True, slots=True)
class Asking:
    """Where and by whom something was asked, without what was said."""

    guild_id: int
    message_id: int
    channel_id: int
    author_id: int

    def is_within(self, scope: Scope) -> bool:
        return scope.admits(
            message_id=self.message_id, guild_id=self.guild_id, channel_id=self.channel_id, author_id=self.author_id
        )

    @property
    def asked_at(self) -> datetime:
        return made_at(self.message_id)

    @property
    def url(self) -> str:
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


@dataclass(frozen=True, slots=True)
class Link:
    """A message that was marked, and what it is a duplicate of, which is never a duplicate itself.

    `percent` is how near what it was marked as a duplicate of lay then, None where that was not measured.
    """

    duplicate: Asking
    original: Asking
    marked_at: datetime
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of the bot's below a duplicate that leads to the original; message_id is None once the mark is gone."""

    guild_id: int
    channel_id: int
    reply_id: int
    message_id: int | None
    language: str


class DuplicateStore:
    """The tables duplicates and duplicate_replies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def guild_ids(self) -> list[int]:
        """The servers that have marked something."""
        rows = await self._database.fetch("SELECT DISTINCT guild_id FROM duplicates ORDER BY guild_id")
        return [row[0] for row in rows]

    async def links(self, guild_id: int) -> list[Link]:
        """All marks of a server, the oldest duplicate first."""
        rows = await self._database.fetch(f"{_LINKS} WHERE d.guild_id = ? ORDER BY d.message_id", (guild_id,))
        return [_link(row) for row in rows]

    async def links_of(self, guild_id: int, message_ids: Iterable[int]) -> list[Link]:
        """The marks that any of these messages has part in, as the one or as the other."""
        among = "IN (SELECT value FROM json_each(?2))"
        rows = await self._database.fetch(
            f"""{_LINKS} WHERE (d.guild_id, d.message_id) IN (
                    SELECT guild_id, message_id FROM duplicates WHERE guild_id = ?1 AND message_id {among}
                    UNION SELECT guild_id, message_id FROM duplicates WHERE guild_id = ?1 AND original_id {among})
                ORDER BY d.message_id""",
            (guild_id, json_ids(message_ids)),
        )
        return [_link(row) for row in rows]

    async def mark(self, guild_id: int, message_id: int, original_id: int, *, percent: int | None = None) -> int:
        """Have a message be a duplicate of another one, or of what that is a duplicate of; which that is.

        What was a duplicate of the message becomes one of the original. Raises DuplicateOfItself where the original
        is, or is a duplicate of, the message itself, and MessageNotFound where one of them is not stored.
        """
        async with self._database.transaction() as transaction:
            first_id = await _original_of(transaction, guild_id, original_id) or original_id
            if first_id == message_id:
                raise DuplicateOfItself
            for each in (message_id, first_id):
                await _look_for(transaction, guild_id, each)
            await transaction.execute(
                """INSERT INTO duplicates (guild_id, message_id, original_id, marked_at, percent) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET
                       original_id = excluded.original_id, marked_at = excluded.marked_at, percent = excluded.percent
                   WHERE original_id <> excluded.original_id""",
                (guild_id, message_id, first_id, milliseconds(datetime.now(UTC)), percent),
            )
            await transaction.execute(
                "UPDATE duplicates SET original_id = ? WHERE guild_id = ? AND original_id = ?",
                (first_id, guild_id, message_id),
            )
        return first_id

    async def unmark(self, guild_id: int, message_id: int) -> bool:
        """Take a mark off; whether there was one."""
        async with self._database.transaction() as transaction:
            n_deleted = await transaction.execute(
                "DELETE FROM duplicates WHERE guild_id = ? AND message_id = ?", (guild_id, message_id)
            )
        return bool(n_deleted)

    async def first_reply(self, guild_id: int, asked: Asking) -> int | None:
        """The first message that answers this one and is not by the same person."""
        rows = await self._database.fetch(
            """SELECT min(message_id) FROM messages
               WHERE guild_id = ? AND reply_to IS NOT NULL AND reply_to = ? AND channel_id = ? AND author_id <> ?""",
            (guild_id, asked.message_id, asked.channel_id, asked.author_id),
        )
        first_id: int | None = rows[0][0]
        return first_id

    async def put_reply(self, reply: Reply, *, original_id: int) -> None:
        """Remember a reply that leads to an original; it is stale from the start where the mark is another one now."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO duplicate_replies VALUES (?1, ?2, ?3,
                       (SELECT message_id FROM duplicates WHERE guild_id = ?1 AND message_id = ?4), ?5, NOT EXISTS (
                       SELECT 1 FROM duplicates WHERE guild_id = ?1 AND message_id = ?4 AND original_id = ?6))""",
                (reply.guild_id, reply.reply_id, reply.channel_id, reply.message_id, reply.language, original_id),
            )

    async def replies_to(self, guild_id: int, message_id: int) -> list[Reply]:
        return await self._replies("guild_id = ? AND message_id = ?", guild_id, message_id)

    async def replies_in(self, guild_id: int) -> list[Reply]:
        """All replies of a server."""
        return await self._replies("guild_id = ?", guild_id)

    async def stale_replies(self) -> list[Reply]:
        """The replies whose mark is gone or leads elsewhere."""
        return await self._replies("is_stale")

    async def doubt(self, reply: Reply) -> None:
        """A reply is to be looked at."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE duplicate_replies SET is_stale = 1 WHERE guild_id = ? AND reply_id = ?",
                (reply.guild_id, reply.reply_id),
            )

    async def redrawn(self, reply: Reply, *, original_id: int) -> None:
        """A reply leads to this original, unless the mark has moved on meanwhile."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """UPDATE duplicate_replies SET is_stale = 0 WHERE guild_id = ?1 AND reply_id = ?2 AND EXISTS (
                       SELECT 1 FROM duplicates WHERE guild_id = ?1 AND message_id = ?3 AND original_id = ?4)""",
                (reply.guild_id, reply.reply_id, reply.message_id, original_id),
            )

    async def drop_reply(self, reply: Reply) -> None:
        """A reply is gone."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "DELETE FROM duplicate_replies WHERE guild_id = ? AND reply_id = ?", (reply.guild_id, reply.reply_id)
            )

    async def _replies(self, condition: str, *values: int) -> list[Reply]:
        rows = await self._database.fetch(
            f"""SELECT guild_id, channel_id, reply_id, message_id, language FROM duplicate_replies
                WHERE {condition} ORDER BY reply_id""",
            values,
        )
        return [Reply(*row) for row in rows]


async def _original_of(transaction: Transaction, guild_id: int, message_id: int) -> int | None:
    rows = await transaction.fetch(
        "SELECT original_id FROM duplicates WHERE guild_id = ? AND message_id = ?", (guild_id, message_id)
    )
    return rows[0][0] if rows else None


async def _look_for(transaction: Transaction, guild_id: int, message_id: int) -> None:
    """Raises MessageNotFound."""
    values = (guild_id, message_id)
    if not await transaction.fetch("SELECT 1 FROM messages WHERE guild_id = ? AND message_id = ?", values):
        raise MessageNotFound(message_id)


def _link(row: Row) -> Link:
    guild_id, marked_at, *both, percent = row
    return Link(Asking(guild_id, *both[:3]), Asking(guild_id, *both[3:]), from_milliseconds(marked_at), percent)
