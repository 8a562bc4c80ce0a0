"""What servers want kept and for how long, and what is stored that they may not want."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.messages import Channel, ChannelKind, Location, Server
from bot.storage.contexts import THREADS
from bot.storage.database import Database, Row, json_ids
from bot.storage.servers import IN_CHANNELS, forget_marks
from bot.texts import storable
from bot.times import from_milliseconds, milliseconds

_AT_ONCE = 2_000  # messages that are taken out in one transaction, so that others get their turn


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server set: the kinds it turned on, and after how many days messages go, None for never."""

    kinds: frozenset[str] = frozenset()
    retention_days: int | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """When messages that were too old were last taken out, and how many they were then."""

    at: datetime
    n: int


class KeepingStore:
    """The table selves, and of servers, channels and messages what decides whether a message is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def limits(self) -> dict[int, Limits]:
        """What each server set that set something."""
        rows = await self._database.fetch(
            "SELECT guild_id, kinds, retention_days FROM servers WHERE kinds <> '[]' OR retention_days IS NOT NULL"
        )
        return {guild_id: Limits(frozenset(json.loads(kinds)), days) for guild_id, kinds, days in rows}

    async def put_limits(self, server: Server, limits: Limits) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO servers (guild_id, name, kinds, retention_days) VALUES (?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET kinds = excluded.kinds, retention_days = excluded.retention_days""",
                (
                    server.guild_id,
                    storable(server.name),
                    json.dumps(sorted(limits.kinds)),
                    limits.retention_days,
                ),
            )

    async def selves(self) -> set[int]:
        """The accounts that this bot has had."""
        return {row[0] for row in await self._database.fetch("SELECT user_id FROM selves")}

    async def put_self(self, user_id: int) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute("INSERT INTO selves VALUES (?) ON CONFLICT DO NOTHING", (user_id,))

    async def guild_ids(self) -> list[int]:
        """The servers that are known."""
        return [row[0] for row in await self._database.fetch("SELECT guild_id FROM servers ORDER BY guild_id")]

    async def locations(self, guild_id: int, channel_ids: Collection[int] | None = None) -> dict[int, Location]:
        """Where known channels stand, all of a server or these; a thread is age-restricted when its channel is."""
        rows = await self._database.fetch(
            f"""SELECT c.channel_id, c.name, c.kind, c.parent_id,
                       max(c.is_age_restricted, coalesce(p.is_age_restricted, 0)), p.parent_id
                FROM channels c LEFT JOIN channels p ON c.kind IN {THREADS}
                                                    AND p.guild_id = c.guild_id AND p.channel_id = c.parent_id
                WHERE c.guild_id = ?1 AND (?2 IS NULL OR c.channel_id IN (SELECT value FROM json_each(?2)))""",
            (guild_id, None if channel_ids is None else json_ids(channel_ids)),
        )
        return {row[0]: _location(guild_id, row) for row in rows}

    async def held(self, guild_id: int, channel_ids: Iterable[int]) -> set[int]:
        """Those of the channels that something is stored of, or that were read."""
        rows = await self._database.fetch(
            """SELECT value FROM json_each(?2)
               WHERE EXISTS (SELECT 1 FROM messages WHERE guild_id = ?1 AND channel_id = value)
                  OR EXISTS (SELECT 1 FROM marks WHERE guild_id = ?1 AND channel_id = value)""",
            (guild_id, json_ids(channel_ids)),
        )
        return {row[0] for row in rows}

    async def some_in(self, guild_id: int, channel_ids: Iterable[int]) -> list[int]:
        """Some of the messages in channels, as long as there are any; likewise below."""
        return await self._some(IN_CHANNELS, guild_id, json_ids(channel_ids))

    async def some_of_bots(self, guild_id: int) -> list[int]:
        # SQLite would go through all of a server, for want of statistics.
        return await self._some("guild_id = ? AND is_bot", guild_id, table="messages INDEXED BY messages_of_bots")

    async def some_before(self, guild_id: int, border_id: int) -> list[int]:
        return await self._some("guild_id = ? AND message_id < ?", guild_id, border_id)

    async def _some(self, condition: str, *values: int | str, table: str = "messages") -> list[int]:
        rows = await self._database.fetch(f"SELECT message_id FROM {table} WHERE {condition} LIMIT {_AT_ONCE}", values)
        return [row[0] for row in rows]

    async def forget_marks(self, guild_id: int, channel_ids: Collection[int] | None = None) -> None:
        """The histories of these channels, or of all, are to be read anew."""
        async with self._database.transaction() as transaction:
            if channel_ids is None:
                await transaction.execute("DELETE FROM marks WHERE guild_id = ?", (guild_id,))
            else:
                await forget_marks(transaction, guild_id, channel_ids)

    async def raise_low_marks(self, guild_id: int, border_id: int) -> None:
        """What is older than a border was not read, or is about to go: once it may be kept, it is to be read.

        A channel that was made after the border and holds nothing older was read to its beginning.
        """
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """UPDATE marks SET low_id = ?2 WHERE guild_id = ?1 AND low_id < ?2 AND (channel_id < ?2 OR EXISTS (
                       SELECT 1 FROM messages m INDEXED BY messages_by_channel
                       WHERE m.guild_id = ?1 AND m.channel_id = marks.channel_id AND m.message_id < ?2))""",
                (guild_id, border_id),
            )

    async def was_swept(self, guild_id: int, swept: Swept) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE servers SET swept_at = ?, n_swept = ? WHERE guild_id = ?",
                (milliseconds(swept.at), swept.n, guild_id),
            )

    async def sweeps(self) -> Mapping[int, Swept]:
        """The last sweep of each server that there was one of."""
        rows = await self._database.fetch("SELECT guild_id, swept_at, n_swept FROM servers WHERE swept_at IS NOT NULL")
        return {guild_id: Swept(from_milliseconds(at), n) for guild_id, at, n in rows}


def _location(guild_id: int, row: Row) -> Location:
    channel_id, name, kind, parent_id, is_age_restricted, category_id = row
    channel = Channel(
        guild_id, channel_id, name, ChannelKind(kind), parent_id, is_age_restricted=bool(is_age_restricted)
    )
    return Location(Server(guild_id, ""), channel, category_id)
