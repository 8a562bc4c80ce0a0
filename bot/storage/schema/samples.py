"""Samples that depend on nothing but what they are drawn from."""

# A message's lot is drawn by its id: the messages with the lowest lots among any are a sample of those, whatever else
# there is.
_LOT = "((message_id & 2147483647) * 1103515245 + ((message_id >> 31) & 2147483647) * 1640531527) & 2147483647"

STATEMENTS = (f"CREATE INDEX worded_by_lot ON worded (guild_id, {_LOT}, channel_id)",)
