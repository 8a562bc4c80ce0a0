"""Messages that share a question's rare words: candidates by the full-text index."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.askers import Scope
from bot.services.backgrounds import Background
from bot.storage.lexicon import Lexicon
from bot.vectors import Ids, Scores

# A term that stands in more messages than this says little, and its rows take long to read; where a question has no
# other terms, those messages count that have all of them.
_COMMON = 2_000
_SURELY_COMMON = 2 * _COMMON  # by a sample
_READ = 6_000  # rows of rare terms, the rarest first
_MOST_TERMS = 64  # of one question, the longest ones
_FIRST_LOOKED_UP = 128  # rows that are asked whether they lie in scope; then four times as many, and so on


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """What a server's index tells of a question: how much each of its terms says, and how long texts are."""

    weights: dict[str, float]
    mean_length: float

    @property
    def total(self) -> float:
        """What all terms together say."""
        return sum(self.weights.values())


@dataclass(frozen=True, slots=True)
class Matches:
    """The messages of one server with the most of a question's words, the best first."""

    message_ids: list[int]
    statistics: WordStatistics


class Matching:
    """Finds messages by their words."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    async def matches(
        self, guild_id: int, terms: Sequence[str], scope: Scope, *, background: Background, limit: int
    ) -> Matches:
        """At most `limit` messages of a server within the scope that have some of the terms."""
        unique = sorted(dict.fromkeys(terms), key=len, reverse=True)[:_MOST_TERMS]
        rows_of = await self._rows_of(guild_id, unique, background)
        n_with = {
            term: max(background.n_with.get(term, 0), _COMMON) if rows is None else len(rows)
            for term, rows in rows_of.items()
        }
        weights = {term: _weight(n, background.n_texts) for term, n in n_with.items()}
        statistics = WordStatistics(weights, background.mean_length)
        chosen = _within_budget({term: rows for term, rows in rows_of.items() if rows is not None and len(rows)})
        if not chosen and (common := [term for term, rows in rows_of.items() if rows is None]):
            [rows] = await self._lexicon.postings(guild_id, [common], _COMMON)
            chosen = {common[0]: rows} if len(rows) else {}
        if not chosen:
            return Matches([], statistics)
        rows, scores = _summed(chosen, weights)
        best = rows[np.lexsort((-rows, -scores))]
        return Matches(await self._in_scope(best, scope, guild_id, limit), statistics)

    async def _rows_of(self, guild_id: int, terms: Sequence[str], background: Background) -> dict[str, Ids | None]:
        """The rows that each term stands in, or None where they are too many."""
        asked = [term for term in terms if background.n_with.get(term, 0) <= _SURELY_COMMON]
        postings = await self._lexicon.postings(guild_id, [[term] for term in asked], _COMMON + 1)
        rows_of: dict[str, Ids | None] = dict.fromkeys(terms)
        return rows_of | {t: rows for t, rows in zip(asked, postings, strict=True) if len(rows) <= _COMMON}

    async def _in_scope(self, rows: Ids, scope: Scope, guild_id: int, limit: int) -> list[int]:
        found: list[int] = []
        start, n_looked_up = 0, _FIRST_LOOKED_UP
        while start < len(rows) and len(found) < limit:
            some = rows[start : start + n_looked_up]
            start, n_looked_up = start + n_looked_up, 4 * n_looked_up
            places = await self._lexicon.places(some)
            found += [
                place.message_id
                for row in some.tolist()
                if (place := places.get(row)) is not None
                and scope.admits(
                    message_id=place.message_id,
                    guild_id=guild_id,
                    channel_id=place.channel_id,
                    author_id=place.author_id,
                )
            ]
        return found[:limit]


def _weight(n_with: int, n_texts: int) -> float:
    """How much a term says, in nats: its inverse document frequency, as BM25 has it (Robertson and Zaragoza, 2009)."""
    return math.log1p((max(n_texts - n_with, 0) + 0.5) / (n_with + 0.5))


def _within_budget(rows_of: dict[str, Ids]) -> dict[str, Ids]:
    """The rarest terms, as many as together stand in no more rows than are worth looking at."""
    chosen: dict[str, Ids] = {}
    n_read = 0
    for term, rows in sorted(rows_of.items(), key=lambda one: len(one[1])):
        n_read += len(rows)
        if chosen and n_read > _READ:
            break
        chosen[term] = rows
    return chosen


def _summed(rows_of: dict[str, Ids], weights: dict[str, float]) -> tuple[Ids, Scores]:
    """All rows, and what the terms in each of them say together."""
    rows, places = np.unique(np.concatenate(list(rows_of.values())), return_inverse=True)
    said = np.repeat([weights[term] for term in rows_of], [len(some) for some in rows_of.values()])
    return rows, np.bincount(places, said, minlength=len(rows)).astype(np.float64)
