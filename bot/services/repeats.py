"""What is asked again and again: originals with how often, since when, and where it was first answered."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from bot.askers import EVERYTHING, Asker, Scope, visible_to
from bot.messages import StoredMessage
from bot.services.history import History
from bot.services.reconcile import Reconcile
from bot.services.search import Search
from bot.storage.duplicates import Asking, DuplicateStore
from bot.weeks import Weekly, by_week

PAGE = 5
CHECKED_FOR_S = 2.0  # how long Discord may take to say whether messages are still as they are stored


@dataclass(frozen=True, slots=True)
class Repeat:
    """One question: its original, and when it was asked, as far as that is counted, the original's time among it."""

    original: Asking
    askings: tuple[Asking, ...]

    @property
    def n_asked(self) -> int:
        return len(self.askings)

    @property
    def first(self) -> Asking:
        return self.askings[0]

    @property
    def last(self) -> Asking:
        return self.askings[-1]

    @property
    def is_repeated(self) -> bool:
        return any(asking != self.original for asking in self.askings)

    def seen_by(self, asker: Asker) -> Self:
        scope = visible_to(asker)
        seen = tuple(asking for asking in self.askings if asking.is_within(scope))
        return replace(self, askings=seen if self.original.is_within(scope) else ())


@dataclass(frozen=True, slots=True)
class Told:
    """A question with its text, and the first answer to it that is known."""

    repeat: Repeat
    stored: StoredMessage
    answer: StoredMessage | None

    def seen_by(self, asker: Asker) -> Self:
        answer, scope = self.answer, visible_to(asker)
        is_seen = answer is not None and answer.message.is_within(scope)
        return replace(self, repeat=self.repeat.seen_by(asker), answer=answer if is_seen else None)


@dataclass(frozen=True, slots=True)
class RepeatsPage:
    """Some of the questions that are asked again and again, the most frequent first; `start` is the first one's place.

    `every` are all of them, for what is counted. `n_unknown` are left out, since Discord did not confirm them in time.
    """

    start: int
    every: tuple[Repeat, ...]
    told: tuple[Told, ...]
    n_unknown: int = 0

    def seen_by(self, asker: Asker) -> Self:
        """The page less what the asker may not see, for the last look before it is shown."""
        every = _repeated(repeat.seen_by(asker) for repeat in self.every)
        told = tuple(one for one in (one.seen_by(asker) for one in self.told) if one.repeat.is_repeated)
        return replace(self, every=every, told=told)

    @property
    def channel_ids(self) -> frozenset[int]:
        """Where what it shows and counts was written."""
        shown = {repeat.original.channel_id for repeat in self.every}
        return frozenset(shown | {asking.channel_id for repeat in self.every for asking in repeat.askings})

    @property
    def n_more(self) -> int:
        return max(len(self.every) - self.start - PAGE, 0)

    @property
    def next(self) -> int:
        return self.start + PAGE

    @property
    def previous(self) -> int:
        return max(self.start - PAGE, 0)

    @property
    def weekly(self) -> Weekly[int]:
        """When something was asked that had been asked before, by its original."""
        return by_week(
            {
                repeat.original.message_id: [asked.asked_at for asked in repeat.askings if asked != repeat.original]
                for repeat in self.every
            }
        )


class Repeats:
    """Reads the marks, as far as somebody may see what they connect."""

    def __init__(self, store: DuplicateStore, search: Search, reconcile: Reconcile) -> None:
        self._store = store
        self._search = search
        self._reconcile = reconcile

    async def guild_ids(self) -> list[int]:
        """The servers that have marked something."""
        return await self._store.guild_ids()

    async def of(self, asker: Asker, guild_id: int, within: Scope = EVERYTHING) -> tuple[Repeat, ...]:
        """What was asked again, the most frequent first and then what was asked last.

        Counted is what lies in the scope and the asker may see; an original may lie outside of the scope.
        """
        scope = visible_to(asker)
        by_original: defaultdict[Asking, list[Asking]] = defaultdict(list)
        for link in await self._store.links(guild_id):
            if link.original.is_within(scope) and link.duplicate.is_within(scope & within):
                by_original[link.original].append(link.duplicate)
        return _repeated(
            Repeat(original, _in_order([original, *again] if original.is_within(within) else again))
            for original, again in by_original.items()
        )

    async def page(
        self, asker: Asker, repeats: Sequence[Repeat], start: int = 0, *, guild_id: int, history: History
    ) -> RepeatsPage:
        """Those from a place on with their texts, less what Discord no longer has as it is stored."""
        told = await self.told(asker, guild_id, repeats[start : start + PAGE])
        rows = [row for one in told for row in (one.stored, one.answer) if row is not None]
        confirmed = await self._reconcile.confirm(rows, history, within=CHECKED_FOR_S)
        true_ids = confirmed.true_ids
        kept = [_confirmed(one, true_ids) for one in told if one.stored.message.message_id in true_ids]
        return RepeatsPage(start, tuple(repeats), tuple(kept), n_unknown=confirmed.n_unknown)

    async def told(self, asker: Asker, guild_id: int, repeats: Sequence[Repeat]) -> list[Told]:
        """Questions with their texts and first answers; one that is gone meanwhile is left out."""
        answers = {repeat.original: await self._answer_id(guild_id, repeat) for repeat in repeats}
        ids = [*(original.message_id for original in answers), *(i for i in answers.values() if i is not None)]
        rows = await self._search.seen(asker, guild_id, ids)
        return [
            Told(repeat, stored, rows.get(answers[repeat.original] or 0) or _itself(stored))
            for repeat in repeats
            if (stored := rows.get(repeat.original.message_id)) is not None
        ]

    async def _answer_id(self, guild_id: int, repeat: Repeat) -> int | None:
        """The first reply to the original, or else to the first of the others that has one."""
        for asking in dict.fromkeys((repeat.original, *repeat.askings)):
            reply_id = await self._store.first_reply(guild_id, asking)
            if reply_id is not None:
                return reply_id
        return None


def _itself(stored: StoredMessage) -> StoredMessage | None:
    """A message that answers another one is an answer, too."""
    return None if stored.message.reply_to is None else stored


def _in_order(askings: Iterable[Asking]) -> tuple[Asking, ...]:
    return tuple(sorted(askings, key=lambda asking: asking.message_id))


def _repeated(repeats: Iterable[Repeat]) -> tuple[Repeat, ...]:
    """Those that were asked again, the most frequent first."""
    again = [repeat for repeat in repeats if repeat.is_repeated]
    return tuple(sorted(again, key=lambda repeat: (-repeat.n_asked, -repeat.last.message_id)))


def _confirmed(one: Told, true_ids: frozenset[int]) -> Told:
    is_there = one.answer is not None and one.answer.message.message_id in true_ids
    return one if is_there else replace(one, answer=None)
