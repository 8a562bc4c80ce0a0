"""Why nothing gets its vector at the moment: one row, so that every process can tell it, or none when all is well."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.storage.database import Database
from bot.times import from_milliseconds, milliseconds


@dataclass(frozen=True, slots=True)
class Outage:
    """The embedder fails, for a reason named by `code`; the field names are keys of the JSON."""

    code: str
    detail: str
    began_at: datetime
    next_try_at: datetime


class OutageStore:
    """The table outage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self) -> Outage | None:
        rows = await self._database.fetch("SELECT code, detail, began_at, next_try_at FROM outage")
        if not rows:
            return None
        [(code, detail, began_at, next_try_at)] = rows
        return Outage(code, detail, from_milliseconds(began_at), from_milliseconds(next_try_at))

    async def put(self, code: str, detail: str, *, next_try_at: datetime) -> None:
        """The embedder failed, for the first time or again; an outage that goes on keeps its beginning."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO outage (only, code, detail, began_at, next_try_at) VALUES (1, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET code = excluded.code, detail = excluded.detail,
                                             next_try_at = excluded.next_try_at""",
                (code, detail, milliseconds(datetime.now(UTC)), milliseconds(next_try_at)),
            )

    async def end(self) -> Outage | None:
        """The embedder works: forget the outage; the one that there was."""
        outage = await self.get()
        if outage is not None:
            async with self._database.transaction() as transaction:
                await transaction.execute("DELETE FROM outage")
        return outage
