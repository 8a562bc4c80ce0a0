"""Which channels have been read up to now, so that what is heard next follows on without a gap."""

from collections import defaultdict


class UpToDate:
    """Remembers when each channel was read to its end, and when something may have been missed since.

    Only while a channel is up to date may a live message move its high mark. Moments are counted, not timed, and
    nothing of it outlives the process.
    """

    def __init__(self) -> None:
        self._now = 1
        self._session_began = 0
        self._lost_sight: defaultdict[int, int] = defaultdict(int)
        self._missed: defaultdict[int, int] = defaultdict(int)
        self._read: defaultdict[int, int] = defaultdict(lambda: -1)

    def now(self) -> int:
        """Which moment it is; to be taken before the page is asked for that turns out to be the last."""
        return self._now

    def was_read(self, channel_id: int, *, at: int) -> None:
        """A channel held nothing newer than what is stored, at a moment."""
        self._read[channel_id] = at

    def holds(self, guild_id: int, channel_id: int) -> bool:
        """Whether nothing of a channel can have been missed since it was read."""
        missed_at = max(self._session_began, self._lost_sight[guild_id], self._missed[channel_id])
        return self._read[channel_id] >= missed_at

    def session_began(self) -> None:
        """The gateway began a new session: what happened in between was not told."""
        self._session_began = self._tick()

    def lost_sight(self, guild_id: int) -> None:
        """Of a server something may have been missed."""
        self._lost_sight[guild_id] = self._tick()

    def missed(self, channel_id: int) -> None:
        """A message of a channel was not stored."""
        self._missed[channel_id] = self._tick()

    def _tick(self) -> int:
        self._now += 1
        return self._now
