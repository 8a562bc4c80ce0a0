"""/watch: being told of waves of alike messages. For members with Manage Server."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import SimilarBot
from bot.errors import BotMayNotWrite
from bot.exts._access import guild_of
from bot.exts._convert import server_of
from bot.exts._history import Readable
from bot.exts._options import AnyChannel
from bot.exts._thresholds import put_threshold, threshold_lines
from bot.exts._wave_buttons import (
    DismissWaveButton,
    HelpedWaveButton,
    IgnoreWaveButton,
    ShowWaveButton,
    TurnWaveButton,
)
from bot.exts._words import told, worded, words_of, words_of_server
from bot.services.audit import Act
from bot.services.verdicts import Subject
from bot.services.wavenotices import Wave
from bot.services.waves import Watch
from bot.words import Words

Asked = discord.Interaction[SimilarBot]
Messages = app_commands.Range[int, 3, 100]
Accounts = app_commands.Range[int, 2, 100]
Minutes = app_commands.Range[int, 1, 120]
Channels = app_commands.Range[int, 2, 50]
Percent = app_commands.Range[int, 0, 100]
for_managers = app_commands.checks.has_permissions(manage_guild=True)
_LATEST = 10


@app_commands.default_permissions(manage_guild=True)
class Watching(
    commands.GroupCog,
    group_name=told("commands.watch.name"),
    group_description=told("commands.watch.description"),
):
    """Turning the watch on and off, and looking at it."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot
        self.waves = bot.app.waves
        self.notices = bot.app.notices

    @app_commands.command(name=told("commands.watch_on.name"), description=told("commands.watch_on.description"))
    @worded("watch_on", "channel", "messages", "accounts", "minutes", "channels")
    @for_managers
    async def on(  # noqa: PLR0917  # discord.py makes the options of them
        self,
        interaction: Asked,
        channel: AnyChannel,
        messages: Messages = 5,
        accounts: Accounts = 3,
        minutes: Minutes = 10,
        channels: Channels = 3,
    ) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        self.bot.app.coverage.refuse_strangers(guild.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _refuse_closed(channel)
        language = words_of_server(interaction).language
        watch = Watch(guild.id, channel.id, messages, accounts, minutes, channels, language)
        await self.bot.app.coverage.know(server_of(guild))
        await self.waves.watch(watch)
        await self._note(interaction, Act.WATCHED, channel_id=str(channel.id))
        lines = [_watched(watch, words)]
        if not self.bot.app.coverage.is_indexed(guild.id):
            lines.append(words("index.off"))
        await interaction.edit_original_response(content="\n".join(lines))

    @app_commands.command(name=told("commands.watch_off.name"), description=told("commands.watch_off.description"))
    @for_managers
    async def off(self, interaction: Asked) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        was_watched = await self.waves.unwatch(guild.id)
        if was_watched:
            await self._note(interaction, Act.UNWATCHED)
        await interaction.edit_original_response(content=words("watch.stopped" if was_watched else "watch.off"))

    @app_commands.command(
        name=told("commands.watch_status.name"), description=told("commands.watch_status.description")
    )
    @for_managers
    async def status(self, interaction: Asked) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        watch = await self.waves.watch_of(guild.id)
        lines = [words("watch.off") if watch is None else _watched(watch, words)]
        if watch is not None and not self.bot.app.coverage.is_indexed(guild.id):
            lines.append(words("index.off"))
        if n_ignored := await self.notices.n_ignored(guild.id):
            lines.append(words("watch.n_ignored", n=n_ignored))
        lines += threshold_lines(await self.bot.app.verdicts.standing(guild.id, Subject.WAVES), words)
        lines += _found(await self.notices.latest(guild.id, limit=_LATEST), words)
        await interaction.edit_original_response(embed=discord.Embed(description="\n".join(lines)))

    @app_commands.command(
        name=told("commands.watch_threshold.name"), description=told("commands.watch_threshold.description")
    )
    @worded("watch_threshold", "percent")
    @for_managers
    async def threshold(self, interaction: Asked, percent: Percent | None = None) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await put_threshold(interaction, Subject.WAVES, percent)

    async def _note(self, interaction: Asked, act: Act, **detail: object) -> None:
        await self.bot.app.audit.note(guild_of(interaction).id, act, actor_id=interaction.user.id, **detail)


def _watched(watch: Watch, words: Words) -> str:
    return words(
        "watch.on",
        channel=f"<#{watch.channel_id}>",
        messages=watch.n_messages,
        accounts=watch.n_accounts,
        minutes=watch.minutes,
        channels=watch.n_channels,
    )


def _found(waves: list[Wave], words: Words) -> list[str]:
    """What was found last, each with a link to its notice."""
    if not waves:
        return [words("watch.nothing")]
    lines = [words("watch.latest")]
    for wave in waves:
        at, state = discord.utils.format_dt(wave.last_at, "f"), words(f"wave.{wave.state}")
        url = f"https://discord.com/channels/{wave.guild_id}/{wave.channel_id}/{wave.notice_id}"
        lines.append(words("watch.found" if wave.notice_id is None else "watch.found_at", at=at, url=url, state=state))
    return lines


async def _refuse_closed(channel: AnyChannel) -> None:
    """Raises BotMayNotWrite where no notice could be posted."""
    try:
        place = channel.resolve() or await channel.fetch()
    except discord.HTTPException as error:
        raise BotMayNotWrite from error
    if not isinstance(place, Readable):
        raise BotMayNotWrite
    allowed = place.permissions_for(place.guild.me)
    may_send = allowed.send_messages_in_threads if isinstance(place, discord.Thread) else allowed.send_messages
    if not (allowed.view_channel and allowed.embed_links and may_send):
        raise BotMayNotWrite


async def setup(bot: SimilarBot) -> None:
    bot.add_dynamic_items(ShowWaveButton, HelpedWaveButton, DismissWaveButton, IgnoreWaveButton, TurnWaveButton)
    await bot.add_cog(Watching(bot))
