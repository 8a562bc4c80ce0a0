"""The bot's replies below duplicates: sent, and edited or deleted where they no longer hold."""

import logging
import time

import discord

from bot.askers import Audience
from bot.exts._failures import FAILED
from bot.exts._history import Readable
from bot.exts._shares import AudienceOf, where
from bot.messages import StoredMessage
from bot.services.duplicates import Duplicates, Marked, Reply
from bot.words import Words

log = logging.getLogger(__name__)

_RETRY_S = 600.0  # after which a reply that could not be edited is tried again


async def reply_below(
    here: object, marked: Marked, words: Words, *, duplicates: Duplicates, audience_of: AudienceOf
) -> bool:
    """Lead everyone in the channel of a duplicate to the original; whether a reply does so, now or in a moment.

    None does where not all of them may read the original, or the bot may not write.
    """
    if not isinstance(here, Readable) or not await duplicates.is_open_to(await audience_of(here), marked):
        return False
    if await duplicates.has_reply(marked):
        return True
    if not _bot_may_write(here):
        return False
    below = discord.MessageReference(
        message_id=marked.message.message.message_id, channel_id=here.id, fail_if_not_exists=False
    )
    try:
        sent = await here.send(_text(marked.original, words), reference=below, mention_author=False)
    except FAILED as error:
        log.warning("no reply below message %d: %s", marked.message.message.message_id, error)
        return False
    await duplicates.replied(marked, reply_id=sent.id, language=words.language)
    return True


class Replies:
    """Edits or deletes the replies that lead where they may not any more."""

    def __init__(self, client: discord.Client, duplicates: Duplicates, audience_of: AudienceOf) -> None:
        self._client = client
        self._duplicates = duplicates
        self._audience_of = audience_of
        self._refused_until: dict[int, float] = {}

    async def mend(self) -> None:
        """See to all that may not hold; one that Discord refuses is tried again later."""
        self._refused_until = {i: until for i, until in self._refused_until.items() if until > time.monotonic()}
        await self._narrow()
        for reply in await self._duplicates.stale_replies():
            if reply.reply_id in self._refused_until:
                continue
            try:
                await self._see_to(reply)
            except FAILED as error:
                log.warning("reply %d is not edited: %s", reply.reply_id, error)
                self._refused_until[reply.reply_id] = time.monotonic() + _RETRY_S

    async def _narrow(self) -> None:
        audiences: dict[int, Audience] = {}
        for reply in await self._duplicates.turned_replies():
            try:
                if reply.channel_id not in audiences and (here := await where(self._client, reply)):
                    audiences[reply.channel_id] = await self._audience_of(here)
            except FAILED as error:
                log.warning("who reads reply %d is not known: %s", reply.reply_id, error)
            if reply.channel_id in audiences:
                await self._duplicates.narrow(reply, audiences[reply.channel_id])

    async def _see_to(self, reply: Reply) -> None:
        """Have a reply lead to what is marked now, or delete it where that is nothing that all may read."""
        try:
            here = await where(self._client, reply)
            if here is None:
                return
            original = await self._duplicates.led_to(reply, await self._audience_of(here))
            shown = here.get_partial_message(reply.reply_id)
            if original is not None:
                await shown.edit(content=_text(original, Words(reply.language)))
                await self._duplicates.redrawn(reply, original)
                return
            await shown.delete()
        except discord.NotFound:
            log.info("reply %d was gone already", reply.reply_id)
        await self._duplicates.unreplied(reply)


def _text(original: StoredMessage, words: Words) -> str:
    return words("duplicates.reply", url=original.message.url)


def _bot_may_write(here: Readable) -> bool:
    allowed = here.permissions_for(here.guild.me)
    return allowed.send_messages_in_threads if isinstance(here, discord.Thread) else allowed.send_messages
