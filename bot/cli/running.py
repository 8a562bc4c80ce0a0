"""The verbs that stay: the bot, and the chat in the terminal."""

import asyncio
import contextlib
from datetime import timedelta

from bot.app import open_app
from bot.cli._arguments import ready
from bot.console import run_console
from bot.settings import Settings
from bot.terminal import Terminal


def run() -> None:
    """Start the bot, or without DISCORD_TOKEN a chat in the terminal."""
    settings, terminal = ready()
    if settings.discord_token is None:
        terminal.say("console.welcome")
        run_console(settings, terminal)
        return
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_run_bot(settings, settings.discord_token.get_secret_value(), terminal))


async def _run_bot(settings: Settings, token: str, terminal: Terminal) -> None:
    # Imported here so that the other verbs do not wait for discord.py.
    from bot.client import SimilarBot, ended_by_signals, run_bot  # noqa: PLC0415

    ended_by_signals()
    terminal.remark("discord.starting")
    async with open_app(settings, "run") as app:
        terminal.change(await app.inspector.costs.change())
        await app.indexer.load()
        if not settings.uses_openai:
            await app.indexer.warm_up()
        bot = SimilarBot(app, removal_grace=timedelta(hours=settings.removal_grace_hours), say=terminal.remark)
        await run_bot(bot, token)


def console() -> None:
    """Chat in the terminal: store messages and search them without Discord."""
    run_console(*ready())
