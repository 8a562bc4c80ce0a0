"""What Discord reports: put into the inbox, and nothing else."""

import logging

import discord
from discord.ext import commands

from bot.client import SimilarBot
from bot.exts._access import readable_ids
from bot.exts._convert import is_blank, location_of, message_of, thread_of
from bot.services.events import (
    ChannelClosed,
    ChannelDeleted,
    ChannelsTurned,
    HistoryWanted,
    MessageSaved,
    MessagesDeleted,
    NamesChanged,
    ReachChanged,
    ServerJoined,
    ServerLeft,
    ThreadChanged,
)

log = logging.getLogger(__name__)


class Events(commands.Cog):
    """Listens."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot
        self.inbox = bot.app.inbox
        self._open: dict[int, set[tuple[int, bool]]] = {}

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if message.guild is not None:
            await self._save(message, message.guild.id)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        if payload.guild_id is None:
            return
        if is_blank(payload.message):
            # Nobody can empty a message by editing it: Discord no longer shows the bot what is written.
            log.warning("message %d came without content: is the message content intent on?", payload.message_id)
            return
        await self._save(payload.message, payload.guild_id)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            await self.inbox.put(MessagesDeleted(payload.guild_id, (payload.message_id,)))

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            await self.inbox.put(MessagesDeleted(payload.guild_id, tuple(payload.message_ids)))

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self.inbox.put(ChannelDeleted(channel.guild.id, channel.id))

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self.inbox.put(ChannelDeleted(payload.guild_id, payload.thread_id))

    @commands.Cog.listener()
    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        await self.inbox.put(ThreadChanged(thread_of(payload)))

    @commands.Cog.listener()
    async def on_thread_remove(self, thread: discord.Thread) -> None:
        manages = thread.parent is not None and thread.parent.permissions_for(thread.guild.me).manage_threads
        if thread.is_private() and not manages:
            await self.inbox.put(ChannelClosed(thread.guild.id, thread.id))

    @commands.Cog.listener()
    async def on_thread_join(self, thread: discord.Thread) -> None:
        if thread.is_private() and self.bot.app.keeping.covers(location_of(thread)):
            self.bot.app.up_to_date.lost_sight_of(thread.id)
            self.bot.reader.start(thread.guild.id)

    @commands.Cog.listener()
    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        await self._look_around(channel.guild)

    @commands.Cog.listener()
    async def on_guild_channel_update(self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        await self._look_around(after.guild)

    @commands.Cog.listener()
    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        await self._look_around(after.guild)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        await self._look_around(role.guild)

    @commands.Cog.listener()
    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        if after == after.guild.me:
            await self._look_around(after.guild)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        await self._look_again(guild)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.inbox.put(ServerJoined(guild.id))
        await self._look_again(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.inbox.put(ServerLeft(guild.id))

    @commands.Cog.listener()
    async def on_connect(self) -> None:
        """READY comes before anything else of a new session, and this with it; on_ready comes seconds later."""
        self.bot.app.up_to_date.session_began()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """A new session: what happened in between was not reported."""
        app = self.bot.app
        here = {guild.id for guild in self.bot.guilds}
        for guild_id in app.coverage.guild_ids | app.keeping.guild_ids:
            await self.inbox.put(ServerJoined(guild_id) if guild_id in here else ServerLeft(guild_id))
        for guild in self.bot.guilds:
            await self._look_again(guild)
        self.bot.announce_ready()

    async def _look_around(self, guild: discord.Guild) -> None:
        """What changed may have opened channels to the bot, or closed some."""
        if guild.unavailable:
            return
        self.bot.app.answers.permissions_changed(guild.id)
        self.bot.app.duplicates.permissions_changed(guild.id)
        self.bot.app.notices.permissions_changed(guild.id)
        now_open, were_open = _open_to_bot(guild), self._open.get(guild.id, set())
        self._open[guild.id] = now_open
        turned = frozenset(channel_id for channel_id, _ in now_open ^ were_open)
        await self.inbox.put(ChannelsTurned(guild.id, turned) if turned else NamesChanged(guild.id))

    async def _look_again(self, guild: discord.Guild) -> None:
        if guild.unavailable:
            return
        self.bot.app.answers.permissions_changed(guild.id)
        self.bot.app.duplicates.permissions_changed(guild.id)
        self.bot.app.notices.permissions_changed(guild.id)
        self._open[guild.id] = _open_to_bot(guild)
        # In this order: a change of reach makes void what was read before it.
        await self.inbox.put(ReachChanged(guild.id))
        await self.inbox.put(HistoryWanted(guild.id))

    async def _save(self, message: discord.Message, guild_id: int) -> None:
        place = message.channel
        location = location_of(place) if isinstance(place, discord.abc.GuildChannel | discord.Thread) else None
        await self.inbox.put(MessageSaved(message_of(message, guild_id), location))


def _open_to_bot(guild: discord.Guild) -> set[tuple[int, bool]]:
    """The channels that the bot may read, and whether it may manage their threads, the private ones too."""
    ids = readable_ids(guild, guild.me)
    return {(c.id, c.permissions_for(guild.me).manage_threads) for c in guild.channels if c.id in ids}


async def setup(bot: SimilarBot) -> None:
    await bot.add_cog(Events(bot))
