"""The latest messages as vectors beside one another."""

import numpy as np
import pytest
from make import embedded, random_vectors

from bot.messages import EmbeddedMessages
from bot.services import windows
from bot.services.windows import Window, is_wave, tells_until
from bot.storage.waves import Watch

DIM = 8
WATCH = Watch(1000, 99, 4, 2, 10, 3, "en")


def alike_ids(window: Window, vectors: np.ndarray, *, first_id: int = 1) -> list[list[int]]:
    """For each vector the ids of what is like it."""
    return [group.message_ids.tolist() for group in window.alike(vectors, least=0.99, first_id=first_id).groups(1)]


def test_what_is_alike_is_found() -> None:
    """A vector finds itself and its copies from an id on, and nothing that was taken out."""
    window, vectors = Window(DIM), random_vectors(3, DIM)
    window.put(embedded(vectors), first_id=1)
    window.put(embedded(vectors, first_id=11), first_id=1)
    assert alike_ids(window, vectors) == [[1, 11], [2, 12], [3, 13]]
    assert alike_ids(window, vectors, first_id=10) == [[11], [12], [13]]

    window.take_out(np.array([2, 13, 99]))
    assert alike_ids(window, vectors) == [[1, 11], [12], [3]]
    assert len(window) == 4
    assert window.holds(np.array([1, 2, 3])).tolist() == [True, False, True]


def test_a_message_is_held_as_it_was_put_last() -> None:
    """A message that was rewritten has one row."""
    window, vectors = Window(DIM), random_vectors(2, DIM)
    window.put(embedded(vectors[:1]), first_id=1)
    window.put(embedded(vectors[1:]), first_id=1)

    assert alike_ids(window, vectors) == [[1]]


def test_a_window_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much comes in, it holds the latest, as many as there is room for, and nothing too old."""
    monkeypatch.setattr(windows, "_FIRST_ROWS", 8)
    monkeypatch.setattr(windows, "_BYTES", 4 * DIM * 20)
    window, vectors = Window(DIM), random_vectors(100, DIM)
    for start in range(0, 100, 5):
        window.put(embedded(vectors[start : start + 5], first_id=1 + start), first_id=1)
        assert len(window) <= 20
    assert alike_ids(window, vectors[95:]) == [[96], [97], [98], [99], [100]]

    window.put(embedded(vectors[:20], first_id=200), first_id=200)
    assert sorted(i for found in alike_ids(window, vectors) for i in found) == list(range(200, 220))


@pytest.mark.parametrize(
    ("author_ids", "channel_ids", "expected"),
    [
        ([1, 1, 1, 2], [1, 1, 1, 1], True),
        ([1, 1, 1, 1], [1, 1, 1, 1], False),
        ([1, 2, 3], [1, 1, 1], False),
        ([1, 1, 1], [1, 2, 3], True),
        ([1, 1, 2], [1, 2, 3], False),
        ([], [], False),
    ],
)
def test_what_is_a_wave(author_ids, channel_ids, expected) -> None:
    """Enough messages of enough people, or one person in enough channels."""
    messages: EmbeddedMessages = embedded(
        random_vectors(len(author_ids), DIM), author_ids=author_ids, channel_ids=channel_ids
    )

    assert is_wave(messages, WATCH) is expected


def at_angles(*degrees: float, author_ids: list[int]) -> EmbeddedMessages:
    """Messages whose vectors lie at angles to one direction."""
    angles = np.radians(degrees)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    n = len(degrees)
    return EmbeddedMessages(
        np.arange(1, n + 1), np.ones(n, np.int64), np.array(author_ids), np.arange(1, n + 1), vectors
    )


def test_a_wave_is_as_near_as_the_last_message_that_makes_it_one() -> None:
    """Beside the message that leads it, which has the others nearest around it; what lies farther does not count."""
    near = at_angles(0, 10, 20, 30, 90, author_ids=[1, 2, 1, 2, 1])
    assert tells_until(near, WATCH) == pytest.approx(np.cos(np.radians(20)), abs=1e-6)

    # The fourth of them is by the one who wrote the others: it takes the fifth to make two people.
    alone = at_angles(0, 10, 20, 30, 60, author_ids=[1, 1, 1, 1, 2])
    assert tells_until(alone, WATCH) == pytest.approx(np.cos(np.radians(30)), abs=1e-6)


def test_what_is_no_wave_is_as_near_as_nothing() -> None:
    """Too few messages, or too few people, however near they are."""
    assert tells_until(at_angles(0, 0, 0, author_ids=[1, 2, 3]), WATCH) is None
    assert tells_until(at_angles(0, 0, 0, 0, author_ids=[1, 1, 1, 1]), WATCH) is None
