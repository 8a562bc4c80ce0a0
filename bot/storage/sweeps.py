"""How far what is stored was compared with Discord, channel by channel."""

from dataclasses import dataclass
from datetime import datetime

from bot.storage.database import Database
from bot.times import from_milliseconds, milliseconds


@dataclass(frozen=True, slots=True)
class Sweep:
    """The comparison of a channel: down to which id the one that goes on has come, and when the last whole one began.

    `reached_id` and `began_at` are None between two of them.
    """

    channel_id: int
    reached_id: int | None = None
    began_at: datetime | None = None
    done_at: datetime | None = None


class SweepStore:
    """The table sweeps, and of the messages what a comparison needs to know."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_server(self, guild_id: int) -> list[Sweep]:
        """One for each channel that anything is stored of: those that go on first, then the least lately done."""
        rows = await self._database.fetch(
            """SELECT channel_id, reached_id, s.began_at, s.done_at
               FROM channels c LEFT JOIN sweeps s USING (guild_id, channel_id)
               WHERE c.guild_id = ?1 AND EXISTS (SELECT 1 FROM messages m
                   WHERE m.guild_id = ?1 AND m.channel_id = c.channel_id)
               ORDER BY reached_id IS NULL, coalesce(s.done_at, 0), channel_id DESC""",
            (guild_id,),
        )
        return [Sweep(row[0], row[1], _moment(row[2]), _moment(row[3])) for row in rows]

    async def went_on(self, guild_id: int, channel_id: int, *, reached_id: int, began_at: datetime) -> None:
        """A comparison has come down to an id; at 0 it is whole. Nothing is noted of a channel that is not known."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO sweeps (guild_id, channel_id, reached_id, began_at)
                   SELECT guild_id, channel_id, ?, ? FROM channels WHERE guild_id = ? AND channel_id = ?
                   ON CONFLICT DO UPDATE SET reached_id = excluded.reached_id, began_at = excluded.began_at""",
                (reached_id, milliseconds(began_at), guild_id, channel_id),
            )
            await transaction.execute(
                """UPDATE sweeps SET reached_id = NULL, began_at = NULL, done_at = began_at
                   WHERE guild_id = ? AND channel_id = ? AND reached_id = 0""",
                (guild_id, channel_id),
            )

    async def bounds(self, guild_id: int, channel_id: int) -> tuple[int, int]:
        """The oldest and the newest id that is stored of a channel; 0 and 0 where nothing is."""
        [(oldest, newest)] = await self._database.fetch(
            """SELECT coalesce(min(message_id), 0), coalesce(max(message_id), 0) FROM messages
               WHERE guild_id = ? AND channel_id = ?""",
            (guild_id, channel_id),
        )
        return oldest, newest

    async def ids_between(self, guild_id: int, channel_id: int, *, oldest: int, newest: int) -> set[int]:
        """The stored ids of a channel from one to another, both included."""
        rows = await self._database.fetch(
            """SELECT message_id FROM messages
               WHERE guild_id = ? AND channel_id = ? AND message_id BETWEEN ? AND ?""",
            (guild_id, channel_id, oldest, newest),
        )
        return {row[0] for row in rows}


def _moment(since_1970: int | None) -> datetime | None:
    return None if since_1970 is None else from_milliseconds(since_1970)
