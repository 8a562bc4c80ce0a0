"""The verbs that store and embed."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from bot.app import App, open_app
from bot.cli._arguments import path_of, ready
from bot.errors import BudgetSpent
from bot.services.importer import export_files
from bot.settings import Settings
from bot.terminal import Terminal


def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", parser=path_of, help="Exports, or folders of exports.")
    ],
    *,
    embed: Annotated[bool, typer.Option("--embed/--no-embed", help="Embed what was stored.")] = True,
) -> None:
    """Store exported messages (DiscordChatExporter JSON), then embed them."""
    settings, terminal = ready()
    if not asyncio.run(_import(settings, terminal, paths, embed=embed)):
        raise typer.Exit(1)


async def _import(settings: Settings, terminal: Terminal, paths: list[Path], *, embed: bool) -> bool:
    files = export_files(paths)
    async with open_app(settings, "import") as app:
        if embed:
            terminal.change(await app.inspector.costs.change())
        started = time.perf_counter()
        with terminal.reading(files) as on_progress:
            report = await app.importer.run(files, on_progress=on_progress)
        await app.withdrawal.sweep()
        terminal.tally(report.tally, n_files=report.n_files, seconds=time.perf_counter() - started)
        for refused in report.refused:
            terminal.err.print(terminal.words.error(refused))
        if embed:
            await _embed(app, terminal)
        else:
            await app.indexer.take_in_words()
        counts = await app.inspector.counts()
        await _tell_left(app, terminal, counts.pending)
        if counts.parked:
            terminal.say("import.parked", n=counts.parked)
    return not report.refused


async def _embed(app: App, terminal: Terminal) -> None:
    """Embed what waits; a failing embedder is told after what was done until then."""
    counts = await app.inspector.counts()
    started = time.perf_counter()
    try:
        await terminal.draining(app.indexer.drain(), counts.pending)
    finally:
        after = await app.inspector.counts()
        if n_embedded := after.embedded - counts.embedded:
            seconds = time.perf_counter() - started
            terminal.say("import.embedded", n=n_embedded, seconds=seconds, rate=n_embedded / seconds)
        if sys.exception() is not None and after.pending:
            terminal.say("import.left", n=after.pending)


def retry() -> None:
    """Embed what waits, and try once more what was set aside because the model refused it."""
    asyncio.run(_retry(*ready()))


async def _retry(settings: Settings, terminal: Terminal) -> None:
    async with open_app(settings, "retry") as app:
        terminal.change(await app.inspector.costs.change())
        await app.indexer.retry()
        before = await app.inspector.counts()
        try:
            await terminal.draining(app.indexer.drain(), before.pending)
        finally:
            after = await app.inspector.counts()
            terminal.say("retry.embedded", n=after.embedded - before.embedded)
            terminal.say("retry.parked", n=after.parked)
            await _tell_left(app, terminal, after.pending)


async def _tell_left(app: App, terminal: Terminal, n_pending: int) -> None:
    """How many messages still wait, and whether that is for money."""
    if not n_pending:
        return
    terminal.say("import.left", n=n_pending)
    accounts = await app.spending.accounts(app.inspector.model_key)
    if accounts.all_are_spent or accounts.spent_up:
        terminal.err.print(terminal.words.error(BudgetSpent()))


def rebuild() -> None:
    """Check every vector, embed what lacks one with the model that is set, and make the mirror hold it all."""
    asyncio.run(_rebuild(*ready()))


async def _rebuild(settings: Settings, terminal: Terminal) -> None:
    async with open_app(settings, "rebuild") as app:
        terminal.change(await app.inspector.costs.change())
        n_damaged = await app.indexer.mend()
        counts = await app.inspector.counts()
        await terminal.draining(app.indexer.drain(), counts.pending)
        await app.indexer.settle()
        terminal.say("rebuild.damaged", n=n_damaged)
        after = await app.inspector.counts()
        terminal.say("rebuild.embedded", n=counts.pending - after.pending - after.parked)
        terminal.say("rebuild.mirrored", n=after.embedded)
        if after.parked:
            terminal.say("import.parked", n=after.parked)
        await _tell_left(app, terminal, after.pending)
