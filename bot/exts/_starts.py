"""The beginning of indexing: at once, or once somebody has agreed to what it costs."""

import re
from typing import Any, Self

import discord
from discord import ui

from bot.client import SimilarBot
from bot.errors import BotMayNotRead, KindIsOff, NotAllowed
from bot.exts._access import bot_may_read, guild_of
from bot.exts._convert import Place, location_of, server_of
from bot.exts._pages import answered
from bot.exts._words import words_of, words_of_server
from bot.services.audit import Act
from bot.services.costs import Forecast
from bot.services.coverage import WHOLE_SERVER
from bot.services.keeping import Keeping, Kind
from bot.words import Words

Asked = discord.Interaction[SimilarBot]


async def begin(interaction: Asked, channel_id: int) -> None:
    """Index a channel or the whole server; the answer shows everyone how it goes."""
    await _cover(interaction, channel_id)
    started = words_of_server(interaction)("index.started")
    await _read(interaction, await interaction.edit_original_response(content=started))


async def _begin_as_agreed(interaction: Asked, channel_id: int) -> None:
    """Index a channel or the whole server; a message of its own shows everyone how it goes, and the question goes."""
    await _cover(interaction, channel_id)
    started = words_of_server(interaction)("index.started")
    await _read(interaction, await interaction.followup.send(started, wait=True))
    await interaction.delete_original_response()


async def _cover(interaction: Asked, channel_id: int) -> None:
    guild, app = guild_of(interaction), interaction.client.app
    await app.coverage.start(server_of(guild), channel_id)
    where = {} if channel_id == WHOLE_SERVER else {"channel_id": str(channel_id)}
    await app.audit.note(guild.id, Act.STARTED, actor_id=interaction.user.id, **where)


async def _read(interaction: Asked, shown: discord.Message) -> None:
    """Read the history; a message shows how far that has come."""
    guild, app, language = guild_of(interaction), interaction.client.app, words_of_server(interaction).language
    await app.backfill.noted(guild.id, channel_id=shown.channel.id, message_id=shown.id, language=language)
    app.up_to_date.ask_again()
    interaction.client.reader.start(guild.id)


async def ask_to_begin(interaction: Asked, channel_id: int) -> None:
    """Tell the asker alone what indexing will cost, as far as that is known, above two buttons."""
    words = words_of(interaction)
    forecast = await interaction.client.app.inspector.costs.forecast(guild_of(interaction).id)
    view = ui.View(timeout=None)
    view.add_item(BeginButton(channel_id, words("index.begin")))
    view.add_item(LeaveButton(words("index.leave")))
    await interaction.edit_original_response(content="\n".join(_told(forecast, words)), view=view)


def refuse_closed(guild: discord.Guild, place: Place, keeping: Keeping) -> None:
    """Raises BotMayNotRead and KindIsOff where nothing would be kept of a channel or thread."""
    location = location_of(place)
    if not bot_may_read(guild, location.channel):
        raise BotMayNotRead
    kind = keeping.shut_out(location)
    if kind is not None and kind is not Kind.PRIVATE_THREADS:
        raise KindIsOff(kind)


def _told(forecast: Forecast, words: Words) -> list[str]:
    lines = [words("index.ask", model_key=forecast.model_key), words("index.ask_unknown")]
    if forecast.messages:
        counts = {"messages": forecast.messages, "pending": forecast.pending, "tokens": forecast.pending_tokens}
        lines.append(words("index.ask_stored", **counts))
    key = "index.ask_measured" if forecast.n_measured else "index.ask_assumed"
    lines.append(words(key, tokens=forecast.tokens))
    if forecast.dollars is None:
        lines.append(words("index.ask_no_dollars"))
    else:
        lines.append(words("index.ask_dollars", dollars=forecast.dollars, million=1_000 * forecast.dollars))
        lines.append(_limit(forecast, words))
    return [*lines, words("index.ask_time")]


def _limit(forecast: Forecast, words: Words) -> str:
    if forecast.n_affordable is None:
        return words("index.ask_no_limit")
    return words("index.ask_limit", messages=forecast.n_affordable, left=forecast.dollars_left)


def _refuse_others(interaction: Asked) -> None:
    """Raises NotAllowed: who may begin may have changed since the buttons were shown."""
    if not interaction.permissions.manage_guild:
        raise NotAllowed


class BeginButton(ui.DynamicItem[ui.Button[Any]], template=r"index_begin:(?P<channel_id>[0-9]{1,20})"):
    """Agrees to what indexing costs."""

    def __init__(self, channel_id: int, label: str = "") -> None:
        style = discord.ButtonStyle.primary
        super().__init__(ui.Button(label=label, style=style, custom_id=f"index_begin:{channel_id}"))
        self.channel_id = channel_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["channel_id"]))

    @answered
    async def callback(self, interaction: Asked) -> None:
        guild = guild_of(interaction)
        _refuse_others(interaction)
        interaction.client.app.coverage.refuse_strangers(guild.id)
        await interaction.response.defer()
        if self.channel_id != WHOLE_SERVER:
            refuse_closed(guild, await _place(guild, self.channel_id), interaction.client.app.keeping)
        await _begin_as_agreed(interaction, self.channel_id)


class LeaveButton(ui.DynamicItem[ui.Button[Any]], template="index_leave"):
    """Begins nothing."""

    def __init__(self, label: str = "") -> None:
        super().__init__(ui.Button(label=label, custom_id="index_leave"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls()

    @answered
    async def callback(self, interaction: Asked) -> None:
        guild_of(interaction)
        _refuse_others(interaction)
        left = words_of(interaction)("index.left_off")
        await interaction.response.edit_message(content=left, view=None)


async def _place(guild: discord.Guild, channel_id: int) -> Place:
    """A channel or thread by its id. Raises BotMayNotRead where Discord does not show it to the bot."""
    try:
        # Archived threads are not in the cache.
        return guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
    except (discord.HTTPException, discord.InvalidData) as error:
        raise BotMayNotRead from error
