"""Where in a long text the part begins by which it was found."""

STATEMENTS = (
    "ALTER TABLE answer_hits ADD COLUMN quoted_from INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE share_sources ADD COLUMN quoted_from INTEGER NOT NULL DEFAULT 0",
)
