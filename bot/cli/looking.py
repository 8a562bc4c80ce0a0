"""The verbs that look and change nothing."""

import asyncio
import dataclasses
from typing import Annotated

import typer

from bot.app import open_reader
from bot.cli._arguments import AsJson, id_option, ready
from bot.services.audit import AuditLine
from bot.services.status import Status
from bot.settings import Settings
from bot.terminal import Terminal


def status(*, as_json: AsJson = False) -> None:
    """Show how much is stored, embedded and waiting, and what it takes."""
    settings, terminal = ready()
    found = asyncio.run(_status(settings))
    if as_json:
        terminal.json(dataclasses.asdict(found))
    else:
        terminal.status(found)


async def _status(settings: Settings) -> Status:
    async with open_reader(settings) as app:
        return await app.inspector.status()


def audit(*, server: Annotated[int | None, id_option("Only of this server.")] = None, as_json: AsJson = False) -> None:
    """Show who turned indexing on or off, or had something forgotten, in the last year."""
    settings, terminal = ready()
    lines = asyncio.run(_audit(settings, server))
    if as_json:
        terminal.audit_as_json(lines)
    elif lines:
        terminal.audit(lines)
    else:
        terminal.remark("audit.nothing")


async def _audit(settings: Settings, guild_id: int | None) -> list[AuditLine]:
    async with open_reader(settings) as app:
        return await app.audit.all(guild_id)


def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, database, vectors, mirror and model, and say what to do."""
    settings, terminal = ready()
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
