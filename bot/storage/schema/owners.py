"""Who opened threads, whose titles are theirs, also where what they opened them with is not stored."""

STATEMENTS = (
    # NULL where nobody told it, for what is no thread, and where the title has gone.
    "ALTER TABLE channels ADD COLUMN owner_id INTEGER",
    # Until Discord tells it, who wrote the message that a thread begins with.
    """UPDATE channels SET owner_id = (SELECT m.author_id FROM messages m
                                      WHERE m.guild_id = channels.guild_id AND m.message_id = channels.channel_id)
       WHERE kind IN ('thread', 'private_thread') AND NOT is_untitled""",
)
