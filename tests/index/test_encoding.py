"""All messages encoded one after another, and given out list by list."""

import numpy as np
import pytest
from index.sources import POOL, KeptVectors, clustered
from make import embedded

from bot.index.codes import CodesIndex
from bot.index.encoding import Encoding
from bot.index.partition import learnt

DIM, N = 24, 300


def go_on() -> None:
    """Nobody has stopped it."""


@pytest.fixture
def source() -> KeptVectors:
    source = KeptVectors(DIM)
    source.put(embedded(clustered(N, DIM), channel_ids=np.arange(N) % 7, author_ids=np.arange(N) % 3))
    return source


def empty(source: KeptVectors, n_lists: int = 6) -> CodesIndex:
    return CodesIndex(DIM, learnt([clustered(N, DIM)], n_lists), source, POOL)


def codes_in(lists: object) -> dict[int, tuple[int, tuple[int, ...], bytes]]:
    """The list, the ids and the code of each message."""
    return {
        int(ids[0]): (one.number, tuple(ids.tolist()), code.tobytes())
        for one in lists
        for ids, code in zip(one.ids.T, one.codes, strict=True)
    }


@pytest.mark.parametrize("n_lists", [1, 6])
def test_it_holds_what_the_index_itself_would_hold(source: KeptVectors, n_lists: int) -> None:
    """Lists, ids and codes are those of an index that was given the messages one by one, which stays empty here."""
    index, other = empty(source, n_lists), empty(source, n_lists)
    other.upsert(source.get(source.stamps()[0]))
    encoding = Encoding(index, source, source.stamps()[1], go_on)

    assert len(index) == 0
    assert [one.number for one in encoding] == list(range(n_lists))
    assert codes_in(encoding) == codes_in(other.coded())
    assert codes_in(encoding) == codes_in(encoding)


def test_what_came_or_went_since_the_messages_were_named_is_no_failure(source: KeptVectors) -> None:
    """What is new comes later, wherever it stands among the others, and what is gone is not there."""
    named = np.arange(1, N + 1)[np.arange(N) % 3 > 0]
    source.drop([2, 299])
    encoding = Encoding(empty(source), source, named, go_on)

    assert sorted(codes_in(encoding)) == [int(i) for i in named if i not in (2, 299)]
    assert codes_in(Encoding(empty(source), KeptVectors(DIM), named, go_on)) == {}


def test_whoever_is_stopped_encodes_no_further_batch(source: KeptVectors) -> None:
    """Before each batch it is asked whether anybody still wants it."""

    class Stopped(Exception):
        pass

    turns = []

    def stop_at_the_second() -> None:
        turns.append(1)
        if len(turns) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        Encoding(empty(source), source, source.stamps()[1], stop_at_the_second)
    assert source.n_read <= 128
