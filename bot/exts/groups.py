"""/groups: messages that say the same, across accounts and channels. For moderators, unless a server says otherwise."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.askers import Scope
from bot.client import SimilarBot
from bot.exts._failures import FAILED
from bot.exts._grouped import groups_embed
from bot.exts._options import AnyChannel, Moment, id_at, lying_in, moment_choices
from bot.exts._pages import STATE, AnswerButton, CopiesButton, Press, answered, turning
from bot.exts._words import told, worded, words_of
from bot.services.gathering import Wanted
from bot.services.groups import GroupPage
from bot.words import Words

Asked = discord.Interaction[SimilarBot]
Size = app_commands.Range[int, 2, 100]
_TOLD_EVERY_S = 3.0


class Groups(commands.Cog):
    """Looks for groups, and shows them to who asks alone."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot

    @app_commands.command(name=told("commands.groups.name"), description=told("commands.groups.description"))
    @app_commands.default_permissions(manage_messages=True)
    @worded("groups", "since", "channel", "min_size")
    async def groups(
        self, interaction: Asked, since: Moment | None = None, channel: AnyChannel | None = None, min_size: Size = 3
    ) -> None:
        app = self.bot.app
        app.questions.take(interaction.user.id, interaction.guild_id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        channel_ids = None if channel is None else await lying_in(self.bot, channel)
        wanted = Wanted(Scope(channel_ids=channel_ids, after_id=id_at(since)), min_size)
        asker = await self.bot.asker_of(interaction)
        history, share = self.bot.history_of(asker.guild_id), _Share()
        looking = app.groups.look(asker, wanted, history=history, on_share=share)
        await _show(interaction, await share.told_while(looking, interaction))

    @groups.autocomplete("since")
    async def moments(self, interaction: Asked, typed: str) -> list[app_commands.Choice[str]]:
        """As for /similar."""
        return moment_choices(words_of(interaction), typed)


class _Share:
    """How much of a search is done, which is told while it goes on."""

    def __init__(self) -> None:
        self._done = 0.0

    def __call__(self, share: float) -> None:
        self._done = share

    async def told_while(self, looking: Coroutine[Any, Any, GroupPage], interaction: Asked) -> GroupPage:
        """Show every few seconds how far it is; what it comes to."""
        words = words_of(interaction)
        task = asyncio.create_task(looking)
        try:
            while not (await asyncio.wait([task], timeout=_TOLD_EVERY_S))[0]:
                with suppress(*FAILED):
                    content = words("groups.looking", percent=int(self._done * 100))
                    await interaction.edit_original_response(content=content)
        finally:
            task.cancel()
        return await task


async def _show(interaction: Press, page: GroupPage) -> None:
    """Put a page where the answer stands, as far as the asker may see it at this moment."""
    words = words_of(interaction)
    page = page.seen_by(await interaction.client.asker_now(interaction, page.channel_ids))
    view = _buttons(page, words)
    await interaction.edit_original_response(content=None, embed=groups_embed(page, words), view=view)


def _buttons(page: GroupPage, words: Words) -> ui.View | None:
    if not page.is_kept:
        return None
    view = turning(page, GroupsButton, words)
    for number, group in enumerate(page.groups, page.start + 1):
        label = words("answer.copies", number=number, n=len(group.places))
        view.add_item(CopiesButton(page.answer_id, group.position, label, "🗂️"))
    return view if view.children else None


class GroupsButton(AnswerButton, template=f"groups:{STATE}"):
    """Turns to another page of groups."""

    kind = "groups"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        await _show(interaction, await self.given(interaction, interaction.client.app.groups.turn))


async def setup(bot: SimilarBot) -> None:
    bot.add_dynamic_items(GroupsButton)
    await bot.add_cog(Groups(bot))
