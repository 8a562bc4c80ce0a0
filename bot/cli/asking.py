"""The verb that searches."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from bot.app import open_reader
from bot.askers import Operator, Scope
from bot.cli._arguments import AsJson, id_option, moment_option, ready
from bot.messages import Mode, Query
from bot.settings import Settings
from bot.terminal import Terminal, utc_now
from bot.times import snowflake_at

_MAX_LIMIT = 100


def similar(
    text: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    *,
    message: Annotated[int | None, id_option("Look for messages like this stored one instead.")] = None,
    server: Annotated[list[int] | None, id_option("Only in this server (may be repeated).")] = None,
    channel: Annotated[list[int] | None, id_option("Only in this channel or thread (may be repeated).")] = None,
    author: Annotated[list[int] | None, id_option("Only by this author (may be repeated).")] = None,
    after: Annotated[datetime | None, moment_option("From this day or age on, in UTC.")] = None,
    before: Annotated[datetime | None, moment_option("Before this day or age, in UTC.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show, 1 to 100.")] = 10,
    min_score: Annotated[float | None, typer.Option(help="Only with at least this score, -1 to 1.")] = None,
    mode: Annotated[Mode, typer.Option(help="What to go by.")] = Mode.BOTH,
    as_json: AsJson = False,
) -> None:
    """Find stored messages that say alike things."""
    if (text is None) == (message is None):
        raise typer.BadParameter("give a TEXT or --message ID, one of the two")
    if min_score is not None and not -1 <= min_score <= 1:  # refuses NaN as well
        raise typer.BadParameter("--min-score must lie between -1 and 1")
    settings, terminal = ready()
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
    query = Query(text=text, message_id=message, limit=clamped, within=within, min_score=min_score, mode=mode)
    asyncio.run(_similar(settings, terminal, query, as_json=as_json))


async def _similar(settings: Settings, terminal: Terminal, query: Query, *, as_json: bool) -> None:
    async with open_reader(settings) as app:
        stored = await app.inspector.stored()
        await app.indexer.load()
        question = await app.search.question(Operator(), query)
        hits = await app.search.placed(question, await app.search.nearest(question))
    if as_json:
        terminal.hits_as_json(hits)
    else:
        terminal.hits(hits, now=utc_now())
    if not hits:
        terminal.remark("similar.nothing_found" if stored.messages else "similar.nothing_stored")
    if question.failure is not None:
        terminal.remark("similar.words_only", reason=terminal.words.error(question.failure))
    if stored.pending:
        terminal.remark("similar.waiting", n=stored.pending)
