"""Verdicts on what was shown as alike, and the thresholds that servers took from them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.messages import Nearness
from bot.storage.database import Database
from bot.times import milliseconds


class Subject(StrEnum):
    """What was judged: a cosine of one of them says nothing of the others."""

    RELATED = "related"  # a post, beside a new thread
    DUPLICATES = "duplicates"  # two messages, beside each other
    WAVES = "waves"  # the messages of a wave, beside one of them


class Verdict(StrEnum):
    """What somebody said of what they were shown as alike."""

    HELPED = "helped"
    DUPLICATE = "duplicate"
    NOT_RELATED = "not_related"
    NOT_DUPLICATE = "not_duplicate"
    DISMISSED = "dismissed"

    @property
    def is_good(self) -> bool:
        """Whether it was alike enough to be shown."""
        return self in (Verdict.HELPED, Verdict.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on something that was so many percent alike."""

    percent: int
    verdict: Verdict


class VerdictStore:
    """The tables verdicts and thresholds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self,
        guild_id: int,
        subject: Subject,
        judged: Judged,
        *,
        at: datetime,
        nearness: Nearness | None,
        generation: str,
        instead_of: Verdict | None = None,
    ) -> None:
        """Put a verdict down; what is said instead of another, on something as much alike, only where that stands."""
        async with self._database.transaction() as transaction:
            n_taken_back = await transaction.execute(
                """DELETE FROM verdicts WHERE verdict_id = (
                       SELECT max(verdict_id) FROM verdicts
                       WHERE guild_id = ? AND subject = ? AND generation = ? AND percent = ? AND verdict = ?)""",
                (guild_id, subject, generation, judged.percent, instead_of),
            )
            if instead_of is not None and not n_taken_back:
                return
            await transaction.execute(
                """INSERT INTO verdicts (guild_id, subject, at, percent, nearness, generation, verdict)
                   VALUES (?, ?, ?, ?, ?, ?, ?)""",
                (guild_id, subject, milliseconds(at), judged.percent, nearness, generation, judged.verdict),
            )

    async def of(self, guild_id: int, subject: Subject, generation: str) -> list[Judged]:
        """All verdicts of a server on one subject of what one generation of vectors found."""
        rows = await self._database.fetch(
            "SELECT percent, verdict FROM verdicts WHERE guild_id = ? AND generation = ? AND subject = ?",
            (guild_id, generation, subject),
        )
        return [Judged(percent, Verdict(verdict)) for percent, verdict in rows]

    async def threshold(self, guild_id: int, subject: Subject, generation: str) -> int | None:
        """From how many percent on a server wants to be shown what a generation finds, if it said so."""
        rows = await self._database.fetch(
            "SELECT percent FROM thresholds WHERE guild_id = ? AND subject = ? AND generation = ?",
            (guild_id, subject, generation),
        )
        return int(rows[0][0]) if rows else None

    async def put_threshold(self, guild_id: int, subject: Subject, percent: int, *, generation: str) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT OR REPLACE INTO thresholds VALUES (?, ?, ?, ?)", (guild_id, subject, percent, generation)
            )

    async def drop_threshold(self, guild_id: int, subject: Subject) -> None:
        """A server says nothing of that any more."""
        async with self._database.transaction() as transaction:
            await transaction.execute("DELETE FROM thresholds WHERE guild_id = ? AND subject = ?", (guild_id, subject))
