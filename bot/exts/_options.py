"""Options that several commands have."""

from datetime import UTC, datetime, timedelta

import discord
from discord import app_commands

from bot.errors import MomentInvalid
from bot.services.search import Search
from bot.times import moment, snowflake_at
from bot.words import Words

Moment = app_commands.Range[str, 1, 32]
_AGES = ("7d", "30d", "6m", "1y")


class _Channels(app_commands.Transformer):
    """Channels, categories and threads of any kind, those that come after this version too."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    async def transform(self, interaction: discord.Interaction, value: object, /) -> object:
        return value


AnyChannel = app_commands.Transform[app_commands.AppCommandChannel | app_commands.AppCommandThread, _Channels]


async def lying_in(search: Search, channel: AnyChannel) -> frozenset[int]:
    """A channel or category with all that is in it, also where only its threads and not itself are known."""
    place = channel.resolve()
    inner = place.channels if isinstance(place, discord.CategoryChannel) else []
    ids = [await search.lying_in(channel.guild_id, i) for i in (channel.id, *(c.id for c in inner))]
    return frozenset().union(*ids)


def id_at(text: str | None) -> int | None:
    """The first id of a moment as people write it. Raises MomentInvalid."""
    return None if text is None else snowflake_at(moment(text, now=datetime.now(UTC)))


def moments(words: Words, typed: str) -> list[app_commands.Choice[str]]:
    """Days and ages that people mean most often, or what was typed if it can be understood."""
    today = datetime.now(UTC).date()
    days = {"today": str(today), "yesterday": str(today - timedelta(days=1))}
    choices = [(words(f"moments.{key}", day=day), day) for key, day in days.items()]
    choices += [(words(f"moments.{age}"), age) for age in _AGES]
    fitting = [
        (name, value) for name, value in choices if typed.casefold() in name.casefold() or value.startswith(typed)
    ]
    if not fitting and _is_moment(typed):
        fitting = [(typed, typed)]
    return [app_commands.Choice(name=name, value=value) for name, value in fitting]


def _is_moment(text: str) -> bool:
    try:
        id_at(text)
    except MomentInvalid:
        return False
    return True
