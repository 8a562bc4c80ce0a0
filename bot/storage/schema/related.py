"""Related posts: where they are suggested, which threads wait for theirs, and what was said of them."""

STATEMENTS = (
    # The channels and categories that a server chose, with how long the author of a new thread has to finish.
    """CREATE TABLE suggested_channels (
        guild_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        delay_s INTEGER NOT NULL,
        PRIMARY KEY (guild_id, channel_id)
    ) STRICT, WITHOUT ROWID""",
    # New threads that have not been looked at; both moments are in milliseconds since 1970.
    """CREATE TABLE due_suggestions (
        guild_id INTEGER NOT NULL,
        thread_id INTEGER NOT NULL,
        opened_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        PRIMARY KEY (guild_id, thread_id)
    ) STRICT, WITHOUT ROWID""",
    # Threads whose author said that what was suggested there helped.
    """CREATE TABLE helped_threads (
        guild_id INTEGER NOT NULL,
        thread_id INTEGER NOT NULL,
        PRIMARY KEY (guild_id, thread_id)
    ) STRICT, WITHOUT ROWID""",
    # For a suggestion, by which generation of vectors it was found; NULL for what somebody shared.
    "ALTER TABLE shares ADD COLUMN found_by TEXT",
    "CREATE INDEX suggestions_by_thread ON shares (guild_id, channel_id) WHERE found_by IS NOT NULL",
    # What opens a thread has the thread's id. Without it there is nothing left that a suggestion would be about.
    """CREATE TRIGGER opener_gone AFTER DELETE ON messages BEGIN
        DELETE FROM share_sources WHERE guild_id = old.guild_id AND share_id IN (
            SELECT message_id FROM shares
            WHERE guild_id = old.guild_id AND channel_id = old.message_id AND found_by IS NOT NULL
        );
    END""",
)
