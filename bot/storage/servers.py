"""Servers and their channels: names, kinds and how far each history has been read."""

from dataclasses import dataclass

from bot.messages import Channel, ChannelKind, Server
from bot.storage.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Marks:
    """Between which ids a channel's history has been read."""

    channel_id: int
    high_id: int
    low_id: int


class ServerStore:
    """The tables servers, channels and marks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, server: Server, channel: Channel) -> None:
        """Know a server and a channel by the names told last; an empty name tells nothing."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO servers (guild_id, name) VALUES (?, ?)
                   ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name <> ''""",
                (server.guild_id, server.name),
            )
            await transaction.execute(
                """INSERT INTO channels (guild_id, channel_id, parent_id, kind, name) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET parent_id = excluded.parent_id, kind = excluded.kind,
                                             name = coalesce(nullif(excluded.name, ''), name)""",
                (channel.guild_id, channel.channel_id, channel.parent_id, channel.kind, channel.name),
            )

    async def servers(self) -> list[Server]:
        rows = await self._database.fetch("SELECT guild_id, name FROM servers ORDER BY guild_id")
        return [Server(*row) for row in rows]

    async def channels(self, guild_id: int) -> list[Channel]:
        rows = await self._database.fetch(
            """SELECT guild_id, channel_id, name, kind, parent_id FROM channels
               WHERE guild_id = ? ORDER BY channel_id""",
            (guild_id,),
        )
        return [Channel(row[0], row[1], row[2], ChannelKind(row[3]), row[4]) for row in rows]

    async def marks(self, guild_id: int, channel_id: int) -> Marks | None:
        rows = await self._database.fetch(
            "SELECT channel_id, high_id, low_id FROM marks WHERE guild_id = ? AND channel_id = ?",
            (guild_id, channel_id),
        )
        return Marks(*rows[0]) if rows else None


async def put_marks(transaction: Transaction, guild_id: int, marks: Marks) -> None:
    """Move a channel's marks outwards, in the transaction that saves the page which moved them."""
    await transaction.execute(
        """INSERT INTO marks (guild_id, channel_id, high_id, low_id) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET high_id = max(high_id, excluded.high_id),
                                     low_id = min(low_id, excluded.low_id)""",
        (guild_id, marks.channel_id, marks.high_id, marks.low_id),
    )
