"""What is particular to Faiss: kinds, training, recall."""

import numpy as np
import pytest
from make import embedded, random_vectors

from bot.askers import Scope
from bot.errors import IndexUnsuitable
from bot.index import faiss as module
from bot.index.exact import ExactIndex
from bot.index.faiss import EXACT, NAMED, POINTS_A_LIST, FaissIndex, faiss_kind
from bot.index.recall import recall
from bot.vectors import unit

DIM = 16


def clustered(n: int, *, seed: int = 0) -> np.ndarray:
    """Vectors around 50 centres, as texts on 50 matters would lie."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((50, DIM))
    return unit((centres[rng.integers(0, 50, n)] + 0.4 * rng.standard_normal((n, DIM))).astype(np.float32))


@pytest.mark.parametrize("name", ["flat", "flat-l2", "ivf-flat", "SQ8", "IVF16,Flat", "IVF16,SQfp16", "Flat"])
def test_kinds_that_keep_the_contract_are_taken(name: str) -> None:
    """The named kinds and factory strings with selection, removal and scores can be set."""
    kind = faiss_kind(name, dim=DIM)

    assert kind.name == name
    assert kind.bytes_a_message(DIM) > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hnsw", "remove"),
        ("HNSW32", "remove"),
        ("LSH", "METRIC_L2"),
        ("nonsense", "string"),
        ("IVF{nlist},Flat", "not a factory string"),
        ("PQ7", "PQ7"),
    ],
)
def test_kinds_that_do_not_are_refused_with_the_reason(name: str, reason: str) -> None:
    """An index that cannot select by id, remove or give back scores is refused before it holds anything."""
    with pytest.raises(IndexUnsuitable) as caught:
        faiss_kind(name, dim=DIM)

    assert caught.value.factory == name
    assert reason in f"{caught.value.reason} {name}"


def test_a_message_costs_what_its_code_costs() -> None:
    """Half precision halves the code; id, row and places add 45 bytes."""
    costs = {kind.name: kind.bytes_a_message(512) - 45 for kind in (EXACT, NAMED["flat"], NAMED["flat-l2"])}

    assert costs == {"exact": 1024, "flat": 2048, "flat-l2": 2048}


def test_lists_answer_exactly_until_there_are_39_vectors_for_each() -> None:
    """One vector before training the answer is that of the exact engine; with it the lists are there."""
    index, oracle = FaissIndex(DIM, faiss_kind("IVF8,Flat", dim=DIM)), ExactIndex(DIM)
    vectors = clustered(8 * POINTS_A_LIST)
    for one in (index, oracle):
        one.upsert(embedded(vectors[:-1]))

    assert module._lists(index._index) is None
    assert recall(index, oracle, clustered(50, seed=1), k=10) == 1
    index.upsert(embedded(vectors[-1:], first_id=len(vectors)))
    assert module._lists(index._index).ntotal == len(index) == len(vectors)


def test_trained_lists_find_nearly_all_and_their_scores_are_exact(monkeypatch) -> None:
    """Probing half of the lists finds 98 % or more of the nearest ten, each with its true score."""
    monkeypatch.setattr(module, "MAX_ROWS_ONE_BY_ONE", 0)
    index, oracle = FaissIndex(DIM, faiss_kind("IVF64,Flat", dim=DIM)), ExactIndex(DIM)
    for one in (index, oracle):
        one.upsert(embedded(clustered(6000)))
    queries = clustered(100, seed=1)

    assert module._lists(index._index) is not None
    assert 0.98 <= recall(index, oracle, queries, k=10) <= 1
    for query in queries[:20]:
        truth = {neighbor.message_id: neighbor.score for neighbor in oracle.search(query, 6000)}
        for neighbor in index.search(query, 10):
            assert neighbor.score == pytest.approx(truth[neighbor.message_id], abs=1e-6)


def test_lists_are_widened_until_k_are_found(monkeypatch) -> None:
    """A filter that leaves little in the probed lists still gets its k messages."""
    monkeypatch.setattr(module, "MAX_ROWS_ONE_BY_ONE", 0)
    index = FaissIndex(DIM, faiss_kind("IVF64,Flat", dim=DIM))
    index.upsert(embedded(clustered(6000), channel_ids=np.arange(6000) % 100))

    found = index.search(clustered(1, seed=2)[0], 60, Scope(channel_ids=frozenset({7})))
    assert len(found) == 60


def test_lists_are_laid_out_anew_when_there_is_four_times_as_much(monkeypatch) -> None:
    """`ivf-flat` takes as many lists as fit the number of vectors, again when that has quadrupled."""
    monkeypatch.setattr(module, "POINTS_A_LIST", 2)
    index = FaissIndex(DIM, NAMED["ivf-flat"])
    index.upsert(embedded(clustered(256)))
    few = module._lists(index._index).nlist
    index.upsert(embedded(clustered(1023 - 256), first_id=257))
    assert module._lists(index._index).nlist == few == 4 * 16
    index.upsert(embedded(clustered(1), first_id=1024))

    assert module._lists(index._index).nlist == 4 * 32
    assert index.ids().tolist() == list(range(1, 1025))


def test_few_rows_in_scope_are_looked_at_one_by_one() -> None:
    """With 2,000 rows or fewer in scope even coarse lists give the exact answer."""
    index, oracle = FaissIndex(DIM, faiss_kind("IVF64,Flat", dim=DIM)), ExactIndex(DIM)
    for one in (index, oracle):
        one.upsert(embedded(clustered(6000), channel_ids=np.arange(6000) % 3))

    scope = Scope(channel_ids=frozenset({1}))
    assert recall(index, oracle, clustered(100, seed=1), k=10, scope=scope) == 1


def test_freed_rows_are_used_again() -> None:
    """Adding and removing for long does not make the index grow."""
    index = FaissIndex(DIM, EXACT)
    for turn in range(50):
        index.upsert(embedded(random_vectors(100, DIM), first_id=1 + 100 * turn))
        index.remove(range(1 + 100 * turn, 101 + 100 * turn))

    assert len(index) == index._index.ntotal == 0
    assert len(index._rows.message_ids) <= 200
