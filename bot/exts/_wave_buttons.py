"""The buttons of a notice of a wave. Their state is in their ids, so they outlive a restart."""

import re
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.client import SimilarBot
from bot.errors import MayNotModerate
from bot.exts._access import guild_of
from bot.exts._pages import answered
from bot.exts._wave_render import wave_embed
from bot.exts._words import words_of
from bot.services.audit import Act
from bot.services.wavenotices import PAGE, WavePage
from bot.words import Words

Press = discord.Interaction[SimilarBot]
_ID = r"(?P<wave_id>[0-9]{1,19})"


def _refuse_others(interaction: Press) -> None:
    """Raises MayNotModerate: who may decide may have changed since the notice was shown."""
    if not interaction.permissions.manage_messages:
        raise MayNotModerate


async def _note(interaction: Press, act: Act) -> None:
    await interaction.client.app.audit.note(guild_of(interaction).id, act, actor_id=interaction.user.id)


async def _show(interaction: Press, wave_id: int, start: int) -> None:
    """Put a page of a wave's messages where the answer stands, as far as whoever asks may read them."""
    bot = interaction.client
    asker = await bot.asker_of(interaction)
    history = bot.history_of(asker.guild_id)
    page = await bot.app.notices.page(asker, wave_id, start, history=history)
    page = page.seen_by(await bot.asker_now(interaction, page.channel_ids))
    words = words_of(interaction)
    await interaction.edit_original_response(embed=wave_embed(page, words), view=_turning(page, words))


def _turning(page: WavePage, words: Words) -> ui.View | None:
    view = ui.View(timeout=None)
    if page.start > 0:
        view.add_item(TurnWaveButton(page.wave_id, max(page.start - PAGE, 0), words("answer.previous")))
    if page.n_more:
        view.add_item(TurnWaveButton(page.wave_id, page.start + PAGE, words("answer.next")))
    return view if view.children else None


class _WaveButton(ui.DynamicItem[ui.Button[Any]], template=_ID):
    """A button that knows a wave."""

    kind: ClassVar[str]

    def __init__(self, wave_id: int) -> None:
        super().__init__(ui.Button(custom_id=f"wave_{self.kind}:{wave_id}"))
        self.wave_id = wave_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["wave_id"]))


class ShowWaveButton(_WaveButton, template=f"wave_show:{_ID}"):
    """Shows the messages, to whom asks alone."""

    kind = "show"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _show(interaction, self.wave_id, 0)


class HelpedWaveButton(_WaveButton, template=f"wave_helped:{_ID}"):
    """It was good to be told of a wave."""

    kind = "helped"

    @answered
    async def callback(self, interaction: Press) -> None:
        _refuse_others(interaction)
        await interaction.response.defer()
        if await interaction.client.app.notices.helped(guild_of(interaction).id, self.wave_id):
            await _note(interaction, Act.WAVE_HELPED)


class DismissWaveButton(_WaveButton, template=f"wave_dismiss:{_ID}"):
    """Has no more told of a wave."""

    kind = "dismiss"

    @answered
    async def callback(self, interaction: Press) -> None:
        _refuse_others(interaction)
        await interaction.response.defer()
        await interaction.client.app.notices.dismiss(guild_of(interaction).id, self.wave_id)
        await _note(interaction, Act.WAVE_DISMISSED)


class IgnoreWaveButton(_WaveButton, template=f"wave_ignore:{_ID}"):
    """Has no more told of what is like a wave."""

    kind = "ignore"

    @answered
    async def callback(self, interaction: Press) -> None:
        _refuse_others(interaction)
        await interaction.response.defer()
        await interaction.client.app.notices.ignore(guild_of(interaction).id, self.wave_id)
        await _note(interaction, Act.WAVE_IGNORED)


class TurnWaveButton(ui.DynamicItem[ui.Button[Any]], template=rf"wave_page:{_ID}:(?P<start>[0-9]{{1,4}})"):
    """Turns to another page of a wave's messages."""

    def __init__(self, wave_id: int, start: int, label: str = "") -> None:
        super().__init__(ui.Button(label=label, custom_id=f"wave_page:{wave_id}:{start}"))
        self.wave_id = wave_id
        self.start = start

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["wave_id"]), int(match["start"]))

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        await _show(interaction, self.wave_id, self.start)
