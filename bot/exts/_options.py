"""Options that several commands have."""

import discord
from discord import app_commands

from bot.errors import BotMayNotRead
from bot.exts._convert import Place


class _Channels(app_commands.Transformer):
    """Channels, categories and threads of any kind, those that come after this version too."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    async def transform(self, interaction: discord.Interaction, value: object, /) -> object:
        return value


AnyChannel = app_commands.Transform[app_commands.AppCommandChannel | app_commands.AppCommandThread, _Channels]


async def place_of(channel: AnyChannel) -> Place:
    """The channel or thread itself. Raises BotMayNotRead where Discord does not show it to the bot."""
    try:
        return channel.resolve() or await channel.fetch()
    except discord.HTTPException as error:
        raise BotMayNotRead from error
