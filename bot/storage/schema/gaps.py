"""How far what is stored was compared with Discord, and outages of the embedder."""

STATEMENTS = (
    # What becomes of the history that was not read yet, as in services.coverage.
    "ALTER TABLE servers ADD COLUMN history TEXT NOT NULL DEFAULT 'wanted'",
    # How far what is stored of a channel was compared with Discord. The walk that goes on began at began_at and
    # has come down to reached_id, both NULL between two walks; done_at is when the last whole one began. All in
    # milliseconds since 1970.
    """CREATE TABLE sweeps (
        guild_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        reached_id INTEGER,
        began_at INTEGER,
        done_at INTEGER,
        PRIMARY KEY (guild_id, channel_id)
    ) STRICT, WITHOUT ROWID""",
    # Why nothing gets its vector at the moment, since when, and when it is tried again; no row when all is well.
    """CREATE TABLE outage (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        code TEXT NOT NULL,
        detail TEXT NOT NULL,
        began_at INTEGER NOT NULL,
        next_try_at INTEGER NOT NULL
    ) STRICT""",
)
