"""Where related posts are suggested, which threads wait for theirs, and which were helped by them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.storage.database import Database, json_ids
from bot.times import from_milliseconds, milliseconds


@dataclass(frozen=True, slots=True)
class Due:
    """A new thread that is looked at from a moment on; what was written before it was opened may be suggested."""

    guild_id: int
    thread_id: int
    opened_at: datetime
    due_at: datetime


class RelatedStore:
    """The tables suggested_channels, due_suggestions and helped_threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chosen(self, guild_id: int) -> dict[int, timedelta]:
        """The channels and categories that a server chose, each with its delay."""
        rows = await self._database.fetch(
            "SELECT channel_id, delay_s FROM suggested_channels WHERE guild_id = ? ORDER BY channel_id", (guild_id,)
        )
        return {channel_id: timedelta(seconds=seconds) for channel_id, seconds in rows}

    async def choose(self, guild_id: int, channel_id: int, delay: timedelta) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT OR REPLACE INTO suggested_channels VALUES (?, ?, ?)",
                (guild_id, channel_id, int(delay.total_seconds())),
            )

    async def leave(self, guild_id: int, channel_id: int) -> bool:
        """Choose a channel no longer; whether it was chosen."""
        async with self._database.transaction() as transaction:
            n = await transaction.execute(
                "DELETE FROM suggested_channels WHERE guild_id = ? AND channel_id = ?", (guild_id, channel_id)
            )
        return n > 0

    async def put_due(self, due: Due) -> None:
        """Have a thread wait for its moment, or for another one."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT OR REPLACE INTO due_suggestions VALUES (?, ?, ?, ?)",
                (due.guild_id, due.thread_id, milliseconds(due.opened_at), milliseconds(due.due_at)),
            )

    async def due(self) -> list[Due]:
        """All threads that wait, those first whose moment comes first."""
        rows = await self._database.fetch(
            "SELECT guild_id, thread_id, opened_at, due_at FROM due_suggestions ORDER BY due_at, thread_id"
        )
        return [Due(row[0], row[1], from_milliseconds(row[2]), from_milliseconds(row[3])) for row in rows]

    async def drop_due(self, due: Due) -> None:
        """A thread waits no longer."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "DELETE FROM due_suggestions WHERE guild_id = ? AND thread_id = ?", (due.guild_id, due.thread_id)
            )

    async def helped(self, guild_id: int, thread_id: int) -> bool:
        """A thread's author was helped; whether that is news."""
        async with self._database.transaction() as transaction:
            n = await transaction.execute(
                "INSERT INTO helped_threads VALUES (?, ?) ON CONFLICT DO NOTHING", (guild_id, thread_id)
            )
        return n > 0

    async def helped_among(self, guild_id: int, thread_ids: Collection[int]) -> set[int]:
        """Those of the threads whose authors were helped."""
        rows = await self._database.fetch(
            """SELECT thread_id FROM helped_threads
               WHERE guild_id = ? AND thread_id IN (SELECT value FROM json_each(?))""",
            (guild_id, json_ids(thread_ids)),
        )
        return {row[0] for row in rows}

    async def voices(self, guild_id: int, thread_ids: Collection[int]) -> dict[int, set[int]]:
        """Who wrote in each of the threads, as far as that is stored."""
        rows = await self._database.fetch(
            """SELECT DISTINCT channel_id, author_id FROM messages
               WHERE guild_id = ? AND channel_id IN (SELECT value FROM json_each(?))""",
            (guild_id, json_ids(thread_ids)),
        )
        voices: dict[int, set[int]] = {}
        for thread_id, author_id in rows:
            voices.setdefault(thread_id, set()).add(author_id)
        return voices

    async def written_by(self, guild_id: int, thread_id: int, author_id: int, *, limit: int) -> list[int]:
        """The first messages of one person in a thread, and what opened it, oldest first."""
        rows = await self._database.fetch(
            """SELECT message_id FROM messages WHERE guild_id = ?1 AND message_id = ?2
               UNION SELECT message_id FROM messages WHERE guild_id = ?1 AND channel_id = ?2 AND author_id = ?3
               ORDER BY message_id LIMIT ?4""",
            (guild_id, thread_id, author_id, limit),
        )
        return [row[0] for row in rows]
