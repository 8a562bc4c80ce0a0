"""The verb that shows what is said again and again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from bot.app import App, open_reader
from bot.askers import Operator, Scope
from bot.cli._arguments import AsJson, id_option, moment_option, ready
from bot.services.gathering import Wanted
from bot.services.groups import Group
from bot.settings import Settings
from bot.terminal import Terminal
from bot.texts import quote
from bot.times import snowflake_at

_QUOTE_WIDTH = 200
_NAME_WIDTH = 32
_CHANNELS = 3  # that are named
_STEPS = 100

_Shown = tuple[int, Group, Sequence[int]]  # the server, the group, and the ids of all of it


def groups(
    *,
    server: Annotated[list[int] | None, id_option("Only in this server (may be repeated).")] = None,
    channel: Annotated[list[int] | None, id_option("Only in this channel or thread (may be repeated).")] = None,
    since: Annotated[datetime | None, moment_option("From this day or age on, in UTC.")] = None,
    min_size: Annotated[int, typer.Option(min=2, help="How many messages make a group.")] = 3,
    limit: Annotated[int, typer.Option(min=1, help="How many groups to show, the largest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show groups of messages that say the same, across accounts and channels."""
    settings, terminal = ready()
    within = Scope(
        guild_ids=frozenset(server) if server else None,
        channel_ids=frozenset(channel) if channel else None,
        after_id=None if since is None else snowflake_at(since),
    )
    asyncio.run(_groups(settings, terminal, Wanted(within, min_size), limit=limit, as_json=as_json))


async def _groups(settings: Settings, terminal: Terminal, wanted: Wanted, *, limit: int, as_json: bool) -> None:
    async with open_reader(settings) as app:
        stored = await app.inspector.stored()
        n_found, shown = await _found(app, terminal, wanted, limit)
        names = {
            c.channel_id: c.name for guild_id in {row[0] for row in shown} for c in await app.search.channels(guild_id)
        }
    for number, (guild_id, group, ids) in enumerate(shown, 1):
        if as_json:
            terminal.json(_as_json(guild_id, group, ids))
        else:
            _show(terminal, number, group, names)
    if not shown:
        terminal.remark("groups.nothing_found" if stored.messages else "groups.nothing_stored")
    elif n_found > len(shown):
        terminal.remark("groups.n_more", n=n_found - len(shown))
    if stored.pending:
        terminal.remark("similar.waiting", n=stored.pending)


async def _found(app: App, terminal: Terminal, wanted: Wanted, limit: int) -> tuple[int, list[_Shown]]:
    """How many groups there are in all servers, and the largest of them."""
    found: list[tuple[int, list[int]]] = []
    for guild_id in [server.guild_id for server in await app.search.servers()]:
        with terminal.steps("groups.comparing") as on_progress:
            groups = await app.gathering.find(
                Operator(), guild_id, wanted, on_share=lambda share: on_progress(round(_STEPS * share), _STEPS)
            )
        found += [(guild_id, ids) for ids in groups]
    largest = sorted(found, key=lambda one: -len(one[1]))[:limit]
    shown: list[_Shown] = []
    for guild_id, ids in largest:
        seen = await app.groups.seen(Operator(), guild_id, {0: ids})
        shown += [(guild_id, group, ids) for group in await app.groups.examples(Operator(), guild_id, seen)]
    return len(found), shown


def _show(terminal: Terminal, number: int, group: Group, names: dict[int, str]) -> None:
    words = terminal.words
    n_authors, ids = group.n_authors, group.channel_ids
    named = ", ".join(f"#{quote(names.get(i, ''), width=_NAME_WIDTH) or i}" for i in ids[:_CHANNELS])
    n_more = len(ids) - _CHANNELS
    line = words(
        "groups.line",
        size=words("groups.size", n=len(group.places)),
        authors=words("groups.one_author") if n_authors == 1 else words("groups.authors", n=n_authors),
        channels=words("groups.more_channels", channels=named, n=n_more) if n_more > 0 else named,
        first=group.first_at,
        last=group.last_at,
    )
    terminal.out.print(f"{number:>2}. {line}")
    if group.example is not None:
        message = group.example.message
        terminal.out.print(f"    {quote(message.shown, width=_QUOTE_WIDTH) or words('hit.no_text')}")
        terminal.out.print(f"    {message.url}")


def _as_json(guild_id: int, group: Group, ids: Sequence[int]) -> dict[str, object]:
    message = None if group.example is None else group.example.message
    return {
        "guild_id": str(guild_id),
        "size": len(group.places),
        "authors": group.n_authors,
        "channel_ids": [str(i) for i in group.channel_ids],
        "first_at": group.first_at,
        "last_at": group.last_at,
        "example": None if message is None else {"message_id": str(message.message_id), "content": message.content},
        "url": None if message is None else message.url,
        "message_ids": [str(i) for i in ids],
    }
