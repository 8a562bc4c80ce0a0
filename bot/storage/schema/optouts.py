"""What people want to be kept of them: nothing at all, or nothing of what they wrote up to a moment."""

WISHES = (
    # Who does not want to be kept in a server, since when, in milliseconds since 1970; is_done once nothing of them is
    # left. Both tables outlive everything else that is known of the server, and a restore may have brought them before
    # this migration runs.
    """CREATE TABLE IF NOT EXISTS optouts (
        guild_id INTEGER NOT NULL,
        author_id INTEGER NOT NULL,
        since INTEGER NOT NULL,
        is_done INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (guild_id, author_id)
    ) STRICT, WITHOUT ROWID""",
    # Up to which id nothing of somebody is kept, since they were forgotten then, or came back then.
    """CREATE TABLE IF NOT EXISTS forgotten (
        guild_id INTEGER NOT NULL,
        author_id INTEGER NOT NULL,
        last_id INTEGER NOT NULL,
        is_done INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (guild_id, author_id)
    ) STRICT, WITHOUT ROWID""",
)

STATEMENTS = (*WISHES, "CREATE INDEX messages_by_author ON messages (guild_id, author_id)")
