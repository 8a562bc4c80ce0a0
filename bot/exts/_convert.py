"""Discord's objects as the values that travel between the rooms."""

import discord

from bot.exts._access import is_age_restricted
from bot.markup import is_telling, joined
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
        channel = Channel(
            place.guild.id,
            place.id,
            place.name,
            kind,
            place.parent_id,
            is_age_restricted=is_age_restricted(place),
            owner_id=place.owner_id,
        )
        return Location(server_of(place.guild), channel, place.parent.category_id if place.parent else None)
    channel = Channel(
        place.guild.id, place.id, place.name, kind, place.category_id, is_age_restricted=is_age_restricted(place)
    )
    return Location(server_of(place.guild), channel)


def thread_of(payload: discord.RawThreadUpdateEvent) -> Channel:
    """A thread as Discord tells of it, whether or not it is known; not whether it is age-restricted."""
    kind, told = _KINDS.get(payload.thread_type, ChannelKind.OTHER), payload.data
    owner_id = int(told["owner_id"])
    return Channel(payload.guild_id, payload.thread_id, told["name"], kind, payload.parent_id, owner_id=owner_id)


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
        attached=_attached(message) or None,
        names=_names(message),
        reply_to=_answered(message),
    )


def _attached(message: discord.Message) -> str:
    """What can be read of what came with a message, or with the one that it forwards."""
    texts: list[str | None] = []
    if message.poll is not None:
        texts += [str(message.poll.question), *(answer.text for answer in message.poll.answers)]
    sources: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for source in sources:
        for embed in source.embeds:
            texts += [embed.title, embed.description]
        for file in source.attachments:
            texts += [file.filename if is_telling(file.filename) else None, file.description]
    return joined(texts)


def _names(message: discord.Message) -> tuple[tuple[int, str], ...]:
    """The names of members, roles and channels that a message mentions; of channels, those that everybody may see."""
    names = {user.id: user.display_name for user in message.mentions}
    names |= {role.id: role.name for role in message.role_mentions}
    names |= {channel.id: channel.name for channel in message.channel_mentions if _is_open(channel)}
    return tuple((i, name) for i, name in sorted(names.items()) if str(i) in message.content)


def _is_open(place: Place) -> bool:
    """Whether everybody in the server may know that there is such a channel."""
    if isinstance(place, discord.Thread):
        return not place.is_private() and place.parent is not None and _is_open(place.parent)
    return place.permissions_for(place.guild.default_role).view_channel


def _answered(message: discord.Message) -> int | None:
    """The message in the same channel that this one answers."""
    reference = message.reference
    if message.type is not discord.MessageType.reply or reference is None or reference.channel_id != message.channel.id:
        return None
    return reference.message_id


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
