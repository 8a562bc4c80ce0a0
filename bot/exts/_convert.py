"""Discord's objects as the values that travel between the rooms."""

import discord

from bot.messages import Channel, ChannelKind, Location, Message, Server

Place = discord.abc.GuildChannel | discord.Thread
_KINDS = {
    discord.ChannelType.text: ChannelKind.TEXT,
    discord.ChannelType.news: ChannelKind.TEXT,
    discord.ChannelType.voice: ChannelKind.VOICE,
    discord.ChannelType.stage_voice: ChannelKind.VOICE,
    discord.ChannelType.forum: ChannelKind.FORUM,
    discord.ChannelType.media: ChannelKind.FORUM,
    discord.ChannelType.private_thread: ChannelKind.PRIVATE_THREAD,
    discord.ChannelType.public_thread: ChannelKind.THREAD,
    discord.ChannelType.news_thread: ChannelKind.THREAD,
}


def server_of(guild: discord.Guild) -> Server:
    return Server(guild.id, guild.name)


def location_of(place: Place) -> Location:
    kind = _KINDS.get(place.type, ChannelKind.OTHER)
    if isinstance(place, discord.Thread):
        channel = Channel(place.guild.id, place.id, place.name, kind, place.parent_id)
        return Location(server_of(place.guild), channel, place.parent.category_id if place.parent else None)
    return Location(server_of(place.guild), Channel(place.guild.id, place.id, place.name, kind, place.category_id))


def message_of(message: discord.Message, guild_id: int) -> Message:
    """A message with the text of what it forwards; its source is not looked up."""
    texts = (message.content, *(snapshot.content for snapshot in message.message_snapshots))
    return Message(
        message_id=message.id,
        guild_id=guild_id,
        channel_id=message.channel.id,
        author_id=message.author.id,
        author_name=message.author.display_name,
        content="\n".join(text for text in texts if text),
        edited_at=message.edited_at,
        is_bot=message.author.bot or message.webhook_id is not None,
        is_notice=message.is_system(),
    )


def is_blank(message: discord.Message) -> bool:
    """Whether nothing at all came with a message, as it is for a bot that may not read messages."""
    return not (
        message.content
        or message.attachments
        or message.embeds
        or message.stickers
        or message.components
        or message.message_snapshots
        or message.poll
    )
