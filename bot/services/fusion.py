"""Candidates by meaning and by words together, in the order in which they are related to a question."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import numpy as np

from bot.askers import Scope
from bot.index.mirror import Candidate
from bot.messages import Nearness
from bot.services.backgrounds import Background, Backgrounds, centred_cosines
from bot.services.matching import Matches, Matching, WordStatistics
from bot.services.nearness import Scale
from bot.services.relevance import Judged, aged, beyond_chance, rarities, relatedness, word_scores
from bot.services.spaces import Space
from bot.storage.lexicon import Lexicon
from bot.storage.servers import ServerStore
from bot.terms import script_of, sought_terms
from bot.times import made_at
from bot.vectors import Ids, Scores, Vectors, begins, cosines

# Below this, what is rare is a matter of chance, and the nearest vectors are as good as all.
ENOUGH_FOR_WORDS = 100  # messages of a server
HalfLives = Mapping[int, int | None]
_MORE_IF_FADING, _MOST_IF_FADING = 4, 1_600
_A_DAY_S = 86_400
_NO_SCRIPT = ""  # of a message that waits for its place in the full-text index
AT_LEAST = 100  # candidates of each kind: those that are both come from further down


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with what it is ranked by; `score` is its cosine, None where its words alone speak for it.

    `nearness` is None where there is too little to measure it by.
    """

    guild_id: int
    message_id: int
    score: float | None
    relatedness: float
    nearness: Nearness | None = None


Candidates = tuple[list[Ranked], bool]  # in their order, and whether there may be more


@dataclass(frozen=True, slots=True)
class Where:
    """Where an answer is looked for: `scope` is what is asked for of `seen`, which is all that the asker may see."""

    space: Space
    seen: Scope
    scope: Scope


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its words are looked for: its terms, and the script it is written in."""

    terms: tuple[str, ...]
    script: str


def asked(text: str) -> Asked:
    terms = sought_terms(text)
    return Asked(tuple(terms), script_of("".join(terms)))


class Fusion:
    """Finds by words, and puts what was found by meaning and by words into one order."""

    def __init__(self, lexicon: Lexicon, servers: ServerStore) -> None:
        self._lexicon = lexicon
        self._servers = servers
        self._backgrounds = Backgrounds(lexicon)
        self._matching = Matching(lexicon)

    async def by_words(self, asked: Asked, where: Where, *, k: int) -> Candidates:
        """The messages with the most of a question's words, by BM25; no vector is read."""
        half_lives = await self._half_lives(where.scope)
        k = _enough(k, half_lives)
        found: list[Ranked] = []
        for guild_id in half_lives:
            background = await self._backgrounds.of(where.space, guild_id, where.seen)
            matches = await self._matches(guild_id, asked, where.scope, background, k)
            terms = await self._lexicon.terms(guild_id, matches.message_ids)
            scores = word_scores(matches.statistics, list(terms.values()))
            found += [Ranked(guild_id, i, None, score) for i, score in zip(terms, scores.tolist(), strict=True)]
        return _in_order(found, half_lives)[:k], len(found) >= k

    async def by_meaning(self, vector: Vectors, where: Where, *, k: int) -> Candidates:
        """The messages with the nearest vectors to a unit float32 [dim]."""
        half_lives = await self._half_lives(where.scope)
        k = _enough(k, half_lives)
        nearest = await asyncio.to_thread(where.space.mirror.search, vector, k, where.scope)
        found: list[Ranked] = []
        for guild_id in {one.guild_id for one in nearest}:
            background = await self._backgrounds.of(where.space, guild_id, where.seen)
            found += [_by_cosine(one, background.plain) for one in nearest if one.guild_id == guild_id]
        return _in_order(found, half_lives), len(nearest) == k

    async def by_both(self, asked: Asked, vector: Vectors, where: Where, *, k: int, n_sure: int) -> Candidates:
        """The messages most related to a question; k is AT_LEAST or more.

        `vector` is a unit float32 [dim]; `n_sure` of the nearest to it are surely among them. A server with few
        messages has them in the order of their cosines.
        """
        half_lives = await self._half_lives(where.scope)
        k, n_sure = _enough(k, half_lives), _enough(n_sure, half_lives)
        search = partial(where.space.mirror.search, vector, k, where.scope, n_sure=n_sure)
        guild_ids = list(half_lives)
        backgrounds = [await self._backgrounds.of(where.space, guild_id, where.seen) for guild_id in guild_ids]
        nearest, matches = await asyncio.gather(
            asyncio.to_thread(search),
            self._matches_where_enough(guild_ids, backgrounds, asked, where.scope, k),
        )
        found: list[Ranked] = []
        for guild_id, background, its in zip(guild_ids, backgrounds, matches, strict=True):
            near = [one for one in nearest if one.guild_id == guild_id]
            if its is None:
                found += [_by_cosine(one, background.plain) for one in near]
            else:
                found += await self._judged(guild_id, asked, vector, where.space, near, its, background)
        return _in_order(found, half_lives), len(nearest) == k

    async def worded_among(self, guild_id: int, message_ids: Sequence[int]) -> set[int]:
        """Those of the messages whose words are in the index."""
        return await self._lexicon.worded_among(guild_id, message_ids)

    async def _matches_where_enough(
        self, guild_ids: Sequence[int], backgrounds: Sequence[Background], asked: Asked, scope: Scope, k: int
    ) -> list[Matches | None]:
        """None for a server with too few messages for their words to tell anything."""
        return [
            await self._matches(guild_id, asked, scope, background, k)
            if background.n_texts >= ENOUGH_FOR_WORDS
            else None
            for guild_id, background in zip(guild_ids, backgrounds, strict=True)
        ]

    async def _matches(self, guild_id: int, asked: Asked, scope: Scope, background: Background, k: int) -> Matches:
        limit = max(k, AT_LEAST)
        return await self._matching.matches(guild_id, asked.terms, scope, background=background, limit=limit)

    async def _judged(  # noqa: PLR0917
        self,
        guild_id: int,
        asked: Asked,
        vector: Vectors,
        space: Space,
        nearest: Sequence[Candidate],
        matches: Matches,
        background: Background,
    ) -> list[Ranked]:
        wanted = np.array(sorted({one.message_id for one in nearest} | set(matches.message_ids)), np.int64)
        # Side by side with the vectors it would take longer: two threads that read row by row wait for each other.
        terms_by_id = await self._lexicon.terms(guild_id, wanted.tolist())

        def judged() -> list[Ranked]:
            ids, halves = space.mirror.vectors(guild_id, wanted)
            vectors = halves.astype(np.float32)
            return _judged(guild_id, asked, vector, ids, vectors, terms_by_id, matches.statistics, background)

        return await asyncio.to_thread(judged)

    async def _half_lives(self, scope: Scope) -> HalfLives:
        """The servers of a scope, each with its half-life in days."""
        known = await self._servers.half_lives()
        return {i: days for i, days in known.items() if scope.guild_ids is None or i in scope.guild_ids}


def _judged(  # noqa: PLR0917
    guild_id: int,
    asked: Asked,
    vector: Vectors,
    ids: Ids,
    vectors: Vectors,
    terms_by_id: Mapping[int, list[str]],
    statistics: WordStatistics,
    background: Background,
) -> list[Ranked]:
    if not len(ids):
        return []
    order = np.argsort(ids, kind="stable")
    ids, vectors = ids[order], vectors[order]
    places = np.flatnonzero(begins(ids))  # where each message begins, which may have several vectors
    n_vectors = np.diff(places, append=len(ids))
    ids = ids[places]
    terms = [terms_by_id.get(i, []) for i in ids.tolist()]
    scripts = [script_of("".join(its)) if its else _NO_SCRIPT for its in terms]
    meanings = _meanings(vectors, np.repeat(scripts, n_vectors).tolist(), vector, asked.script, background)
    judged = Judged(
        meanings=np.maximum.reduceat(meanings, places),
        words=word_scores(statistics, terms),
        rarities=rarities(statistics, terms),
        lengths=np.array([len(its) for its in terms], np.float64),
        is_same_script=np.array([script in (asked.script, _NO_SCRIPT) for script in scripts], np.bool_),
    )
    related = relatedness(judged, total=statistics.total, n_question_terms=len(asked.terms))
    scores = np.maximum.reduceat(cosines(vectors, vector), places)
    steps = _steps(beyond_chance(related, judged.meanings), background.centred)
    rows = zip(ids.tolist(), scores.tolist(), related.tolist(), steps, strict=True)
    return [Ranked(guild_id, *row) for row in rows]


def _steps(values: Scores, scale: Scale | None) -> list[Nearness | None]:
    return [scale.step(value) if scale else None for value in values.tolist()]


def _by_cosine(one: Candidate, scale: Scale | None) -> Ranked:
    return Ranked(one.guild_id, one.message_id, one.score, one.score, scale.step(one.score) if scale else None)


def _meanings(vectors: Vectors, scripts: Sequence[str], vector: Vectors, script: str, background: Background) -> Scores:
    """Cosines around the means of the scripts, or plain ones where there is too little to measure those."""
    if (mean := background.mean_of(script)) is None or background.mean is None:
        return cosines(vectors, vector)
    names = list(dict.fromkeys(scripts))
    means = np.array([background.mean_of(one) for one in names])[[names.index(one) for one in scripts]]
    return centred_cosines(vectors, means, vector, mean)


def _enough(k: int, half_lives: HalfLives) -> int:
    """How many candidates are looked for: where older ones fade, what is newer comes from further down."""
    return max(k, min(_MORE_IF_FADING * k, _MOST_IF_FADING)) if any(half_lives.values()) else k


def _in_order(found: Sequence[Ranked], half_lives: HalfLives) -> list[Ranked]:
    """The most related first, and the newer among equals; where a server wants that, older ones fade."""
    for guild_id in {one.guild_id for one in found if half_lives.get(one.guild_id)}:
        found = _faded(found, guild_id, half_lives[guild_id] or 1)
    return sorted(found, key=lambda one: (-one.relatedness, -one.message_id))


def _faded(found: Sequence[Ranked], guild_id: int, days: int) -> list[Ranked]:
    now = datetime.now(UTC)
    values = np.array([one.relatedness for one in found], np.float64)
    ages = np.array([(now - made_at(one.message_id)).total_seconds() for one in found], np.float64)
    faded = aged(values, ages, days * _A_DAY_S).tolist()
    return [
        replace(one, relatedness=value) if one.guild_id == guild_id else one
        for one, value in zip(found, faded, strict=True)
    ]
