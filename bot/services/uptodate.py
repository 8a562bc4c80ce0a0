"""Which channels have been read and compared up to now, so that what is heard next follows on without a gap."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable

_REMEMBERED = 10_000  # messages that were asked about one by one


class UpToDate:
    """Remembers what was read and compared when, and when something may have been missed since.

    Only while a channel was read to its end may a live message move its high mark; only what was compared need not
    be asked about before it is shown. Moments are counted, not timed, and nothing of it outlives the process.
    """

    def __init__(self) -> None:
        self._now = 1
        self._session_began = 0
        self._lost_sight: defaultdict[int, int] = defaultdict(int)
        self._lost_sight_of: defaultdict[int, int] = defaultdict(int)
        self._missed: defaultdict[int, int] = defaultdict(int)
        self._read: defaultdict[int, int] = defaultdict(lambda: -1)
        self._compared: dict[int, tuple[int, int]] = {}  # by channel: when, and down to which id
        self._confirmed: OrderedDict[int, int] = OrderedDict()  # by message: when
        self._refused: dict[int, int] = {}  # by channel: when it could not be read
        self._waiting: Counter[int] = Counter()  # by message: how many events of it are not applied yet

    def now(self) -> int:
        """Which moment it is; to be taken before Discord is asked for what is then known as of this moment."""
        return self._now

    def since(self, guild_id: int, channel_id: int) -> int:
        """From which moment on nothing that happened in a channel can have been missed."""
        return max(self._session_began, self._lost_sight[guild_id], self._lost_sight_of[channel_id])

    def was_read(self, channel_id: int, *, at: int) -> None:
        """A channel held nothing newer than what is stored, at a moment."""
        self._read[channel_id] = at

    def holds(self, guild_id: int, channel_id: int) -> bool:
        """Whether nothing of a channel can have been missed since it was read."""
        return self._read[channel_id] >= max(self.since(guild_id, channel_id), self._missed[channel_id])

    def compared(self, guild_id: int, channel_id: int, *, down_to: int, at: int) -> None:
        """All that is stored of a channel from an id on was as Discord has it, at a moment."""
        since, (told_at, told_down_to) = self.since(guild_id, channel_id), self._compared.get(channel_id, (-1, 0))
        is_known = told_at >= since and told_down_to <= down_to
        if at >= since and not is_known:
            self._compared[channel_id] = (at, down_to)

    def confirmed(self, message_id: int, *, at: int) -> None:
        """A stored message was as Discord has it, at a moment."""
        self._confirmed[message_id] = at
        self._confirmed.move_to_end(message_id)
        if len(self._confirmed) > _REMEMBERED:
            self._confirmed.popitem(last=False)

    def is_true(self, guild_id: int, channel_id: int, message_id: int) -> bool:
        """Whether a stored message is surely as Discord has it: whatever became of it since was told."""
        at, down_to = self._compared.get(channel_id, (-1, 0))
        if message_id < down_to:
            at = -1
        return max(at, self._confirmed.get(message_id, -1)) >= self.since(guild_id, channel_id)

    def was_told(self, message_ids: Iterable[int]) -> None:
        """An edit or deletion of messages was told, which is not applied yet."""
        self._waiting.update(message_ids)

    def was_applied(self, message_ids: Iterable[int]) -> None:
        """What was told of messages is what is stored."""
        for message_id in message_ids:
            self._waiting[message_id] -= 1
            if self._waiting[message_id] <= 0:
                del self._waiting[message_id]

    def is_waiting(self, message_id: int) -> bool:
        """Whether something was told of a message that is not applied yet."""
        return message_id in self._waiting

    def refused(self, channel_id: int, *, at: int) -> None:
        """A channel could not be read, at a moment."""
        self._refused[channel_id] = at

    def is_refused(self, guild_id: int, channel_id: int) -> bool:
        """Whether a channel could not be read, and nothing has changed since."""
        return self._refused.get(channel_id, -1) >= self.since(guild_id, channel_id)

    def ask_again(self) -> None:
        """Somebody wants what could not be read to be asked for once more."""
        self._refused.clear()

    def session_began(self) -> None:
        """The gateway began a new session: what happened in between was not told."""
        self._session_began = self._tick()

    def lost_sight(self, guild_id: int) -> None:
        """Of a server something may have been missed."""
        self._lost_sight[guild_id] = self._tick()

    def lost_sight_of(self, channel_id: int) -> None:
        """Of a channel something may have been missed."""
        self._lost_sight_of[channel_id] = self._tick()

    def missed(self, channel_id: int) -> None:
        """A message of a channel was not stored."""
        self._missed[channel_id] = self._tick()

    def _tick(self) -> int:
        self._now += 1
        return self._now
