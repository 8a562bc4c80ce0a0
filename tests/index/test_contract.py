"""The whole contract, on every engine, against the exact one."""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from index.sources import KeptVectors, Stored
from make import ADA, BOB, CHANNEL, OTHER_CHANNEL, embedded, random_vectors

from bot.askers import EVERYTHING, Scope
from bot.errors import DimensionError
from bot.index import codes, rescoring
from bot.index import faiss as module
from bot.index.base import Neighbor, VectorIndex
from bot.index.codes import CodesIndex
from bot.index.exact import ExactIndex
from bot.index.faiss import EXACT, NAMED, FaissIndex, FaissKind, faiss_kind
from bot.index.partition import learnt
from bot.index.scan import ScanIndex
from bot.vectors import Vectors, cosines, unit

DIM = 24
Engine = Callable[[], VectorIndex]


def trained_lists() -> FaissIndex:
    """Inverted lists that are trained from the first hundred vectors on, all of them probed."""
    return FaissIndex(DIM, FaissKind("lists", "IVF4,Flat", NAMED["flat"].metric))


def coded(n_lists: int) -> VectorIndex:
    """Codes in so many lists, over vectors that are kept."""
    source = KeptVectors(DIM)
    partition = learnt([random_vectors(40 * n_lists, DIM, seed=9)], n_lists)
    return Stored(source, CodesIndex(DIM, partition, source, POOL))


def scanned() -> VectorIndex:
    """No index at all."""
    source = KeptVectors(DIM)
    return Stored(source, ScanIndex(DIM, source, POOL))


def coarse() -> VectorIndex:
    """A factory string whose codes lose much, over vectors that are kept."""
    source = KeptVectors(DIM)
    return Stored(source, FaissIndex(DIM, faiss_kind("SQ8", dim=DIM), source))


POOL = ThreadPoolExecutor(2)
ENGINES: dict[str, Engine] = {
    "oracle": lambda: ExactIndex(DIM),
    "exact": lambda: FaissIndex(DIM, EXACT),
    **{name: (lambda kind=kind: FaissIndex(DIM, kind)) for name, kind in NAMED.items()},
    "trained-lists": trained_lists,
    "SQ8": coarse,
    "codes": lambda: coded(1),
    "lists": lambda: coded(8),
    "scan": scanned,
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> VectorIndex:
    """Each engine in turn, by its own way of searching even where few rows are in scope."""
    monkeypatch.setattr(module, "MAX_ROWS_ONE_BY_ONE", 0)
    monkeypatch.setattr(module, "_SHARE_OF_LISTS_PROBED", 1)
    monkeypatch.setattr(module, "POINTS_A_LIST", 25)
    monkeypatch.setattr(codes, "MAX_READ", 0)
    monkeypatch.setattr(rescoring, "_DEVIATIONS", 5.0)
    return ENGINES[request.param]()


@pytest.fixture(params=ENGINES)
def engine_as_it_is(request: pytest.FixtureRequest) -> VectorIndex:
    """Each engine in turn, with everything as in use."""
    return ENGINES[request.param]()


def as_stored(vectors: Vectors) -> Vectors:
    """Vectors as they come out of the database: of half precision."""
    return vectors.astype(np.float16).astype(np.float32)


def assert_same(found: list[Neighbor], truth: list[Neighbor]) -> None:
    """The same ids in the same order, and the same scores to single precision."""
    assert [neighbor.message_id for neighbor in found] == [neighbor.message_id for neighbor in truth]
    assert [neighbor.score for neighbor in found] == pytest.approx([n.score for n in truth], abs=1e-6)


def test_same_ids_and_scores_as_the_exact_engine(engine: VectorIndex) -> None:
    """After additions, replacements and removals every engine answers as the exact one does."""
    oracle, vectors = ExactIndex(DIM), as_stored(random_vectors(600, DIM))
    for index in (engine, oracle):
        index.upsert(embedded(vectors[:400]))
        index.remove(range(50, 150))
        index.upsert(embedded(vectors[400:], first_id=100))

    assert engine.ids().tolist() == oracle.ids().tolist() == [*range(1, 50), *range(100, 401)]
    for query in random_vectors(40, DIM, seed=1):
        for k in (1, 10, 100):
            assert_same(engine.search(query, k), oracle.search(query, k))


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(Scope(channel_ids=frozenset({CHANNEL})), id="channel"),
        pytest.param(Scope(author_ids=frozenset({BOB})), id="author"),
        pytest.param(Scope(after_id=100, before_id=120), id="dates"),
        pytest.param(Scope(excluded_ids=frozenset(range(1, 390))), id="excluded"),
        pytest.param(Scope(channel_ids=frozenset({CHANNEL}), author_ids=frozenset({BOB})), id="two"),
        pytest.param(Scope(channel_ids=frozenset({CHANNEL, OTHER_CHANNEL, 999})), id="all"),
        pytest.param(Scope(channel_ids=frozenset()), id="none"),
        pytest.param(Scope(channel_ids=frozenset({999})), id="unknown"),
    ],
)
def test_filters_are_applied_inside_the_search(engine: VectorIndex, scope: Scope) -> None:
    """With any filter the answer is what the exact engine finds among the admitted messages alone."""
    vectors = as_stored(random_vectors(400, DIM))
    channels = np.where(np.arange(400) % 3, CHANNEL, OTHER_CHANNEL)
    authors = np.where(np.arange(400) % 7, ADA, BOB)
    oracle = ExactIndex(DIM)
    for index in (engine, oracle):
        index.upsert(embedded(vectors, channel_ids=channels, author_ids=authors))
    admitted = [
        i
        for i in range(1, 401)
        if scope.admits(message_id=i, guild_id=1, channel_id=channels[i - 1], author_id=authors[i - 1])
    ]

    for query in random_vectors(10, DIM, seed=1):
        found = engine.search(query, 400, scope)
        assert_same(found, oracle.search(query, 400, scope))
        assert sorted(neighbor.message_id for neighbor in found) == admitted


def test_nine_hidden_nearer_messages_do_not_push_out_the_visible_tenth(engine: VectorIndex) -> None:
    """The one visible message is found although all nine hidden ones are nearer."""
    near, far = random_vectors(2, DIM)
    vectors = np.stack([near] * 9 + [far] + list(random_vectors(190, DIM, seed=2)))
    channels = [OTHER_CHANNEL] * 9 + [CHANNEL] + [OTHER_CHANNEL] * 190
    engine.upsert(embedded(vectors, channel_ids=channels))

    found = engine.search(near, 1, Scope(channel_ids=frozenset({CHANNEL})))
    assert [neighbor.message_id for neighbor in found] == [10]


def test_removed_ids_never_return(engine: VectorIndex) -> None:
    """A removed message is in no answer, also when it was the nearest, and unknown ids are fine."""
    vectors = random_vectors(200, DIM)
    engine.upsert(embedded(vectors))
    engine.remove([5, 6, 7, 999_999])
    engine.remove([5])

    assert len(engine) == 197
    for removed in (5, 6, 7):
        found = engine.search(vectors[removed - 1], 200)
        assert {5, 6, 7}.isdisjoint(neighbor.message_id for neighbor in found)
        assert len(found) == 197


def test_upsert_of_an_existing_id_leaves_one_row(engine: VectorIndex) -> None:
    """A replaced message is there once, with its new vector, channel and author."""
    vectors = as_stored(random_vectors(200, DIM))
    engine.upsert(embedded(vectors))
    engine.upsert(embedded(vectors[10:11], first_id=1, channel_ids=OTHER_CHANNEL))

    assert len(engine) == 200
    assert [n.message_id for n in engine.search(vectors[10], 2)] == [11, 1]
    assert [n.message_id for n in engine.search(vectors[0], 200)].count(1) == 1
    assert [n.message_id for n in engine.search(vectors[0], 5, Scope(channel_ids=frozenset({OTHER_CHANNEL})))] == [1]


def test_k_above_the_size_gives_no_padding(engine: VectorIndex) -> None:
    """As many neighbours as there are, each with a real id; an empty index has none."""
    assert engine.search(random_vectors(1, DIM)[0], 10) == []
    engine.upsert(embedded(random_vectors(3, DIM)))

    found = engine.search(random_vectors(1, DIM)[0], 10**9)
    assert sorted(neighbor.message_id for neighbor in found) == [1, 2, 3]


def test_two_messages_with_equal_text_are_both_found(engine: VectorIndex) -> None:
    """Equal vectors are two neighbours with one score, the newer first."""
    vector = random_vectors(1, DIM)
    engine.upsert(embedded(np.concatenate([random_vectors(100, DIM, seed=3), vector, vector])))

    first, second = engine.search(vector[0], 2)
    assert (first.message_id, second.message_id) == (102, 101)
    assert first.score == second.score


def test_of_many_equal_ones_the_newest_are_found(engine: VectorIndex) -> None:
    """When more messages tie than fit, ids decide who is in, however the engine keeps them."""
    vector = random_vectors(1, DIM)
    ids = np.random.default_rng(0).permutation(np.arange(1, 301))
    for start in range(0, 300, 50):
        batch = embedded(np.repeat(vector, 50, axis=0))
        engine.upsert(replace(batch, message_ids=ids[start : start + 50]))

    assert [neighbor.message_id for neighbor in engine.search(vector[0], 7)] == list(range(300, 293, -1))


def test_a_vector_finds_itself_with_score_one_and_its_opposite_last(engine: VectorIndex) -> None:
    """The score is the cosine: 1 for the same direction, -1 for the opposite one."""
    vectors = random_vectors(150, DIM)
    engine.upsert(embedded(np.concatenate([vectors, -vectors[:1]])))
    found = engine.search(vectors[0], 151)

    assert (found[0].message_id, found[0].score) == (1, pytest.approx(1, abs=1e-3))
    assert (found[-1].message_id, found[-1].score) == (151, pytest.approx(-1, abs=1e-3))


@pytest.mark.parametrize("shape", [(DIM + 1,), (DIM - 1,)])
def test_a_wrong_dimension_is_told(engine: VectorIndex, shape: tuple[int]) -> None:
    """Vectors of another length are refused by name, in a query and in an upsert, and change nothing."""
    with pytest.raises(DimensionError) as caught:
        engine.search(np.ones(shape, np.float32), 1)
    assert (caught.value.expected, caught.value.got) == (DIM, shape[0])
    with pytest.raises(DimensionError):
        engine.upsert(embedded(random_vectors(2, shape[0])))
    assert len(engine) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(engine: VectorIndex, bad: float) -> None:
    """A vector that could never be found, or finds anything, gets neither in nor an answer."""
    vectors = random_vectors(3, DIM)
    vectors[1, 2] = bad
    with pytest.raises(ValueError, match="finite"):
        engine.upsert(embedded(vectors))
    with pytest.raises(ValueError, match="finite"):
        engine.search(vectors[1], 1)
    assert len(engine) == 0


@pytest.mark.parametrize("first_id", [0, -1])
def test_b16_ids_below_one_are_refused(engine: VectorIndex, first_id: int) -> None:
    """-1 means "nothing" to Faiss and 0 "free" to us: neither can be a message."""
    with pytest.raises(ValueError, match="below 1"):
        engine.upsert(embedded(random_vectors(2, DIM), first_id=first_id))


def test_a_batch_in_disorder_is_refused(engine: VectorIndex) -> None:
    """A batch has each embedding once, and the vectors of a message one after another."""
    batch = embedded(random_vectors(3, DIM))
    with pytest.raises(ValueError, match="twice"):
        engine.upsert(replace(batch, embedding_ids=np.array([4, 4, 5])))
    with pytest.raises(ValueError, match="apart"):
        engine.upsert(replace(batch, message_ids=np.array([4, 5, 4])))


def test_the_nearest_of_its_vectors_speaks_for_a_message(engine: VectorIndex) -> None:
    """However many of its vectors are near, it is one answer with the best score; all of them go with it."""
    vectors = as_stored(random_vectors(900, DIM))
    ids = np.sort(np.concatenate([np.arange(1, 301), np.random.default_rng(0).integers(1, 301, 600)]))
    engine.upsert(replace(embedded(vectors), message_ids=ids))
    assert (len(engine), engine.ids().tolist()) == (900, list(range(1, 301)))

    for query in random_vectors(20, DIM, seed=1):
        scores = cosines(vectors, query)
        best = {i: float(scores[ids == i].max()) for i in range(1, 301)}
        truth = [Neighbor(i, best[i]) for i in sorted(best, key=lambda i: (-best[i], -i))]
        for k in (1, 10, 100, 300, 500):
            assert_same(engine.search(query, k), truth[:k])

    engine.remove(range(1, 300))
    assert len(engine) == np.count_nonzero(ids == 300)
    assert [one.message_id for one in engine.search(vectors[0], 10)] == [300]


def test_a_message_with_fewer_vectors_than_before_keeps_none_of_the_old(engine: VectorIndex) -> None:
    """An edit that makes a long text short leaves nothing of the long one behind."""
    vectors = as_stored(random_vectors(6, DIM))
    engine.upsert(replace(embedded(vectors[:5]), message_ids=np.array([1, 1, 1, 2, 2])))
    engine.upsert(replace(embedded(vectors[5:]), embedding_ids=np.array([6])))

    assert len(engine) == 3
    assert engine.search(vectors[1], 2)[-1].score < 0.99
    assert engine.search(vectors[5], 1)[0].score == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("k", [0, -1])
def test_b17_k_below_one_is_refused(engine: VectorIndex, k: int) -> None:
    """Faiss checks k by an assertion only, so it is checked before."""
    with pytest.raises(ValueError, match="k is"):
        engine.search(random_vectors(1, DIM)[0], k)


def test_large_ids_come_back_exactly(engine: VectorIndex) -> None:
    """Ids of Discord's size, beyond what a float holds, are not changed by a digit."""
    first = 2**63 - 200
    vectors = random_vectors(150, DIM)
    engine.upsert(embedded(vectors, first_id=first))

    assert engine.search(vectors[77], 1)[0].message_id == first + 77


def test_random_work_leaves_what_the_exact_engine_has(engine_as_it_is: VectorIndex) -> None:
    """A long random sequence of additions, replacements and removals keeps both engines equal."""
    oracle, rng, engine = ExactIndex(DIM), np.random.default_rng(4), engine_as_it_is
    vectors = as_stored(random_vectors(500, DIM))
    for _ in range(60):
        ids = rng.choice(500, rng.integers(1, 40), replace=False)
        if rng.random() < 0.4:
            for index in (engine, oracle):
                index.remove((ids + 1).tolist())
            continue
        batch = replace(embedded(vectors[ids]), message_ids=np.sort(ids + 1) // 2 * 2 + 1)
        for index in (engine, oracle):
            index.upsert(batch)

        query = unit(rng.standard_normal((1, DIM), np.float32))[0]
        assert engine.ids().tolist() == oracle.ids().tolist()
        assert_same(engine.search(query, 10), oracle.search(query, 10))


@pytest.mark.parametrize("engine", sorted(ENGINES.keys() - {"oracle"}), indirect=True)  # the oracle is for one thread
def test_f10_searching_while_others_write_gives_no_wrong_id(engine: VectorIndex) -> None:
    """Two threads search for vectors that stay while a third adds and removes others: always the true id."""
    stay, come_and_go = random_vectors(200, DIM), random_vectors(400, DIM, seed=5)
    engine.upsert(embedded(stay))
    wrong: list[int] = []
    done = threading.Event()

    def search() -> None:
        for row in np.random.default_rng(6).integers(0, 200, 400):
            found = engine.search(stay[row], 1)
            if found[0].message_id != row + 1 or abs(found[0].score - 1) > 1e-3:
                wrong.append(row)

    def write() -> None:
        while not done.is_set():
            engine.upsert(embedded(come_and_go, first_id=1000))
            engine.remove(range(1000, 1400))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    writer, *searchers = [threading.Thread(target=target) for target in (write, search, search)]
    for thread in (writer, *searchers):
        thread.start()
    for thread in searchers:
        thread.join()
    done.set()
    writer.join()
    sys.setswitchinterval(interval)

    assert wrong == []


def test_every_named_kind_is_under_test() -> None:
    """What an operator can name is in the table above."""
    assert set(NAMED) < set(ENGINES)
    assert Scope() == EVERYTHING
