"""/trends and /map: pictures for the asker alone, of what they may read at that moment."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import discord
from discord import app_commands
from discord.ext import commands

from bot.askers import Member, Scope
from bot.client import SimilarBot
from bot.exts._options import AnyChannel, Moment, id_at, lying_in, moment_choices
from bot.exts._words import told, worded, words_of
from bot.pictures.landscape import picture_of_landscape, remarks_on_landscape
from bot.pictures.picture import Picture
from bot.pictures.trend import picture_of_trend, remarks_on_trend

Asked = discord.Interaction[SimilarBot]
Text = app_commands.Range[str, 1, 4000]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, or none where there is nothing to draw, with remarks and the channels that it tells of."""

    picture: Picture | None
    remarks: list[str]
    channel_ids: frozenset[int]


class Pictures(commands.Cog):
    """For everybody, about what they may read."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot

    @app_commands.command(name=told("commands.trends.name"), description=told("commands.trends.description"))
    @worded("trends", "text", "channel", "since")
    async def trends(
        self, interaction: Asked, text: Text, channel: AnyChannel | None = None, since: Moment | None = None
    ) -> None:
        self.bot.app.questions.take(interaction.user.id, interaction.guild_id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        within, words = await self._within(channel, since), words_of(interaction)

        async def draw(asker: Member) -> Drawn:
            trend = await self.bot.app.trends.of(asker, text, within)
            remarks = remarks_on_trend(trend, words)
            if not trend.n_matches:
                return Drawn(None, [words("answer.nothing"), *remarks], frozenset())
            picture = await asyncio.to_thread(picture_of_trend, trend, text, words)
            return Drawn(picture, remarks, trend.channel_ids)

        await _show(interaction, "trends.png", draw)

    @app_commands.command(name=told("commands.map.name"), description=told("commands.map.description"))
    @worded("map", "channel", "since")
    async def draw_map(
        self, interaction: Asked, channel: AnyChannel | None = None, since: Moment | None = None
    ) -> None:
        self.bot.app.questions.take(interaction.user.id, interaction.guild_id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        within, words = await self._within(channel, since), words_of(interaction)

        async def draw(asker: Member) -> Drawn:
            landscape = await self.bot.app.landscapes.of(asker, within)
            picture = await asyncio.to_thread(picture_of_landscape, landscape, words)
            return Drawn(picture, remarks_on_landscape(landscape, words), landscape.channel_ids)

        await _show(interaction, "map.png", draw)

    @trends.autocomplete("since")
    @draw_map.autocomplete("since")
    async def moments(self, interaction: Asked, typed: str) -> list[app_commands.Choice[str]]:
        return moment_choices(words_of(interaction), typed)

    async def _within(self, channel: AnyChannel | None, since: str | None) -> Scope:
        channel_ids = None if channel is None else await lying_in(self.bot, channel)
        return Scope(channel_ids=channel_ids, after_id=id_at(since))


async def _show(interaction: Asked, name: str, draw: Callable[[Member], Awaitable[Drawn]]) -> None:
    """Show what is drawn of what the asker may see at this moment; drawn anew if that became less meanwhile."""
    asker = await interaction.client.asker_of(interaction)
    while True:
        drawn = await draw(asker)
        asker = await interaction.client.asker_now(interaction, drawn.channel_ids)
        if drawn.channel_ids <= asker.channel_ids:
            break
    picture = drawn.picture
    files = [discord.File(io.BytesIO(picture.png), name, description=picture.told)] if picture else []
    await interaction.edit_original_response(content="\n".join(drawn.remarks) or None, attachments=files)


async def setup(bot: SimilarBot) -> None:
    await bot.add_cog(Pictures(bot))
