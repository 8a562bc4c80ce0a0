"""Who did what to what is stored of a server, for its administrators and the operator to read."""

from datetime import UTC, datetime, timedelta

from bot.storage.audit import Act, AuditLine, AuditStore

__all__ = ["KEPT", "SHOWN", "SHOWN_OWN", "Act", "Audit", "AuditLine"]  # lines are handed out as they are stored

KEPT = timedelta(days=365)
SHOWN = 20
SHOWN_OWN = 10


class Audit:
    """Notes acts, without any text and without whom they concern."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def note(self, guild_id: int, act: Act, *, actor_id: int | None = None, **detail: object) -> None:
        """A member did something for the whole server; nobody stands for the operator."""
        await self._store.put(AuditLine(guild_id, datetime.now(UTC), actor_id, is_own=False, act=act, detail=detail))

    async def note_own(self, guild_id: int, act: Act) -> None:
        """A member did something about what is theirs.

        Who asks to be forgotten is not put down for that: the line has the day, and neither name nor number. There is
        one for all members who do the same on a day.
        """
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        await self._store.put(AuditLine(guild_id, today, None, is_own=True, act=act, detail={}))

    async def latest(self, guild_id: int) -> list[AuditLine]:
        """What was done last for a whole server, the newest first."""
        return await self._store.latest(guild_id, limit=SHOWN)

    async def of(self, guild_id: int, actor_id: int) -> list[AuditLine]:
        """What a member did for the whole server, the newest first."""
        return await self._store.of(guild_id, actor_id)

    async def latest_own(self, guild_id: int) -> list[AuditLine]:
        """What members of a server did last about what is theirs, the newest first."""
        return await self._store.latest_own(guild_id, limit=SHOWN_OWN)

    async def all(self, guild_id: int | None = None) -> list[AuditLine]:
        """All that was done in a server, or in all of them, the newest first."""
        return await (self._store.all() if guild_id is None else self._store.all_of(guild_id))

    async def forget_old(self) -> None:
        """Drop what was done more than a year ago."""
        await self._store.drop_before(datetime.now(UTC) - KEPT)
