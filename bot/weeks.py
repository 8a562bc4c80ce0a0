"""Counts by week, weeks beginning on Mondays in UTC."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_A_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Weekly(Generic[K]):
    """How many there were in each week, by whatever they were counted by.

    `weeks` are Mondays, one after another without a gap; each of the counts has a number for every one of them.
    """

    weeks: tuple[date, ...]
    counts: Mapping[K, tuple[int, ...]]

    @property
    def totals(self) -> tuple[int, ...]:
        """How many there were in each week altogether."""
        return tuple(map(sum, zip(*self.counts.values(), strict=True))) if self.counts else (0,) * len(self.weeks)


def week_of(moment: datetime) -> date:
    """The Monday of the week in which a moment lies."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def by_week(moments: Mapping[K, Iterable[datetime]]) -> Weekly[K]:
    """Moments counted from the week of the first to that of the last, by whatever they are listed under."""
    counted = {key: Counter(map(week_of, its)) for key, its in moments.items()}
    weeks = _through({week for counts in counted.values() for week in counts})
    return Weekly(weeks, {key: tuple(counts[week] for week in weeks) for key, counts in counted.items()})


def _through(weeks: set[date]) -> tuple[date, ...]:
    if not weeks:
        return ()
    first = min(weeks)
    return tuple(first + n * _A_WEEK for n in range((max(weeks) - first) // _A_WEEK + 1))
