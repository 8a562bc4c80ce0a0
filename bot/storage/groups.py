"""What tells which messages say the same, beside their vectors, and where those stand."""

from collections.abc import AsyncIterator, Iterable

import numpy as np

from bot.askers import Scope
from bot.storage.database import AMONG, Database, json_ids
from bot.storage.lexicon import Place
from bot.storage.scopes import place_conditions
from bot.texts import content_hash
from bot.vectors import Ids

_AT_ONCE = 8_192  # so that others who read need not wait
_GREATEST_ID = 2**63 - 1
_NO_TEXT = content_hash("")  # of what opens a thread and says nothing itself


class GroupStore:
    """The tables messages and embeddings, as far as they tell of groups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def texts(self, guild_id: int, scope: Scope) -> AsyncIterator[tuple[Ids, Ids]]:
        """A server's messages within a scope with a number for what each says itself: equal texts have equal ones."""
        conditions, values = place_conditions(scope, "m")
        last, end = (scope.after_id or 1) - 1, _GREATEST_ID if scope.before_id is None else scope.before_id
        while rows := await self._database.fetch(
            f"""SELECT message_id, content_hash FROM messages m
                WHERE guild_id = ? AND message_id > ? AND message_id < ?{conditions}
                AND content_hash IS NOT NULL AND content_hash <> ? ORDER BY message_id LIMIT ?""",
            (guild_id, last, end, *values, _NO_TEXT, _AT_ONCE),
        ):
            last = rows[-1][0]
            ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
            yield ids, np.frombuffer(b"".join(row[1][:8] for row in rows), np.int64)

    async def leaning(self, guild_id: int, message_ids: list[int]) -> set[int]:
        """Those of the messages whose vectors are made of what they answer as well, since they say so little."""
        found: set[int] = set()
        for start in range(0, len(message_ids), _AT_ONCE):
            rows = await self._database.fetch(
                f"""SELECT m.message_id FROM messages m CROSS JOIN embeddings e USING (guild_id, message_id)
                    WHERE m.guild_id = ? AND m.{AMONG} AND m.leans AND e.content_hash <> m.content_hash""",
                (guild_id, json_ids(message_ids[start : start + _AT_ONCE])),
            )
            found.update(row[0] for row in rows)
        return found

    async def places(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, Place]:
        """Where those of the messages stand that exist, by id."""
        rows = await self._database.fetch(
            f"SELECT channel_id, author_id, message_id FROM messages WHERE guild_id = ? AND {AMONG}",
            (guild_id, json_ids(message_ids)),
        )
        return {row[2]: Place(*row) for row in rows}
