"""Verdicts and thresholds by what was judged, and whether somebody said what a wave was worth."""

STATEMENTS = (
    # Until now only related posts were judged.
    "ALTER TABLE verdicts ADD COLUMN subject TEXT NOT NULL DEFAULT 'related'",
    "ALTER TABLE thresholds RENAME TO thresholds_of_related",
    """CREATE TABLE thresholds (
        guild_id INTEGER NOT NULL,
        subject TEXT NOT NULL,
        percent INTEGER NOT NULL,
        generation TEXT NOT NULL,
        PRIMARY KEY (guild_id, subject)
    ) STRICT, WITHOUT ROWID""",
    """INSERT INTO thresholds (guild_id, subject, percent, generation)
       SELECT guild_id, 'related', percent, generation FROM thresholds_of_related""",
    "DROP TABLE thresholds_of_related",
    # How near the two lay when they were marked, to be taken back with the mark; NULL where nobody measured that.
    "ALTER TABLE duplicates ADD COLUMN percent INTEGER",
    # One verdict a wave: which one it was is not kept with it.
    "ALTER TABLE waves ADD COLUMN is_judged INTEGER NOT NULL DEFAULT 0",
)
