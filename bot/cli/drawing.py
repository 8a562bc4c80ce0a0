"""The verbs that draw."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.app import open_reader
from bot.askers import Operator, Scope
from bot.cli._arguments import id_option, moment_option, path_of, ready
from bot.errors import PictureUnwritable
from bot.pictures.landscape import picture_of_landscape, remarks_on_landscape
from bot.pictures.picture import Picture
from bot.pictures.trend import picture_of_trend, remarks_on_trend
from bot.settings import Settings
from bot.terminal import Terminal
from bot.times import snowflake_at

Server = Annotated[list[int] | None, id_option("Only in this server (may be repeated).")]
Channel = Annotated[list[int] | None, id_option("Only in this channel or thread (may be repeated).")]
Since = Annotated[datetime | None, moment_option("From this day or age on, in UTC.")]
Out = Annotated[
    Path | None,
    typer.Option(metavar="PATH", parser=path_of, help="Where the PNG goes; told in words alone without it."),
]


def trends(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    server: Server = None,
    channel: Channel = None,
    since: Since = None,
    out: Out = None,
) -> None:
    """Show when and where something came up, by week and channel."""
    settings, terminal = ready()
    asyncio.run(_trends(settings, terminal, text, _within(server, channel, since), out))


async def _trends(settings: Settings, terminal: Terminal, text: str, within: Scope, out: Path | None) -> None:
    async with open_reader(settings) as app:
        await app.indexer.load()
        trend = await app.trends.of(Operator(), text, within)
    if trend.n_matches:
        _tell(terminal, picture_of_trend(trend, text, terminal.words), out)
    else:
        terminal.remark("similar.nothing_found")
    for remark in remarks_on_trend(trend, terminal.words):
        terminal.err.print(remark)


def map_(*, server: Server = None, channel: Channel = None, since: Since = None, out: Out = None) -> None:
    """Show what was talked about, as a map of groups of messages."""
    settings, terminal = ready()
    asyncio.run(_map(settings, terminal, _within(server, channel, since), out))


async def _map(settings: Settings, terminal: Terminal, within: Scope, out: Path | None) -> None:
    async with open_reader(settings) as app:
        landscape = await app.landscapes.of(Operator(), within)
    _tell(terminal, picture_of_landscape(landscape, terminal.words), out)
    for remark in remarks_on_landscape(landscape, terminal.words):
        terminal.err.print(remark)


def _within(server: list[int] | None, channel: list[int] | None, since: datetime | None) -> Scope:
    return Scope(
        guild_ids=frozenset(server) if server else None,
        channel_ids=frozenset(channel) if channel else None,
        after_id=None if since is None else snowflake_at(since),
    )


def _tell(terminal: Terminal, picture: Picture, out: Path | None) -> None:
    """Say what a picture shows, and write it where it is wanted. Raises PictureUnwritable."""
    terminal.out.print(picture.told)
    if out is None:
        return
    try:
        out.write_bytes(picture.png)
    except OSError as error:
        raise PictureUnwritable(out, error.strerror or str(error)) from error
    terminal.say("pictures.written", path=out)
