"""Groups of messages that say the same, across accounts and channels, as far as the asker may read them."""

import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from bot.askers import Asker, Member, Scope, visible_to
from bot.messages import StoredMessage
from bot.services.answers import CHECKED_FOR_S, Answers
from bot.services.gathering import Gathering, OnShare, Wanted
from bot.services.history import History
from bot.services.reconcile import Reconcile
from bot.services.search import Search
from bot.storage.answers import Found, StoredAnswer
from bot.storage.groups import GroupStore
from bot.storage.lexicon import Place
from bot.times import made_at

PAGE = 5
MOST_GROUPS = 100  # that are remembered, the largest
MOST_OF_ONE = 500  # messages of a group that are remembered and counted
LEAST = 2  # messages that make a group
_EXAMPLES = 3  # messages that are tried to show one of


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that say the same and that the asker may see; `example` is None where none could be confirmed.

    `position` is its place among all. `is_cut` says that there were more messages than are counted.
    """

    position: int
    places: tuple[Place, ...]
    is_cut: bool = False
    example: StoredMessage | None = None

    @property
    def n_authors(self) -> int:
        return len({place.author_id for place in self.places})

    @property
    def channel_ids(self) -> list[int]:
        """Where they stand, most of them first."""
        return [channel_id for channel_id, _ in Counter(place.channel_id for place in self.places).most_common()]

    @property
    def first_at(self) -> datetime:
        return made_at(min(place.message_id for place in self.places))

    @property
    def last_at(self) -> datetime:
        return made_at(max(place.message_id for place in self.places))

    def within(self, scope: Scope, guild_id: int) -> Self:
        """The group less what lies outside of a scope."""
        places = tuple(place for place in self.places if _admits(scope, guild_id, place))
        example = self.example if self.example and self.example.message.is_within(scope) else None
        return replace(self, places=places, example=example)


@dataclass(frozen=True, slots=True)
class GroupPage:
    """What one member is shown of the groups; `start` is the place of its first one, `n_more` what follows it."""

    answer_id: int
    guild_id: int
    start: int
    groups: tuple[Group, ...]
    n_more: int
    is_kept: bool = True

    def seen_by(self, asker: Asker) -> Self:
        """The page less what the asker may not see, for the last look before it is shown."""
        scope = visible_to(asker)
        groups = [group.within(scope, self.guild_id) for group in self.groups]
        return replace(self, groups=tuple(group for group in groups if len(group.places) >= LEAST))

    @property
    def channel_ids(self) -> frozenset[int]:
        """Where what it counts and shows was written."""
        return frozenset(place.channel_id for group in self.groups for place in group.places)

    @property
    def next(self) -> int:
        return self.start + PAGE

    @property
    def previous(self) -> int:
        return self.start - PAGE


class Groups:
    """Has groups looked for, and remembers which messages were in them, so that pages can be turned."""

    def __init__(
        self, gathering: Gathering, answers: Answers, search: Search, reconcile: Reconcile, store: GroupStore
    ) -> None:
        self._gathering = gathering
        self._answers = answers
        self._search = search
        self._reconcile = reconcile
        self._store = store

    async def look(self, asker: Member, wanted: Wanted, *, history: History, on_share: OnShare) -> GroupPage:
        """The first page of groups among what the member may read; `on_share` is told how much of that is done."""
        groups = (await self._gathering.find(asker, asker.guild_id, wanted, on_share=on_share))[:MOST_GROUPS]
        found = tuple(
            Found(position, message_id, None, rank=rank)
            for position, ids in enumerate(groups)
            for rank, message_id in enumerate(ids[:MOST_OF_ONE])
        )
        answer = StoredAnswer(secrets.randbits(63), asker.guild_id, asker.user_id, datetime.now(UTC), found)
        is_kept = await self._answers.keep(answer)
        return replace(await self._page(asker, answer, 0, history), is_kept=is_kept)

    async def turn(self, asker: Member, answer_id: int, start: int, *, history: History) -> GroupPage:
        """Another page of what this member was given. Raises AnswerExpired and AnswerOfAnother."""
        return await self._page(asker, await self._answers.given(asker, answer_id), start, history)

    async def seen(self, asker: Asker, guild_id: int, groups: Mapping[int, Sequence[int]]) -> list[Group]:
        """What the asker may see now of groups, given by their positions; without examples."""
        places = await self._store.places(guild_id, [i for ids in groups.values() for i in ids])
        scope = visible_to(asker)
        found = [
            Group(position, tuple(places[i] for i in ids if i in places), is_cut=len(ids) >= MOST_OF_ONE).within(
                scope, guild_id
            )
            for position, ids in groups.items()
        ]
        return [group for group in found if len(group.places) >= LEAST]

    async def examples(self, asker: Asker, guild_id: int, groups: Sequence[Group]) -> list[Group]:
        """The groups, each with its first message."""
        stored = await self._search.seen(asker, guild_id, [i for group in groups for i in _tried(group)])
        return [_with_example(group, stored) for group in groups]

    async def _page(self, asker: Member, answer: StoredAnswer, start: int, history: History) -> GroupPage:
        ids: defaultdict[int, list[int]] = defaultdict(list)
        for one in answer.found:
            if one.position >= start:
                ids[one.position].append(one.message_id)
        groups = await self.seen(asker, answer.guild_id, ids)
        here = [group for group in groups if group.position < start + PAGE]
        shown = await self._confirmed(asker, answer.guild_id, here, history)
        return GroupPage(answer.answer_id, answer.guild_id, start, tuple(shown), n_more=len(groups) - len(here))

    async def _confirmed(self, asker: Member, guild_id: int, groups: Sequence[Group], history: History) -> list[Group]:
        """The groups with examples that Discord still has as they are stored."""
        until = time.monotonic() + CHECKED_FOR_S
        stored = await self._search.seen(asker, guild_id, [i for group in groups for i in _tried(group)])
        confirmed = await self._reconcile.confirm(list(stored.values()), history, within=until - time.monotonic())
        true = {i: one for i, one in stored.items() if i in confirmed.true_ids}
        gone = stored.keys() - await self._still_there(guild_id, stored)
        kept = [replace(group, places=tuple(p for p in group.places if p.message_id not in gone)) for group in groups]
        return [_with_example(group, true) for group in kept if len(group.places) >= LEAST]

    async def _still_there(self, guild_id: int, message_ids: Collection[int]) -> set[int]:
        return set(await self._store.places(guild_id, message_ids))


def _tried(group: Group) -> list[int]:
    return [place.message_id for place in group.places[:_EXAMPLES]]


def _with_example(group: Group, stored: Mapping[int, StoredMessage]) -> Group:
    return replace(group, example=next((stored[i] for i in _tried(group) if i in stored), None))


def _admits(scope: Scope, guild_id: int, place: Place) -> bool:
    return scope.admits(
        message_id=place.message_id, guild_id=guild_id, channel_id=place.channel_id, author_id=place.author_id
    )
