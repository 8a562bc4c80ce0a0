"""Discord ids, which hold the time they were made at, and moments as people write them."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from bot.errors import MomentInvalid, SnowflakeInvalid

DISCORD_EPOCH_MS = 1_420_070_400_000  # 2015-01-01, discord.com/developers/docs/reference#snowflakes
_TIME_SHIFT = 22
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
MAX_SNOWFLAKE = 2**63 - 1  # SQLite and Faiss keep signed 64-bit integers
_CLOCK_SKEW = timedelta(days=1)
_DIGITS = re.compile(r"[0-9]{1,40}", re.ASCII)
_AGE = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[hdwmy])", re.ASCII)
_UNITS = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "m": timedelta(days=30),
    "y": timedelta(days=365),
}


def snowflake(value: object, *, now: datetime | None = None) -> int:
    """The id that an integer or its exact decimal text stands for.

    A float is refused, since it has lost digits; so is an id made later than `now` plus a day.
    Raises SnowflakeInvalid.
    """
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SnowflakeInvalid(value, "not_an_integer")
    if not 1 <= value <= MAX_SNOWFLAKE:
        raise SnowflakeInvalid(value, "out_of_range")
    if now is not None and value >= _first_from_the_future(now):
        raise SnowflakeInvalid(value, "from_the_future")
    return value


@lru_cache(maxsize=1)
def _first_from_the_future(now: datetime) -> int:
    return snowflake_at(now + _CLOCK_SKEW)


def snowflake_at(moment: datetime) -> int:
    """The smallest id that can be made at `moment`; 0 for moments before Discord."""
    milliseconds = round(moment.timestamp() * 1000) - DISCORD_EPOCH_MS
    return min(max(milliseconds, 0) << _TIME_SHIFT, MAX_SNOWFLAKE)


def made_at(snowflake_id: int) -> datetime:
    """When an id was made, to the millisecond, in UTC."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=(snowflake_id >> _TIME_SHIFT) + DISCORD_EPOCH_MS)


def moment(text: str, *, now: datetime) -> datetime:
    """A day such as 2025-03-01 (its first instant in UTC), or an age such as 12h, 30d, 2w, 6m or 1y.

    Raises MomentInvalid.
    """
    if age := _AGE.fullmatch(text.strip()):
        try:
            return now - int(age["count"]) * _UNITS[age["unit"]]
        except OverflowError as error:
            raise MomentInvalid(text) from error
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise MomentInvalid(text) from error


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, as the database keeps moments."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(since_1970: int) -> datetime:
    """The moment, in UTC, that `milliseconds` was taken of."""
    return _EPOCH + since_1970 * _MILLISECOND
