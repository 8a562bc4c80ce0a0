"""Which message stands in which row, held against a dictionary."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from make import ADA, BOB, CHANNEL, OTHER_CHANNEL, embedded, random_vectors

from bot.askers import EVERYTHING, Scope
from bot.index import rows as module
from bot.index.rows import ROW_BYTES, Codes, Rows
from bot.messages import EmbeddedMessages


def messages(*ids: int, channel_ids: object = CHANNEL, author_ids: object = ADA) -> EmbeddedMessages:
    """Messages of these ids; an embedding's id is a million more than its message's."""
    made = embedded(random_vectors(len(ids), 2), channel_ids=channel_ids, author_ids=author_ids)
    numbers = np.array(ids, np.int64)
    return replace(made, message_ids=numbers, embedding_ids=numbers + 1_000_000)


def admitted(rows: Rows, scope: Scope) -> list[int]:
    return sorted(rows.message_ids[rows.within(scope)].tolist())


@pytest.fixture(params=[1_000, 3, 0], ids=["recent", "both", "ordered"])
def most_recent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many ids stand in the dictionary: all of them, some, or none."""
    monkeypatch.setattr(module, "_MOST_RECENT", request.param)


@pytest.mark.usefixtures("most_recent")
def test_rows_are_told_by_what_stands_in_them() -> None:
    """Each message has a row of its own, and all that is known of it comes back from there."""
    rows = Rows()
    taken = rows.put(messages(7, 3, 9, channel_ids=[CHANNEL, OTHER_CHANNEL, CHANNEL], author_ids=[ADA, ADA, BOB]))

    assert len(set(taken.tolist())) == len(rows) == 3
    assert rows.ids().tolist() == [3, 7, 9]
    assert rows.ids_of(taken).tolist() == [
        [7, 3, 9],
        [CHANNEL, OTHER_CHANNEL, CHANNEL],
        [ADA, ADA, BOB],
        [1_000_007, 1_000_003, 1_000_009],
    ]
    assert [rows.rows_of(np.array([i])).tolist() for i in (7, 3, 9, 4)] == [*([row] for row in taken.tolist()), []]


@pytest.mark.usefixtures("most_recent")
@pytest.mark.parametrize(
    ("scope", "ids"),
    [
        (EVERYTHING, [1, 2, 3, 4, 5, 6]),
        (Scope(channel_ids=frozenset({CHANNEL, 77})), [1, 3, 5]),
        (Scope(author_ids=frozenset({BOB})), [4, 5, 6]),
        (Scope(channel_ids=frozenset({CHANNEL}), author_ids=frozenset({BOB})), [5]),
        (Scope(channel_ids=frozenset()), []),
        (Scope(after_id=3), [3, 4, 5, 6]),
        (Scope(before_id=3), [1, 2]),
        (Scope(before_id=0), []),
        (Scope(excluded_ids=frozenset({2, 6, 99})), [1, 3, 4, 5]),
    ],
)
def test_a_scope_admits_the_rows_of_its_messages(scope: Scope, ids: list[int]) -> None:
    """Every field narrows, an empty set admits nothing, and what was dropped is admitted by none."""
    rows = Rows()
    rows.put(messages(1, 2, 3, 9, channel_ids=[CHANNEL, OTHER_CHANNEL, CHANNEL, CHANNEL]))
    rows.put(messages(4, 5, 6, channel_ids=[OTHER_CHANNEL, CHANNEL, OTHER_CHANNEL], author_ids=BOB))
    rows.drop([9])

    assert admitted(rows, scope) == ids


@pytest.mark.usefixtures("most_recent")
def test_a_message_that_was_dropped_can_come_back_elsewhere() -> None:
    """Its new row holds its new channel, and the old one is not found any more."""
    rows = Rows()
    rows.put(messages(1, 2, 3))
    rows.drop([2])
    rows.drop([2, 55])
    rows.put(messages(2, channel_ids=OTHER_CHANNEL))

    assert rows.ids().tolist() == [1, 2, 3]
    assert admitted(rows, Scope(channel_ids=frozenset({CHANNEL}))) == [1, 3]
    assert admitted(rows, Scope(excluded_ids=frozenset({2}))) == [1, 3]
    assert len(rows.rows_of(np.array([2]))) == 1


@pytest.mark.usefixtures("most_recent")
def test_freed_rows_are_given_out_again() -> None:
    """However long messages come and go, there are not more rows than a few times the most there were at once."""
    rows = Rows()
    for turn in range(200):
        ids = range(1 + 10 * turn, 11 + 10 * turn)
        rows.put(messages(*ids))
        rows.drop(ids)

    assert len(rows) == 0
    assert len(rows.message_ids) <= 1_100 if module._MOST_RECENT == 1_000 else len(rows.message_ids) <= 64
    assert rows.n_bytes() == ROW_BYTES * len(rows.message_ids)


@with_settings(max_examples=60)
@given(
    most_recent=st.sampled_from([0, 2, 5, 1_000]),
    work=st.lists(st.tuples(st.booleans(), st.sets(st.integers(1, 30), min_size=1, max_size=12)), max_size=25),
)
def test_whatever_comes_and_goes_rows_are_what_a_dictionary_is(
    most_recent: int, work: list[tuple[bool, set[int]]]
) -> None:
    """After any additions, replacements and removals ids, places and filters are those of a dictionary."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MOST_RECENT", most_recent)
        rows, truth = Rows(), {}
        for turn, (is_put, ids) in enumerate(work):
            there = {int(rows.message_ids[row]) for row in rows.drop(ids)}
            assert there == ids & truth.keys()
            for i in ids:
                truth.pop(i, None)
            if is_put:
                channels = [turn % 3 + i % 2 for i in ids]
                taken = rows.put(messages(*ids, channel_ids=channels))
                assert not set(taken.tolist()) & {row for row, _ in truth.values()}
                truth |= dict(zip(ids, zip(taken.tolist(), channels, strict=True), strict=True))

            assert len(rows) == len(truth)
            assert rows.ids().tolist() == sorted(truth)
            assert rows.taken().tolist() == sorted(row for row, _ in truth.values())
            assert sorted(rows.rows_of(np.arange(1, 31)).tolist()) == rows.taken().tolist()
            for channel in range(4):
                wanted = sorted(i for i, (_, of) in truth.items() if of == channel)
                assert admitted(rows, Scope(channel_ids=frozenset({channel}))) == wanted


@pytest.mark.usefixtures("most_recent")
def test_a_message_may_stand_in_several_rows() -> None:
    """They are told, admitted and freed together, before and after the order was made."""
    rows = Rows()
    rows.put(messages(1, 2, 2, 2, 3, channel_ids=[CHANNEL, *3 * [OTHER_CHANNEL], CHANNEL]))
    rows.put(messages(4, 4))

    assert (len(rows), rows.ids().tolist()) == (7, [1, 2, 3, 4])
    assert len(rows.rows_of(np.array([2]))) == 3
    assert admitted(rows, Scope(channel_ids=frozenset({OTHER_CHANNEL}))) == [2, 2, 2]
    assert admitted(rows, Scope(excluded_ids=frozenset({2, 3}))) == [1, 4, 4]
    assert len(rows.drop([2, 4])) == 5
    assert (len(rows), rows.ids().tolist()) == (2, [1, 3])
    taken = len(rows.message_ids)
    for _ in range(30):
        rows.put(messages(5, 5, 5))
        rows.drop([5])
    assert len(rows.message_ids) == taken


def test_small_numbers_stand_for_large_ids() -> None:
    """An id has one number for good, and a set of ids becomes a table of numbers."""
    codes = Codes()
    first = codes.of(np.array([2**62, 5, 2**62]))
    second = codes.of(np.array([9, 5]))

    assert first[0] == first[2] != first[1] == second[1]
    assert codes.ids()[first].tolist() == [2**62, 5, 2**62]
    assert codes.table([5, 77])[[first[0], first[1], second[0]]].tolist() == [False, True, False]
    assert Codes().table([1]).tolist() == [False]
