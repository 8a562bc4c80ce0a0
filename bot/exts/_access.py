"""Who may read what, from the permissions of this moment; nothing of it is stored."""

import asyncio
import time
from collections.abc import Iterable

import discord

from bot.askers import Audience, Member
from bot.errors import NotInServer
from bot.exts._failures import FAILED
from bot.messages import Channel, ChannelKind

LOOKUPS = 10  # how many private threads one question may ask Discord about
KEPT_S = 30.0  # how long such an answer is believed
_SECRET = discord.Permissions(view_channel=True, read_message_history=True, connect=True).value


def guild_of(interaction: discord.Interaction) -> discord.Guild:
    """The server of a command, where the bot is a member. Raises NotInServer."""
    guild = None if interaction.guild_id is None else interaction.client.get_guild(interaction.guild_id)
    if guild is None or guild.unavailable or not isinstance(interaction.user, discord.Member):
        raise NotInServer
    return guild


def may_read(place: discord.abc.GuildChannel, reader: discord.Member | discord.Role) -> bool:
    """Whether somebody may see a channel and its history."""
    allowed = place.permissions_for(reader)
    return allowed.view_channel and allowed.read_message_history and (allowed.connect or not _is_voice(place))


def readable_ids(guild: discord.Guild, reader: discord.Member) -> set[int]:
    """The channels of a server that somebody may read."""
    return {channel.id for channel in guild.channels if may_read(channel, reader)}


def bot_may_read(guild: discord.Guild, channel: Channel) -> bool:
    """Whether the bot itself may read a channel or thread now; not where it is no longer there."""
    base = base_of(guild, channel)
    return base is not None and may_read(base, guild.me)


class Access:
    """Turns people into askers; remembers for a short while who is in which private thread."""

    def __init__(self) -> None:
        self._memberships: dict[tuple[int, int], tuple[float, bool]] = {}

    async def asker(self, interaction: discord.Interaction, stored: Iterable[Channel]) -> Member:
        """The member who asks, with those of the stored channels that they may read now. Raises NotInServer."""
        guild, member = guild_of(interaction), interaction.user
        assert isinstance(member, discord.Member)
        readable, private = set(), []
        open_ids = readable_ids(guild, member)
        for channel in stored:
            base = base_of(guild, channel)
            if base is None or base.id not in open_ids:
                continue
            if channel.kind is ChannelKind.PRIVATE_THREAD and not base.permissions_for(member).manage_threads:
                private.append(channel.channel_id)
            else:
                readable.add(channel.channel_id)
        readable.update(await self._joined(guild, member, private))
        return Member(guild.id, member.id, frozenset(readable))

    async def _joined(self, guild: discord.Guild, member: discord.Member, thread_ids: list[int]) -> list[int]:
        """The private threads that a member is in; older ones that the budget leaves out count as unreadable."""
        now = time.monotonic()
        self._memberships = {key: told for key, told in self._memberships.items() if told[0] > now}
        unknown = [i for i in sorted(thread_ids, reverse=True) if (i, member.id) not in self._memberships][:LOOKUPS]
        for thread_id, is_in in zip(
            unknown, await asyncio.gather(*(_is_in(guild, i, member.id) for i in unknown)), strict=True
        ):
            self._memberships[thread_id, member.id] = (now + KEPT_S, is_in)
        return [i for i in thread_ids if self._memberships.get((i, member.id), (0, False))[1]]


def audience_of(here: discord.abc.GuildChannel | discord.Thread, stored: Iterable[Channel]) -> Audience:
    """Everyone who sees what is written in a channel, with those of the stored channels that surely all may read.

    These are those that nobody in the server is shut out of, and, unless somebody may see the channel but not its
    history, the channel itself and those with the same permissions.
    """
    guild = here.guild
    base = here.parent if isinstance(here, discord.Thread) else here
    fit_ids = {source.id for source in guild.channels if base is not None and _is_fit_for(source, base)}
    readable = set()
    for channel in stored:
        source = base_of(guild, channel)
        is_private = channel.kind is ChannelKind.PRIVATE_THREAD and channel.channel_id != here.id
        if source is not None and source.id in fit_ids and not is_private:
            readable.add(channel.channel_id)
    return Audience(guild.id, frozenset(readable))


def base_of(guild: discord.Guild, channel: Channel) -> discord.abc.GuildChannel | None:
    """The channel whose permissions count: a thread's parent. None where it is no longer there."""
    if channel.is_thread:
        return None if channel.parent_id is None else guild.get_channel(channel.parent_id)
    return guild.get_channel(channel.channel_id)


async def _is_in(guild: discord.Guild, thread_id: int, user_id: int) -> bool:
    try:
        thread = guild.get_thread(thread_id) or await guild.fetch_channel(thread_id)
        assert isinstance(thread, discord.Thread)
        await thread.fetch_member(user_id)
    except (*FAILED, discord.InvalidData):
        return False
    return True


def _is_fit_for(source: discord.abc.GuildChannel, here: discord.abc.GuildChannel) -> bool:
    if _is_age_restricted(source) and not _is_age_restricted(here):
        return False
    is_like_here = source == here or _has_same_readers(source, here)
    return _is_open_to_all(source) or (is_like_here and _shows_history_to_all(here))


def _is_age_restricted(channel: discord.abc.GuildChannel) -> bool:
    return bool(getattr(channel, "nsfw", False))


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


def _has_same_readers(source: discord.abc.GuildChannel, here: discord.abc.GuildChannel) -> bool:
    """Whether surely all who may read a channel may read the other one; one reads in a voice channel only connected."""
    return _shuts_out(source) == _shuts_out(here) and (_is_voice(here) or not _is_voice(source))


def _is_voice(channel: discord.abc.GuildChannel) -> bool:
    return isinstance(channel, discord.VoiceChannel | discord.StageChannel)


def _shuts_out(channel: discord.abc.GuildChannel) -> dict[int, tuple[int, int]]:
    """What a channel's overwrites say of reading it, by role or member."""
    pairs = {target.id: overwrite.pair() for target, overwrite in channel.overwrites.items()}
    told = {i: (allow.value & _SECRET, deny.value & _SECRET) for i, (allow, deny) in pairs.items()}
    return {i: bits for i, bits in told.items() if any(bits)}
