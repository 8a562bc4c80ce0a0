"""Which of some messages say the same: by what they mean and by the words that they have in common."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import log

import numpy as np
import numpy.typing as npt

from bot.vectors import Ids, Vectors

# How much of the way from what unrelated messages hardly reach to the same text. Where half of the words are the same,
# half of it is enough; where none are, as in another language, it takes nearly all.
AROUND = 0.45  # at least, whatever the words
_ALONE = 0.95
_TOGETHER = 0.99  # the way, and the share of words in common
_MORE, _ENOUGH = 0.75, 6.0  # who says less than so many rare words has to be nearer: one of them may be a name
_RARE = 1 / 512  # of all texts: what stands in fewer is rare
_DAMPED = 0.8  # or what is told of would count for nearly all, and what is said of it for nothing


@dataclass(frozen=True, slots=True, eq=False)
class Wordings:
    """Texts: their unit vectors, float32 [n, dim], and different terms; `weights` are how many messages have each one.

    `in_pairs` are those of which the terms are pairs of characters.
    """

    vectors: Vectors
    terms: Sequence[Collection[str]]
    weights: Ids
    in_pairs: npt.NDArray[np.bool_]


def telling(n_with: Mapping[str, int], n_texts: int) -> dict[str, float]:
    """How much terms say that stand in so many of all texts: 1 where they are rare, as all others, 0 in every text."""
    shares = {term: min(max(n / n_texts, _RARE), 1.0) for term, n in n_with.items()}
    return {term: (log(share) / log(_RARE)) ** _DAMPED for term, share in shares.items()}


def stars(wordings: Wordings, tell: Mapping[str, float], limit: float) -> Iterator[Ids]:
    """The rows of wordings in groups of two messages or more, each with its leader first.

    All of a group say what the leader says. `tell` is how much terms say, 1 where it has none, and `limit` the cosine
    that unrelated rows hardly reach. No row is in two groups.
    """
    weights = wordings.weights
    ways = (wordings.vectors @ wordings.vectors.T - limit) / (1 - limit)
    shares, said = _in_common(wordings, tell)
    near = ways + shares
    is_near = (ways >= _ALONE) | ((ways >= AROUND) & (near >= _TOGETHER + _MORE * np.maximum(1 - said / _ENOUGH, 0)))
    np.fill_diagonal(is_near, val=True)
    np.fill_diagonal(near, 2.0)
    leaders = _leaders(is_near, weights)
    if not leaders:
        return
    best = np.argmax(np.where(is_near[leaders], near[leaders], -np.inf), axis=0)
    for number, leader in enumerate(leaders):
        members = np.flatnonzero((best == number) & is_near[leader])
        if weights[members].sum() > 1:
            yield members[np.lexsort((members, -near[leader, members], members != leader))]


def _leaders(is_near: npt.NDArray[np.bool_], weights: Ids) -> list[int]:
    """Who has most around leads all of it that nobody leads yet, and so on."""
    is_free, leaders = np.ones(len(is_near), np.bool_), list[int]()
    reach = is_near @ weights
    while True:
        leader = int(np.argmax(reach * is_free))
        if not is_free[leader] or reach[leader] < 2:  # noqa: PLR2004  # alone
            return leaders
        leaders.append(leader)
        led = np.flatnonzero(is_near[leader] & is_free)
        is_free[led] = False
        reach -= weights[led] @ is_near[led]


def _in_common(wordings: Wordings, tell: Mapping[str, float]) -> tuple[Vectors, Vectors]:
    """The share in common of what the terms of each two tell, and how much the one that says less tells; [n, n].

    Each character is in two pairs, and another one spoils both: of pairs what differs counts half, and what is told.
    """
    numbers = {term: number for number, term in enumerate(dict.fromkeys(chain(*wordings.terms)))}
    has = np.zeros((len(wordings.terms), len(numbers)), np.float32)
    for row, its in enumerate(wordings.terms):
        has[row, [numbers[term] for term in its]] = 1
    told = has * np.array([tell.get(term, 1.0) for term in numbers], np.float32)
    both, sums = told @ has.T, told.sum(axis=1)
    differ = sums[:, None] + sums - 2 * both
    differ[np.ix_(wordings.in_pairs, wordings.in_pairs)] /= 2
    said = np.where(wordings.in_pairs, sums / 2, sums)
    shares: Vectors = both / np.maximum(both + differ, np.finfo(np.float32).tiny)
    return shares, np.minimum(said[:, None], said)
