"""Words on Discord: commands are named, and people are answered, in the language of their client."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.app_commands import TranslationContextTypes, locale_str

from bot.errors import BotError, NotAllowed, NotInServer
from bot.exts._failures import FAILED
from bot.words import DEFAULT, LANGUAGES, Words, words_for

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


def told(key: str) -> locale_str:
    """A command's text by its key, in the default language; the translator knows the others."""
    return locale_str(Words(DEFAULT)(key), key=key)


def worded(command: str, *options: str) -> Callable[[F], F]:
    """Name and describe a command's options as the catalogue does."""

    def decorate(function: F) -> F:
        app_commands.rename(**{option: told(f"commands.{command}.{option}.name") for option in options})(function)
        app_commands.describe(**{option: told(f"commands.{command}.{option}.description") for option in options})(
            function
        )
        return function

    return decorate


class CatalogueTranslator(app_commands.Translator):
    """Looks into the catalogue of each language that there is one for."""

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        language = locale.value[:2]
        if language == DEFAULT or language not in LANGUAGES or "key" not in string.extras:
            return None
        return Words(language)(string.extras["key"])


def words_of(interaction: discord.Interaction) -> Words:
    return words_for(interaction.locale.value)


def words_of_server(interaction: discord.Interaction) -> Words:
    """The words for what everyone in a channel sees."""
    return words_for((interaction.guild_locale or interaction.locale).value)


async def tell(interaction: discord.Interaction, error: Exception) -> None:
    """Say in one sentence what went wrong, to the person alone where that is still possible."""
    sentence = _sentence(interaction, error)
    response = interaction.response
    try:
        if not response.is_done():
            await response.send_message(sentence, ephemeral=True)
        elif response.type is discord.InteractionResponseType.deferred_channel_message:
            await interaction.edit_original_response(content=sentence, embed=None, view=None)
        else:
            await interaction.followup.send(sentence, ephemeral=True)
    except FAILED as failure:
        # Too late, or answered twice: Discord has told the person so itself.
        log.warning("interaction %d got no sentence: %s", interaction.id, failure)


def _sentence(interaction: discord.Interaction, error: Exception) -> str:
    words = words_of(interaction)
    error = _as_ours(interaction, error)
    if isinstance(error, BotError):
        log.info("interaction %d of user %d: %s", interaction.id, interaction.user.id, type(error).__name__)
        return words.error_on_discord(error)
    log.error("interaction %d of user %d failed", interaction.id, interaction.user.id, exc_info=error)
    return words("discord.unexpected", id=interaction.id)


def _as_ours(interaction: discord.Interaction, error: Exception) -> Exception:
    if isinstance(error, app_commands.CommandInvokeError):
        return error.original
    if isinstance(error, app_commands.MissingPermissions):
        return NotInServer() if interaction.guild_id is None else NotAllowed()
    return error
