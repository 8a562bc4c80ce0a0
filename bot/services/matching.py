"""Messages that share a question's rare words: candidates by the full-text index."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.askers import Scope
from bot.services.backgrounds import Background
from bot.storage.lexicon import Lexicon
from bot.vectors import Ids

# A term that stands in more messages than this says little, and they take long to read; where a question has no other
# terms, those messages count that have all of them.
_COMMON = 1_000
_SURELY_COMMON = 2 * _COMMON  # by a sample of the whole server
_READ = 6_000  # messages with rare terms, the rarest first
_MOST_TERMS = 64  # of one question, the longest ones


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
        """At most `limit` messages of a server within the scope that have some of the terms.

        What lies outside the scope counts for nothing: neither does it take a place, nor does it make a term frequent.
        """
        unique = sorted(dict.fromkeys(terms), key=len, reverse=True)[:_MOST_TERMS]
        ids_of = await self._ids_of(guild_id, unique, scope, background)
        n_texts, factor = background.n_within(scope, guild_id)
        n_with = {
            term: max(round(background.n_with.get(term, 0) * factor), _COMMON) if ids is None else len(ids)
            for term, ids in ids_of.items()
        }
        weights = {term: _weight(n, n_texts) for term, n in n_with.items()}
        chosen = _within_budget({term: ids for term, ids in ids_of.items() if ids is not None and len(ids)})
        if not chosen and (common := [term for term, ids in ids_of.items() if ids is None]):
            [ids] = await self._lexicon.postings(guild_id, [common], scope, _COMMON)
            chosen = {common[0]: ids} if len(ids) else {}
        return Matches(_best(chosen, weights)[:limit], WordStatistics(weights, background.mean_length))

    async def _ids_of(
        self, guild_id: int, terms: Sequence[str], scope: Scope, background: Background
    ) -> dict[str, Ids | None]:
        """The messages that each term stands in, or None where they are too many."""
        asked = [term for term in terms if background.n_with.get(term, 0) <= _SURELY_COMMON]
        postings = await self._lexicon.postings(guild_id, [[term] for term in asked], scope, _COMMON + 1)
        ids_of: dict[str, Ids | None] = dict.fromkeys(terms)
        return ids_of | {term: ids for term, ids in zip(asked, postings, strict=True) if len(ids) <= _COMMON}


def _weight(n_with: int, n_texts: int) -> float:
    """How much a term says, in nats: its inverse document frequency, as BM25 has it (Robertson and Zaragoza, 2009)."""
    return math.log1p((max(n_texts - n_with, 0) + 0.5) / (n_with + 0.5))


def _within_budget(ids_of: dict[str, Ids]) -> dict[str, Ids]:
    """The rarest terms, as many as together stand in no more messages than are worth looking at."""
    chosen: dict[str, Ids] = {}
    n_read = 0
    for term, ids in sorted(ids_of.items(), key=lambda one: len(one[1])):
        n_read += len(ids)
        if chosen and n_read > _READ:
            break
        chosen[term] = ids
    return chosen


def _best(ids_of: dict[str, Ids], weights: dict[str, float]) -> list[int]:
    """All messages by what the terms in each of them say together, the newer first among equals."""
    if not ids_of:
        return []
    ids, places = np.unique(np.concatenate(list(ids_of.values())), return_inverse=True)
    said = np.repeat([weights[term] for term in ids_of], [len(some) for some in ids_of.values()])
    scores = np.bincount(places, said, minlength=len(ids))
    best: list[int] = ids[np.lexsort((-ids, -scores))].tolist()
    return best
