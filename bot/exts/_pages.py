"""The buttons under an answer. Their state is in their ids, so they outlive a restart."""

import functools
import re
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Self, TypeVar

import discord
from discord import ui

from bot.askers import visible_to
from bot.client import SimilarBot
from bot.errors import BotMayNotRead, MayNotWrite, NothingToShare
from bot.exts._access import bot_may_read, guild_of
from bot.exts._convert import Place, location_of
from bot.exts._history import Readable
from bot.exts._render import copies_embed, page_embed, share_embed
from bot.exts._words import tell, words_of, words_of_server
from bot.messages import Hit
from bot.services.answers import Page
from bot.services.groups import GroupPage
from bot.words import Words

Press = discord.Interaction[SimilarBot]
B = TypeVar("B")
Pressed = Callable[[B, discord.Interaction[Any]], Coroutine[Any, Any, None]]
T = TypeVar("T")
Given = Callable[..., Coroutine[Any, Any, T]]  # asker, answer_id, place, history
STATE = r"(?P<answer_id>[0-9]{1,19}):(?P<start>[0-9]{1,4})"


async def show(interaction: Press, page: Page) -> None:
    """Put a page where the answer stands, as far as the asker may see it at this moment."""
    words, bot = words_of(interaction), interaction.client
    shown_ids = [hit.message.message_id for hit in page.hits]
    marks = await bot.app.duplicates.marks_of(guild_of(interaction).id, shown_ids)
    asker = await bot.asker_now(interaction, page.channel_ids | marks.channel_ids)
    page, marks = page.seen_by(asker), marks.seen_by(asker)
    await interaction.edit_original_response(embed=page_embed(page, words, marks=marks), view=_buttons(page, words))


def _buttons(page: Page, words: Words, *, is_shared: bool = False) -> ui.View | None:
    if not page.is_kept:
        return None
    view = turning(page, TurnButton, words)
    if page.hits and not is_shared:
        view.add_item(ShareButton(page.answer_id, page.start, words("answer.share"), "📢"))
    for number, (position, hit) in enumerate(zip(page.positions, page.hits, strict=True), page.start + 1):
        if hit.copies:
            label = words("answer.copies", number=number, n=1 + len(hit.copies))
            view.add_item(CopiesButton(page.answer_id, position, label, "🗂️"))
    return view if view.children else None


def turning(page: Page | GroupPage, button: "type[AnswerButton]", words: Words) -> ui.View:
    """The ways to the pages beside one."""
    view = ui.View(timeout=None)
    if page.start > 0:
        view.add_item(button(page.answer_id, page.previous, words("answer.previous"), "◀"))
    if page.n_more:
        view.add_item(button(page.answer_id, page.next, words("answer.next"), "▶"))
    return view


def answered(pressed: Pressed[B]) -> Pressed[B]:
    """Have a press that fails answered with a sentence, where discord.py would leave the person without a word."""

    @functools.wraps(pressed)
    async def callback(self: B, interaction: discord.Interaction[Any]) -> None:
        try:
            interaction.client.app.presses.take(interaction.user.id, interaction.guild_id)
            await pressed(self, interaction)
        except Exception as error:  # noqa: BLE001  # tell() logs it
            await tell(interaction, error)

    return callback


class AnswerButton(ui.DynamicItem[ui.Button[Any]], template=STATE):
    """A button that knows an answer and a place in it."""

    kind: ClassVar[str]

    def __init__(self, answer_id: int, start: int, label: str = "", emoji: str | None = None) -> None:
        super().__init__(ui.Button(label=label, emoji=emoji, custom_id=f"{self.kind}:{answer_id}:{start}"))
        self.answer_id = answer_id
        self.start = start

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["answer_id"]), int(match["start"]))

    async def given(self, interaction: Press, ask: Given[T]) -> T:
        """What lies at its place of its answer, as whoever presses may have it."""
        bot = interaction.client
        asker = await bot.asker_of(interaction)
        return await ask(asker, self.answer_id, self.start, history=bot.history_of(asker.guild_id))


class TurnButton(AnswerButton, template=f"page:{STATE}"):
    """Turns to another page."""

    kind = "page"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        await show(interaction, await self.given(interaction, interaction.client.app.answers.turn))


class CopiesButton(AnswerButton, template=f"copies:{STATE}"):
    """Lists what says the same as a hit, to whom asks alone."""

    kind = "copies"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        copies = await self.given(interaction, interaction.client.app.answers.opened)
        copies = copies.seen_by(await interaction.client.asker_now(interaction, copies.channel_ids))
        await interaction.edit_original_response(embed=copies_embed(copies, words_of(interaction)))


class ShareButton(AnswerButton, template=f"share:{STATE}"):
    """Shows a page to everyone in the channel, as far as all of them may read it."""

    kind = "share"

    @answered
    async def callback(self, interaction: Press) -> None:
        await interaction.response.defer()
        bot, answers = interaction.client, interaction.client.app.answers
        here = guild_of(interaction).get_channel_or_thread(interaction.channel_id or 0) or interaction.channel
        if not isinstance(here, Readable) or not _may_write(interaction, here):
            raise MayNotWrite
        if not bot_may_read(here.guild, location_of(here).channel):
            raise BotMayNotRead  # it could not take out later what is deleted
        asker, audience = await bot.asker_of(interaction), await bot.audience_of(here)
        history = bot.history_of(asker.guild_id)
        hits = await answers.to_share(asker, audience, self.answer_id, self.start, history=history)
        hits = await _seen_by_all(interaction, here, hits)
        await _send_to_all(interaction, here, hits)
        page = await answers.turn(asker, self.answer_id, self.start, history=history)
        page = page.seen_by(await bot.asker_now(interaction, page.channel_ids))
        view = _buttons(page, words_of(interaction), is_shared=True)
        await interaction.edit_original_response(view=view)


async def _send_to_all(interaction: Press, here: Place, hits: tuple[Hit, ...]) -> None:
    """Show hits in a channel; what cannot be put down does not stay there, since nothing could be taken out of it."""
    answers, words = interaction.client.app.answers, words_of_server(interaction)
    sent = await interaction.followup.send(
        words("answer.shared_by", name=interaction.user.mention), embed=share_embed(hits, words), wait=True
    )
    try:
        await answers.shared(channel_id=here.id, message_id=sent.id, language=words.language, hits=hits)
    except BaseException:
        await sent.delete()
        raise


def _may_write(interaction: Press, here: discord.abc.GuildChannel | discord.Thread) -> bool:
    allowed = interaction.permissions
    if not isinstance(here, discord.Thread):
        return allowed.send_messages
    return allowed.send_messages_in_threads and (allowed.manage_threads or not here.locked)


async def _seen_by_all(interaction: Press, here: Place, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """The hits that the sharer and everyone in the channel may see at this moment. Raises NothingToShare."""
    bot = interaction.client
    sharer = await bot.asker_now(interaction, {hit.message.channel_id for hit in hits})
    scope = visible_to(sharer) & visible_to(await bot.audience_of(here))
    seen = tuple(hit for hit in hits if hit.message.is_within(scope))
    if not seen:
        raise NothingToShare
    return seen
