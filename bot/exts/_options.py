"""Options that several commands have."""

import discord
from discord import app_commands


class _Channels(app_commands.Transformer):
    """Channels, categories and threads of any kind, those that come after this version too."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    async def transform(self, interaction: discord.Interaction, value: object, /) -> object:
        return value


AnyChannel = app_commands.Transform[app_commands.AppCommandChannel | app_commands.AppCommandThread, _Channels]
