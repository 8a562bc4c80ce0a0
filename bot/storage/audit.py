"""The audit: who turned on, turned off, forgot, exported or purged what is stored of a server."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from bot.storage.database import Database, Parameters, Transaction
from bot.times import from_milliseconds, milliseconds

_ALL = -1  # as LIMIT takes it
_LINES = "SELECT guild_id, at, actor_id, is_own, act, detail FROM audit"
# The order in which members' acts of a day were stored would tell more than the day.
_NEWEST_FIRST = "ORDER BY at DESC, is_own, iif(is_own, 0, audit_id) DESC, guild_id, act"


class Act(StrEnum):
    """What can be done to what is stored of a server; each has its words."""

    STARTED = "started"
    STOPPED = "stopped"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FRESHENED = "freshened"
    INCLUDED = "included"
    EXCLUDED = "excluded"
    RETAINED = "retained"
    SUGGESTED = "suggested"
    UNSUGGESTED = "unsuggested"
    SIFTED = "sifted"  # from where on what is related is shown
    MARKED = "marked"
    UNMARKED = "unmarked"
    WATCHED = "watched"
    UNWATCHED = "unwatched"
    WAVES_SIFTED = "waves_sifted"  # from where on messages are alike
    WAVE_HELPED = "wave_helped"
    WAVE_DISMISSED = "wave_dismissed"
    WAVE_IGNORED = "wave_ignored"
    BUDGETED = "budgeted"
    FORGOT = "forgot"
    EXPORTED = "exported"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    PURGED = "purged"
    LEFT = "left"  # the bot was removed, and its grace is over


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One act. `actor_id` is None for the operator, for the bot itself, and for a member's act on what `is_own`."""

    guild_id: int
    at: datetime
    actor_id: int | None
    is_own: bool
    act: Act
    detail: Mapping[str, object]

    @property
    def key(self) -> str:
        """Which words tell of the act."""
        of_channel = "_channel" if "channel_id" in self.detail else ""
        return f"{self.act}{'_own' if self.is_own else of_channel}"

    @property
    def by(self) -> str:
        """Who it was, in general."""
        if self.act is Act.LEFT:
            return "bot"
        if self.is_own:
            return "member"
        return "operator" if self.actor_id is None else "manager"


class AuditStore:
    """The table audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, line: AuditLine) -> None:
        """Keep a line; of members' own acts one a day of each kind, however many there are.

        Nothing is kept of a server that is not known, since nothing would ever remove it.
        """
        async with self._database.transaction() as transaction:
            await put_line(transaction, line)

    async def latest(self, guild_id: int, *, limit: int) -> list[AuditLine]:
        """What was done last for all of a server, the newest first."""
        return await self._lines("WHERE guild_id = ? AND NOT is_own", (guild_id,), limit=limit)

    async def latest_own(self, guild_id: int, *, limit: int) -> list[AuditLine]:
        """What members of a server did last about what is theirs, the newest first."""
        return await self._lines("WHERE guild_id = ? AND is_own", (guild_id,), limit=limit)

    async def of(self, guild_id: int, actor_id: int) -> list[AuditLine]:
        """The lines of one member's acts in a server, the newest first."""
        return await self._lines("WHERE guild_id = ? AND actor_id = ?", (guild_id, actor_id))

    async def all_of(self, guild_id: int) -> list[AuditLine]:
        """All lines of a server, the newest first."""
        return await self._lines("WHERE guild_id = ?", (guild_id,))

    async def all(self) -> list[AuditLine]:
        """The lines of all servers, the newest first."""
        return await self._lines("")

    async def _lines(self, where: str, parameters: Parameters = (), *, limit: int = _ALL) -> list[AuditLine]:
        rows = await self._database.fetch(f"{_LINES} {where} {_NEWEST_FIRST} LIMIT ?", (*parameters, limit))
        return [
            AuditLine(row[0], from_milliseconds(row[1]), row[2], bool(row[3]), Act(row[4]), json.loads(row[5]))
            for row in rows
        ]

    async def drop_before(self, moment: datetime) -> int:
        """Forget the lines from before a moment; how many there were."""
        async with self._database.transaction() as transaction:
            return await transaction.execute("DELETE FROM audit WHERE at < ?", (milliseconds(moment),))


async def put_line(transaction: Transaction, line: AuditLine) -> None:
    await transaction.execute(
        """INSERT INTO audit (guild_id, at, actor_id, is_own, act, detail) SELECT ?1, ?2, ?3, ?4, ?5, ?6
           WHERE EXISTS (SELECT 1 FROM servers WHERE guild_id = ?1) ON CONFLICT DO NOTHING""",
        (
            line.guild_id,
            milliseconds(line.at),
            line.actor_id,
            line.is_own,
            line.act,
            json.dumps(dict(line.detail), ensure_ascii=False),
        ),
    )


async def leave_one_line(transaction: Transaction, guild_id: int, act: Act) -> None:
    """Everything of a server goes, and of its audit all but that it went; nothing is told of one that is not known."""
    is_known = await transaction.fetch("SELECT 1 FROM servers WHERE guild_id = ?", (guild_id,))
    if is_known:
        await transaction.execute("DELETE FROM audit WHERE guild_id = ?", (guild_id,))
        await put_line(transaction, AuditLine(guild_id, datetime.now(UTC), None, is_own=False, act=act, detail={}))
