"""The messages that name people, found without a look at all the others."""

# With all that is asked of them, so that none of them has to be read.
STATEMENTS = (
    "CREATE INDEX messages_naming ON messages (guild_id, message_id, author_id, names) WHERE names IS NOT NULL",
)
