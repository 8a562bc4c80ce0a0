"""Vectors of the parts of long texts, beside those of the whole."""

STATEMENTS = (
    # As in embeddings, whose ids they share; part counts from 1. They go with the vector of the whole.
    """CREATE TABLE parts (
        embedding_id INTEGER PRIMARY KEY,
        generation_id INTEGER NOT NULL,
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        part INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (guild_id, generation_id, message_id, part),
        FOREIGN KEY (guild_id, message_id, generation_id)
            REFERENCES embeddings (guild_id, message_id, generation_id) ON DELETE CASCADE
    ) STRICT""",
    # What may be long, with a title or with names instead of numbers, waits for the vectors of its parts; until they
    # are there it is found by that of the whole.
    """INSERT INTO pending (guild_id, message_id) SELECT guild_id, message_id FROM messages
       WHERE content_hash IS NOT NULL
       AND length(CAST(content AS BLOB)) + coalesce(length(CAST(attached AS BLOB)), 0) > 300
       ON CONFLICT DO NOTHING""",
)
