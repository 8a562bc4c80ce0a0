"""The search, asked about sets whose answers are known."""

import numpy as np
import pytest
from conftest import Rooms

from bot.services.evaluation.datasets import Pair, Pairs, Retrieval
from bot.services.evaluation.evaluation import Evaluation, some_of
from bot.services.evaluation.metrics import Figure

TEXTS = {"d1": "red fish", "d2": "red bird", "d3": "green tree"}
DATASET = Retrieval(
    "small",
    TEXTS,
    {"q1": "red fish", "d2": "red bird", "q3": "quokka"},
    {"q1": {"d1": 1.0}, "d2": {"d1": 1.0}},
)


@pytest.fixture
def evaluation(rooms: Rooms) -> Evaluation:
    return Evaluation(rooms.ingest, rooms.indexer, rooms.search)


def by_name(figures: list[Figure]) -> dict[tuple[str, str], float]:
    return {(figure.system, figure.metric): figure.value for figure in figures}


async def stored(evaluation: Evaluation, texts: list[str]) -> int:
    return sum([n async for n in evaluation.store(texts)])


async def test_each_system_is_measured_on_each_question(evaluation: Evaluation) -> None:
    """A question that is itself a text is left out of its own answer; one without relatives counts only as answered."""
    steps: list[tuple[str, int, int]] = []
    assert await stored(evaluation, list(TEXTS.values())) == 3
    found = by_name(await evaluation.ranking(DATASET, lambda *step: steps.append(step)))

    for system in ("words", "vector", "ours"):
        assert found[system, "P@1"] == found[system, "MRR@10"] == found[system, "nDCG@10"] == 1.0
        assert found[system, "answered with relatives"] == 1.0
        assert found[system, "ms"] > 0
    assert found["words", "answered without relatives"] == 0.0
    assert found["vector", "answered without relatives"] == 1.0
    assert found["ours", "P@1 beyond words"] == 0.0
    assert steps == [("small", 1, 3), ("small", 2, 3), ("small", 3, 3)]


async def test_pairs_are_ordered_by_how_related_they_are(evaluation: Evaluation) -> None:
    """Each pair is asked about alone, and the order of the answers is compared with the grades."""
    pairs = (Pair("red fish", "red fish", 5.0), Pair("red fish", "red bird", 3.0), Pair("red fish", "green tree", 0.0))
    await stored(evaluation, [pair.other for pair in pairs])
    found = by_name(await evaluation.pairs(Pairs("graded", pairs), lambda *_: None))

    assert found["ours", "Spearman"] == pytest.approx(1.0)
    assert found["vector", "Spearman"] == pytest.approx(1.0)


def test_of_many_pairs_some_are_chosen() -> None:
    """The same ones each time; few are taken as they are."""
    many = Pairs("many", tuple(Pair("a", str(i), float(i)) for i in range(5_000)))

    assert len(some_of(many).pairs) == 2_000
    assert some_of(many) == some_of(many)
    assert np.all(np.diff([pair.grade for pair in some_of(many).pairs]) > 0)
    assert some_of(Pairs("few", many.pairs[:7])).pairs == many.pairs[:7]
