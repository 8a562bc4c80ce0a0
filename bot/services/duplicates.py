"""Duplicates: marking that a message asks what another one asked before, and keeping the replies true that say so."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Self

from bot.askers import Asker, Audience, Member, Scope, visible_to
from bot.errors import MessageNotFound, MessageNotKept
from bot.messages import Hit, Nearness, Query, StoredMessage
from bot.services.answers import Answers
from bot.services.search import Search
from bot.services.verdicts import Subject, Verdict, Verdicts
from bot.storage.duplicates import DuplicateStore, Link, Reply

__all__ = ["MOST_OFFERED", "Duplicates", "Marked", "Marks", "Reply"]  # a reply is handed out as it is stored

log = logging.getLogger(__name__)

MOST_OFFERED = 25  # as many as a Discord menu holds


@dataclass(frozen=True, slots=True)
class Marked:
    """A message with what it is a duplicate of."""

    message: StoredMessage
    original: StoredMessage

    def seen_by(self, asker: Asker) -> Self:
        """Itself, for the last look before it is shown. Raises MessageNotFound where the asker may not see both."""
        scope = visible_to(asker)
        for stored in (self.message, self.original):
            if not stored.message.is_within(scope):
                raise MessageNotFound(stored.message.message_id)
        return self

    @property
    def channel_ids(self) -> frozenset[int]:
        return frozenset({self.message.message.channel_id, self.original.message.channel_id})


@dataclass(frozen=True, slots=True)
class Marks:
    """What some messages are duplicates of, and what is a duplicate of them."""

    links: tuple[Link, ...] = ()

    def seen_by(self, asker: Asker) -> Self:
        """The marks of which the asker may see both messages, so that no hidden one is counted."""
        scope = visible_to(asker)
        seen = (link for link in self.links if link.duplicate.is_within(scope) and link.original.is_within(scope))
        return replace(self, links=tuple(seen))

    @property
    def channel_ids(self) -> frozenset[int]:
        both = (asking for link in self.links for asking in (link.duplicate, link.original))
        return frozenset(asking.channel_id for asking in both)

    def n_asked(self, message_id: int) -> int:
        """How often a message was asked, itself and its duplicates; 1 where it has none."""
        return 1 + sum(link.original.message_id == message_id for link in self.links)

    def original_url(self, message_id: int) -> str | None:
        """Where that was asked first which a message is a duplicate of."""
        return next((link.original.url for link in self.links if link.duplicate.message_id == message_id), None)


class Duplicates:
    """Marks messages for those who may; looks at nothing that the asker may not see."""

    def __init__(self, store: DuplicateStore, search: Search, answers: Answers, verdicts: Verdicts) -> None:
        self._store = store
        self._verdicts = verdicts
        self._search = search
        self._answers = answers  # whose signal tells of the replies, too, that they may be stale
        self._turned: set[int] = set()  # the servers whose permissions changed

    async def find(self, asker: Member, message_id: int) -> StoredMessage:
        """A message that is to be marked. Raises MessageNotKept."""
        rows = await self._search.seen(asker, asker.guild_id, [message_id])
        if message_id not in rows:
            raise MessageNotKept
        return rows[message_id]

    async def candidates(self, asker: Member, message_id: int) -> tuple[StoredMessage, ...]:
        """What a message may be a duplicate of: what is like it, the earlier messages first, the nearest first in both.

        Of what says the same the first one stands for all, and the original for its duplicates. Raises what
        Search.question raises.
        """
        earlier = await self._like(asker, message_id, Scope(before_id=message_id))
        later = await self._like(asker, message_id, Scope(after_id=message_id + 1))
        ids = [_first_of(hit) for hit in (*earlier, *later)]
        originals = await self._originals(asker.guild_id, ids)
        wanted = dict.fromkeys(originals.get(i, i) for i in ids)
        wanted.pop(message_id, None)
        seen = await self._search.seen(asker, asker.guild_id, wanted)
        return tuple(seen[i] for i in wanted if i in seen)[:MOST_OFFERED]

    async def original_of(self, asker: Member, message_id: int) -> StoredMessage | None:
        """What a message is marked as a duplicate of, if the asker may see that."""
        original_id = (await self._originals(asker.guild_id, [message_id])).get(message_id)
        if original_id is None:
            return None
        return (await self._search.seen(asker, asker.guild_id, [original_id])).get(original_id)

    async def mark(self, asker: Member, message_id: int, original_id: int) -> Marked:
        """Mark a message as a duplicate of another one, or of what that is a duplicate of.

        Raises MessageNotKept, MessageNotFound where the asker may not see the original, and DuplicateOfItself.
        """
        message = await self.find(asker, message_id)
        links = await self._links(asker.guild_id, [message_id, original_id])
        first_id = links[original_id].original.message_id if original_id in links else original_id
        seen = await self._search.seen(asker, asker.guild_id, [first_id])
        if first_id not in seen:
            raise MessageNotFound(first_id)
        likeness = await self._search.likeness(asker.guild_id, message_id, first_id)
        percent = None if likeness is None else round(100 * likeness)
        await self._store.mark(asker.guild_id, message_id, first_id, percent=percent)
        self._answers.may_be_stale.set()
        former = links.get(message_id)
        if former is None or former.original.message_id != first_id:
            await self._verdicts.note(asker.guild_id, Subject.DUPLICATES, Verdict.DUPLICATE, score=likeness)
            await self._take_back(former)
        return Marked(message, seen[first_id])

    async def unmark(self, guild_id: int, message_id: int) -> bool:
        """Take a mark off; whether there was one. What it said of how near the two messages lie is taken back."""
        link = (await self._links(guild_id, [message_id])).get(message_id)
        was_marked = await self._store.unmark(guild_id, message_id)
        self._answers.may_be_stale.set()
        if was_marked:
            await self._take_back(link)
        return was_marked

    async def marks_of(self, guild_id: int, message_ids: Collection[int]) -> Marks:
        """The marks that these messages have part in, yet to be `seen_by` somebody."""
        return Marks(tuple(await self._store.links_of(guild_id, message_ids)))

    async def is_open_to(self, audience: Audience, marked: Marked) -> bool:
        """Whether all of an audience may see the original."""
        original_id = marked.original.message.message_id
        return original_id in await self._search.seen(audience, audience.guild_id, [original_id])

    async def has_reply(self, marked: Marked) -> bool:
        """Whether the bot has a reply below the duplicate, which is seen to by itself."""
        message = marked.message.message
        return bool(await self._store.replies_to(message.guild_id, message.message_id))

    async def replied(self, marked: Marked, *, reply_id: int, language: str) -> None:
        """A message of the bot's below the duplicate leads to the original."""
        message = marked.message.message
        reply = Reply(message.guild_id, message.channel_id, reply_id, message.message_id, language)
        await self._store.put_reply(reply, original_id=marked.original.message.message_id)
        self.permissions_changed(message.guild_id)  # perhaps while it was sent

    def permissions_changed(self, guild_id: int) -> None:
        """Of what replies lead to in a server, others may read another part than before."""
        self._turned.add(guild_id)
        self._answers.may_be_stale.set()

    async def turned_replies(self) -> list[Reply]:
        """The replies in servers whose permissions changed since the last call."""
        turned, self._turned = self._turned, set()
        return [reply for guild_id in sorted(turned) for reply in await self._store.replies_in(guild_id)]

    async def narrow(self, reply: Reply, audience: Audience) -> None:
        """Have a reply looked at that leads to what not all of its audience may see."""
        if await self.led_to(reply, audience) is None:
            log.info("reply %d leads to a message that not all may read", reply.reply_id)
            await self._store.doubt(reply)

    async def stale_replies(self) -> list[Reply]:
        """The replies that lead to what is gone, or elsewhere than the mark does now."""
        return await self._store.stale_replies()

    async def led_to(self, reply: Reply, audience: Audience) -> StoredMessage | None:
        """What a reply is to lead to; None where nothing is marked, or not all of its audience may see it."""
        if reply.message_id is None:
            return None
        original_id = (await self._originals(reply.guild_id, [reply.message_id])).get(reply.message_id)
        if original_id is None:
            return None
        return (await self._search.seen(audience, reply.guild_id, [original_id])).get(original_id)

    async def redrawn(self, reply: Reply, original: StoredMessage) -> None:
        """A stale reply was edited."""
        await self._store.redrawn(reply, original_id=original.message.message_id)

    async def unreplied(self, reply: Reply) -> None:
        """A reply is gone."""
        await self._store.drop_reply(reply)

    async def _take_back(self, link: Link | None) -> None:
        """A message is no duplicate after all of what it was marked as one of."""
        if link is not None and link.percent is not None:
            await self._verdicts.note(
                link.duplicate.guild_id,
                Subject.DUPLICATES,
                Verdict.NOT_DUPLICATE,
                score=link.percent / 100,
                instead_of=Verdict.DUPLICATE,
            )

    async def _like(self, asker: Member, message_id: int, within: Scope) -> list[Hit]:
        query = Query(message_id=message_id, limit=MOST_OFFERED, within=within, least=Nearness.LOOSE, is_folded=True)
        return await self._search.similar(asker, query)

    async def _originals(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, int]:
        """What these messages are duplicates of, by id."""
        links = await self._links(guild_id, message_ids)
        return {message_id: link.original.message_id for message_id, link in links.items()}

    async def _links(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, Link]:
        """The marks on these messages, by id."""
        ids = set(message_ids)
        links = await self._store.links_of(guild_id, ids)
        return {link.duplicate.message_id: link for link in links if link.duplicate.message_id in ids}


def _first_of(hit: Hit) -> int:
    return min(stored.message.message_id for stored in (hit.stored, *hit.copies))
