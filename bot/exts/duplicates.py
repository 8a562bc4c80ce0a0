"""The message menu "Mark as duplicate of...", and /duplicates: what is asked again and again."""

import asyncio
import io
import re
from dataclasses import dataclass
from typing import Any, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.askers import Scope, visible_to
from bot.client import SimilarBot
from bot.errors import AnswerOfAnother, MayNotMark
from bot.exts._access import guild_of
from bot.exts._duplicates import marked_embed, option, repeats_embed
from bot.exts._options import AnyChannel, Moment, id_at, moment_choices
from bot.exts._pages import answered
from bot.exts._replies import reply_below
from bot.exts._words import told, worded, words_of, words_of_server
from bot.messages import StoredMessage
from bot.pictures.repeating import picture_of_repeats
from bot.services.audit import Act
from bot.services.duplicates import Marked
from bot.services.repeats import RepeatsPage
from bot.times import snowflake
from bot.words import Words

Asked = discord.Interaction[SimilarBot]
_ID = "[0-9]{1,20}"


class Duplicates(commands.Cog):
    """Marking for moderators and authors; the list for everybody."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot
        self.menu = app_commands.ContextMenu(name=told("commands.mark_menu.name"), callback=self.offer)
        bot.tree.add_command(self.menu)

    async def offer(self, interaction: Asked, message: discord.Message) -> None:
        """Show what a message may be a duplicate of."""
        self.bot.app.questions.take(interaction.user.id, interaction.guild_id)
        guild_of(interaction)
        _refuse_others(interaction, author_id=message.author.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = await self.bot.asker_of(interaction)
        await self.bot.app.duplicates.find(asker, message.id)
        offered = await self.bot.app.duplicates.candidates(asker, message.id)
        original = await self.bot.app.duplicates.original_of(asker, message.id)
        await _show_offer(interaction, message.id, offered, original)

    @app_commands.command(name=told("commands.duplicates.name"), description=told("commands.duplicates.description"))
    @worded("duplicates", "since", "channel")
    async def duplicates(
        self, interaction: Asked, since: Moment | None = None, channel: AnyChannel | None = None
    ) -> None:
        self.bot.app.questions.take(interaction.user.id, interaction.guild_id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _show_repeats(interaction, Turn(interaction.user.id, 0, id_at(since) or 0, channel.id if channel else 0))

    @duplicates.autocomplete("since")
    async def moments(self, interaction: Asked, typed: str) -> list[app_commands.Choice[str]]:
        return moment_choices(words_of(interaction), typed)


async def _show_offer(
    interaction: Asked, message_id: int, offered: tuple[StoredMessage, ...], original: StoredMessage | None
) -> None:
    """Put the candidates where the answer stands, as far as the asker may see them at this moment."""
    words = words_of(interaction)
    shown = [*offered, *([original] if original else [])]
    asker = await interaction.client.asker_now(interaction, {stored.message.channel_id for stored in shown})
    scope = visible_to(asker)
    options = [option(stored, words) for stored in offered if stored.message.is_within(scope)]
    lines = [words("duplicates.choose" if options else "duplicates.no_candidates")]
    view = ui.View(timeout=None)
    if options:
        view.add_item(OriginalMenu(message_id, options, words("duplicates.placeholder")))
    if original is not None and original.message.is_within(scope):
        lines.append(words("duplicates.is_marked", url=original.message.url))
        view.add_item(UnmarkButton(message_id, words("duplicates.unmark")))
    await interaction.edit_original_response(content="\n".join(lines), view=view if view.children else None)


async def _show_marked(interaction: Asked, marked: Marked, *, is_told: bool) -> None:
    bot, words = interaction.client, words_of(interaction)
    original_id = marked.original.message.message_id
    marks = await bot.app.duplicates.marks_of(guild_of(interaction).id, [original_id])
    asker = await bot.asker_now(interaction, marked.channel_ids | marks.channel_ids)
    n_asked = marks.seen_by(asker).n_asked(original_id)
    embed = marked_embed(marked.seen_by(asker), words, n_asked=n_asked, is_told=is_told)
    view = ui.View(timeout=None)
    view.add_item(UnmarkButton(marked.message.message.message_id, words("duplicates.unmark")))
    await interaction.edit_original_response(content=None, embed=embed, view=view)


async def _refuse_who_may_not(interaction: Asked, message_id: int) -> None:
    """Raises MayNotMark and MessageNotKept: who may mark may have changed since the menu was shown."""
    bot = interaction.client
    stored = await bot.app.duplicates.find(await bot.asker_of(interaction), message_id)
    if stored.message.channel_id != interaction.channel_id:
        raise MayNotMark
    _refuse_others(interaction, author_id=stored.message.author_id)


def _refuse_others(interaction: Asked, *, author_id: int) -> None:
    """Raises MayNotMark for all but who wrote a message here and who manages messages here."""
    if interaction.user.id != author_id and not interaction.permissions.manage_messages:
        raise MayNotMark


async def _note(interaction: Asked, act: Act) -> None:
    """Whoever moderates is put down for it; what authors do with their own messages is theirs."""
    guild_id, where = guild_of(interaction).id, str(interaction.channel_id)
    if interaction.permissions.manage_messages:
        await interaction.client.app.audit.note(guild_id, act, actor_id=interaction.user.id, channel_id=where)


class OriginalMenu(ui.DynamicItem[ui.Select[Any]], template=rf"duplicate_of:(?P<message_id>{_ID})"):
    """The candidates; choosing one marks the message as its duplicate."""

    def __init__(self, message_id: int, options: list[discord.SelectOption], placeholder: str | None = None) -> None:
        super().__init__(ui.Select(custom_id=f"duplicate_of:{message_id}", options=options, placeholder=placeholder))
        self.message_id = message_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["message_id"]), [])

    @answered
    async def callback(self, interaction: Asked) -> None:
        await interaction.response.defer()
        bot = interaction.client
        await _refuse_who_may_not(interaction, self.message_id)
        asker = await bot.asker_of(interaction)
        marked = await bot.app.duplicates.mark(asker, self.message_id, snowflake(self.item.values[0]))
        await _note(interaction, Act.MARKED)
        here = guild_of(interaction).get_channel_or_thread(interaction.channel_id or 0) or interaction.channel
        words = words_of_server(interaction)
        is_told = await reply_below(here, marked, words, duplicates=bot.app.duplicates, audience_of=bot.audience_of)
        await _show_marked(interaction, marked, is_told=is_told)


class UnmarkButton(ui.DynamicItem[ui.Button[Any]], template=rf"not_duplicate:(?P<message_id>{_ID})"):
    """Takes the mark off a message."""

    def __init__(self, message_id: int, label: str = "") -> None:
        super().__init__(ui.Button(label=label, custom_id=f"not_duplicate:{message_id}"))
        self.message_id = message_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["message_id"]))

    @answered
    async def callback(self, interaction: Asked) -> None:
        await interaction.response.defer()
        await _refuse_who_may_not(interaction, self.message_id)
        if await interaction.client.app.duplicates.unmark(guild_of(interaction).id, self.message_id):
            await _note(interaction, Act.UNMARKED)
        gone = words_of(interaction)("duplicates.unmarked")
        await interaction.edit_original_response(content=gone, embed=None, view=None)


@dataclass(frozen=True, slots=True)
class Turn:
    """A page of a member's list; 0 stands for no limit of time and for all channels."""

    user_id: int
    start: int
    after_id: int
    channel_id: int


async def _show_repeats(interaction: Asked, turn: Turn) -> None:
    """Put a page of the list where the answer stands, as far as the asker may see it at this moment."""
    bot, words = interaction.client, words_of(interaction)
    asker = await bot.asker_of(interaction)
    within = Scope(
        channel_ids=await _lying_in(interaction, turn.channel_id) if turn.channel_id else None,
        after_id=turn.after_id or None,
    )
    repeats = await bot.app.repeats.of(asker, asker.guild_id, within)
    history = bot.history_of(asker.guild_id)
    page = await bot.app.repeats.page(asker, repeats, turn.start, guild_id=asker.guild_id, history=history)
    page, files = await _drawn(interaction, page, words)
    await interaction.edit_original_response(
        embed=repeats_embed(page, words), view=_turning(page, turn, words), attachments=files
    )


async def _drawn(interaction: Asked, page: RepeatsPage, words: Words) -> tuple[RepeatsPage, list[discord.File]]:
    """The page as far as the asker may see it, with its picture; drawn anew if that became less meanwhile."""
    while True:
        picture = await asyncio.to_thread(picture_of_repeats, page, words) if page.told else None
        asker = await interaction.client.asker_now(interaction, page.channel_ids)
        if page.channel_ids <= asker.channel_ids:
            break
        page = page.seen_by(asker)
    if picture is None:
        return page, []
    return page, [discord.File(io.BytesIO(picture.png), "duplicates.png", description=picture.told)]


async def _lying_in(interaction: Asked, channel_id: int) -> frozenset[int]:
    """A channel or category with all that is in it."""
    guild, search = guild_of(interaction), interaction.client.app.search
    place = guild.get_channel(channel_id)
    inner = place.channels if isinstance(place, discord.CategoryChannel) else []
    ids = [await search.lying_in(guild.id, i) for i in (channel_id, *(channel.id for channel in inner))]
    return frozenset().union(*ids)


def _turning(page: RepeatsPage, turn: Turn, words: Words) -> ui.View | None:
    view = ui.View(timeout=None)
    if page.start > 0:
        view.add_item(RepeatsButton(_at(turn, page.previous), words("answer.previous"), "◀"))
    if page.n_more:
        view.add_item(RepeatsButton(_at(turn, page.next), words("answer.next"), "▶"))
    return view if view.children else None


def _at(turn: Turn, start: int) -> Turn:
    return Turn(turn.user_id, start, turn.after_id, turn.channel_id)


class RepeatsButton(
    ui.DynamicItem[ui.Button[Any]],
    template=rf"repeats:(?P<user_id>{_ID}):(?P<start>[0-9]{{1,6}}):(?P<after_id>{_ID}):(?P<channel_id>{_ID})",
):
    """Turns to another page of the list."""

    def __init__(self, turn: Turn, label: str = "", emoji: str | None = None) -> None:
        custom_id = f"repeats:{turn.user_id}:{turn.start}:{turn.after_id}:{turn.channel_id}"
        super().__init__(ui.Button(label=label, emoji=emoji, custom_id=custom_id))
        self.turn = turn

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Turn(*(int(match[name]) for name in ("user_id", "start", "after_id", "channel_id"))))

    @answered
    async def callback(self, interaction: Asked) -> None:
        if self.turn.user_id != interaction.user.id:
            raise AnswerOfAnother
        await interaction.response.defer()
        await _show_repeats(interaction, self.turn)


async def setup(bot: SimilarBot) -> None:
    bot.add_dynamic_items(OriginalMenu, UnmarkButton, RepeatsButton)
    await bot.add_cog(Duplicates(bot))
