"""What embeddings cost, and how much they may."""

STATEMENTS = (
    # guild_id is 0 for what the operator asked, and for what servers cost that are gone; month is YYYY-MM in UTC.
    # A text costs less than a millionth of a dollar, so these are no whole numbers.
    """CREATE TABLE usage (
        month TEXT NOT NULL,
        guild_id INTEGER NOT NULL,
        model_key TEXT NOT NULL,
        n_tokens INTEGER NOT NULL,
        n_texts INTEGER NOT NULL,
        micro_dollars REAL NOT NULL,
        PRIMARY KEY (month, guild_id, model_key)
    ) STRICT, WITHOUT ROWID""",
    # What a server may cost in a month; no row where there is no such limit.
    "CREATE TABLE budgets (guild_id INTEGER PRIMARY KEY, micro_dollars REAL NOT NULL) STRICT",
    # What the log was told of: a share of a budget, in percent. guild_id is 0 for that of the installation.
    """CREATE TABLE budget_warnings (
        guild_id INTEGER NOT NULL,
        month TEXT NOT NULL,
        budget REAL NOT NULL,
        percent INTEGER NOT NULL,
        PRIMARY KEY (guild_id, month, budget, percent)
    ) STRICT, WITHOUT ROWID""",
)
