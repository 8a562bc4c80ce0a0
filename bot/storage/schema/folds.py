"""Hits that say the same, kept as one; and what a server wants of its answers."""

STATEMENTS = (
    # rank is 0 for the message that is shown, and counts on for those that say the same. Answers are kept for minutes.
    "DROP TABLE answer_hits",
    "DELETE FROM answers",
    """CREATE TABLE answer_hits (
        answer_id INTEGER NOT NULL REFERENCES answers ON DELETE CASCADE,
        position INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        percent INTEGER,
        nearness INTEGER,
        PRIMARY KEY (answer_id, position, rank),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX answer_hits_by_message ON answer_hits (guild_id, message_id)",
    "ALTER TABLE share_sources ADD COLUMN nearness INTEGER",
    # After how many days a message counts half as much as a new one; NULL where age does not matter.
    "ALTER TABLE servers ADD COLUMN half_life_days INTEGER",
)
