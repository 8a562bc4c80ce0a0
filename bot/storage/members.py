"""What is stored of one member of a server."""

from datetime import datetime

from bot.messages import Said
from bot.storage.contexts import THREADS
from bot.storage.database import AMONG, Database, json_ids
from bot.storage.erasure import NAMING
from bot.times import from_milliseconds

_PAGE = 500  # messages of a member
_STRETCH = 10_000  # messages that name people and are looked at in one statement, which takes about a millisecond


class MemberStore:
    """All tables, as far as they know something of one member."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, guild_id: int, member_id: int) -> int:
        """How many of their messages are stored."""
        [(n,)] = await self._database.fetch(
            "SELECT count(*) FROM messages WHERE guild_id = ? AND author_id = ?", (guild_id, member_id)
        )
        return int(n)

    async def name(self, guild_id: int, member_id: int) -> str | None:
        """The name under which they wrote last."""
        rows = await self._database.fetch(
            "SELECT name FROM authors WHERE guild_id = ? AND author_id = ?", (guild_id, member_id)
        )
        return str(rows[0][0]) if rows else None

    async def names_told_by_others(self, guild_id: int, member_id: int) -> list[str]:
        """The names by which others' messages mention them, not by whom, where or how often."""
        names: set[str] = set()
        last_id: int | None = 0
        while last_id is not None:
            before_id = last_id
            [(last_id,)] = await self._database.fetch(
                f"""SELECT max(message_id) FROM (SELECT message_id FROM {NAMING}
                    WHERE guild_id = ? AND names IS NOT NULL AND message_id > ? ORDER BY message_id LIMIT ?)""",
                (guild_id, before_id, _STRETCH),
            )
            rows = await self._database.fetch(
                f"""SELECT DISTINCT names FROM {NAMING} WHERE guild_id = ? AND names IS NOT NULL
                    AND message_id > ? AND message_id <= ? AND author_id <> ? AND instr(names, ?)""",
                (guild_id, before_id, last_id, member_id, f'"{member_id}"'),
            )
            names.update(Said("", names=row[0]).named.get(member_id, "") for row in rows)
        return sorted(names - {""})

    async def page(self, guild_id: int, member_id: int, *, after_id: int) -> list[int]:
        """The ids of their next messages behind an id, ascending."""
        rows = await self._database.fetch(
            """SELECT message_id FROM messages WHERE guild_id = ? AND author_id = ? AND message_id > ?
               ORDER BY message_id LIMIT ?""",
            (guild_id, member_id, after_id, _PAGE),
        )
        return [row[0] for row in rows]

    async def with_vectors(self, guild_id: int, message_ids: list[int]) -> set[int]:
        """Those of the messages of which there is a vector, of whichever model."""
        rows = await self._database.fetch(
            f"SELECT DISTINCT message_id FROM embeddings WHERE guild_id = ? AND {AMONG}",
            (guild_id, json_ids(message_ids)),
        )
        return {row[0] for row in rows}

    async def titles(self, guild_id: int, message_ids: list[int]) -> dict[int, str]:
        """The titles of the threads that messages open, by the message's id, which is the thread's."""
        rows = await self._database.fetch(
            f"""SELECT channel_id, name FROM channels WHERE guild_id = ? AND name <> '' AND kind IN {THREADS}
                AND channel_id IN (SELECT value FROM json_each(?))""",
            (guild_id, json_ids(message_ids)),
        )
        return dict(rows)

    async def marked_at(self, guild_id: int, message_ids: list[int]) -> dict[int, datetime]:
        """When messages were marked as duplicates, by id; not of what, which may stand where they do not read."""
        rows = await self._database.fetch(
            f"SELECT message_id, marked_at FROM duplicates WHERE guild_id = ? AND {AMONG}",
            (guild_id, json_ids(message_ids)),
        )
        return {message_id: from_milliseconds(at) for message_id, at in rows}

    async def threads(self, guild_id: int, member_id: int) -> dict[int, str]:
        """The titles of the threads that they opened, by the thread's id."""
        rows = await self._database.fetch(
            "SELECT channel_id, name FROM channels WHERE guild_id = ? AND owner_id = ? ORDER BY channel_id",
            (guild_id, member_id),
        )
        return dict(rows)

    async def asked_at(self, guild_id: int, member_id: int) -> list[datetime]:
        """When they were given the answers that can still be paged."""
        rows = await self._database.fetch(
            "SELECT made_at FROM answers WHERE guild_id = ? AND user_id = ? ORDER BY made_at", (guild_id, member_id)
        )
        return [from_milliseconds(row[0]) for row in rows]
