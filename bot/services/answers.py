"""Answers that can be paged and shared: what may be shown is decided anew each time."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.askers import Asker, Audience, Member
from bot.errors import AnswerExpired, AnswerOfAnother, NothingToShare
from bot.messages import Hit, Query
from bot.services.search import Search
from bot.storage.answers import AnswerStore, Found, Share, ShareStore, StoredAnswer

__all__ = ["Answers", "Page", "Share"]  # a share is handed out as it is stored

PAGE = 5
KEPT = timedelta(minutes=15)  # as long as Discord lets an answer be edited


@dataclass(frozen=True, slots=True)
class Page:
    """What one member is shown of an answer; `start` is the place of its first hit, `n_more` what follows it."""

    answer_id: int
    start: int
    hits: tuple[Hit, ...]
    n_more: int

    @property
    def next(self) -> int:
        return self.start + PAGE

    @property
    def previous(self) -> int:
        return self.start - PAGE


class Answers:
    """Asks the search and remembers which messages it found, so that pages can be turned."""

    def __init__(self, search: Search, answers: AnswerStore, shares: ShareStore) -> None:
        self._search = search
        self._answers = answers
        self._shares = shares
        self.may_be_stale = asyncio.Event()  # set when a shared answer may show what is gone

    async def ask(self, asker: Member, query: Query) -> Page:
        """The first page of what is similar. Raises what Search.similar raises."""
        hits = await self._search.similar(asker, query)
        found = _found(hits)
        now = datetime.now(UTC)
        answer = StoredAnswer(secrets.randbits(63), asker.guild_id, asker.user_id, now, found)
        if found:
            await self._answers.put(answer)
        return await self._page(asker, answer, 0)

    async def forget_expired(self) -> None:
        """Drop what can no longer be turned."""
        await self._answers.drop_made_before(datetime.now(UTC) - KEPT)

    async def turn(self, asker: Member, answer_id: int, start: int) -> Page:
        """Another page of an answer that this member was given. Raises AnswerExpired and AnswerOfAnother."""
        return await self._page(asker, await self._answer(asker, answer_id), start)

    async def to_share(self, asker: Member, audience: Audience, answer_id: int, start: int) -> tuple[Hit, ...]:
        """Those of a page's hits that the asker and all of the audience may see.

        Raises NothingToShare, AnswerExpired and AnswerOfAnother.
        """
        page = await self.turn(asker, answer_id, start)
        seen = await self._search.seen(audience, audience.guild_id, [hit.message.message_id for hit in page.hits])
        hits = tuple(hit for hit in page.hits if hit.message.message_id in seen)
        if not hits:
            raise NothingToShare
        return hits

    async def shared(self, *, channel_id: int, message_id: int, language: str, hits: tuple[Hit, ...]) -> None:
        """A message of the bot's shows these hits to everyone in a channel."""
        share = Share(hits[0].message.guild_id, channel_id, message_id, language, _found(hits))
        await self._shares.put(share, [hit.message.content for hit in hits])
        self.may_be_stale.set()

    async def stale_shares(self) -> list[Share]:
        """Shared answers that show something which was deleted or rewritten since."""
        return await self._shares.stale()

    async def hits_of(self, share: Share, audience: Audience) -> tuple[Hit, ...]:
        """What a shared answer may still show."""
        return tuple(hit for _, hit in await self._hits(audience, share.guild_id, share.found))

    async def redrawn(self, share: Share) -> None:
        """A stale share was edited."""
        await self._shares.redrawn(share)

    async def unshared(self, guild_id: int, message_ids: list[int]) -> None:
        """The bot's messages that showed shared answers are gone."""
        await self._shares.drop(guild_id, message_ids)

    async def _answer(self, asker: Member, answer_id: int) -> StoredAnswer:
        answer = await self._answers.get(answer_id)
        if answer is None or answer.made_at < datetime.now(UTC) - KEPT:
            raise AnswerExpired
        if (answer.guild_id, answer.user_id) != (asker.guild_id, asker.user_id):
            raise AnswerOfAnother
        return answer

    async def _hits(self, asker: Asker, guild_id: int, found: Sequence[Found]) -> list[tuple[Found, Hit]]:
        seen = await self._search.seen(asker, guild_id, [one.message_id for one in found])
        return [(one, Hit(seen[one.message_id], one.percent / 100)) for one in found if one.message_id in seen]

    async def _page(self, asker: Member, answer: StoredAnswer, start: int) -> Page:
        hits = await self._hits(asker, answer.guild_id, [one for one in answer.found if one.position >= start])
        shown = [(one, hit) for one, hit in hits if one.position < start + PAGE]
        return Page(answer.answer_id, start, tuple(hit for _, hit in shown), n_more=len(hits) - len(shown))


def _found(hits: Iterable[Hit]) -> tuple[Found, ...]:
    return tuple(Found(n, hit.message.message_id, round(hit.score * 100)) for n, hit in enumerate(hits))
