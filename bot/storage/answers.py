"""Answers that can be paged and shared: the ids of their hits, no question and no vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.messages import Nearness, WordsOnly
from bot.storage.database import Database, Row
from bot.times import from_milliseconds, milliseconds


@dataclass(frozen=True, slots=True)
class Found:
    """One hit of an answer: its place in the order, and how near it is as that is shown.

    `percent` is None where words found it, `nearness` where there was too little to measure that by. `rank` is 0 for
    the message that is shown, and counts on for those that say the same and have no place of their own.
    `quoted_from` is as in Hit.
    """

    position: int
    message_id: int
    percent: int | None
    nearness: Nearness | None = None
    rank: int = 0
    quoted_from: int = 0


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer to one member; a hit that was deleted or rewritten since is no longer among `found`."""

    answer_id: int
    guild_id: int
    user_id: int
    made_at: datetime
    found: tuple[Found, ...]
    words_only: WordsOnly | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A message of the bot's that shows hits to everyone in a channel.

    A suggestion is one that nobody asked for: `found_by` is the generation of vectors that found what it shows.
    """

    guild_id: int
    channel_id: int
    message_id: int
    language: str
    found: tuple[Found, ...]
    found_by: str | None = None

    @property
    def is_suggestion(self) -> bool:
        return self.found_by is not None


class AnswerStore:
    """The tables answers and answer_hits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def drop_made_before(self, moment: datetime) -> None:
        """Forget the answers made before a moment."""
        async with self._database.transaction() as transaction:
            await transaction.execute("DELETE FROM answers WHERE made_at < ?", (milliseconds(moment),))

    async def put(self, answer: StoredAnswer) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO answers (answer_id, guild_id, user_id, made_at, words_only) VALUES (?, ?, ?, ?, ?)",
                (answer.answer_id, answer.guild_id, answer.user_id, milliseconds(answer.made_at), answer.words_only),
            )
            # A message that was deleted while the search ran is left out, as a foreign key would have it.
            await transaction.execute_many(
                """INSERT INTO answer_hits SELECT ?, ?, ?, guild_id, message_id, ?, ?, ? FROM messages
                   WHERE guild_id = ? AND message_id = ?""",
                [
                    (
                        answer.answer_id,
                        one.position,
                        one.rank,
                        one.percent,
                        one.nearness,
                        one.quoted_from,
                        answer.guild_id,
                        one.message_id,
                    )
                    for one in answer.found
                ],
            )

    async def get(self, answer_id: int) -> StoredAnswer | None:
        rows = await self._database.fetch(
            "SELECT guild_id, user_id, made_at, words_only FROM answers WHERE answer_id = ?", (answer_id,)
        )
        if not rows:
            return None
        found = await self._database.fetch(
            """SELECT position, message_id, percent, nearness, rank, quoted_from FROM answer_hits
               WHERE answer_id = ? ORDER BY position, rank""",
            (answer_id,),
        )
        [(guild_id, user_id, made_at, words_only)] = rows
        return StoredAnswer(
            answer_id,
            guild_id,
            user_id,
            from_milliseconds(made_at),
            tuple(map(_found, found)),
            WordsOnly(words_only) if words_only else None,
        )


class ShareStore:
    """The tables shares and share_sources."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, share: Share, texts: Sequence[str]) -> None:
        """Remember a shared answer that shows these texts of its hits.

        One whose sources were deleted or rewritten while it was being sent is stale from the start.
        """
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT OR REPLACE INTO shares (guild_id, message_id, channel_id, language, found_by)
                   VALUES (?, ?, ?, ?, ?)""",
                (share.guild_id, share.message_id, share.channel_id, share.language, share.found_by),
            )
            n_stored = 0
            for one, text in zip(share.found, texts, strict=True):
                n_stored += await transaction.execute(
                    """INSERT INTO share_sources SELECT guild_id, ?, message_id, ?, ?, ?, ? FROM messages
                       WHERE guild_id = ? AND message_id = ? AND ? = coalesce(nullif(content, ''), attached, '')""",
                    (
                        share.message_id,
                        one.position,
                        one.percent,
                        one.nearness,
                        one.quoted_from,
                        share.guild_id,
                        one.message_id,
                        text,
                    ),
                )
            if n_stored < len(share.found):
                await transaction.execute(
                    "UPDATE shares SET is_stale = 1 WHERE guild_id = ? AND message_id = ?",
                    (share.guild_id, share.message_id),
                )

    async def stale(self) -> list[Share]:
        """The shares that show a source which was deleted or rewritten since."""
        return await self._shares("is_stale")

    async def get(self, guild_id: int, message_id: int) -> Share | None:
        """The share that one of the bot's messages shows."""
        shares = await self._shares("guild_id = ? AND message_id = ?", guild_id, message_id)
        return shares[0] if shares else None

    async def of(self, guild_id: int) -> list[Share]:
        """All the shares of a server."""
        return await self._shares("guild_id = ?", guild_id)

    async def take_out(self, share: Share, source_ids: Sequence[int]) -> None:
        """Let a share have fewer sources; it is stale until it was drawn without them."""
        async with self._database.transaction() as transaction:
            await transaction.execute_many(
                "DELETE FROM share_sources WHERE guild_id = ? AND share_id = ? AND source_id = ?",
                [(share.guild_id, share.message_id, source_id) for source_id in source_ids],
            )

    async def redrawn(self, share: Share) -> None:
        """The share shows what it may, unless yet another source went meanwhile."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """UPDATE shares SET is_stale = 0 WHERE guild_id = ?1 AND message_id = ?2
                   AND ?3 = (SELECT count(*) FROM share_sources WHERE guild_id = ?1 AND share_id = ?2)""",
                (share.guild_id, share.message_id, len(share.found)),
            )

    async def drop(self, guild_id: int, message_ids: Sequence[int]) -> None:
        """Shared answers are gone."""
        async with self._database.transaction() as transaction:
            await transaction.execute_many(
                "DELETE FROM shares WHERE guild_id = ? AND message_id = ?", [(guild_id, i) for i in message_ids]
            )

    async def empty(self, guild_id: int, message_id: int) -> bool:
        """Let a share have no source any more; whether it had some."""
        async with self._database.transaction() as transaction:
            n = await transaction.execute(
                "DELETE FROM share_sources WHERE guild_id = ? AND share_id = ?", (guild_id, message_id)
            )
        return n > 0

    async def _shares(self, condition: str, *values: int) -> list[Share]:
        rows = await self._database.fetch(
            f"SELECT guild_id, channel_id, message_id, language, found_by FROM shares WHERE {condition}",
            values,
        )
        return [
            Share(guild_id, channel_id, message_id, language, await self._found(guild_id, message_id), found_by)
            for guild_id, channel_id, message_id, language, found_by in rows
        ]

    async def _found(self, guild_id: int, share_id: int) -> tuple[Found, ...]:
        rows = await self._database.fetch(
            """SELECT position, source_id, percent, nearness, 0, quoted_from FROM share_sources
               WHERE guild_id = ? AND share_id = ? ORDER BY position""",
            (guild_id, share_id),
        )
        return tuple(map(_found, rows))


def _found(row: Row) -> Found:
    position, message_id, percent, nearness, rank, quoted_from = row
    step = None if nearness is None else Nearness(nearness)
    return Found(position, message_id, percent, step, rank, quoted_from)
