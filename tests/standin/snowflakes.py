"""Ids as Discord makes them: the time in milliseconds, then a counter."""

from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000
COUNTER_BITS = 22


class Snowflakes:
    """Hands out ids; those for now only ever rise."""

    def __init__(self) -> None:
        self._n = 0
        self._last = 0

    def new(self, at: datetime | None = None) -> int:
        """An id that says it was made now, or at the given moment."""
        self._n += 1
        ms = int((at or datetime.now(UTC)).timestamp() * 1000) - EPOCH_MS
        made = ms << COUNTER_BITS | self._n % (1 << COUNTER_BITS)
        if at is None:
            made = self._last = max(made, self._last + 1)
        return made


def made_at(snowflake: int) -> datetime:
    """The moment that an id holds."""
    return datetime.fromtimestamp(((snowflake >> COUNTER_BITS) + EPOCH_MS) / 1000, UTC)


def stamp(moment: datetime | None) -> str | None:
    """A moment as it stands in payloads."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")
