"""Which of some messages say the same: by what they mean and by the words that they have in common."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bot.vectors import Ids, Vectors

# How much of the way from what unrelated messages hardly reach to the same text. Where half of the words are the same,
# half of it is enough; where none are, as in another language, it takes nearly all.
AROUND = 0.4  # at least, whatever the words
_ALONE = 0.9
_TOGETHER = 1.0  # the way, and the share of words in common
_FEW, _MORE = 5, 0.25  # who has fewer terms has to be nearer: one of them may be a name


def stars(vectors: Vectors, terms: Sequence[frozenset[str]], weights: Ids, limit: float) -> Iterator[Ids]:
    """The rows of unit float32 [n, dim] in groups of two messages or more, each with its leader first.

    All of a group say what the leader says. `weights` are how many messages a row stands for, and `limit` is the
    cosine that unrelated ones hardly reach. No row is in two groups.
    """
    ways = (vectors @ vectors.T - limit) / (1 - limit)
    near = ways + _in_common(terms)
    has_few = np.array([len(its) < _FEW for its in terms])
    needed = _TOGETHER + _MORE * (has_few[:, None] | has_few)
    is_near = (ways >= _ALONE) | ((ways >= AROUND) & (near >= needed))
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
    while True:
        reach = is_near[:, is_free] @ weights[is_free] * is_free
        leader = int(np.argmax(reach))
        if reach[leader] < 2:  # noqa: PLR2004  # alone
            return leaders
        leaders.append(leader)
        is_free[is_near[leader]] = False


def _in_common(terms: Sequence[frozenset[str]]) -> Vectors:
    """The share of terms that each two have in common, of all that they have, float32 [n, n]."""
    numbers = {term: number for number, term in enumerate(frozenset().union(*terms))}
    has = np.zeros((len(terms), len(numbers)), np.float32)
    for row, its in enumerate(terms):
        has[row, [numbers[term] for term in its]] = 1
    both = has @ has.T
    counts = has.sum(axis=1)
    shares: Vectors = both / np.maximum(counts[:, None] + counts - both, 1)
    return shares
