"""/similar and the message menu "Find similar"."""

import re
from dataclasses import replace

import discord
from discord import app_commands
from discord.ext import commands

from bot.askers import Member, Scope
from bot.client import SimilarBot
from bot.composing import own_text
from bot.errors import MessageNotFound
from bot.exts._access import guild_of
from bot.exts._convert import location_of, message_of
from bot.exts._history import Readable
from bot.exts._options import AnyChannel, Moment, id_at, lying_in, moments
from bot.exts._pages import CopiesButton, ShareButton, TurnButton, show
from bot.exts._words import told, worded, words_of
from bot.messages import Message, Mode, Nearness, Query
from bot.times import snowflake

Asked = discord.Interaction[SimilarBot]
Limit = app_commands.Range[int, 1, 50]
Text = app_commands.Range[str, 1, 4000]

_LINK = re.compile(
    r"<?https?://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/channels/"
    r"(?P<guild>[0-9]{1,20}|@me)/(?P<channel>[0-9]{1,20})/(?P<message>[0-9]{1,20})/?>?"
)
_MODES = [app_commands.Choice(name=told(f"commands.similar.modes.{mode}"), value=mode.value) for mode in reversed(Mode)]


class Similar(commands.Cog):
    """Questions: by text, by link, by pointing at a message."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot
        self.menu = app_commands.ContextMenu(name=told("commands.menu.name"), callback=self.find_similar)
        bot.tree.add_command(self.menu)

    @app_commands.command(name=told("commands.similar.name"), description=told("commands.similar.description"))
    @worded("similar", "text", "channel", "author", "after", "before", "limit", "mode")
    @app_commands.choices(mode=_MODES)
    async def similar(  # noqa: PLR0917  # discord.py makes the options of them
        self,
        interaction: Asked,
        text: Text,
        channel: AnyChannel | None = None,
        author: discord.User | None = None,
        after: Moment | None = None,
        before: Moment | None = None,
        limit: Limit = 10,
        mode: str = Mode.BOTH,
    ) -> None:
        self.bot.app.questions.take(interaction.user.id, interaction.guild_id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        within = Scope(
            channel_ids=None if channel is None else await lying_in(self.bot.app.search, channel),
            author_ids=None if author is None else frozenset({author.id}),
            after_id=id_at(after),
            before_id=id_at(before),
        )
        asker = await self.bot.asker_of(interaction)
        query = await self._question(interaction, asker, text)
        query = replace(query, within=within, limit=limit, mode=Mode(mode), least=Nearness.LOOSE, is_folded=True)
        history = self.bot.history_of(asker.guild_id)
        await show(interaction, await self.bot.app.answers.ask(asker, query, history=history))

    async def find_similar(self, interaction: Asked, message: discord.Message) -> None:
        self.bot.app.questions.take(interaction.user.id, interaction.guild_id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = await self.bot.asker_of(interaction)
        text = await self._text_of(message_of(message, asker.guild_id))
        query = Query(text=text, message_id=message.id, least=Nearness.LOOSE, is_folded=True)
        history = self.bot.history_of(asker.guild_id)
        await show(interaction, await self.bot.app.answers.ask(asker, query, history=history))

    @similar.autocomplete("after")
    @similar.autocomplete("before")
    async def moments(self, interaction: Asked, typed: str) -> list[app_commands.Choice[str]]:
        """Days and ages that people mean most often, or what was typed if it can be understood."""
        return moments(words_of(interaction), typed)

    async def _question(self, interaction: Asked, asker: Member, text: str) -> Query:
        """A question about a text, or about the message that a link leads to.

        Raises MessageNotFound, whether there is no such message or the asker may not read it.
        """
        link = _LINK.fullmatch(text.strip())
        if link is None:
            return Query(text=text)
        message_id = snowflake(link["message"])
        if link["guild"] != str(asker.guild_id):
            raise MessageNotFound(message_id)
        if await self.bot.app.search.seen(asker, asker.guild_id, [message_id]):
            return Query(message_id=message_id)
        return Query(text=await self._text_at(interaction, int(link["channel"]), message_id), message_id=message_id)

    async def _text_at(self, interaction: Asked, channel_id: int, message_id: int) -> str:
        """The text of a message that is not stored, if the asker may read it. Raises MessageNotFound."""
        guild = guild_of(interaction)
        try:
            # Archived threads are not in the cache.
            place = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
            if not isinstance(place, Readable):
                raise MessageNotFound(message_id)
            asker = await self.bot.access.asker(interaction, [location_of(place).channel])
            if channel_id not in asker.channel_ids:
                raise MessageNotFound(message_id)
            text = await self._text_of(message_of(await place.fetch_message(message_id), guild.id))
        except (discord.HTTPException, discord.InvalidData) as error:
            raise MessageNotFound(message_id) from error
        if text is None:
            raise MessageNotFound(message_id)
        return text

    async def _text_of(self, message: Message) -> str | None:
        """What a message says, if it is not stored; None where its author wants nothing of theirs used."""
        return None if await self.bot.app.privacy.withholds(message) else own_text(message.said)


async def setup(bot: SimilarBot) -> None:
    bot.add_dynamic_items(TurnButton, ShareButton, CopiesButton)
    await bot.add_cog(Similar(bot))
