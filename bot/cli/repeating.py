"""The verb that tells what is asked again and again."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from bot.app import App, open_reader
from bot.askers import Operator, Scope
from bot.cli._arguments import AsJson, id_option, moment_option, ready
from bot.services.repeats import Told
from bot.settings import Settings
from bot.terminal import Terminal
from bot.texts import quote
from bot.times import snowflake_at

_MAX_LIMIT = 100
_QUOTE_WIDTH = 80


def duplicates(
    *,
    server: Annotated[int | None, id_option("Only in this server.")] = None,
    since: Annotated[datetime | None, moment_option("Count from this day or age on, in UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MAX_LIMIT, help="How many to show of each server.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show which questions were marked as asked again, the most frequent first."""
    settings, terminal = ready()
    within = Scope(after_id=None if since is None else snowflake_at(since))
    told = asyncio.run(_duplicates(settings, server, within, limit))
    for one in told:
        if as_json:
            terminal.json(_as_json(one))
        else:
            _say(terminal, one)
    if not told:
        terminal.remark("duplicates.none")


async def _duplicates(settings: Settings, guild_id: int | None, within: Scope, limit: int) -> list[Told]:
    async with open_reader(settings) as app:
        guild_ids = await app.repeats.guild_ids() if guild_id is None else [guild_id]
        return [one for each in guild_ids for one in await _of_server(app, each, within, limit)]


async def _of_server(app: App, guild_id: int, within: Scope, limit: int) -> list[Told]:
    repeats = await app.repeats.of(Operator(), guild_id, within)
    return await app.repeats.told(Operator(), guild_id, repeats[:limit])


def _say(terminal: Terminal, one: Told) -> None:
    repeat = one.repeat
    terminal.say(
        "duplicates.line",
        n=repeat.n_asked,
        since=repeat.first.asked_at,
        last=repeat.last.asked_at,
        quote=quote(one.stored.message.shown, width=_QUOTE_WIDTH) or terminal.words("hit.no_text"),
    )
    terminal.out.print(f"       {repeat.original.url}")
    if one.answer is not None:
        told = terminal.words("duplicates.line_answered", url=one.answer.message.url)
        terminal.out.print(f"       {told}")


def _as_json(one: Told) -> dict[str, object]:
    repeat = one.repeat
    return {
        "guild_id": str(repeat.original.guild_id),
        "message_id": str(repeat.original.message_id),
        "channel_id": str(repeat.original.channel_id),
        "asked": repeat.n_asked,
        "first_asked_at": repeat.first.asked_at.isoformat(),
        "last_asked_at": repeat.last.asked_at.isoformat(),
        "content": one.stored.message.content,
        "url": repeat.original.url,
        "answer_url": None if one.answer is None else one.answer.message.url,
        "duplicate_ids": [str(asking.message_id) for asking in repeat.askings if asking != repeat.original],
    }
