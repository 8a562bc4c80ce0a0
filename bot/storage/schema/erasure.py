"""What is left of members who had themselves forgotten: threads whose titles went with them."""

STATEMENTS = (
    # The title of a thread is mostly that of whoever wrote the message which it begins with: it went with that message
    # when its author was forgotten, and is not taken from Discord again.
    "ALTER TABLE channels ADD COLUMN is_untitled INTEGER NOT NULL DEFAULT 0",
)
