"""Keeps shared answers and suggestions true: what was deleted, rewritten or closed to others is taken out of them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import discord

from bot.askers import Audience
from bot.exts._convert import Place
from bot.exts._failures import FAILED
from bot.exts._history import Readable
from bot.exts._render import related_embed, share_embed
from bot.services.answers import Answers, Share
from bot.words import Words

log = logging.getLogger(__name__)

AudienceOf = Callable[[Place], Awaitable[Audience]]

_RETRY_S = 600.0  # after which a share that could not be narrowed or edited is tried again


class Posted(Protocol):
    """A message of the bot's, by where it stands."""

    @property
    def guild_id(self) -> int: ...
    @property
    def channel_id(self) -> int: ...


async def keep_shares_true(
    client: discord.Client, answers: Answers, audience_of: AudienceOf, *, also: Callable[[], Awaitable[None]]
) -> None:
    """Edit the shared answers that show too much, whenever some may, until cancelled; `also` is done beside that."""
    refused_until: dict[int, float] = {}
    await client.wait_until_ready()
    while True:
        answers.may_be_stale.clear()
        refused_until = {i: until for i, until in refused_until.items() if until > time.monotonic()}
        await _narrow(client, answers, audience_of)
        for share in await answers.stale_shares():
            if share.message_id in refused_until:
                continue
            try:
                await _redraw(client, answers, audience_of, share)
            except FAILED as error:
                log.warning("shared answer %d is not edited: %s", share.message_id, error)
                refused_until[share.message_id] = time.monotonic() + _RETRY_S
                asyncio.get_running_loop().call_later(_RETRY_S, answers.may_be_stale.set)
        await also()
        await answers.may_be_stale.wait()


async def _narrow(client: discord.Client, answers: Answers, audience_of: AudienceOf) -> None:
    """Have shares forget what not everyone there may read any more, where permissions changed."""
    audiences: dict[int, Audience] = {}
    unknown: set[int] = set()
    async with answers.turned_shares() as shares:
        for share in shares:
            try:
                if share.channel_id not in audiences and (here := await where(client, share)):
                    audiences[share.channel_id] = await audience_of(here)
            except FAILED as error:
                log.warning("who reads shared answer %d is not known: %s", share.message_id, error)
                unknown.add(share.guild_id)
            if share.channel_id in audiences:
                await answers.narrow(share, audiences[share.channel_id])
    for guild_id in unknown:
        asyncio.get_running_loop().call_later(_RETRY_S, answers.permissions_changed, guild_id)


async def _redraw(client: discord.Client, answers: Answers, audience_of: AudienceOf, share: Share) -> None:
    try:
        here = await where(client, share)
        if here is None:
            return
        hits = await answers.hits_of(share, await audience_of(here))
        message = here.get_partial_message(share.message_id)
        if not share.is_suggestion:
            await message.edit(embed=share_embed(hits, Words(share.language)))
        elif hits and not (isinstance(here, discord.Thread) and here.archived):
            await message.edit(embed=related_embed(hits, Words(share.language)))
        else:
            await message.delete()  # in an archived thread nothing can be edited, and nobody asked for it
    except discord.NotFound:
        await answers.unshared(share.guild_id, [share.message_id])
    else:
        await answers.redrawn(share)


async def where(client: discord.Client, posted: Posted) -> Readable | None:
    """The channel of what the bot posted; None where its server is not there now. Raises what Discord raises."""
    guild = client.get_guild(posted.guild_id)
    if guild is None or guild.unavailable:
        return None
    here = guild.get_channel_or_thread(posted.channel_id) or await guild.fetch_channel(posted.channel_id)
    return here if isinstance(here, Readable) else None
