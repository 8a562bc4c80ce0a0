"""What people said of what was shown to them as alike."""

STATEMENTS = (
    # at is the beginning of a day, in milliseconds since 1970; percent is the cosine as people are shown it; neither
    # a message nor a person is named.
    """CREATE TABLE verdicts (
        verdict_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        percent INTEGER NOT NULL,
        nearness INTEGER,
        generation TEXT NOT NULL,
        verdict TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX verdicts_by_server ON verdicts (guild_id, generation)",
    # From how many percent on a server wants to be shown what is alike: a cosine says nothing in another generation.
    """CREATE TABLE thresholds (
        guild_id INTEGER PRIMARY KEY,
        percent INTEGER NOT NULL,
        generation TEXT NOT NULL
    ) STRICT""",
)
