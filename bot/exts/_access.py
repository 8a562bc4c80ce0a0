"""Who may read what, from the permissions of this moment; nothing of it is stored."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable

import discord

from bot.askers import Member
from bot.errors import NotInServer
from bot.exts._failures import FAILED
from bot.messages import Channel, ChannelKind

LOOKUPS = 10  # how many private threads one question may ask Discord about
KEPT_S = 30.0  # how long such an answer is believed while candidates are looked for
_Bases = dict[discord.abc.GuildChannel, list[Channel]]


def guild_of(interaction: discord.Interaction) -> discord.Guild:
    """The server of a command, where the bot is a member. Raises NotInServer."""
    guild = None if interaction.guild_id is None else interaction.client.get_guild(interaction.guild_id)
    if guild is None or guild.unavailable or not isinstance(interaction.user, discord.Member):
        raise NotInServer
    return guild


def may_read(place: discord.abc.GuildChannel, reader: discord.Member | discord.Role) -> bool:
    """Whether somebody may see a channel and its history."""
    allowed = place.permissions_for(reader)
    return allowed.view_channel and allowed.read_message_history and (allowed.connect or not is_voice(place))


def readable_ids(guild: discord.Guild, reader: discord.Member) -> set[int]:
    """The channels of a server that somebody may read."""
    return {channel.id for channel in guild.channels if may_read(channel, reader)}


def bot_may_read(guild: discord.Guild, channel: Channel) -> bool:
    """Whether the bot itself may read a channel or thread now; not where it is no longer there."""
    base = base_of(guild, channel)
    return base is not None and may_read(base, guild.me)


def base_of(guild: discord.Guild, channel: Channel) -> discord.abc.GuildChannel | None:
    """The channel whose permissions count: a thread's parent. None where it is no longer there."""
    if channel.is_thread:
        return None if channel.parent_id is None else guild.get_channel(channel.parent_id)
    return guild.get_channel(channel.channel_id)


def is_voice(channel: discord.abc.GuildChannel) -> bool:
    return isinstance(channel, discord.VoiceChannel | discord.StageChannel)


def is_age_restricted(place: object) -> bool:
    """Whether Discord shows a place only to those who said that they are of age; a thread is as its channel."""
    channel = place.parent if isinstance(place, discord.Thread) else place
    return bool(getattr(channel, "nsfw", False))


def is_private(guild: discord.Guild, channel: Channel) -> bool:
    """Whether a stored channel is a private thread, as it is stored or as Discord shows it."""
    thread = guild.get_thread(channel.channel_id)
    return channel.kind is ChannelKind.PRIVATE_THREAD or (thread is not None and thread.is_private())


def seen_by(interaction: discord.Interaction, stored: Iterable[Channel], joined: Iterable[int]) -> Member:
    """The member who asks, with those of the stored channels that they may see now and where they ask.

    This alone decides it. `joined` are the private threads that the member is in. Raises NotInServer.
    """
    guild, member = _who(interaction)
    here = guild.get_channel_or_thread(interaction.channel_id or 0) or interaction.channel
    is_restricted_here = is_age_restricted(here)
    ids: set[int] = set()
    for base, channels in _open_to(guild, member, stored).items():
        if not is_age_restricted(base) or is_restricted_here:
            closed = set() if _manages(base, member) else {c.channel_id for c in channels if is_private(guild, c)}
            ids |= {c.channel_id for c in channels} - (closed - set(joined))
    return Member(guild.id, member.id, frozenset(ids))


class Access:
    """Turns people into askers; remembers for a short while who is in which private thread."""

    def __init__(self) -> None:
        self._memberships: dict[tuple[int, int], tuple[float, bool]] = {}

    async def asker(self, interaction: discord.Interaction, stored: Iterable[Channel]) -> Member:
        """Who asks, to look for candidates among the stored channels. Raises NotInServer."""
        stored = list(stored)
        guild, member = _who(interaction)
        private = _open_to(guild, member, [channel for channel in stored if is_private(guild, channel)])
        asked = [c.channel_id for base, threads in private.items() if not _manages(base, member) for c in threads]
        return seen_by(interaction, stored, await self._joined(guild, member, asked))

    async def asker_now(self, interaction: discord.Interaction, shown: Iterable[Channel]) -> Member:
        """Who asks, for what is about to be shown: Discord is asked anew who is in a private thread.

        Raises NotInServer.
        """
        shown = list(shown)
        _, member = _who(interaction)
        for channel in shown:
            self._memberships.pop((channel.channel_id, member.id), None)
        return await self.asker(interaction, shown)

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


def _who(interaction: discord.Interaction) -> tuple[discord.Guild, discord.Member]:
    guild, member = guild_of(interaction), interaction.user
    assert isinstance(member, discord.Member)
    return guild, member


def _open_to(guild: discord.Guild, member: discord.Member, stored: Iterable[Channel]) -> _Bases:
    """The stored channels by the channel whose permissions count, where the member and the bot may read that."""
    by_base: _Bases = defaultdict(list)
    for channel in stored:
        base = base_of(guild, channel)
        if base is not None:
            by_base[base].append(channel)
    # What the bot may not read it hears no deletions of.
    return {base: found for base, found in by_base.items() if may_read(base, member) and may_read(base, guild.me)}


def _manages(base: discord.abc.GuildChannel, member: discord.Member) -> bool:
    return base.permissions_for(member).manage_threads


async def _is_in(guild: discord.Guild, thread_id: int, user_id: int) -> bool:
    try:
        thread = guild.get_thread(thread_id) or await guild.fetch_channel(thread_id)
        assert isinstance(thread, discord.Thread)
        await thread.fetch_member(user_id)
    except (*FAILED, discord.InvalidData):
        return False
    return True
