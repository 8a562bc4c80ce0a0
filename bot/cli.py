"""The terminal door: `python -m bot VERB`."""

import asyncio
import contextlib
import dataclasses
import io
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from bot.app import App, open_app, open_reader
from bot.askers import Operator, Scope
from bot.console import run_console
from bot.errors import BotError
from bot.messages import Query
from bot.services.importer import export_files
from bot.services.status import Status
from bot.settings import Settings, read_settings, set_up_logging
from bot.terminal import Terminal, utc_now
from bot.times import moment, snowflake, snowflake_at
from bot.words import words_for_terminal

log = logging.getLogger(__name__)
T = TypeVar("T")

cli = typer.Typer(
    help="Finds what was said before, by meaning. Settings come from the environment and .env.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_MAX_LIMIT = 100
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


class Mode(StrEnum):
    """What a search goes by."""

    MEANING = "meaning"


def main() -> NoReturn:
    """Run one verb; exit 0 when done, 1 after a problem told in one sentence, 2 on wrong usage."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A terminal may know fewer characters than people write: show their codes rather than fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream is sys.stdin else "backslashreplace")
    terminal = Terminal(words_for_terminal())
    try:
        cli(standalone_mode=True)
    except BotError as error:
        terminal.err.print(terminal.words.error(error))
    except BrokenPipeError:
        # Whoever read our output has read enough; what is left in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        log.debug("unexpected", exc_info=True)
        terminal.remark("errors.Unexpected", name=type(error).__name__)
    sys.exit(1)


def _ready() -> tuple[Settings, Terminal]:
    settings = read_settings()
    set_up_logging(settings.log_level)
    return settings, Terminal(words_for_terminal())


def _told(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser for an option whose BotError is wrong usage."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except BotError as error:
            raise typer.BadParameter(words_for_terminal().error(error)) from error

    return parsed


def _moment(text: str) -> datetime:
    return moment(text, now=utc_now())


def _path(text: str) -> Path:
    """A path that was written out: an unset variable in a script does not mean the folder one stands in."""
    if not text:
        raise typer.BadParameter("a PATH is empty; write . for this folder")
    return Path(text)


def _id_option(help_text: str) -> Any:  # noqa: ANN401  # what typer.Option returns is an Any too
    return typer.Option(metavar="ID", parser=_told(snowflake), help=help_text)


def _moment_option(help_text: str) -> Any:  # noqa: ANN401
    return typer.Option(metavar="DAY|AGE", parser=_told(_moment), help=help_text)


@cli.command()
def run() -> None:
    """Start the bot, or without DISCORD_TOKEN a chat in the terminal."""
    settings, terminal = _ready()
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
        await app.indexer.reconcile()
        if not settings.uses_openai:
            await app.indexer.warm_up()
        bot = SimilarBot(app, removal_grace=timedelta(hours=settings.removal_grace_hours), say=terminal.remark)
        await run_bot(bot, token)


@cli.command()
def console() -> None:
    """Chat in the terminal: store messages and search them without Discord."""
    run_console(*_ready())


@cli.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", parser=_path, help="Exports, or folders of exports.")],
    *,
    embed: Annotated[bool, typer.Option("--embed/--no-embed", help="Embed what was stored.")] = True,
) -> None:
    """Store exported messages (DiscordChatExporter JSON), then embed them."""
    settings, terminal = _ready()
    if not asyncio.run(_import(settings, terminal, paths, embed=embed)):
        raise typer.Exit(1)


async def _import(settings: Settings, terminal: Terminal, paths: list[Path], *, embed: bool) -> bool:
    files = export_files(paths)
    async with open_app(settings, "import") as app:
        started = time.perf_counter()
        with terminal.reading(files) as on_progress:
            report = await app.importer.run(files, on_progress=on_progress)
        terminal.tally(report.tally, n_files=report.n_files, seconds=time.perf_counter() - started)
        for refused in report.refused:
            terminal.err.print(terminal.words.error(refused))
        if embed:
            await _embed(app, terminal)
        status = await app.inspector.status()
        if status.pending:
            terminal.say("import.left", n=status.pending)
        if status.parked:
            terminal.say("import.parked", n=status.parked)
    return not report.refused


async def _embed(app: App, terminal: Terminal) -> None:
    """Embed what waits; a failing embedder is told after what was done until then."""
    status = await app.inspector.status()
    started = time.perf_counter()
    try:
        await terminal.draining(app.indexer.drain(), status.pending)
    finally:
        after = await app.inspector.status()
        if n_embedded := after.embedded - status.embedded:
            seconds = time.perf_counter() - started
            terminal.say("import.embedded", n=n_embedded, seconds=seconds, rate=n_embedded / seconds)
        if sys.exception() is not None and after.pending:
            terminal.say("import.left", n=after.pending)


@cli.command()
def similar(
    text: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    *,
    message: Annotated[int | None, _id_option("Look for messages like this stored one instead.")] = None,
    server: Annotated[list[int] | None, _id_option("Only in this server (may be repeated).")] = None,
    channel: Annotated[list[int] | None, _id_option("Only in this channel or thread (may be repeated).")] = None,
    author: Annotated[list[int] | None, _id_option("Only by this author (may be repeated).")] = None,
    after: Annotated[datetime | None, _moment_option("From this day or age on, in UTC.")] = None,
    before: Annotated[datetime | None, _moment_option("Before this day or age, in UTC.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show, 1 to 100.")] = 10,
    min_score: Annotated[float | None, typer.Option(help="Only with at least this score, -1 to 1.")] = None,
    mode: Annotated[Mode, typer.Option(help="What to go by.")] = Mode.MEANING,
    as_json: AsJson = False,
) -> None:
    """Find stored messages that say alike things."""
    if (text is None) == (message is None):
        raise typer.BadParameter("give a TEXT or --message ID, one of the two")
    if min_score is not None and not -1 <= min_score <= 1:  # refuses NaN as well
        raise typer.BadParameter("--min-score must lie between -1 and 1")
    settings, terminal = _ready()
    clamped = min(max(limit, 1), _MAX_LIMIT)
    if clamped != limit:
        terminal.remark("similar.clamped", asked=limit, limit=clamped)
    within = Scope(
        guild_ids=frozenset(server) if server else None,
        channel_ids=frozenset(channel) if channel else None,
        author_ids=frozenset(author) if author else None,
        after_id=None if after is None else snowflake_at(after),
        before_id=None if before is None else snowflake_at(before),
    )
    log.debug("searching by %s", mode)
    query = Query(text=text, message_id=message, limit=clamped, within=within, min_score=min_score)
    asyncio.run(_similar(settings, terminal, query, as_json=as_json))


async def _similar(settings: Settings, terminal: Terminal, query: Query, *, as_json: bool) -> None:
    async with open_reader(settings) as app:
        status = await app.inspector.status()
        await app.indexer.reconcile()
        hits = await app.search.similar(Operator(), query)
    if as_json:
        terminal.hits_as_json(hits)
    else:
        terminal.hits(hits, now=utc_now())
    if not hits:
        terminal.remark("similar.nothing_found" if status.messages else "similar.nothing_stored")
    if status.pending:
        terminal.remark("similar.waiting", n=status.pending)


@cli.command()
def status(*, as_json: AsJson = False) -> None:
    """Show how much is stored, embedded and waiting, and what it takes."""
    settings, terminal = _ready()
    found = asyncio.run(_status(settings))
    if as_json:
        terminal.json(dataclasses.asdict(found))
    else:
        terminal.status(found)


async def _status(settings: Settings) -> Status:
    async with open_reader(settings) as app:
        return await app.inspector.status()


@cli.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, database, vectors, mirror and model, and say what to do."""
    settings, terminal = _ready()
    if not asyncio.run(_doctor(settings, terminal, as_json=as_json)):
        raise typer.Exit(1)


async def _doctor(settings: Settings, terminal: Terminal, *, as_json: bool) -> bool:
    all_well = True
    async with open_reader(settings) as app:
        async for finding in app.inspector.examine():
            all_well &= finding.is_well
            if as_json:
                told = terminal.words(f"doctor.{finding.verdict}", **finding.values)
                terminal.json({"subject": finding.subject, "is_well": finding.is_well, "verdict": told})
            else:
                terminal.finding(finding)
    if all_well and not as_json:
        terminal.say("doctor.all_well")
    return all_well


@cli.command()
def rebuild() -> None:
    """Check every vector, embed what lacks one with the model that is set, and mirror it all anew."""
    asyncio.run(_rebuild(*_ready()))


async def _rebuild(settings: Settings, terminal: Terminal) -> None:
    async with open_app(settings, "rebuild") as app:
        n_damaged = await app.indexer.mend()
        status = await app.inspector.status()
        await terminal.draining(app.indexer.drain(), status.pending)
        await app.indexer.settle()
        terminal.say("rebuild.damaged", n=n_damaged)
        after = await app.inspector.status()
        terminal.say("rebuild.embedded", n=status.pending - after.pending - after.parked)
        terminal.say("rebuild.mirrored", n=after.embedded)
        if after.parked:
            terminal.say("import.parked", n=after.parked)
