"""Gathers messages that say the same: by their vectors, and equal texts anyway."""

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from bot.askers import EVERYTHING, Asker, Scope, visible_to
from bot.index.mirror import Mirror
from bot.services.backgrounds import Background, Backgrounds
from bot.services.sameness import AROUND, Wordings, stars, telling
from bot.services.spaces import Spaces
from bot.storage.groups import GroupStore
from bot.storage.lexicon import Lexicon
from bot.terms import in_pairs, script_of, whole_names
from bot.threads import aside
from bot.vectors import Ids, Vectors, begins, unit

_STATED = 0.6  # the cosine that unrelated messages hardly reach, where there is too little to measure
_CANDIDATES = 0.8  # of the whole work, when they are found
_A_BATCH = 4_096  # wordings

OnShare = Callable[[float], None]
_Wordings = list[list[int]]  # of a group: each with the ids of the messages that have it


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which groups are looked for: within what, and of how many messages at least."""

    within: Scope = EVERYTHING
    min_size: int = 3


class Gathering:
    """Looks for groups, one search at a time: each takes all processors for a while."""

    def __init__(self, spaces: Spaces, backgrounds: Backgrounds, lexicon: Lexicon, store: GroupStore) -> None:
        self._spaces = spaces
        self._backgrounds = backgrounds
        self._lexicon = lexicon
        self._store = store
        self._one_at_a_time = asyncio.Lock()

    async def find(
        self, asker: Asker, guild_id: int, wanted: Wanted, *, on_share: OnShare = lambda _: None
    ) -> list[list[int]]:
        """The groups of a server's messages that the asker may see, by id; the largest first, then the newest.

        In each the message that the others are near to comes first.
        """
        scope = visible_to(asker) & wanted.within
        if scope.guild_ids is not None and guild_id not in scope.guild_ids:
            return []
        async with self._one_at_a_time:
            near = await self._near(guild_id, visible_to(asker), scope, on_share)
            texts = [batch async for batch in self._store.texts(guild_id, scope)]
            leaning = await self._store.leaning(guild_id, [i for ids in near for i in ids])
            return await aside(_together, near, leaning, texts, wanted.min_size)

    async def _near(self, guild_id: int, seen: Scope, scope: Scope, on_share: OnShare) -> list[list[int]]:
        """The groups by vectors and words, in threads that end soon after this was cancelled."""
        space = self._spaces.answering
        background = await self._backgrounds.of(space, guild_id, seen)
        limit = _STATED if background.plain is None else background.plain.limit
        told = _Told(lambda share: on_share(_CANDIDATES * share))
        look = partial(
            space.mirror.alike,
            sample_ids=np.array([place.message_id for place in background.places], np.int64),
            limit=limit + AROUND * (1 - limit),
            n_expected=background.n_within(scope, guild_id)[0],
            on_share=told,
        )
        try:
            candidates = _batches(await aside(look, guild_id, scope))
        finally:
            told.is_over.set()
        found: list[list[int]] = []
        compared = _Compared(space.mirror, guild_id, background)
        for number, batch in enumerate(candidates, 1):
            ids = [wording[0] for wordings in batch for wording in wordings]
            terms = await self._lexicon.terms(guild_id, ids)
            found += await aside(compared, batch, terms)
            on_share(_CANDIDATES + (1 - _CANDIDATES) * number / len(candidates))
        return found


@dataclass(slots=True)
class _Told:
    """Tells the event loop from a thread how far that is, and ends the thread once nobody wants to know."""

    on_share: OnShare
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, share: float) -> None:
        if self.is_over.is_set():
            raise _Over
        self.loop.call_soon_threadsafe(self.on_share, share)


class _Over(Exception):
    """Nobody waits for the groups any more."""


def _batches(groups: Sequence[_Wordings]) -> list[list[_Wordings]]:
    """The groups, so many at a time that their vectors fit into memory."""
    batches: list[list[_Wordings]] = []
    n = _A_BATCH
    for group in groups:
        if n + len(group) > _A_BATCH:
            batches.append([])
            n = 0
        batches[-1].append(group)
        n += len(group)
    return batches


class _Compared:
    """What of some groups says the same, by the vectors as they are stored; what is gone meanwhile is left out.

    Where there is enough to measure, each vector is taken around the mean of its script: the more the texts of a script
    have in common anyway, the less that says.
    """

    def __init__(self, mirror: Mirror, guild_id: int, background: Background) -> None:
        self._mirror = mirror
        self._guild_id = guild_id
        self._background = background
        self._limit = _STATED if background.centred is None else background.centred.limit
        self._tell = telling(background.n_with, background.n_texts)

    def _around(self, vectors: Vectors, scripts: Sequence[str]) -> Vectors:
        if self._background.centred is None or not len(vectors):
            return vectors
        means = np.array([self._background.mean_of(script) for script in scripts], np.float32)
        around: Vectors = vectors - means
        return around

    def __call__(self, groups: Sequence[_Wordings], terms: Mapping[int, Sequence[str]]) -> list[list[int]]:
        ids = np.array(sorted(wording[0] for group in groups for wording in group), np.int64)
        wholes = self._mirror.wholes(self._guild_id, ids)
        ids = wholes.message_ids
        scripts = [script_of("".join(terms.get(i, ()))) for i in ids.tolist()]
        vectors = unit(self._around(wholes.vectors.astype(np.float32), scripts))
        are_pairs = np.array([in_pairs(script) for script in scripts], np.bool_)
        rows = {message_id: row for row, message_id in enumerate(ids.tolist())}
        found: list[list[int]] = []
        for group in groups:
            there = [wording for wording in group if wording[0] in rows]
            if not there:
                continue
            its = [rows[wording[0]] for wording in there]
            names = [tuple(dict.fromkeys(whole_names(terms.get(wording[0], ())))) for wording in there]
            weights = np.array([len(wording) for wording in there])
            wordings = Wordings(vectors[its], names, weights, are_pairs[its])
            for star in stars(wordings, self._tell, self._limit):
                found += [[i for row in star.tolist() for i in there[row]]]
        return found


def _together(
    near: Sequence[Sequence[int]], leaning: set[int], texts: Sequence[tuple[Ids, Ids]], min_size: int
) -> list[list[int]]:
    """Groups by vectors, less what has its vector from elsewhere, with all that say what one of them says."""
    group_of = {i: number for number, ids in enumerate(near) for i in ids if i not in leaning}
    for number, same in enumerate(_equal(texts), len(near)):
        known = Counter(group_of[i] for i in same if i in group_of).most_common(1)
        group_of.update(dict.fromkeys(same, known[0][0] if known else number))
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for i, number in group_of.items():
        groups[number].append(i)
    return sorted((ids for ids in groups.values() if len(ids) >= min_size), key=lambda ids: (-len(ids), -max(ids)))


def _equal(texts: Sequence[tuple[Ids, Ids]]) -> list[list[int]]:
    """The messages with equal texts, where there are several, the newest first."""
    if not texts:
        return []
    ids, keys = (np.concatenate(column) for column in zip(*texts, strict=True))
    order = np.lexsort((-ids, keys))
    ids, keys = ids[order], keys[order]
    is_new = begins(keys)
    is_equal = ~is_new
    is_equal[:-1] |= ~is_new[1:]
    ids, is_new = ids[is_equal], is_new[is_equal]
    return [part.tolist() for part in np.split(ids, np.flatnonzero(is_new)[1:])]
