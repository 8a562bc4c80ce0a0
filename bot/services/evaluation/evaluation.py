"""The bot's own search on sets of questions, beside its two halves alone: words and vectors."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.askers import Operator, Scope
from bot.errors import NothingToCompare
from bot.messages import Channel, Hit, Location, Message, Mode, Nearness, Query, Server
from bot.services.evaluation.datasets import Pair, Pairs, Retrieval
from bot.services.evaluation.metrics import (
    CUT,
    RANKING,
    Figure,
    interval,
    mean_figure,
    resamples,
    spearman,
)
from bot.services.indexer import Indexer
from bot.services.ingest import Ingest
from bot.services.search import Question, Search
from bot.vectors import Scores

SYSTEMS = {"words": Mode.WORDS, "vector": Mode.MEANING, "ours": Mode.BOTH}
_OURS = "ours"
_PLACE = Location(Server(1, "eval"), Channel(1, 1, "eval"))
_BATCH = 2_000
_N_PAIRS = 2_000  # chosen by chance where there are more
_PAIR_SAMPLES = 200  # each of them is ranked anew

OnStep = Callable[[str, int, int], None]


@dataclass(slots=True)
class _Answers:
    """One system's answers: the texts found for each question, whether any of them is shown as related, and the
    milliseconds beyond its embedding.
    """

    found: list[list[str]] = field(default_factory=list)
    is_answered: list[bool] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


class Evaluation:
    """Stores a set as the messages of a server, and asks. The database must be empty, and is to be thrown away."""

    def __init__(self, ingest: Ingest, indexer: Indexer, search: Search) -> None:
        self._ingest, self._indexer, self._search = ingest, indexer, search

    async def store(self, texts: Sequence[str]) -> AsyncIterator[int]:
        """Store and embed texts, whose ids count from 1; yields how many texts each step has dealt with."""
        await self._ingest.met(_PLACE.server, _PLACE.channel)
        for start in range(0, len(texts), _BATCH):
            batch = enumerate(texts[start : start + _BATCH], start + 1)
            await self._ingest.saved(_PLACE.guild_id, [Message(i, 1, 1, 1, "", text) for i, text in batch])
        async for n in self._indexer.drain():
            yield n
        await self._indexer.reconcile()

    async def ranking(self, dataset: Retrieval, on_step: OnStep) -> list[Figure]:
        """All figures of a set of questions, which `store` has stored the texts of in their order."""
        number_of = {text_id: number for number, text_id in enumerate(dataset.texts, 1)}
        text_ids = list(dataset.texts)
        answers = {system: _Answers() for system in SYSTEMS}
        for n_done, (question_id, text) in enumerate(dataset.questions.items(), 1):
            own = frozenset({number_of[question_id]} if question_id in number_of else ())
            for system, mode in SYSTEMS.items():
                query = Query(text=text, limit=CUT, within=Scope(excluded_ids=own), mode=mode)
                hits, milliseconds = await self._asked(query)
                answers[system].found.append([text_ids[hit.message.message_id - 1] for hit in hits])
                answers[system].is_answered.append(any(_is_related(hit) for hit in hits))
                answers[system].milliseconds.append(milliseconds)
            on_step(dataset.name, n_done, len(dataset.questions))
        return _ranking_figures(dataset, answers)

    async def pairs(self, dataset: Pairs, on_step: OnStep) -> list[Figure]:
        """How well systems order pairs, of which `store` has stored the second texts in their order."""
        given: dict[str, list[float]] = {system: [] for system in SYSTEMS}
        for number, pair in enumerate(dataset.pairs, 1):
            for system, mode in SYSTEMS.items():
                only = Scope(after_id=number, before_id=number + 1)
                hits = await self._search.similar(Operator(), Query(text=pair.one, limit=1, within=only, mode=mode))
                given[system].append(_shown(hits))
            on_step(dataset.name, number, len(dataset.pairs))
        grades = np.array([pair.grade for pair in dataset.pairs])
        return _pair_figures(dataset.name, {system: np.array(values) for system, values in given.items()}, grades)

    async def _asked(self, query: Query) -> tuple[list[Hit], float]:
        try:
            question: Question = await self._search.question(Operator(), query)
        except NothingToCompare:
            return [], 0.0
        started = time.perf_counter()
        hits = await self._search.nearest(question)
        return hits, (time.perf_counter() - started) * 1000


def some_of(dataset: Pairs) -> Pairs:
    """As many of the pairs as are asked about, the same each time."""
    if len(dataset.pairs) <= _N_PAIRS:
        return dataset
    chosen = np.sort(np.random.default_rng(0).permutation(len(dataset.pairs))[:_N_PAIRS])
    pairs: list[Pair] = [dataset.pairs[i] for i in chosen]
    return Pairs(dataset.name, tuple(pairs))


def _is_related(hit: Hit) -> bool:
    return hit.nearness is None or hit.nearness >= Nearness.LOOSE


def _shown(hits: Sequence[Hit]) -> float:
    """The score that people are shown, which unlike relatedness can be compared between questions."""
    if not hits:
        return 0.0
    return hits[0].relatedness if hits[0].score is None else hits[0].score


def _ranking_figures(dataset: Retrieval, answers: dict[str, _Answers]) -> list[Figure]:
    figures = []
    has_relatives = [question_id in dataset.grades for question_id in dataset.questions]
    graded = [dataset.grades[question_id] for question_id in dataset.questions if question_id in dataset.grades]
    values = {
        (system, metric): np.array(
            [
                measure(grades, found)
                for grades, found in zip(
                    graded, (f for f, has in zip(its.found, has_relatives, strict=True) if has), strict=True
                )
            ]
        )
        for system, its in answers.items()
        for metric, measure in RANKING.items()
    }
    for (system, metric), its_values in values.items():
        figures.append(mean_figure(dataset.name, system, metric, its_values))
        if system != _OURS:
            lead = values[_OURS, metric] - its_values
            figures.append(mean_figure(dataset.name, _OURS, f"{metric} beyond {system}", lead))
    for system, its in answers.items():
        is_answered = np.array(its.is_answered, np.float64)
        for name, those in (("with", np.array(has_relatives)), ("without", ~np.array(has_relatives))):
            if those.any():
                metric = f"answered {name} relatives"
                figures.append(mean_figure(dataset.name, system, metric, is_answered[those]))
        low, middle, high = np.quantile(its.milliseconds, [0.05, 0.5, 0.95])
        figures.append(Figure(dataset.name, system, "ms", float(middle), float(low), float(high)))
    return figures


def _pair_figures(name: str, given: dict[str, Scores], grades: Scores) -> list[Figure]:
    samples = resamples(len(grades))[:_PAIR_SAMPLES]
    sampled = {
        system: np.array([spearman(values[rows], grades[rows]) for rows in samples]) for system, values in given.items()
    }
    figures = []
    for system, values in given.items():
        value = spearman(values, grades)
        figures.append(Figure(name, system, "Spearman", value, *interval(sampled[system])))
        if system != _OURS:
            lead = spearman(given[_OURS], grades) - value
            beyond = interval(sampled[_OURS] - sampled[system])
            figures.append(Figure(name, _OURS, f"Spearman beyond {system}", lead, *beyond))
    return figures
