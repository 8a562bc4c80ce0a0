"""What a server wants kept beside its open channels, and for how long."""

STATEMENTS = (
    "ALTER TABLE channels ADD COLUMN is_age_restricted INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE messages ADD COLUMN is_bot INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX messages_of_bots ON messages (guild_id, message_id) WHERE is_bot",
    # kinds is a JSON array of what is left out unless a server turns it on, as in services.keeping.
    "ALTER TABLE servers ADD COLUMN kinds TEXT NOT NULL DEFAULT '[]'",
    # retention_days is NULL where the server sets no limit; swept_at, in milliseconds since 1970, is when messages
    # that were too old were last taken out, and n_swept how many they were then.
    "ALTER TABLE servers ADD COLUMN retention_days INTEGER",
    "ALTER TABLE servers ADD COLUMN swept_at INTEGER",
    "ALTER TABLE servers ADD COLUMN n_swept INTEGER NOT NULL DEFAULT 0",
    # The accounts that this bot has had: what it says is never kept.
    "CREATE TABLE selves (user_id INTEGER PRIMARY KEY) STRICT",
)
