"""In which order candidates are shown: what they mean and which words they share, weighed by measurement.

docs/relevance.md tells what was tried and what it gave.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.services.matching import WordStatistics
from bot.terms import as_sought
from bot.vectors import Scores

# BM25's usual parameters (Robertson and Zaragoza, 2009): how soon a repeated term says no more, and how much longer
# texts are discounted.
_K1, _B = 1.2, 0.75
_WORDS_WEIGHT = 0.05
# A term that stands in one message of a thousand or fewer is a name of something, and says more than words do.
_RARE = 7.0  # nats
_RARE_WEIGHT, _RARE_AT_MOST = 0.1, 0.3  # what one name of a kind adds; several pairs of characters are no better
_LONGER_AT_MOST = 20.0
_BY_THE_WAY = 0.2  # what the words of unrelated messages of one subject add
_N_FOR_A_LINE = 5  # candidates in the question's script that tell how words go with meaning
_NEAR = 50  # and how many of the nearest of them are looked at
_N_FOR_LENGTH = 20  # candidates with the most words, whose length tells what kind of texts answers are


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Candidates as they are weighed, all of one server: each array is [n].

    `meanings` are cosines around the means of the scripts, `words` BM25 scores, `rarities` what rare words say beyond
    that; `lengths` count terms.
    `is_same_script` says which are written in the question's script.
    """

    meanings: Scores
    words: Scores
    rarities: Scores
    lengths: Scores
    is_same_script: npt.NDArray[np.bool_]


def word_scores(statistics: WordStatistics, terms: Sequence[Sequence[str]]) -> Scores:
    """BM25 of texts, given as their terms, for a question."""
    counts = _counts(statistics, terms)
    lengths = np.array([len(its) for its in terms]) / max(statistics.mean_length, 1.0)
    damped = counts * (_K1 + 1) / (counts + _K1 * (1 - _B + _B * lengths[:, np.newaxis]))
    scores: Scores = (damped * list(statistics.weights.values())).sum(axis=1)
    return scores


def rarities(statistics: WordStatistics, terms: Sequence[Sequence[str]]) -> Scores:
    """What the rare terms of a question that texts have say beyond what makes them rare, in nats."""
    rare = np.maximum(np.array(list(statistics.weights.values()), np.float64) - _RARE, 0.0)
    scores: Scores = ((_counts(statistics, terms) > 0) * rare).sum(axis=1)
    return scores


def _counts(statistics: WordStatistics, terms: Sequence[Sequence[str]]) -> Scores:
    """How often each text has each of a question's terms, [n texts, n terms]."""
    m = len(statistics.weights)
    columns = {term: column for column, term in enumerate(statistics.weights)}
    found = [
        row * m + columns[term] for row, its in enumerate(as_sought(terms, columns)) for term in its if term in columns
    ]
    return np.bincount(np.array(found, np.int64), minlength=len(terms) * m).reshape(len(terms), m).astype(np.float64)


def relatedness(judged: Judged, *, total: float, n_question_terms: int) -> Scores:
    """How related the candidates of a question are, float64 [n]; `total` is what all its words say.

    Words count by what they say in all, so that a long question goes by its words and a short one by its meaning; the
    more, the longer the texts that have them, whose vectors speak of many things; and rare ones once more, so that an
    error's or a product's name finds its message.
    """
    if not total or not len(judged.words):
        return judged.meanings
    best = np.argsort(-judged.words, kind="stable")[:_N_FOR_LENGTH]
    longer = float(np.median(judged.lengths[best])) / max(n_question_terms, 1)
    bonus = _WORDS_WEIGHT * judged.words / np.sqrt(total) * np.clip(longer, 1.0, _LONGER_AT_MOST)
    bonus = bonus + np.minimum(_RARE_WEIGHT * judged.rarities, _RARE_AT_MOST)
    related: Scores = judged.meanings + _fair(bonus, judged)
    return related


def aged(values: Scores, ages: Scores, half_life: float) -> Scores:
    """What is worth half as much with each half-life that it is old; both in one unit of time. Nothing grows by age."""
    faded: Scores = np.where(values > 0, values * np.exp2(-np.maximum(ages, 0.0) / half_life), values)
    return faded


def beyond_chance(related: Scores, meanings: Scores) -> Scores:
    """What is compared with what comes about by chance: words count only beyond those that are shared by the way."""
    values: Scores = meanings + np.maximum(related - meanings - _BY_THE_WAY, 0.0)
    return values


def _fair(bonus: Scores, judged: Judged) -> Scores:
    """The bonus for words, where texts in another script, which can share none, are taken to share what they might.

    That is as many as texts in the question's script with the same meaning do, and a deviation more: what says the
    same in another language is a translation of all of it.
    """
    same = np.flatnonzero(judged.is_same_script)
    if len(same) < _N_FOR_A_LINE or len(same) == len(bonus):
        return bonus
    near = same[np.argsort(-judged.meanings[same], kind="stable")[:_NEAR]]
    meanings, bonuses = judged.meanings[near], bonus[near]
    spread = meanings - meanings.mean()
    variance = float(np.square(spread).mean())
    slope = max(float((spread * bonuses).mean()) / variance, 0.0) if variance else 0.0
    deviation = float(np.std(bonuses - slope * spread))
    might = bonuses.mean() + slope * (judged.meanings - meanings.mean()) + deviation
    return np.where(judged.is_same_script, bonus, np.maximum(bonus, might))
