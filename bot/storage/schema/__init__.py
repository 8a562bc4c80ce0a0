"""The tables, as the migrations that make them; their number is the schema version (`user_version`).

FUNCTIONS are those that migrations may call, each with its number of arguments.
"""

from collections.abc import Callable
from typing import Any

from bot.storage.schema import (
    acts,
    answers,
    audit,
    contexts,
    duplicates,
    erasure,
    folds,
    gaps,
    keeping,
    messages,
    naming,
    optouts,
    owners,
    pages,
    parts,
    passages,
    related,
    samples,
    sessions,
    subjects,
    usage,
    verdicts,
    waves,
    words,
)

APPLICATION_ID = 0x53424F54  # "SBOT": tells our file from any other SQLite database

FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "second_hash": (3, contexts.second_hash),
    "second_leans": (1, contexts.second_leans),
}

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    messages.STATEMENTS,
    answers.STATEMENTS,
    gaps.STATEMENTS,
    sessions.STATEMENTS,
    words.STATEMENTS,
    contexts.STATEMENTS,
    samples.STATEMENTS,
    folds.STATEMENTS,
    parts.STATEMENTS,
    erasure.STATEMENTS,
    optouts.STATEMENTS,
    keeping.STATEMENTS,
    audit.STATEMENTS,
    usage.STATEMENTS,
    pages.STATEMENTS,
    related.STATEMENTS,
    verdicts.STATEMENTS,
    duplicates.STATEMENTS,
    waves.STATEMENTS,
    owners.STATEMENTS,
    acts.STATEMENTS,
    passages.STATEMENTS,
    naming.STATEMENTS,
    subjects.STATEMENTS,
)
