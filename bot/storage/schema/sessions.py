"""Who had the database when, so that what is kept beside it can be told to be true."""

STATEMENTS = (
    # The greatest embedding_id that was ever given out: none is given twice, so that one stands for one vector
    # for good, also in what is kept beside the database.
    """CREATE TABLE given_ids (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        embedding_id INTEGER NOT NULL
    ) STRICT""",
    "INSERT INTO given_ids SELECT 1, coalesce(max(embedding_id), 0) FROM embeddings",
    # Each time that a process had the database to itself: a token that no copy of the database knows which was
    # made before, and the greatest embedding_id when it began.
    """CREATE TABLE sessions (
        session_id INTEGER PRIMARY KEY,
        token TEXT NOT NULL UNIQUE,
        first_id INTEGER NOT NULL
    ) STRICT""",
)
