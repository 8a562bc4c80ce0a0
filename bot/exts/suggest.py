"""/suggest: where earlier posts are suggested in new ones. For members with Manage Server."""

from datetime import timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import SimilarBot
from bot.errors import BotMayNotReply, NoThreadsThere
from bot.exts._access import guild_of
from bot.exts._convert import Place, location_of, server_of
from bot.exts._options import AnyChannel, place_of
from bot.exts._related import HelpedButton, NotRelatedButton
from bot.exts._starts import refuse_closed
from bot.exts._suggestions import suggest_when_due
from bot.exts._thresholds import put_threshold, threshold_lines
from bot.exts._words import told, worded, words_of
from bot.services.audit import Act
from bot.services.related import DELAY
from bot.services.verdicts import Subject
from bot.words import Words

Asked = discord.Interaction[SimilarBot]
Delay = app_commands.Range[int, 1, 3600]
Percent = app_commands.Range[int, 0, 100]
for_managers = app_commands.checks.has_permissions(manage_guild=True)


@app_commands.default_permissions(manage_guild=True)
class Suggest(
    commands.GroupCog,
    group_name=told("commands.suggest.name"),
    group_description=told("commands.suggest.description"),
):
    """Choosing channels, and from where on something counts as related."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot
        self.related = bot.app.related

    @commands.Cog.listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        is_own = self.bot.user is not None and thread.owner_id == self.bot.user.id
        if not is_own and self.bot.app.coverage.is_offered(thread.guild.id):
            await self.related.opened(location_of(thread))

    @app_commands.command(name=told("commands.suggest_on.name"), description=told("commands.suggest_on.description"))
    @worded("suggest_on", "channel", "delay")
    @for_managers
    async def on(self, interaction: Asked, channel: AnyChannel, delay: Delay | None = None) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        self.bot.app.coverage.refuse_strangers(guild.id)
        place = await place_of(channel)
        refuse_closed(guild, place, self.bot.app.keeping)
        _refuse_mute(place)
        await interaction.response.defer(ephemeral=True, thinking=True)
        after = DELAY if delay is None else timedelta(seconds=delay)
        await self.bot.app.coverage.know(server_of(guild))
        await self.related.choose(guild.id, place.id, after)
        await self._note(interaction, Act.SUGGESTED, channel_id=str(place.id))
        lines = [words("related.on", channel=f"<#{place.id}>", seconds=f"{after.total_seconds():,.0f}")]
        if not self.bot.app.keeping.covers(location_of(place)):
            lines.append(words("related.not_indexed"))
        await interaction.edit_original_response(content="\n".join(lines))

    @app_commands.command(name=told("commands.suggest_off.name"), description=told("commands.suggest_off.description"))
    @worded("suggest_off", "channel")
    @for_managers
    async def off(self, interaction: Asked, channel: AnyChannel) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        was_on = await self.related.leave(guild.id, channel.id)
        if was_on:
            await self._note(interaction, Act.UNSUGGESTED, channel_id=str(channel.id))
        key = "related.off" if was_on else "related.was_off"
        await interaction.edit_original_response(content=words(key, channel=f"<#{channel.id}>"))

    @app_commands.command(
        name=told("commands.suggest_status.name"), description=told("commands.suggest_status.description")
    )
    @for_managers
    async def status(self, interaction: Asked) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        lines = await self._chosen(guild.id, words)
        lines += threshold_lines(await self.bot.app.verdicts.standing(guild.id, Subject.RELATED), words)
        await interaction.edit_original_response(embed=discord.Embed(description="\n".join(lines)[:4096]))

    @app_commands.command(
        name=told("commands.suggest_threshold.name"), description=told("commands.suggest_threshold.description")
    )
    @worded("suggest_threshold", "percent")
    @for_managers
    async def threshold(self, interaction: Asked, percent: Percent | None = None) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await put_threshold(interaction, Subject.RELATED, percent)

    async def _note(self, interaction: Asked, act: Act, **detail: object) -> None:
        await self.bot.app.audit.note(guild_of(interaction).id, act, actor_id=interaction.user.id, **detail)

    async def _chosen(self, guild_id: int, words: Words) -> list[str]:
        """Where suggestions are made, and how long each author has."""
        chosen = await self.related.chosen(guild_id)
        lines = [
            words("related.chosen", channel=f"<#{channel_id}>", seconds=f"{delay.total_seconds():,.0f}")
            for channel_id, delay in chosen.items()
        ]
        return [words("related.chosen_here"), *lines] if lines else [words("related.nowhere")]


def _refuse_mute(place: Place) -> None:
    """Raises NoThreadsThere and BotMayNotReply."""
    if not isinstance(place, discord.TextChannel | discord.ForumChannel | discord.CategoryChannel):
        raise NoThreadsThere
    allowed = place.permissions_for(place.guild.me)
    if not (allowed.send_messages_in_threads and allowed.embed_links):
        raise BotMayNotReply


async def setup(bot: SimilarBot) -> None:
    bot.add_dynamic_items(HelpedButton, NotRelatedButton)
    await bot.add_cog(Suggest(bot))
    bot.run_beside(lambda: suggest_when_due(bot))
