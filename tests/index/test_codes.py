"""Compact codes: lists that are changed in place, filters, and how far a search looks."""

from dataclasses import replace

import faiss
import numpy as np
import pytest
from index.sources import POOL, KeptVectors, Stored, clustered
from make import ADA, BOB, embedded

from bot.askers import EVERYTHING, Scope
from bot.index import codes as module
from bot.index.codes import CodesIndex
from bot.index.exact import ExactIndex
from bot.index.partition import learnt
from bot.index.recall import recall
from bot.messages import EmbeddedMessages

DIM, N, N_LISTS = 64, 6_000, 40
N_CHANNELS = 500
CHANNELS = np.random.default_rng(5).integers(1, N_CHANNELS + 1, N)


def made(messages: EmbeddedMessages, *, n_lists: int = N_LISTS) -> tuple[Stored, CodesIndex]:
    """Codes of messages that are kept, and the same with what they are kept in."""
    source = KeptVectors(DIM)
    index = CodesIndex(DIM, learnt([np.asarray(messages.vectors, np.float32)], n_lists), source, POOL)
    stored = Stored(source, index)
    stored.upsert(messages)
    return stored, index


@pytest.fixture(scope="module")
def town() -> tuple[Stored, ExactIndex]:
    """Six thousand messages in five hundred channels, as codes that have measured how far to look, and exact."""
    messages = embedded(clustered(N, DIM), channel_ids=CHANNELS)
    stored, index = made(messages)
    index.measure_reach(messages.vectors[::60])
    oracle = ExactIndex(DIM)
    oracle.upsert(messages)
    return stored, oracle


def test_a_search_looks_at_a_part_of_the_lists_only(town: tuple[Stored, ExactIndex]) -> None:
    """Where like lies by like, the nearest ten are found in far less than everything."""
    stored, _ = town

    assert stored.index.reach.share(10) < 0.5


@pytest.mark.parametrize(
    "n_channels", [1, 5, 50, 250, 500], ids=["one-channel", "1-percent", "10-percent", "50-percent", "all"]
)
def test_a_filter_costs_no_recall(
    town: tuple[Stored, ExactIndex], monkeypatch: pytest.MonkeyPatch, n_channels: int
) -> None:
    """Whatever share of the messages may be seen, 99 % or more of the nearest ten are found, each with its score."""
    stored, oracle = town
    monkeypatch.setattr(module, "MAX_READ", 0)
    scope = Scope(channel_ids=frozenset(range(1, n_channels + 1)))
    queries = clustered(60, DIM, seed=7)

    assert recall(stored, oracle, queries, k=10, scope=scope) >= 0.99
    for query in queries[:5]:
        truth = {n.message_id: n.score for n in oracle.search(query, N, scope)}
        found = stored.search(query, 10, scope)
        assert [n.score for n in found] == pytest.approx([truth[n.message_id] for n in found], abs=1e-6)


@pytest.mark.parametrize("n_channels", [1, 5, 50, 160])
def test_with_few_in_scope_the_answer_is_the_exact_one(town: tuple[Stored, ExactIndex], n_channels: int) -> None:
    """Up to two thousand messages it is, whether all of them are read or not."""
    stored, oracle = town
    scope = Scope(channel_ids=frozenset(range(1, n_channels + 1)))
    assert np.isin(CHANNELS, range(1, n_channels + 1)).sum() <= module.EXACT_UP_TO

    assert recall(stored, oracle, clustered(30, DIM, seed=7), k=10, scope=scope) == 1


@pytest.mark.parametrize("n_apart", [2, 3, 4])
def test_who_speaks_at_every_nth_turn_is_found_as_well(monkeypatch: pytest.MonkeyPatch, n_apart: int) -> None:
    """How a filter spreads over the lists is learnt from some of the rows: none of a regular order are overlooked."""
    monkeypatch.setattr(module, "MAX_READ", 0)
    monkeypatch.setattr(module, "_SAMPLED", N // n_apart)
    authors = np.where(np.arange(N) % n_apart == 1, BOB, ADA)
    messages = embedded(clustered(N, DIM), author_ids=authors)
    stored, index = made(messages)
    index.measure_reach(messages.vectors[::60])
    oracle = ExactIndex(DIM)
    oracle.upsert(messages)

    scope = Scope(author_ids=frozenset({BOB}))
    assert recall(stored, oracle, clustered(40, DIM, seed=7), k=10, scope=scope) >= 0.98


def memory_of(index: CodesIndex, number: int, n: int) -> bytes:
    """What stands where Faiss keeps, or kept, the first n codes of a list."""
    size = index._index.code_size
    return faiss.rev_swig_ptr(index._index.invlists.get_codes(number), n * size).tobytes()


def codes_of(index: CodesIndex) -> dict[int, bytes]:
    """The code of each message."""
    return {
        int(i): code.tobytes() for coded in index.coded() for i, code in zip(coded.ids[0], coded.codes, strict=True)
    }


@pytest.mark.parametrize("n_lists", [1, 8])
def test_what_is_removed_leaves_no_code_in_memory(n_lists: int) -> None:
    """The codes of removed and of replaced messages are overwritten where they stood, all others are kept."""
    messages = embedded(clustered(400, DIM))
    stored, index = made(messages, n_lists=n_lists)
    before = codes_of(index)
    sizes = [len(coded.ids[0]) for coded in index.coded()]
    gone = [1, 2, 200, 399, 400]
    stored.remove(gone)
    rewritten = replace(embedded(clustered(1, DIM, seed=9)), message_ids=np.array([50]))
    stored.upsert(rewritten)

    memory = b"".join(memory_of(index, number, n) for number, n in enumerate(sizes) if n)
    assert [i for i in [*gone, 50] if before[i] in memory] == []
    assert [i for i in set(before) - {*gone, 50} if before[i] not in memory] == []


def test_what_moves_into_a_gap_is_still_found() -> None:
    """After every other message is taken out each of the rest finds itself, and nothing that is gone is found."""
    vectors = clustered(600, DIM)
    stored, _ = made(embedded(vectors), n_lists=5)
    stored.remove(range(1, 601, 2))

    assert stored.ids().tolist() == list(range(2, 601, 2))
    for i in range(2, 601, 14):
        assert stored.search(vectors[i - 1], 1)[0].message_id == i


def test_a_whole_channel_goes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of messages in all lists are gone in one step, the others answer as before, and lists can be empty."""
    monkeypatch.setattr(module, "MAX_READ", 0)
    vectors = clustered(2_000, DIM)
    channels = np.where(np.arange(2_000) % 4, 1, 2)
    stored, index = made(embedded(vectors, channel_ids=channels), n_lists=10)
    stored.remove(np.flatnonzero(channels == 1) + 1)

    assert stored.ids().tolist() == list(range(1, 2_001, 4))
    assert stored.search(vectors[5], 10, Scope(channel_ids=frozenset({1}))) == []
    assert stored.search(vectors[4], 1)[0].message_id == 5
    stored.remove(range(1, 2_001))
    assert (len(stored), stored.search(vectors[4], 10)) == (0, [])
    assert sum(len(coded.ids[0]) for coded in index.coded()) == 0
    stored.upsert(embedded(vectors[:3]))
    assert stored.search(vectors[1], 1)[0].message_id == 2


def test_where_hundreds_say_the_same_and_few_more_are_in_scope_the_newest_come_first() -> None:
    """With a few more in scope than are read at once, and hundreds of equal ones that push all estimates together, none
    is taken for better than a newer one that says the same."""
    rng = np.random.default_rng(3)
    vectors = clustered(2_040, DIM)
    vectors[rng.choice(2_040, 550, replace=False)] = vectors[0]
    stored, _ = made(embedded(vectors), n_lists=1)
    oracle = ExactIndex(DIM)
    oracle.upsert(embedded(vectors))

    found, truth = stored.search(vectors[0], 12), oracle.search(vectors[0], 12)
    assert [n.message_id for n in found] == [n.message_id for n in truth]


def test_others_are_answered_between_the_parts_of_a_large_removal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that goes holds nobody up for as long as all of it takes."""
    monkeypatch.setattr(module, "_AT_ONCE", 100)
    stored, index = made(embedded(clustered(1_000, DIM)))
    n_left: list[int] = []
    drop = index._drop

    def counting(message_ids: list[int]) -> None:
        n_left.append(len(index))
        drop(message_ids)

    monkeypatch.setattr(index, "_drop", counting)
    stored.remove(range(1, 951))

    assert n_left == list(range(1_000, 50, -100))
    assert stored.ids().tolist() == list(range(951, 1_001))


def test_taken_lists_make_the_same_index() -> None:
    """Codes that another index has made answer as there, with all that filters need, and nothing is encoded anew."""
    messages = embedded(clustered(500, DIM), channel_ids=CHANNELS[:500])
    stored, index = made(messages, n_lists=5)
    other = CodesIndex(DIM, index.partition, stored.source, POOL, index.reach)
    other.take(index.coded())

    assert other.ids().tolist() == index.ids().tolist()
    for scope in (EVERYTHING, Scope(channel_ids=frozenset(range(1, 100)))):
        for query in clustered(5, DIM, seed=3):
            assert other.search(query, 10, scope) == index.search(query, 10, scope)
    assert codes_of(other) == codes_of(index)
    other.remove(range(1, 400))
    other.upsert(embedded(clustered(500, DIM), channel_ids=CHANNELS[:500])[:300])
    assert other.ids().tolist() == [*range(1, 301), *range(400, 501)]


def test_a_message_takes_little_memory() -> None:
    """A number takes one bit, or two where there are few of them, and a vector some dozens of bytes beside that."""
    for dim, n_bits in ((1_024, 2), (1_536, 1)):
        index = CodesIndex(dim, learnt([clustered(100, dim)], 1), KeptVectors(dim), POOL)
        before = index.n_bytes()
        index.upsert(embedded(clustered(640, dim)))

        assert (index.n_bytes() - before) / 640 < n_bits * dim / 8 + 20 + 49 + 30
