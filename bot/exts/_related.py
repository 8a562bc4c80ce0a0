"""The buttons below a suggestion, which know the thread by where they stand."""

import re
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.client import SimilarBot
from bot.errors import NotAuthor, NotAuthorNorModerator, NotInServer
from bot.exts._access import guild_of
from bot.exts._pages import answered
from bot.exts._words import words_of, words_of_server
from bot.words import Words

Press = discord.Interaction[SimilarBot]


def suggestion_buttons(words: Words) -> ui.View:
    """What can be said of a suggestion."""
    view = ui.View(timeout=None)
    view.add_item(HelpedButton(words("related.helped"), "✅"))
    view.add_item(NotRelatedButton(words("related.not_related"), "✖️"))
    return view


class _SaidButton(ui.DynamicItem[ui.Button[Any]], template="related"):
    """A button that needs no state: it acts where it stands."""

    kind: ClassVar[str]

    def __init__(self, label: str = "", emoji: str | None = None) -> None:
        super().__init__(ui.Button(label=label, emoji=emoji, custom_id=self.kind))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls()


class HelpedButton(_SaidButton, template="related_helped"):
    """The author was helped, which others see and later suggestions count."""

    kind = "related_helped"

    @answered
    async def callback(self, interaction: Press) -> None:
        thread, message = _pressed(interaction)
        if interaction.user.id != thread.owner_id:
            raise NotAuthor
        await interaction.response.defer()
        await interaction.client.app.related.helped(thread.guild.id, thread.id, message.id)
        told = words_of_server(interaction)("related.has_helped")
        await interaction.edit_original_response(content=told, view=None)


class NotRelatedButton(_SaidButton, template="related_not"):
    """What is suggested has nothing to do with the thread, and goes."""

    kind = "related_not"

    @answered
    async def callback(self, interaction: Press) -> None:
        thread, message = _pressed(interaction)
        allowed = interaction.permissions
        moderates = allowed.manage_threads or allowed.manage_messages
        if interaction.user.id != thread.owner_id and not moderates:
            raise NotAuthorNorModerator
        await interaction.response.defer(ephemeral=True, thinking=True)
        app = interaction.client.app
        await app.related.rejected(thread.guild.id, message.id)
        app.answers.may_be_stale.set()  # nothing is left of it, so that it goes
        await interaction.edit_original_response(content=words_of(interaction)("related.taken_away"))


def _pressed(interaction: Press) -> tuple[discord.Thread, discord.Message]:
    """The thread and the suggestion in it. Raises NotInServer and NotOffered."""
    guild = guild_of(interaction)
    interaction.client.app.coverage.refuse_strangers(guild.id)
    thread = guild.get_thread(interaction.channel_id or 0) or interaction.channel
    if not isinstance(thread, discord.Thread) or interaction.message is None:
        raise NotInServer
    return thread, interaction.message
