"""The tables, as the migrations that make them; their number is the schema version (`user_version`).

Migrations may call `own_hash(content, opens_thread)` and `own_leans(content)`, which are those of bot.composing.
"""

from bot.storage.schema import answers, contexts, folds, gaps, messages, samples, sessions, words

APPLICATION_ID = 0x53424F54  # "SBOT": tells our file from any other SQLite database

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    messages.STATEMENTS,
    answers.STATEMENTS,
    gaps.STATEMENTS,
    sessions.STATEMENTS,
    words.STATEMENTS,
    contexts.STATEMENTS,
    samples.STATEMENTS,
    folds.STATEMENTS,
)
