"""Waves: what servers want watched, the alike messages that were found, and the kinds that are ignored."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from bot.askers import Scope
from bot.messages import EmbeddedMessages, Generation
from bot.storage.contexts import THREADS
from bot.storage.database import AMONG, Database, Transaction, json_ids
from bot.storage.generations import OURS
from bot.storage.scopes import place_conditions
from bot.storage.vectors import embedded_messages
from bot.storage.waverows import WAVE_ROWS, Extent, Watch, Wave, WaveState, extent_of, wave_of
from bot.times import milliseconds
from bot.vectors import Vectors

__all__ = ["Extent", "Watch", "Wave", "WaveState", "WaveStore"]

_STEPS = 127  # of a number between 0 and 1 in a direction
_LEAST_BYTES = 16  # three words, or five characters of Japanese: what is shorter is like others by chance
# A message whose vector is made of what it answers, or of the title above it, is like others for that alone; one of a
# bot is like those that it always writes.
_LIVE = f"""SELECT m.message_id, m.channel_id, m.author_id, e.embedding_id, e.checksum, e.vector
            FROM messages m CROSS JOIN embeddings e USING (guild_id, message_id)
            WHERE m.guild_id = ? AND {{which}} AND e.generation_id = ({OURS}) AND NOT m.is_bot
            AND octet_length(concat(m.content, m.attached)) >= {_LEAST_BYTES} AND NOT (m.leans
                AND (m.reply_to IS NOT NULL OR EXISTS (SELECT 1 FROM channels t WHERE t.guild_id = m.guild_id
                     AND t.channel_id = m.channel_id AND t.kind IN {THREADS})))
            ORDER BY m.message_id DESC LIMIT ?"""


class WaveStore:
    """The tables watches, waves, wave_members and ignored_kinds, seen from one generation."""

    def __init__(self, database: Database, generation: Generation) -> None:
        self._database = database
        self._dim = generation.dim
        self._key = (generation.model_key, generation.dim, generation.text_version)

    async def watches(self) -> dict[int, Watch]:
        """All watches, by server."""
        rows = await self._database.fetch(
            "SELECT guild_id, channel_id, n_messages, n_accounts, minutes, n_channels, language FROM watches"
        )
        return {row[0]: Watch(*row) for row in rows}

    async def put_watch(self, watch: Watch) -> None:
        """Watch a server, or watch it otherwise than before; the kinds that it ignores stay."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO watches (guild_id, channel_id, n_messages, n_accounts, minutes, n_channels, language)
                   VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET channel_id = excluded.channel_id, n_messages = excluded.n_messages,
                       n_accounts = excluded.n_accounts, minutes = excluded.minutes,
                       n_channels = excluded.n_channels, language = excluded.language""",
                (
                    watch.guild_id,
                    watch.channel_id,
                    watch.n_messages,
                    watch.n_accounts,
                    watch.minutes,
                    watch.n_channels,
                    watch.language,
                ),
            )

    async def drop_watch(self, guild_id: int) -> bool:
        """Watch a server no longer, and forget the kinds that it ignores; whether it was watched."""
        async with self._database.transaction() as transaction:
            await _end(transaction, "guild_id = ? AND state = ?", (guild_id, WaveState.OPEN))
            return bool(await transaction.execute("DELETE FROM watches WHERE guild_id = ?", (guild_id,)))

    async def of_messages(self, guild_id: int, message_ids: Iterable[int]) -> EmbeddedMessages:
        """Those of the messages that may be part of a wave, the newest first."""
        ids = json_ids(message_ids)
        return await self._live(guild_id, f"m.{AMONG}", ids, limit=-1)

    async def since(self, guild_id: int, first_id: int, *, limit: int) -> EmbeddedMessages:
        """The messages from an id on that may be part of a wave, the newest first, at most so many."""
        return await self._live(guild_id, "m.message_id >= ?", first_id, limit=limit)

    async def _live(self, guild_id: int, which: str, value: str | int, *, limit: int) -> EmbeddedMessages:
        rows = await self._database.fetch(_LIVE.format(which=which), (guild_id, value, *self._key, limit))
        return embedded_messages(rows, self._dim)

    async def begin(self, watch: Watch, message_ids: Sequence[int], *, last_at: datetime) -> int:
        """A wave was found; its id. Those of its messages that are there no longer are left out."""
        async with self._database.transaction() as transaction:
            [(wave_id,)] = await transaction.fetch(
                """INSERT INTO waves (guild_id, channel_id, language, state, minutes, last_at)
                   VALUES (?, ?, ?, ?, ?, ?) RETURNING wave_id""",
                (
                    watch.guild_id,
                    watch.channel_id,
                    watch.language,
                    WaveState.OPEN,
                    watch.minutes,
                    milliseconds(last_at),
                ),
            )
            await _join(transaction, wave_id, watch.guild_id, message_ids)
        return int(wave_id)

    async def grow(self, guild_id: int, wave_id: int, message_ids: Sequence[int], *, last_at: datetime) -> None:
        """More messages belong to a wave."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE waves SET last_at = max(last_at, ?) WHERE wave_id = ?", (milliseconds(last_at), wave_id)
            )
            await _join(transaction, wave_id, guild_id, message_ids)

    async def wave(self, guild_id: int, wave_id: int) -> Wave | None:
        rows = await self._database.fetch(f"{WAVE_ROWS} WHERE guild_id = ? AND wave_id = ?", (guild_id, wave_id))
        return wave_of(rows[0]) if rows else None

    async def of_server(self, guild_id: int) -> list[Wave]:
        """All waves of a server, the oldest first."""
        rows = await self._database.fetch(f"{WAVE_ROWS} WHERE guild_id = ? ORDER BY wave_id", (guild_id,))
        return [wave_of(row) for row in rows]

    async def to_draw(self) -> list[Wave]:
        """The waves whose notices are not as they should be."""
        rows = await self._database.fetch(
            f"{WAVE_ROWS} WHERE n_drawn < n_changes AND (notice_id IS NOT NULL OR state = ?)", (WaveState.OPEN,)
        )
        return [wave_of(row) for row in rows]

    async def drawn(self, wave: Wave, notice_id: int) -> None:
        """The notice shows the wave as it was read, unless it has changed again meanwhile."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE waves SET n_drawn = ?, notice_id = ? WHERE wave_id = ?",
                (wave.n_changes, notice_id, wave.wave_id),
            )

    async def put_state(self, guild_id: int, wave_id: int, state: WaveState) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE waves SET state = ?, n_changes = n_changes + 1 WHERE guild_id = ? AND wave_id = ?",
                (state, guild_id, wave_id),
            )

    async def judge(self, wave: Wave) -> bool:
        """Somebody says whether the notice of a wave helped; whether nobody had."""
        async with self._database.transaction() as transaction:
            n = await transaction.execute(
                "UPDATE waves SET is_judged = 1, n_changes = n_changes + 1 WHERE wave_id = ? AND NOT is_judged",
                (wave.wave_id,),
            )
        return bool(n)

    async def drop(self, wave: Wave) -> None:
        """The notice is gone: nothing more is told of the wave."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE waves SET state = ?, notice_id = NULL WHERE wave_id = ?",
                (WaveState.DISMISSED, wave.wave_id),
            )

    async def end_quiet(self, now: datetime) -> None:
        """The open waves that nothing was added to for their time are over."""
        async with self._database.transaction() as transaction:
            await _end(transaction, "state = ? AND last_at < ? - minutes * 60000", (WaveState.OPEN, milliseconds(now)))

    async def redraw(self, guild_id: int) -> None:
        """Others may read the notices of a server, or may read other messages, than before."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE waves SET n_changes = n_changes + 1 WHERE guild_id = ? AND notice_id IS NOT NULL", (guild_id,)
            )

    async def member_ids(self, guild_id: int, wave_id: int | None = None) -> list[int]:
        """The messages of one wave, or of all that a server had, the newest first."""
        rows = await self._database.fetch(
            """SELECT DISTINCT message_id FROM wave_members WHERE guild_id = ? AND wave_id = coalesce(?, wave_id)
               ORDER BY message_id DESC""",
            (guild_id, wave_id),
        )
        return [row[0] for row in rows]

    async def extent(self, wave: Wave, scope: Scope) -> Extent | None:
        """How large a wave is where a scope admits its messages; None where it admits none."""
        conditions, values = place_conditions(scope, "m")
        rows = await self._database.fetch(
            f"""SELECT m.channel_id, m.author_id, count(*), min(m.message_id), max(m.message_id)
                FROM wave_members w JOIN messages m USING (guild_id, message_id)
                WHERE w.wave_id = ?{conditions} GROUP BY m.channel_id, m.author_id""",
            (wave.wave_id, *values),
        )
        return extent_of(rows) if rows else None

    async def ignore(self, guild_id: int, wave_id: int, direction: Vectors) -> None:
        """Hear no more of what lies in a direction, float32 [dim] of length 1."""
        steps = np.rint(direction * _STEPS).astype(np.int8).tobytes()
        async with self._database.transaction() as transaction:
            await transaction.execute(
                f"""INSERT INTO ignored_kinds (guild_id, generation_id, direction)
                    SELECT guild_id, ({OURS}), ? FROM watches WHERE guild_id = ?""",
                (*self._key, steps, guild_id),
            )
            await transaction.execute(
                "UPDATE waves SET state = ?, n_changes = n_changes + 1 WHERE guild_id = ? AND wave_id = ?",
                (WaveState.IGNORED, guild_id, wave_id),
            )

    async def ignored(self, guild_id: int) -> Vectors:
        """The directions that a server ignores, float32 [n, dim]."""
        rows = await self._database.fetch(
            f"SELECT direction FROM ignored_kinds WHERE guild_id = ? AND generation_id = ({OURS}) ORDER BY kind_id",
            (guild_id, *self._key),
        )
        steps = np.frombuffer(b"".join(row[0] for row in rows), np.int8).reshape(-1, self._dim)
        directions: Vectors = steps.astype(np.float32)
        return directions


async def _join(transaction: Transaction, wave_id: int, guild_id: int, message_ids: Sequence[int]) -> None:
    await transaction.execute(
        f"""INSERT OR IGNORE INTO wave_members (wave_id, guild_id, message_id)
            SELECT ?, guild_id, message_id FROM messages WHERE guild_id = ? AND {AMONG}""",
        (wave_id, guild_id, json_ids(message_ids)),
    )


async def _end(transaction: Transaction, condition: str, values: Sequence[object]) -> None:
    await transaction.execute(
        f"UPDATE waves SET state = ?, n_changes = n_changes + 1 WHERE {condition}", (WaveState.OVER, *values)
    )
