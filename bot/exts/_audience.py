"""What surely everyone who sees a channel may read, from the permissions of this moment."""

from collections.abc import Iterable

import discord

from bot.askers import Audience
from bot.exts._access import base_of, is_age_restricted, is_private, is_voice, may_read
from bot.messages import Channel

_SECRET = discord.Permissions(view_channel=True, read_message_history=True, connect=True).value


def audience_of(guild: discord.Guild, here: Channel, stored: Iterable[Channel]) -> Audience:
    """Everyone who sees what is written in a channel, with those of the stored channels that surely all may read.

    These are those that nobody in the server is shut out of, and, unless somebody may see the channel but not its
    history, the channel itself and those with the same permissions.
    """
    base = base_of(guild, here)
    fit_ids = {source.id for source in guild.channels if base is not None and _is_fit_for(source, base)}
    readable = set()
    for channel in stored:
        source = base_of(guild, channel)
        is_closed = is_private(guild, channel) and channel.channel_id != here.channel_id
        if source is not None and source.id in fit_ids and not is_closed:
            readable.add(channel.channel_id)
    return Audience(guild.id, frozenset(readable))


def _is_fit_for(source: discord.abc.GuildChannel, here: discord.abc.GuildChannel) -> bool:
    if is_age_restricted(source) and not is_age_restricted(here):
        return False
    # One reads in a voice channel only connected, which nobody does in a time-out.
    if is_voice(source) and not is_voice(here):
        return False
    is_like_here = source == here or _shuts_out(source) == _shuts_out(here)
    return _is_open_to_all(source) or (is_like_here and _shows_history_to_all(here))


def _is_open_to_all(channel: discord.abc.GuildChannel) -> bool:
    return may_read(channel, channel.guild.default_role) and not any(
        overwrite.pair()[1].value & _SECRET for overwrite in channel.overwrites.values()
    )


def _shows_history_to_all(channel: discord.abc.GuildChannel) -> bool:
    """Whether surely everyone who sees a channel may read its history too."""
    pairs = [overwrite.pair() for overwrite in channel.overwrites.values()]
    if any(deny.read_message_history for _, deny in pairs):
        return False
    if channel.guild.default_role.permissions.read_message_history:
        return True
    is_shut = channel.overwrites_for(channel.guild.default_role).view_channel is False
    return is_shut and all(allow.read_message_history for allow, _ in pairs if allow.view_channel)


def _shuts_out(channel: discord.abc.GuildChannel) -> dict[int, tuple[int, int]]:
    """What a channel's overwrites say of reading it, by role or member."""
    pairs = {target.id: overwrite.pair() for target, overwrite in channel.overwrites.items()}
    told = {i: (allow.value & _SECRET, deny.value & _SECRET) for i, (allow, deny) in pairs.items()}
    return {i: bits for i, bits in told.items() if any(bits)}
