"""Sets of texts with questions whose answers are known, and pairs of texts that people have graded."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bot.errors import DatasetUnusable

T = TypeVar("T")
_DOCS, _QUERIES, _QRELS, _PAIRS = "docs.jsonl", "queries.jsonl", "qrels.tsv", "pairs.tsv"
_N_PAIR_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Texts and questions by their ids, and for each question the grades of its relatives, where it has any."""

    name: str
    texts: dict[str, str]
    questions: dict[str, str]
    grades: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Pair:
    one: str
    other: str
    grade: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of texts with how related people found them."""

    name: str
    pairs: tuple[Pair, ...]


def datasets_in(paths: Iterable[Path]) -> list[Retrieval | Pairs]:
    """All sets in some folders, by name. Raises DatasetUnusable, also where there are none."""
    found: list[Retrieval | Pairs] = []
    for folder in paths:
        if not folder.is_dir():
            raise DatasetUnusable(folder, "no_folder")
        files = sorted(folder.glob(f"*{_DOCS}")) + sorted(folder.glob(f"*{_PAIRS}"))
        sets = [_retrieval(path) if path.name.endswith(_DOCS) else _pairs(path) for path in files]
        if not sets:
            raise DatasetUnusable(folder, "no_sets")
        found += sets
    return found


def _retrieval(docs: Path) -> Retrieval:
    prefix = docs.name.removesuffix(_DOCS)
    texts = dict(_lines(docs, _text))
    questions = dict(_lines(docs.with_name(prefix + _QUERIES), _text))
    grades: dict[str, dict[str, float]] = defaultdict(dict)
    for question, text, grade in _lines(docs.with_name(prefix + _QRELS), _grade):
        if grade > 0:
            grades[question][text] = grade
    if not texts or not questions.keys() & grades.keys():
        raise DatasetUnusable(docs, "no_answers")
    return Retrieval(prefix.rstrip(".") or docs.parent.name, texts, questions, dict(grades))


def _pairs(path: Path) -> Pairs:
    name = path.name.removesuffix(_PAIRS).rstrip(".") or path.parent.name
    if not (pairs := tuple(_lines(path, _pair))):
        raise DatasetUnusable(path, "no_answers")
    return Pairs(name, pairs)


def _lines(path: Path, parse: Callable[[str], T]) -> Iterator[T]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield parse(line.rstrip("\n"))
                    except (ValueError, KeyError, TypeError) as error:
                        raise DatasetUnusable(path, "line", str(number)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetUnusable(path, "unreadable", type(error).__name__) from error


def _text(line: str) -> tuple[str, str]:
    told: Any = json.loads(line)
    return str(told["id"]), str(told["content"])


def _grade(line: str) -> tuple[str, str, float]:
    question, _, text, grade = line.split("\t")
    return question, text, float(grade)


def _pair(line: str) -> Pair:
    columns: Sequence[str] = line.split("\t")
    if len(columns) != _N_PAIR_COLUMNS:
        raise ValueError(columns)
    return Pair(columns[3], columns[4], float(columns[2]))
