"""What answers before there is an index."""

import numpy as np
import pytest
from index.sources import POOL, KeptVectors
from make import BOB, CHANNEL, OTHER_CHANNEL, embedded, random_vectors

from bot.askers import EVERYTHING, Scope
from bot.index.exact import ExactIndex
from bot.index.scan import ScanIndex

DIM = 16


@pytest.fixture
def source() -> KeptVectors:
    source = KeptVectors(DIM)
    channels = np.where(np.arange(300) % 3, CHANNEL, OTHER_CHANNEL)
    source.put(embedded(random_vectors(300, DIM), channel_ids=channels))
    return source


@pytest.mark.parametrize(
    "scope",
    [
        EVERYTHING,
        Scope(channel_ids=frozenset({OTHER_CHANNEL})),
        Scope(author_ids=frozenset({BOB})),
        Scope(after_id=1),
        Scope(after_id=0, before_id=1),
        Scope(after_id=200),
        Scope(before_id=10),
        Scope(before_id=0),
        Scope(after_id=400),
        Scope(after_id=20, before_id=21),
        Scope(after_id=21, before_id=20),
        Scope(excluded_ids=frozenset(range(1, 250))),
    ],
    ids=str,
)
def test_each_scope_is_read_once_and_answered_exactly(source: KeptVectors, scope: Scope) -> None:
    """Both halves of time together are the scope, with nothing twice and nothing left out, and few are read."""
    oracle, scan = ExactIndex(DIM), ScanIndex(DIM, source, POOL)
    oracle.upsert(source.get(source.stamps()[0]))
    vector = random_vectors(1, DIM, seed=1)[0]
    source.n_read = 0
    found, truth = scan.search(vector, 300, scope), oracle.search(vector, 300, scope)

    assert [n.message_id for n in found] == [n.message_id for n in truth]
    assert [n.score for n in found] == pytest.approx([n.score for n in truth], abs=1e-6)
    assert source.n_read <= len(truth) + len(scope.excluded_ids)


def test_what_the_database_holds_is_found_at_once(source: KeptVectors) -> None:
    """Nothing has to be told to it: what is stored is found, what is deleted is not."""
    scan, vector = ScanIndex(DIM, source, POOL), random_vectors(1, DIM, seed=1)[0]
    assert len(scan) == 300
    source.put(embedded(vector[np.newaxis], first_id=900))
    assert scan.search(vector, 1)[0].message_id == 900
    source.drop([900])

    assert scan.search(vector, 1)[0].message_id != 900
    assert (scan.ids().tolist(), scan.n_bytes()) == (list(range(1, 301)), 0)


def test_an_empty_server_that_fills_is_read_as_well() -> None:
    """A search before the first message is empty and spoils none that follows."""
    source = KeptVectors(DIM)
    scan, vectors = ScanIndex(DIM, source, POOL), random_vectors(50, DIM)
    assert scan.search(vectors[0], 5) == []
    source.put(embedded(vectors))

    assert [scan.search(vectors[i], 1)[0].message_id for i in (0, 49)] == [1, 50]
