"""Exact answers from rough estimates."""

import numpy as np
import pytest
from index.sources import KeptVectors
from make import embedded, random_vectors

from bot.index.rescoring import MAX_READ, Candidates, nearest_exactly
from bot.vectors import Vectors, cosines

DIM = 32


class Estimating:
    """Names candidates by their true scores with an error; remembers how many it was asked for."""

    def __init__(
        self, source: KeptVectors, vector: Vectors, error: float, *, finds: int | None = None, are_few: bool = False
    ) -> None:
        messages = source.get(source.stamps()[0])
        noise = np.random.default_rng(1).normal(0, 1, len(messages)) * error
        estimates = (cosines(messages.vectors, vector) + noise).astype(np.float32)
        order = np.argsort(-estimates, kind="stable")[:finds]
        self._ids, self._estimates = messages.message_ids[order], estimates[order]
        self._are_few = are_few
        self.widths: list[int] = []

    def __call__(self, width: int) -> Candidates:
        self.widths.append(width)
        if self._are_few:
            return Candidates(self._ids, self._estimates, are_all=True, are_few=True)
        return Candidates(self._ids[:width], self._estimates[:width], are_all=len(self._ids) < width)


def kept(vectors: Vectors) -> KeptVectors:
    source = KeptVectors(DIM)
    source.put(embedded(vectors))
    return source


def truth(source: KeptVectors, vector: Vectors, k: int) -> list[tuple[int, float]]:
    """What comparing all finds."""
    messages = source.get(source.stamps()[0])
    scored = zip(messages.message_ids.tolist(), cosines(messages.vectors, vector).tolist(), strict=True)
    return sorted(scored, key=lambda one: (-one[1], -one[0]))[:k]


def answer(
    source: KeptVectors, vector: Vectors, k: int, candidates: Estimating, *, n_sure: int | None = None
) -> list[tuple[int, float]]:
    source.n_read = 0
    return [(n.message_id, n.score) for n in nearest_exactly(vector, k, source, candidates, n_sure=n_sure)]


@pytest.mark.parametrize("error", [0.0, 0.02, 0.1, 0.4])
def test_however_rough_the_estimates_the_answer_is_exact(error: float) -> None:
    """Ids and scores are those of comparing all three thousand vectors."""
    source = kept(random_vectors(3_000, DIM))
    for vector in random_vectors(5, DIM, seed=2):
        candidates = Estimating(source, vector, error)
        assert answer(source, vector, 10, candidates) == truth(source, vector, 10)


@pytest.mark.parametrize("dim", [32, 512])
def test_a_few_are_answered_exactly_without_reading_all_of_them(dim: int) -> None:
    """Although the best ones were estimated too high, none is missed; the better the estimates, the less is read."""
    vectors = random_vectors(1_500, dim)
    source = KeptVectors(dim)
    source.put(embedded(vectors))
    n_read: dict[float, int] = {}
    for error in (0.001, 0.02, 0.1):
        for vector in random_vectors(20, dim, seed=2):
            candidates = Estimating(source, vector, error, are_few=True)
            found = answer(source, vector, 10, candidates)
            n_read[error] = max(n_read.get(error, 0), source.n_read)
            assert found == truth(source, vector, 10)

    assert n_read[0.001] < 200
    assert list(n_read.values()) == sorted(n_read.values())


@pytest.mark.parametrize("n_sure", [1, 10, 100])
def test_no_more_is_read_than_it_takes_to_be_sure_of_the_first(n_sure: int) -> None:
    """The first ones are exact; those behind them are there as well, near if not nearest, with their exact scores."""
    source = kept(random_vectors(3_000, DIM))
    for vector in random_vectors(5, DIM, seed=2):
        candidates = Estimating(source, vector, 0.02)
        found = answer(source, vector, 100, candidates)
        n_read_of_all = source.n_read
        some = answer(source, vector, 100, candidates, n_sure=n_sure)
        n_read = source.n_read
        assert some[:n_sure] == found[:n_sure]
        assert len(some) == 100
        assert set(some) <= set(truth(source, vector, 200))
        assert (n_read < n_read_of_all) == (n_sure < 100)


def test_the_rougher_the_estimates_the_more_is_read() -> None:
    """With good ones a hundred vectors are read at most, of candidates asked for once; with noisy ones more."""
    source, vector = kept(random_vectors(3_000, DIM)), random_vectors(1, DIM, seed=2)[0]
    good, noisy = Estimating(source, vector, 0.001), Estimating(source, vector, 0.3)
    answer(source, vector, 10, good)
    n_good = source.n_read
    answer(source, vector, 10, noisy)

    assert len(good.widths) == 1
    assert 10 <= n_good <= 100
    assert noisy.widths[0] == good.widths[0] < noisy.widths[1]
    assert source.n_read > 10 * n_good


def test_where_all_are_equal_everything_is_read_and_the_newest_come_first() -> None:
    """Equal scores cannot be told from those that were not read, so all are, and ids decide."""
    source = kept(np.repeat(random_vectors(1, DIM), 3_000, axis=0))
    vector = random_vectors(1, DIM)[0]
    found = answer(source, vector, 5, Estimating(source, vector, 0.0))

    assert [message_id for message_id, _ in found] == [3_000, 2_999, 2_998, 2_997, 2_996]
    assert len({score for _, score in found}) == 1


@pytest.mark.parametrize("k", [1, 10, 3_000, 10**9])
def test_k_may_be_as_large_as_it_likes(k: int) -> None:
    """There are k hits, or as many as there are vectors."""
    source, vector = kept(random_vectors(500, DIM)), random_vectors(1, DIM, seed=2)[0]

    assert answer(source, vector, k, Estimating(source, vector, 0.05)) == truth(source, vector, k)


def test_few_candidates_are_read_at_once() -> None:
    """Where the index has named all in scope there is one reading, of all."""
    source, vector = kept(random_vectors(100, DIM)), random_vectors(1, DIM, seed=2)[0]
    candidates, expected = Estimating(source, vector, 0.05), truth(source, vector, 5)

    assert answer(source, vector, 5, candidates) == expected
    assert (len(candidates.widths), source.n_read) == (1, 100)
    assert MAX_READ > 100


def test_candidates_that_the_database_does_not_hold_any_more_are_left_out() -> None:
    """What was deleted since the index was asked is neither shown nor counted."""
    source, vector = kept(random_vectors(3_000, DIM)), random_vectors(1, DIM, seed=2)[0]
    candidates = Estimating(source, vector, 0.02)
    gone = [message_id for message_id, _ in truth(source, vector, 40)]
    source.drop(gone)

    assert answer(source, vector, 10, candidates) == truth(source, vector, 10)


def test_nobody_in_scope_is_an_empty_answer() -> None:
    """No candidates, no hits, nothing read."""
    source, vector = kept(random_vectors(10, DIM)), random_vectors(1, DIM)[0]

    assert answer(source, vector, 5, Estimating(source, vector, 0.0, finds=0)) == []
    assert source.n_read == 0
