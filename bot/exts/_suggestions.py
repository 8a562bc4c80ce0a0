"""Suggests earlier threads in new ones, once their authors had time to finish."""

import logging
import re
from collections.abc import Collection, Sequence

import discord

from bot.askers import visible_to
from bot.client import SimilarBot
from bot.errors import BotError, HistoryDelayed
from bot.exts._convert import location_of
from bot.exts._failures import FAILED, FAILED_FOR_NOW
from bot.exts._related import suggestion_buttons
from bot.exts._render import related_embed
from bot.messages import Hit
from bot.services.related import SHOWN, Due, Lead, NewThread
from bot.words import words_for

log = logging.getLogger(__name__)

_SOLVED = re.compile(r"\b(?:solved|answered|resolved|done|fixed|completed?)\b|解決|回答済|対応済|完了", re.IGNORECASE)
_UNSOLVED = re.compile(r"\b(?:not|never|un\w+)\b|未|[てで]いない|ない$", re.IGNORECASE)


def says_solved(tag: str) -> bool:
    """Whether a forum's tag marks what is solved, by its name."""
    return _SOLVED.search(tag) is not None and _UNSOLVED.search(tag) is None


async def suggest_when_due(bot: SimilarBot) -> None:
    """Look at each new thread when its moment has come, until cancelled."""
    related = bot.app.related
    await bot.wait_until_ready()
    while True:
        for due in await related.due():
            try:
                await _suggest(bot, due)
            except (BotError, *FAILED_FOR_NOW) as error:
                log.info("thread %d gets its related posts later: %s", due.thread_id, type(error).__name__)
                await related.postpone(due)
            except (discord.HTTPException, discord.InvalidData) as error:
                log.warning("thread %d gets no related posts: %s", due.thread_id, error)
                await related.done(due)
            except Exception:
                log.exception("thread %d gets no related posts", due.thread_id)
                await related.done(due)


async def _suggest(bot: SimilarBot, due: Due) -> None:
    """Post what is related in a thread; nothing where nothing is. Raises what Discord raises, and BotError."""
    thread = await _open_thread(bot, due)
    hits = () if thread is None else await _related_to(bot, due, thread)
    await bot.app.related.done(due)  # before it is posted: rather none than two
    if thread is not None and hits:
        await _post(bot, due, thread, hits)


async def _related_to(bot: SimilarBot, due: Due, thread: discord.Thread) -> tuple[Hit, ...]:
    """The hits for a thread in the order in which they are shown, as Discord has them now."""
    related = bot.app.related
    chosen = await related.chosen(due.guild_id)
    if not set(location_of(thread).path) & set(chosen):
        return ()  # it was left meanwhile
    new = NewThread(due, thread.name, thread.owner_id, _with_inner(thread.guild, chosen))
    leads = await related.leads(await bot.audience_of(thread), new)
    ordered = [lead.hit for lead in await _solved_first(thread.guild, leads)]
    return await related.confirmed(ordered, bot.history_of(due.guild_id))


def _with_inner(guild: discord.Guild, channel_ids: Collection[int]) -> frozenset[int]:
    """Channels and categories, with the channels that lie in those."""
    categories = [category for category in guild.categories if category.id in channel_ids]
    return frozenset({*channel_ids, *(channel.id for category in categories for channel in category.channels)})


async def _post(bot: SimilarBot, due: Due, thread: discord.Thread, hits: Sequence[Hit]) -> None:
    """Post what everyone who reads the thread may see at this moment."""
    scope = visible_to(await bot.audience_of(thread))
    seen = [hit for hit in hits if hit.message.is_within(scope)][:SHOWN]
    if not seen:
        return
    words = words_for(thread.guild.preferred_locale.value)
    sent = await thread.send(embed=related_embed(seen, words), view=suggestion_buttons(words), silent=True)
    await bot.app.related.suggested(due, message_id=sent.id, language=words.language, hits=seen)
    bot.app.answers.permissions_changed(thread.guild.id)  # perhaps while it was sent


async def _open_thread(bot: SimilarBot, due: Due) -> discord.Thread | None:
    """A thread that waits, None where it is gone or closed. Raises HistoryDelayed where its server is not there now."""
    guild = bot.get_guild(due.guild_id)
    if guild is None or guild.unavailable:
        raise HistoryDelayed("the server is not there")
    try:
        thread = guild.get_thread(due.thread_id) or await guild.fetch_channel(due.thread_id)
    except discord.NotFound:
        return None
    if not isinstance(thread, discord.Thread) or thread.archived or thread.locked or thread.is_private():
        return None
    return thread


async def _solved_first(guild: discord.Guild, leads: Sequence[Lead]) -> list[Lead]:
    """The solved ones first; otherwise their order stays."""
    solved = [await _is_solved(guild, lead) for lead in leads]
    return [leads[n] for n in sorted(range(len(leads)), key=lambda n: not solved[n])]


async def _is_solved(guild: discord.Guild, lead: Lead) -> bool:
    """Whether a thread says so by a tag, or is closed after somebody answered, or its author was helped."""
    if lead.has_helped:
        return True
    thread_id = lead.channel.channel_id
    try:
        thread = guild.get_thread(thread_id) or await guild.fetch_channel(thread_id)
    except (*FAILED, discord.InvalidData):
        return False
    if not isinstance(thread, discord.Thread):
        return False
    if any(says_solved(tag.name) for tag in thread.applied_tags):
        return True
    return (thread.archived or thread.locked) and bool(lead.voices - {thread.owner_id})
