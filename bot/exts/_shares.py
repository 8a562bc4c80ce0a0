"""Keeps shared answers true: what was deleted or rewritten is taken out of them."""

import logging

import discord

from bot.exts._access import audience_of
from bot.exts._history import Readable
from bot.exts._render import share_embed
from bot.services.answers import Answers
from bot.services.search import Search
from bot.words import Words

log = logging.getLogger(__name__)


async def keep_shares_true(client: discord.Client, answers: Answers, search: Search) -> None:
    """Edit the shared answers that show what is gone, whenever something may be gone, until cancelled."""
    await client.wait_until_ready()
    while True:
        answers.may_be_stale.clear()
        for share in await answers.stale_shares():
            guild = client.get_guild(share.guild_id)
            here = None if guild is None else guild.get_channel_or_thread(share.channel_id)
            if not isinstance(here, Readable):
                continue
            hits = await answers.hits_of(share, audience_of(here, await search.channels(share.guild_id)))
            try:
                embed = share_embed(hits, Words(share.language))
                await here.get_partial_message(share.message_id).edit(embed=embed)
            except discord.NotFound:
                await answers.unshared(share.guild_id, [share.message_id])
            except discord.HTTPException as error:
                log.warning("shared answer %d cannot be edited: HTTP %d", share.message_id, error.status)
            else:
                await answers.redrawn(share)
        await answers.may_be_stale.wait()
