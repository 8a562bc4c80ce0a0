"""The tables that hold something of a server, for whoever takes all of it out."""

# Children before parents, so that few rows are removed by way of a foreign key.
OF_A_SERVER = (
    "answer_hits",
    "answers",
    "share_sources",
    "shares",
    "duplicates",
    "duplicate_replies",
    "parts",
    "embeddings",
    "pending",
    "worded",
    "unworded",
    "blocks",
    "messages",
    "authors",
    "tombstones",
    "marks",
    "sweeps",
    "coverage",
    "notices",
    "usage",
    "budgets",
    "budget_warnings",
    "channels",
    "servers",
)
