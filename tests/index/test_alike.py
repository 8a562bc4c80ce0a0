"""Groups of messages that say the same, among many that do not."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from index.sources import KeptVectors
from make import CHANNEL, OTHER_CHANNEL, embedded, random_vectors

from bot.askers import EVERYTHING, Scope
from bot.index import alike as engine
from bot.index.alike import alike
from bot.messages import EmbeddedMessages
from bot.vectors import Ids, Vectors, unit

LIMIT = 0.9
NOBODY = np.empty(0, np.int64)


def around(centre: Vectors, n: int, *, cosine: float, seed: int = 50) -> Vectors:
    """Unit vectors that all have about this cosine to a unit float32 [dim]."""
    noise = random_vectors(n, len(centre), seed=seed)
    noise = unit(noise - np.outer(noise @ centre, centre))
    return (cosine * centre + np.sqrt(1 - cosine**2) * noise).astype(np.float32)


def kept(vectors: Vectors, **places: object) -> KeptVectors:
    """A source of messages 1, 2, ... with these vectors."""
    source = KeptVectors(vectors.shape[1])
    source.put(embedded(vectors, **places))
    return source


def found(
    source: KeptVectors,
    *,
    scope: Scope = EVERYTHING,
    sample_ids: Ids = NOBODY,
    on_share: Callable[[float], None] = lambda _: None,
) -> list[list[int]]:
    groups = alike(source, scope, sample_ids=sample_ids, limit=LIMIT, n_expected=len(source.rows), on_share=on_share)
    return [[i for wording in group for i in wording] for group in groups]


def planted(n_others: int, dim: int, *, sizes: list[int]) -> tuple[Vectors, list[set[int]]]:
    """Random vectors with groups among them, each around its first, in a mixed order; the ids of each group."""
    centres = random_vectors(len(sizes), dim, seed=1)
    groups = [
        np.concatenate([centre[None], around(centre, size - 1, cosine=0.96, seed=number)])
        for number, (centre, size) in enumerate(zip(centres, sizes, strict=True), 10)
    ]
    rows = np.concatenate([*groups, random_vectors(n_others, dim, seed=2)])
    order = np.random.default_rng(3).permutation(len(rows))
    ids = np.empty(len(rows), np.int64)
    ids[order] = np.arange(1, len(rows) + 1)
    borders = np.cumsum(sizes)
    return rows[order], [set(part.tolist()) for part in np.split(ids[: borders[-1]], borders[:-1])]


@pytest.mark.parametrize(
    ("n_others", "dim"), [(0, 24), (500, 24), (2_000, 300), (engine._LEAST_FOR_LISTS, 160)], ids=str
)
def test_groups_are_found_and_nothing_else(n_others: int, dim: int) -> None:
    """With few and many messages, few and many numbers: each group is whole, and what is like nothing is in none."""
    vectors, groups = planted(n_others, dim, sizes=[2, 3, 5, 12])
    source = kept(vectors)
    sample_ids = np.arange(1, len(vectors), 3, dtype=np.int64)

    assert sorted(map(sorted, found(source, sample_ids=sample_ids))) == sorted(map(sorted, groups))
    assert sorted(map(sorted, found(source))) == sorted(map(sorted, groups))


def test_what_is_near_by_way_of_others_is_a_candidate() -> None:
    """Messages in a row, each near to the next, are one group: who asks looks closer."""
    steps = np.arange(9) * np.arccos(0.95)
    row = np.stack([np.cos(steps), np.sin(steps)], axis=1).astype(np.float32)

    assert [sorted(group) for group in found(kept(row))] == [list(range(1, 10))]


@pytest.mark.parametrize("n", [engine._NEAREST + 1, 100, 300])
def test_a_large_group_is_one(n: int) -> None:
    """However many rewordings there are, more than the neighbors that are looked for, they are one group."""
    centre = random_vectors(1, 32)[0]
    [group] = found(
        kept(np.concatenate([centre[None], around(centre, n - 1, cosine=0.97), random_vectors(50, 32, seed=60)]))
    )

    assert sorted(group) == list(range(1, n + 1))


def test_equal_vectors_are_one_group() -> None:
    """What was said a hundred times in the same words is one group of a hundred, the newest first."""
    same, other = random_vectors(2, 32)
    [group] = found(kept(np.concatenate([np.tile(same, (100, 1)), other[None]])))

    assert group == list(range(100, 0, -1))


def test_a_group_of_very_many_wordings_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing all wordings with each other has a limit; beyond it there are several groups, which lose nobody."""
    monkeypatch.setattr(engine, "_MOST", 20)
    same = np.concatenate([random_vectors(1, 32)] * 50) + 0.001 * random_vectors(50, 32, seed=60)
    groups = found(kept(unit(same)))

    assert sorted(i for group in groups for i in group) == list(range(1, 51))
    assert max(map(len, groups)) <= 20


def test_a_huge_group_falls_apart_where_it_is_loose(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs together by a few loose pairs is taken apart at those, before it is cut anywhere else."""
    monkeypatch.setattr(engine, "_MOST", 8)
    one = random_vectors(1, 32)[0]
    other = around(one, 1, cosine=0.91)[0]
    rows = np.concatenate([around(centre, 8, cosine=0.999, seed=n) for n, centre in enumerate((one, other), 70)])

    assert sorted(map(sorted, found(kept(rows)))) == [list(range(1, 9)), list(range(9, 17))]


def test_only_what_a_scope_admits_is_compared() -> None:
    """A message in another channel is in no group and makes none."""
    centre = random_vectors(1, 24)[0]
    vectors = around(centre, 4, cosine=0.99)
    source = kept(vectors, channel_ids=[CHANNEL, OTHER_CHANNEL, CHANNEL, OTHER_CHANNEL])

    assert [sorted(group) for group in found(source, scope=Scope(channel_ids=frozenset({CHANNEL})))] == [[1, 3]]
    assert [sorted(group) for group in found(source, scope=Scope(after_id=3))] == [[3, 4]]
    assert found(source, scope=Scope(after_id=4)) == []
    assert found(source, scope=Scope(channel_ids=frozenset())) == []


def test_a_part_of_a_long_text_makes_no_group() -> None:
    """A long text is compared as a whole: what one of its parts says is not what it says."""
    whole, part, short = random_vectors(3, 24)
    rows = EmbeddedMessages(
        *(np.array(ids) for ids in ([1, 1, 2], [5] * 3, [7] * 3, [1, 2, 3])), np.array([whole, part, part])
    )
    source = KeptVectors(24)
    source.put(rows)
    source.put(replace(embedded(short[None], first_id=3), embedding_ids=np.array([9])))

    assert found(source) == []


def test_how_far_it_is_is_told() -> None:
    """The share of the work that is done never falls, and comes to the whole."""
    shares: list[float] = []
    vectors, _ = planted(500, 24, sizes=[3, 3])
    found(kept(vectors), on_share=shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 5


@pytest.mark.parametrize("n_told", [1, 9, 10])
def test_it_ends_when_nobody_waits(n_told: int) -> None:
    """What is raised when the share is told ends the work, wherever it is."""
    numbers = count(1)

    def refuse(_: float) -> None:
        if next(numbers) == n_told:
            raise TimeoutError

    vectors, _ = planted(500, 24, sizes=[3, 3])
    with pytest.raises(TimeoutError):
        found(kept(vectors), on_share=refuse)
