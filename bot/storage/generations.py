"""Generations: which model's vectors are made, and which are still kept."""

from bot.messages import Generation
from bot.storage.database import Database

IS_OURS = "(model_key, dim, text_version) = (?, ?, ?)"
OURS = f"SELECT generation_id FROM generations WHERE {IS_OURS}"
HAS_A_VECTOR = f"""EXISTS (SELECT 1 FROM embeddings e WHERE (e.guild_id, e.message_id) = (m.guild_id, m.message_id)
                           AND e.generation_id = ({OURS}))"""
QUEUE_WHAT_LACKS_A_VECTOR = f"""
    INSERT INTO pending (guild_id, message_id)
    SELECT guild_id, message_id FROM messages m WHERE content_hash IS NOT NULL AND NOT {HAS_A_VECTOR}
    ON CONFLICT DO NOTHING"""
_DROPPED_AT_ONCE = 1_000


class GenerationStore:
    """The table generations, seen from one of them."""

    def __init__(self, database: Database, generation: Generation) -> None:
        self._database = database
        self._generation = generation
        self._key = (generation.model_key, generation.dim, generation.text_version)

    async def make_current(self) -> None:
        """Make this the generation that pending work is for: what it lacks becomes pending, once."""
        async with self._database.transaction() as transaction:
            if await transaction.fetch(f"SELECT 1 FROM generations WHERE {IS_OURS} AND is_current", self._key):
                return
            await transaction.execute("UPDATE generations SET is_current = 0")
            await transaction.execute(
                """INSERT INTO generations (model_key, dim, text_version, is_current) VALUES (?, ?, ?, 1)
                   ON CONFLICT DO UPDATE SET is_current = 1""",
                self._key,
            )
            await transaction.execute("DELETE FROM pending")
            await transaction.execute(QUEUE_WHAT_LACKS_A_VECTOR, self._key)

    async def is_current(self) -> bool:
        """Whether the queue is for this generation."""
        found = await self._database.fetch(f"SELECT 1 FROM generations WHERE {IS_OURS} AND is_current", self._key)
        return bool(found)

    async def others(self) -> list[Generation]:
        """The other generations that vectors are kept of."""
        rows = await self._database.fetch(
            f"""SELECT model_key, dim, text_version FROM generations g WHERE NOT {IS_OURS}
                AND EXISTS (SELECT 1 FROM embeddings e WHERE e.generation_id = g.generation_id)""",
            self._key,
        )
        return [Generation(*row) for row in rows]

    async def former(self) -> Generation | None:
        """The one with the most vectors of texts that this one lacks; None where it lacks nothing that others have."""
        if not await self.others():
            return None  # as nearly always, and quickly told
        rows = await self._database.fetch(
            f"""SELECT g.model_key, g.dim, g.text_version FROM messages m
                JOIN embeddings f USING (guild_id, message_id) JOIN generations g USING (generation_id)
                WHERE m.content_hash IS NOT NULL AND NOT {HAS_A_VECTOR}
                GROUP BY generation_id ORDER BY count(*) DESC, generation_id LIMIT 1""",
            self._key,
        )
        return Generation(*rows[0]) if rows else None

    async def drop_others(self) -> None:
        """Remove all other generations with their vectors, some at a time, so that others can write meanwhile."""
        rows = await self._database.fetch(f"SELECT generation_id FROM generations WHERE NOT {IS_OURS}", self._key)
        for (generation_id,) in rows:
            while await self._drop_some(generation_id):
                pass
            async with self._database.transaction() as transaction:
                await transaction.execute("DELETE FROM generations WHERE generation_id = ?", (generation_id,))

    async def _drop_some(self, generation_id: int) -> int:
        async with self._database.transaction() as transaction:
            return await transaction.execute(
                """DELETE FROM embeddings WHERE embedding_id IN (
                       SELECT embedding_id FROM embeddings WHERE generation_id = ? LIMIT ?)""",
                (generation_id, _DROPPED_AT_ONCE),
            )
