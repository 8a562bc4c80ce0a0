"""Servers and their channels: names, kinds, what is to be indexed, and how far each history has been read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bot.messages import Channel, ChannelKind, Server
from bot.storage.audit import Act, leave_one_line
from bot.storage.channels import put_channel, told_of
from bot.storage.database import Database, Transaction, json_ids
from bot.storage.ledger import keep_total
from bot.storage.tables import OF_A_SERVER
from bot.texts import storable
from bot.times import milliseconds

IN_CHANNELS = "guild_id = ? AND channel_id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Marks:
    """Between which ids a channel's history has been read; `low_id` is 0 once its beginning was reached.

    `are_first` sets marks where there are none; otherwise marks that were forgotten meanwhile stay so.
    """

    channel_id: int
    high_id: int
    low_id: int
    are_first: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """The bot's message that shows how far reading a server's history has come."""

    guild_id: int
    channel_id: int
    message_id: int
    language: str


_FORGOTTEN_AT_ONCE = 2_000


class ServerStore:
    """The tables servers, channels, coverage, marks and notices, and all of a server that goes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, server: Server, channel: Channel) -> list[int]:
        """Know a server and a channel by the names told last; an empty name tells nothing.

        The messages whose vectors were made with another title of the thread lose them; their ids.
        """
        if await self._knows(server, channel):
            return []
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO servers (guild_id, name) VALUES (?, ?)
                   ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name <> ''""",
                (server.guild_id, storable(server.name)),
            )
            return await put_channel(transaction, channel)

    async def _knows(self, server: Server, channel: Channel) -> bool:
        """Whether all of this was told before, so that nothing is to be written."""
        told = (storable(server.name), *told_of(channel))
        rows = await self._database.fetch(
            """SELECT s.name, parent_id, kind, iif(c.is_untitled, ?1, c.name), is_age_restricted,
                      iif(c.is_untitled OR ?2 IS NULL, ?2, owner_id)
               FROM servers s JOIN channels c USING (guild_id) WHERE guild_id = ?3 AND channel_id = ?4""",
            (storable(channel.name), channel.owner_id, server.guild_id, channel.channel_id),
        )
        return told in rows

    async def servers(self) -> list[Server]:
        rows = await self._database.fetch("SELECT guild_id, name FROM servers ORDER BY guild_id")
        return [Server(*row) for row in rows]

    async def channels(self, guild_id: int) -> list[Channel]:
        rows = await self._database.fetch(
            """SELECT guild_id, channel_id, name, kind, parent_id, is_age_restricted, owner_id FROM channels
               WHERE guild_id = ? ORDER BY channel_id""",
            (guild_id,),
        )
        return [Channel(row[0], row[1], row[2], ChannelKind(row[3]), row[4], bool(row[5]), row[6]) for row in rows]

    async def coverage(self) -> dict[int, dict[int, bool]]:
        """By server, what it said of its channels (0 for all the rest): whether they are to be indexed."""
        told: dict[int, dict[int, bool]] = {}
        for guild_id, channel_id, is_indexed in await self._database.fetch("SELECT * FROM coverage"):
            told.setdefault(guild_id, {})[channel_id] = bool(is_indexed)
        return told

    async def cover(self, server: Server, told: dict[int, bool]) -> None:
        """Replace all that a server said of its channels."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO servers (guild_id, name) VALUES (?, ?)
                   ON CONFLICT DO UPDATE SET name = excluded.name, left_at = NULL""",
                (server.guild_id, storable(server.name)),
            )
            await transaction.execute("DELETE FROM coverage WHERE guild_id = ?", (server.guild_id,))
            await transaction.execute_many(
                "INSERT INTO coverage VALUES (?, ?, ?)",
                [(server.guild_id, channel_id, int(is_indexed)) for channel_id, is_indexed in told.items()],
            )

    async def histories(self) -> dict[int, str]:
        """By server, what becomes of the history that was not read yet, as `services.coverage` says it."""
        return dict(await self._database.fetch("SELECT guild_id, history FROM servers"))

    async def half_lives(self) -> dict[int, int | None]:
        """All servers, with the days after which a message counts half as much as a new one; None for never."""
        return dict(await self._database.fetch("SELECT guild_id, half_life_days FROM servers ORDER BY guild_id"))

    async def put_half_life(self, server: Server, days: int | None) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO servers (guild_id, name, half_life_days) VALUES (?, ?, ?)
                   ON CONFLICT DO UPDATE SET half_life_days = excluded.half_life_days""",
                (server.guild_id, storable(server.name), days),
            )

    async def put_history(self, guild_id: int, history: str) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute("UPDATE servers SET history = ? WHERE guild_id = ?", (history, guild_id))

    async def left(self, guild_id: int) -> None:
        """The bot is no longer in the server; the first time it was noticed stands."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE servers SET left_at = ? WHERE guild_id = ? AND left_at IS NULL",
                (milliseconds(datetime.now(UTC)), guild_id),
            )

    async def joined(self, guild_id: int) -> None:
        """The bot is in the server, again or still."""
        async with self._database.transaction() as transaction:
            await transaction.execute("UPDATE servers SET left_at = NULL WHERE guild_id = ?", (guild_id,))

    async def left_before(self, moment: datetime) -> list[int]:
        """The servers that the bot was removed from before a moment."""
        rows = await self._database.fetch("SELECT guild_id FROM servers WHERE left_at < ?", (milliseconds(moment),))
        return [row[0] for row in rows]

    async def forget(self, guild_id: int, *, act: Act = Act.PURGED) -> None:
        """Drop every row of a server, its messages, vectors and tombstones too, but for one that tells of the act.

        The messages go some at a time, so that others get their turn to write; a kill in between leaves the rest
        to the next call.
        """
        n_deleted = _FORGOTTEN_AT_ONCE
        while n_deleted == _FORGOTTEN_AT_ONCE:
            async with self._database.transaction() as transaction:
                n_deleted = await transaction.execute(
                    """DELETE FROM messages WHERE guild_id = ?1 AND message_id IN
                       (SELECT message_id FROM messages WHERE guild_id = ?1 LIMIT ?2)""",
                    (guild_id, _FORGOTTEN_AT_ONCE),
                )
        async with self._database.transaction() as transaction:
            await leave_one_line(transaction, guild_id, act)
            await keep_total(transaction, guild_id)
            for table in OF_A_SERVER:
                await transaction.execute(f"DELETE FROM {table} WHERE guild_id = ?", (guild_id,))

    async def read_ids(self, guild_id: int) -> set[int]:
        """The channels whose history was read, in part at least."""
        rows = await self._database.fetch("SELECT channel_id FROM marks WHERE guild_id = ?", (guild_id,))
        return {row[0] for row in rows}

    async def notice(self, guild_id: int) -> Notice | None:
        rows = await self._database.fetch("SELECT * FROM notices WHERE guild_id = ?", (guild_id,))
        return Notice(*rows[0]) if rows else None

    async def put_notice(self, notice: Notice) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT OR REPLACE INTO notices VALUES (?, ?, ?, ?)",
                (notice.guild_id, notice.channel_id, notice.message_id, notice.language),
            )

    async def drop_notice(self, notice: Notice) -> None:
        """Forget a notice, unless another one has taken its place."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "DELETE FROM notices WHERE guild_id = ? AND message_id = ?", (notice.guild_id, notice.message_id)
            )

    async def told_commands(self, application_id: int) -> bytes | None:
        """The hash of the commands that Discord was last told."""
        rows = await self._database.fetch(
            "SELECT payload_hash FROM told_commands WHERE application_id = ?", (application_id,)
        )
        return bytes(rows[0][0]) if rows else None

    async def put_told_commands(self, application_id: int, payload_hash: bytes) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT OR REPLACE INTO told_commands VALUES (?, ?)", (application_id, payload_hash)
            )

    async def marks(self, guild_id: int, channel_id: int) -> Marks | None:
        rows = await self._database.fetch(
            "SELECT channel_id, high_id, low_id FROM marks WHERE guild_id = ? AND channel_id = ?",
            (guild_id, channel_id),
        )
        return replace(Marks(*rows[0]), are_first=False) if rows else None


async def put_marks(transaction: Transaction, guild_id: int, marks: Marks) -> None:
    """Move a channel's marks outwards, in the transaction that saves the page which moved them."""
    n_moved = await transaction.execute(
        """UPDATE marks SET high_id = max(high_id, ?), low_id = min(low_id, ?)
           WHERE guild_id = ? AND channel_id = ?""",
        (marks.high_id, marks.low_id, guild_id, marks.channel_id),
    )
    if not n_moved and marks.are_first:
        await transaction.execute(
            "INSERT INTO marks (guild_id, channel_id, high_id, low_id) VALUES (?, ?, ?, ?)",
            (guild_id, marks.channel_id, marks.high_id, marks.low_id),
        )


async def raise_marks(transaction: Transaction, guild_id: int, risen: Mapping[int, int]) -> None:
    """Raise the high marks that are there, by channel, in the transaction that saves what raised them."""
    await transaction.execute_many(
        "UPDATE marks SET high_id = max(high_id, ?) WHERE guild_id = ? AND channel_id = ?",
        [(high_id, guild_id, channel_id) for channel_id, high_id in risen.items()],
    )


async def forget_channels(transaction: Transaction, guild_id: int, channel_ids: Iterable[int]) -> None:
    """Channels are gone: drop their names, their marks, what was said of them and what was shared in them."""
    tables = ("channels", "coverage", "shares", "duplicate_replies", "sweeps", "suggested_channels", "waves", "watches")
    for table in tables:
        await transaction.execute(
            f"DELETE FROM {table} WHERE {IN_CHANNELS}",
            (guild_id, json_ids(channel_ids)),
        )
    for table in ("due_suggestions", "helped_threads"):
        await transaction.execute(
            f"DELETE FROM {table} WHERE guild_id = ? AND thread_id IN (SELECT value FROM json_each(?))",
            (guild_id, json_ids(channel_ids)),
        )
    await forget_marks(transaction, guild_id, channel_ids)


async def forget_marks(transaction: Transaction, guild_id: int, channel_ids: Iterable[int]) -> None:
    """The histories of channels are to be read anew."""
    await transaction.execute(
        f"DELETE FROM marks WHERE {IN_CHANNELS}",
        (guild_id, json_ids(channel_ids)),
    )
