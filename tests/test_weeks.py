"""Counts by week."""

from datetime import UTC, date, datetime, timedelta, timezone

from bot.weeks import by_week, week_of


def test_a_week_begins_on_monday_in_utc() -> None:
    """Sunday's last moment and Monday's first lie in two weeks, whatever zone they are told in."""
    assert week_of(datetime(2025, 3, 2, 23, 59, tzinfo=UTC)) == date(2025, 2, 24)
    assert week_of(datetime(2025, 3, 3, tzinfo=UTC)) == date(2025, 3, 3)
    assert week_of(datetime(2025, 3, 3, 8, tzinfo=timezone(timedelta(hours=9)))) == date(2025, 2, 24)


def test_weeks_without_anything_are_counted_too() -> None:
    """From the first to the last week there is no gap, and every list has a number for each."""
    told = by_week(
        {
            "ferry": [datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 9, tzinfo=UTC)],
            "train": [datetime(2025, 3, 18, tzinfo=UTC)],
        }
    )

    assert told.weeks == (date(2025, 3, 3), date(2025, 3, 10), date(2025, 3, 17))
    assert told.counts == {"ferry": (2, 0, 0), "train": (0, 0, 1)}
    assert told.totals == (2, 0, 1)


def test_nothing_has_no_weeks() -> None:
    """Where nothing is counted there is nothing to draw."""
    assert by_week({}).weeks == by_week({"ferry": []}).weeks == ()
    assert by_week({}).totals == ()
