"""Watches and waves as values, and how they are read from rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.storage.database import Row
from bot.times import from_milliseconds

WAVE_ROWS = """SELECT wave_id, guild_id, channel_id, notice_id, language, state, minutes, last_at, n_changes, is_judged
               FROM waves"""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a server calls a wave, and where it is told of one.

    It is at least `n_messages` alike messages of `n_accounts` people within `minutes`, or of one in `n_channels`.
    """

    guild_id: int
    channel_id: int
    n_messages: int
    n_accounts: int
    minutes: int
    n_channels: int
    language: str


class WaveState(StrEnum):
    """What has become of a wave; only of an open one more is told."""

    OPEN = "open"
    OVER = "over"
    DISMISSED = "dismissed"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave with its notice, which is not posted while `notice_id` is None.

    `is_judged` says that somebody said whether the notice helped.
    """

    wave_id: int
    guild_id: int
    channel_id: int
    notice_id: int | None
    language: str
    state: WaveState
    minutes: int
    last_at: datetime
    n_changes: int
    is_judged: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a part of a wave is: its messages, their accounts, and where they stand, the fullest channel first."""

    n_messages: int
    n_accounts: int
    channel_ids: tuple[int, ...]
    first_id: int
    last_id: int


def wave_of(row: Row) -> Wave:
    return Wave(
        wave_id=row[0],
        guild_id=row[1],
        channel_id=row[2],
        notice_id=row[3],
        language=row[4],
        state=WaveState(row[5]),
        minutes=row[6],
        last_at=from_milliseconds(row[7]),
        n_changes=row[8],
        is_judged=bool(row[9]),
    )


def extent_of(rows: Sequence[Row]) -> Extent:
    sizes: dict[int, int] = {}
    for channel_id, _, n, _, _ in rows:
        sizes[channel_id] = sizes.get(channel_id, 0) + n
    return Extent(
        n_messages=sum(sizes.values()),
        n_accounts=len({row[1] for row in rows}),
        channel_ids=tuple(sorted(sizes, key=lambda channel_id: -sizes[channel_id])),
        first_id=min(row[3] for row in rows),
        last_id=max(row[4] for row in rows),
    )
