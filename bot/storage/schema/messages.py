"""Messages with their vectors, and what waits for one."""

STATEMENTS = (
    """CREATE TABLE servers (
        guild_id INTEGER PRIMARY KEY,
        name TEXT NOT NULL
    ) STRICT""",
    # A thread is a channel whose parent is a channel; Discord numbers both from one range.
    """CREATE TABLE channels (
        guild_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        parent_id INTEGER,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (guild_id, channel_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE authors (
        guild_id INTEGER NOT NULL,
        author_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (guild_id, author_id)
    ) STRICT, WITHOUT ROWID""",
    # edited_at is in milliseconds since 1970, created_at is in the id; origin as in messages.Origin;
    # content_hash is that of the embedded text, NULL where nothing is worth embedding.
    """CREATE TABLE messages (
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        author_id INTEGER NOT NULL,
        origin INTEGER NOT NULL,
        edited_at INTEGER,
        content_hash BLOB,
        content TEXT NOT NULL,
        PRIMARY KEY (guild_id, message_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE generations (
        generation_id INTEGER PRIMARY KEY,
        model_key TEXT NOT NULL,
        dim INTEGER NOT NULL,
        text_version INTEGER NOT NULL,
        is_current INTEGER NOT NULL,
        UNIQUE (model_key, dim, text_version)
    ) STRICT""",
    # vector is dim little-endian float16, checksum its CRC-32.
    """CREATE TABLE embeddings (
        embedding_id INTEGER PRIMARY KEY,
        generation_id INTEGER NOT NULL REFERENCES generations,
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        content_hash BLOB NOT NULL,
        checksum INTEGER NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (guild_id, message_id, generation_id),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT""",
    "CREATE INDEX embeddings_by_hash ON embeddings (generation_id, content_hash)",
    # What waits for a vector of the current generation; parked is why it is not tried again by itself.
    """CREATE TABLE pending (
        message_id INTEGER NOT NULL,
        guild_id INTEGER NOT NULL,
        parked TEXT,
        PRIMARY KEY (message_id, guild_id),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    # How far a channel's history has been read: high_id only rises, low_id only falls.
    """CREATE TABLE marks (
        guild_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        high_id INTEGER NOT NULL,
        low_id INTEGER NOT NULL,
        PRIMARY KEY (guild_id, channel_id)
    ) STRICT, WITHOUT ROWID""",
    # What was deleted and may not come back; deleted_at in milliseconds since 1970.
    """CREATE TABLE tombstones (
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        deleted_at INTEGER NOT NULL,
        PRIMARY KEY (guild_id, message_id)
    ) STRICT, WITHOUT ROWID""",
)
