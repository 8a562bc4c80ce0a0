"""How often people may ask: what is asked costs processor time, and a text that is to be embedded costs money."""

import math
import time
from collections.abc import Callable

from bot.errors import ServerAsksTooOften, TooManyQuestions

Clock = Callable[[], float]
_AT_ONCE = 3  # a third of what a minute allows may come all at once
_FEW = 1_024  # buckets that nobody looks through


class Allowance:
    """So many a minute for each member, wherever they ask, and for each server; a third of them at once.

    What is refused counts against nobody, and one member's haste uses up little of what their server may ask.
    """

    def __init__(
        self, *, per_member: float, per_server: float, clock: Clock = time.monotonic, wall_clock: Clock = time.time
    ) -> None:
        self._members, self._servers = _Buckets(per_member), _Buckets(per_server)
        self._clock, self._wall_clock = clock, wall_clock

    def take(self, member_id: int, guild_id: int | None) -> None:
        """Count one. Raises TooManyQuestions or ServerAsksTooOften where it is one too many."""
        now, server_id = self._clock(), guild_id or 0
        if wait := self._members.wait(member_id, now):
            raise TooManyQuestions(self._in(wait))
        if wait := self._servers.wait(server_id, now):
            raise ServerAsksTooOften(self._in(wait))
        self._members.take(member_id, now)
        self._servers.take(server_id, now)

    def __len__(self) -> int:
        """How many members and servers are remembered: those that asked a moment ago, and not many more."""
        return len(self._members) + len(self._servers)

    def _in(self, seconds: float) -> int:
        return math.ceil(self._wall_clock() + seconds)


class _Buckets:
    """A bucket of tokens for each key, remembered by the moment at which it is full again."""

    def __init__(self, per_minute: float) -> None:
        self._refill_s = 60.0 / per_minute
        # A bucket that is full later than in so many seconds is empty.
        self._room_s = self._refill_s * (max(per_minute // _AT_ONCE, 1) - 1)
        self._full_at: dict[int, float] = {}
        self._most = _FEW

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, key: int, now: float) -> float:
        """After how many seconds there is a token."""
        return max(self._full_at.get(key, now) - self._room_s - now, 0.0)

    def take(self, key: int, now: float) -> None:
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._refill_s
        if len(self._full_at) > self._most:
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
            self._most = max(2 * len(self._full_at), _FEW)
