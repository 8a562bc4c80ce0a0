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
_SURELY_COMMON = 1_500  # by a sample of what the asker sees of the server
_READ = 4_000  # messages with terms that the sample knows, the rarest first
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
        read = _worth_reading(unique, background)
        postings = await self._lexicon.postings(guild_id, [[term] for term in read], scope, _COMMON + 1)
        ids_of = {term: ids for term, ids in zip(read, postings, strict=True) if len(ids) <= _COMMON}
        n_texts, factor = background.n_within(scope, guild_id)
        n_with = {term: round(n * factor) for term, n in _sampled(unique, background).items()}
        n_with |= {term: max(n_with[term], _COMMON) for term in read} | {term: len(ids) for term, ids in ids_of.items()}
        weights = {term: _weight(n, n_texts) for term, n in n_with.items()}
        chosen = {term: ids for term, ids in ids_of.items() if len(ids)}
        if not chosen and (common := [term for term in unique if term not in ids_of]):
            [ids] = await self._lexicon.postings(guild_id, [common], scope, _COMMON)
            chosen = {common[0]: ids} if len(ids) else {}
        return Matches(_best(chosen, weights, limit), WordStatistics(weights, background.mean_length))


def _worth_reading(terms: Sequence[str], background: Background) -> list[str]:
    """Those that a sample does not know, which are rare, and of the others the rarest."""
    n_with = _sampled(terms, background)
    chosen = [term for term in terms if not n_with[term]]
    n_read = 0
    for term in sorted(set(terms).difference(chosen), key=lambda term: (n_with[term], term)):
        n_read += n_with[term]
        if n_with[term] > _SURELY_COMMON or n_read > _READ:
            break
        chosen.append(term)
    return chosen


def _sampled(terms: Sequence[str], background: Background) -> dict[str, int]:
    """In about how many texts terms stand, as far as a sample knows; one with a star where what begins so does."""
    known = background.n_with
    return {
        term: sum(n for pair, n in known.items() if pair[0] == term[0]) if term.endswith("*") else known.get(term, 0)
        for term in terms
    }


def _weight(n_with: int, n_texts: int) -> float:
    """How much a term says, in nats: its inverse document frequency, as BM25 has it (Robertson and Zaragoza, 2009)."""
    return math.log1p((max(n_texts - n_with, 0) + 0.5) / (n_with + 0.5))


def _best(ids_of: dict[str, Ids], weights: dict[str, float], limit: int) -> list[int]:
    """The messages in which terms say most together, the newer first among equals."""
    if not ids_of:
        return []
    ids, places = np.unique(np.concatenate(list(ids_of.values())), return_inverse=True)
    said = np.repeat([weights[term] for term in ids_of], [len(some) for some in ids_of.values()])
    scores = np.bincount(places, said, minlength=len(ids))
    if len(ids) > limit:
        is_good = scores >= np.partition(scores, -limit)[-limit]
        ids, scores = ids[is_good], scores[is_good]
    best: list[int] = ids[np.lexsort((-ids, -scores))][:limit].tolist()
    return best
