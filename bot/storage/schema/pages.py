"""Why an answer goes by words alone, for its later pages."""

STATEMENTS = (
    # As in messages.WordsOnly; NULL where vectors were there or words were asked for.
    "ALTER TABLE answers ADD COLUMN words_only TEXT",
)
