"""The verbs that erase: what one person wrote, what is stored of a server, or everything."""

import asyncio
import sys
from typing import Annotated

import typer

from bot.app import App, open_app
from bot.cli._arguments import AsJson, id_argument, id_option, ready
from bot.services.costs import ServerCosts
from bot.services.proof import Sight
from bot.settings import Settings
from bot.terminal import Terminal


def forget(
    user: Annotated[int, id_argument("USER_ID", "Whose messages; they may have left long ago.")],
    *,
    server: Annotated[int | None, id_option("Only in this server.")] = None,
    prove: Annotated[bool, typer.Option("--prove", help="Show that nothing of it is left.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase everything that a person wrote, what was made of it, and their name."""
    settings, terminal = ready()
    guild_ids = None if server is None else [server]
    sights = asyncio.run(_forget(settings, terminal, user, guild_ids, prove=prove, as_json=as_json))
    if n_left := sum(sight.found for sight in sights):
        terminal.remark("forget.left", n=n_left)
        raise typer.Exit(1)


async def _forget(  # two of them are how it is shown
    settings: Settings, terminal: Terminal, user_id: int, guild_ids: list[int] | None, *, prove: bool, as_json: bool
) -> list[Sight]:
    async with open_app(settings, "forget") as app:
        if not prove:
            await _erase(app, terminal, user_id, guild_ids, as_json=as_json)
            return []
        await app.indexer.load()
        traces = await app.tracker.traces(user_id, guild_ids=guild_ids)
        await _erase(app, terminal, user_id, guild_ids, as_json=as_json)
        sights = await app.proof.sights(traces)
    if as_json:
        terminal.sights_as_json(sights)
    else:
        terminal.sights(sights)
        terminal.say("forget.proof", n_shared=traces.n_shared, n_short=traces.n_short)
        if not app.proof.sees_bytes:
            terminal.say("forget.encrypted")
    return sights


async def _erase(app: App, terminal: Terminal, user_id: int, guild_ids: list[int] | None, *, as_json: bool) -> None:
    erased = await app.privacy.forgotten(user_id, guild_ids=guild_ids)
    if as_json:
        for guild_id, n in erased.items():
            terminal.json({"guild_id": str(guild_id), "messages": n})
    else:
        terminal.say("forget.done", n=sum(erased.values()), servers=sum(n > 0 for n in erased.values()))
        if pending := (await app.inspector.counts()).pending:
            terminal.say("forget.pending", n=pending)
        terminal.say("forget.backups")


def purge(
    *,
    server: Annotated[int | None, id_option("Everything of this server.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything of all servers.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase everything that is stored of a server, or of all."""
    if (server is None) == (not every):
        raise typer.BadParameter("give --server ID or --all, one of the two")
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: add --yes")
    settings, terminal = ready()
    asyncio.run(_purge(settings, terminal, server, is_sure=yes, as_json=as_json))


async def _purge(settings: Settings, terminal: Terminal, guild_id: int | None, *, is_sure: bool, as_json: bool) -> None:
    async with open_app(settings, "purge") as app:
        stored = (await app.inspector.status()).by_server
        chosen = [each for each in stored if guild_id is None or each.guild_id == str(guild_id)]
        if not chosen:
            terminal.remark("purge.nothing")
            return
        if not is_sure and not _is_wanted(terminal, chosen):
            raise typer.Exit(1)
        for each in chosen:
            await app.erasure.purge(int(each.guild_id))
            if as_json:
                terminal.json({"guild_id": each.guild_id, "messages": each.messages})
            else:
                terminal.say("purge.done", server=each.guild_id, n=each.messages)
        if guild_id is None:
            await app.erasure.give_back_room()
    if not as_json:
        terminal.say("forget.backups")


def _is_wanted(terminal: Terminal, servers: list[ServerCosts]) -> bool:
    terminal.purging(servers)
    return typer.confirm(terminal.words("purge.sure"), err=True)
