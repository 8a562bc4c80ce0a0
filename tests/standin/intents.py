"""Which intent lets an event through, by the bits of the gateway's documentation."""

import discord

GUILDS = 1 << 0
MEMBERS = 1 << 1
GUILD_MESSAGES = 1 << 9
DIRECT_MESSAGES = 1 << 12
MESSAGE_CONTENT = 1 << 15
KNOWN = discord.Intents.all().value
# What a client without the message content intent gets instead of what people wrote.
BLANK = {"content": "", "embeds": [], "attachments": [], "components": []}


def bit(intent: str | int) -> int:
    """The bit of an intent by its name in discord.Intents, or that bit itself."""
    return intent if isinstance(intent, int) else getattr(discord.Intents, intent).flag


def blanked(data: dict) -> dict:
    """A message's payload without what people wrote."""
    hidden = data | BLANK
    hidden.pop("poll", None)
    if hidden.get("referenced_message"):
        hidden["referenced_message"] = hidden["referenced_message"] | BLANK
    if "message_snapshots" in hidden:
        hidden["message_snapshots"] = [{"message": s["message"] | BLANK} for s in hidden["message_snapshots"]]
    return hidden
