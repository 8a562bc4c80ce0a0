"""Who did what to a server's data."""

STATEMENTS = (
    # at is in milliseconds since 1970; actor_id is NULL where the operator did it, or a member to what is theirs
    # (is_own); detail is a JSON object without any text of a message.
    """CREATE TABLE audit (
        audit_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        actor_id INTEGER,
        is_own INTEGER NOT NULL,
        act TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX audit_by_server ON audit (guild_id)",
)
