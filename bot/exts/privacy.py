"""/privacy: what is kept of a member, and the buttons by which they see it, delete it and shut it out."""

import io
import re
from typing import Any, ClassVar, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import SimilarBot
from bot.exts._access import guild_of
from bot.exts._pages import Press, answered
from bot.exts._words import told, words_of
from bot.services.privacy import Practice, Standing
from bot.words import Words


class Privacy(commands.Cog):
    """For everybody, about themselves alone."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot

    @app_commands.command(name=told("commands.privacy.name"), description=told("commands.privacy.description"))
    async def privacy(self, interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _show(interaction)


async def _show(interaction: Press, done: str | None = None) -> None:
    """Tell a member how they stand, below what was just done."""
    words, privacy, guild_id = words_of(interaction), interaction.client.app.privacy, guild_of(interaction).id
    standing = await privacy.standing(guild_id, interaction.user.id)
    embed = standing_embed(standing, privacy.practice(guild_id), words)
    await interaction.edit_original_response(content=done, embed=embed, view=_buttons(standing, words))


def standing_embed(standing: Standing, practice: Practice, words: Words) -> discord.Embed:
    """What is kept of a member, what for, where it goes and how long, and what they can do."""
    n, service, days = standing.n_messages, practice.service, practice.retention_days
    paragraphs = [words("privacy.kept", n=n) if n else words("privacy.nothing")]
    if standing.opted_out_at is not None:
        since = discord.utils.format_dt(standing.opted_out_at, "D")
        paragraphs.append(words("privacy.opted_out", since=since))
    paragraphs += [
        words("privacy.what"),
        words("privacy.sent", service=service) if service else words("privacy.stays"),
        words("privacy.retained" if days else "privacy.until_deleted", days=days, hours=practice.removal_grace_hours),
        words("privacy.choices"),
    ]
    return discord.Embed(title=words("privacy.title"), description="\n\n".join(paragraphs))


def _buttons(standing: Standing, words: Words) -> ui.View:
    """All of them, so that it is seen what can be undone; what there is nothing to do for cannot be pressed."""
    is_out = standing.opted_out_at is not None
    view = ui.View(timeout=None)
    view.add_item(ShowButton(words("privacy.show")))
    view.add_item(ForgetButton(words("privacy.forget")))
    view.add_item(OptOutButton(words("privacy.opt_out"), is_off=is_out))
    view.add_item(OptInButton(words("privacy.opt_in"), is_off=not is_out))
    return view


class _PrivacyButton(ui.DynamicItem[ui.Button[Any]], template="privacy"):
    """A button that needs to know nothing: it is about whoever presses it, where they press it."""

    kind: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, label: str = "", *, is_off: bool = False) -> None:
        super().__init__(ui.Button(label=label, style=self.style, disabled=is_off, custom_id=f"privacy:{self.kind}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls()


class ShowButton(_PrivacyButton, template="privacy:show"):
    """Gives a member all that is kept of them."""

    kind = "show"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        words, guild_id, number = words_of(interaction), guild_of(interaction).id, 0
        async for content in interaction.client.app.privacy.files(guild_id, interaction.user.id):
            number += 1
            file = discord.File(io.BytesIO(content), f"my-data-{guild_id}-{number}.json")
            if number == 1:
                await interaction.edit_original_response(content=words("privacy.data"), attachments=[file])
            else:
                more = words("privacy.more_data", number=number)
                await interaction.followup.send(more, file=file, ephemeral=True)


class ForgetButton(_PrivacyButton, template="privacy:forget"):
    """Asks once more."""

    kind = "forget"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        words = words_of(interaction)
        standing = await interaction.client.app.privacy.standing(guild_of(interaction).id, interaction.user.id)
        view = ui.View(timeout=None)
        view.add_item(ReallyForgetButton(words("privacy.forget_really")))
        view.add_item(BackButton(words("privacy.back")))
        asked = words("privacy.really", n=standing.n_messages)
        await interaction.edit_original_response(content=asked, embed=None, view=view)


class ReallyForgetButton(_PrivacyButton, template="privacy:really_forget"):
    """Erases all that there is of a member."""

    kind = "really_forget"
    style = discord.ButtonStyle.danger

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        words, privacy, guild_id = words_of(interaction), interaction.client.app.privacy, guild_of(interaction).id
        n = await privacy.forget(guild_id, interaction.user.id, up_to_id=interaction.id)
        is_out = (await privacy.standing(guild_id, interaction.user.id)).opted_out_at is not None
        await _show(interaction, words("privacy.forgotten_out" if is_out else "privacy.forgotten", n=n))


class BackButton(_PrivacyButton, template="privacy:back"):
    """Leaves all as it is."""

    kind = "back"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        await _show(interaction)


class OptOutButton(_PrivacyButton, template="privacy:opt_out"):
    """Erases all that there is of a member, and keeps nothing more."""

    kind = "opt_out"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        n = await interaction.client.app.privacy.opt_out(guild_of(interaction).id, interaction.user.id)
        await _show(interaction, words_of(interaction)("privacy.left", n=n))


class OptInButton(_PrivacyButton, template="privacy:opt_in"):
    """Keeps again what a member writes."""

    kind = "opt_in"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        guild_id = guild_of(interaction).id
        await interaction.client.app.privacy.opt_in(guild_id, interaction.user.id, up_to_id=interaction.id)
        await _show(interaction, words_of(interaction)("privacy.returned"))


async def setup(bot: SimilarBot) -> None:
    bot.add_dynamic_items(ShowButton, ForgetButton, ReallyForgetButton, BackButton, OptOutButton, OptInButton)
    await bot.add_cog(Privacy(bot))
