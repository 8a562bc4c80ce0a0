"""Answers that can be paged and shared: what may be shown is decided anew each time."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Self

from bot.askers import Asker, Audience, Member, visible_to
from bot.errors import AnswerExpired, AnswerOfAnother, BudgetSpent, EmbeddingError, NothingToShare, StorageFailed
from bot.messages import Hit, Query, WordsOnly
from bot.services.history import History
from bot.services.listed import Listed
from bot.services.reconcile import Reconcile
from bot.services.search import Search
from bot.storage.answers import AnswerStore, Found, Share, ShareStore, StoredAnswer

__all__ = ["Answers", "Page", "Share"]  # a share is handed out as it is stored

log = logging.getLogger(__name__)

PAGE = 5
OPENED = 15  # copies that are listed at once
CHECKED_FOR_S = 2.0  # how long Discord may take to say whether hits are still as they are stored
KEPT = timedelta(minutes=15)  # as long as Discord lets an answer be edited


@dataclass(frozen=True, slots=True)
class Page:
    """What one member is shown of an answer; `start` is the place of its first hit, `n_more` what follows it.

    `positions` are those of the hits in the answer: what is gone leaves gaps. `firsts` are the ids of copies that were
    the first to say it and that Discord still has.

    `n_unknown` hits are left out, since Discord did not say in time whether they are still there. `is_kept` says
    that the page can be turned and shared, `words_only` why there are only messages with the same words.
    """

    answer_id: int
    start: int
    hits: tuple[Hit, ...]
    n_more: int
    n_unknown: int = 0
    is_kept: bool = True
    words_only: WordsOnly | None = None
    positions: tuple[int, ...] = ()
    firsts: frozenset[int] = frozenset()

    def seen_by(self, asker: Asker) -> Self:
        """The page less what the asker may not see, for the last look before it is shown."""
        both, scope = zip(self.positions, self.hits, strict=True), visible_to(asker)
        kept = [(position, hit) for position, hit in both if hit.message.is_within(scope)]
        hits = tuple(_without_hidden(asker, hit) for _, hit in kept)
        return replace(self, hits=hits, positions=tuple(position for position, _ in kept))

    @property
    def channel_ids(self) -> frozenset[int]:
        """Where what it shows and counts was written."""
        stored = [one for hit in self.hits for one in (hit.stored, *hit.copies)]
        return frozenset(one.message.channel_id for one in stored)

    @property
    def next(self) -> int:
        return self.start + PAGE

    @property
    def previous(self) -> int:
        return self.start - PAGE


class Answers:
    """Asks the search and remembers which messages it found, so that pages can be turned."""

    def __init__(self, search: Search, reconcile: Reconcile, answers: AnswerStore, shares: ShareStore) -> None:
        self._search = search
        self._reconcile = reconcile
        self._answers = answers
        self._shares = shares
        self.may_be_stale = asyncio.Event()  # set when a shared answer may show what is gone
        self._turned: set[int] = set()  # the servers whose permissions changed

    async def ask(self, asker: Member, query: Query, *, history: History) -> Page:
        """The first page of what is similar, its hits as Discord has them. Raises what Search.question raises."""
        await self._look_at_source(asker, query, history)
        question = await self._search.question(asker, query)
        until = time.monotonic() + CHECKED_FOR_S
        answer_id = secrets.randbits(63)
        hits: list[tuple[int, Hit]] = []
        while True:
            nearest = await self._search.placed(question, await self._search.nearest(question))
            before, hits = hits, list(enumerate(map(_in_percent, nearest)))
            page = await self._page(answer_id, 0, hits, history=history, until=until)
            n_changed = min(len(hits), PAGE) - len(page.hits) - page.n_unknown
            # What turned out to be gone or rewritten is no longer found, if the database takes that: others come up.
            if not n_changed or hits == before or time.monotonic() >= until:
                break
        now, why = datetime.now(UTC), _why_words_only(question.failure)
        answer = StoredAnswer(answer_id, asker.guild_id, asker.user_id, now, _found(hits), why)
        return replace(page, is_kept=await self.keep(answer), words_only=why)

    async def forget_expired(self) -> None:
        """Drop what can no longer be turned."""
        await self._answers.drop_made_before(datetime.now(UTC) - KEPT)

    async def turn(self, asker: Member, answer_id: int, start: int, *, history: History) -> Page:
        """Another page of an answer that this member was given. Raises AnswerExpired and AnswerOfAnother."""
        answer = await self.given(asker, answer_id)
        hits = await self._hits(asker, answer.guild_id, [one for one in answer.found if one.position >= start])
        at = [(one.position, hit) for one, hit in hits]
        page = await self._page(answer_id, start, at, history=history, until=time.monotonic() + CHECKED_FOR_S)
        return replace(page, words_only=answer.words_only)

    async def opened(self, asker: Member, answer_id: int, position: int, *, history: History) -> Listed:
        """What says the same at one place of an answer that this member was given, the newest first.

        Raises AnswerExpired and AnswerOfAnother.
        """
        answer = await self.given(asker, answer_id)
        same = [one for one in answer.found if one.position == position]
        seen = await self._search.seen(asker, answer.guild_id, [one.message_id for one in same])
        newest = sorted(seen.values(), key=lambda stored: -stored.message.message_id)
        confirmed = await self._reconcile.confirm(newest[:OPENED], history, within=CHECKED_FOR_S)
        shown = tuple(stored for stored in newest[:OPENED] if stored.message.message_id in confirmed.true_ids)
        return Listed(shown, n_more=len(newest[OPENED:]), n_unknown=confirmed.n_unknown)

    async def to_share(
        self, asker: Member, audience: Audience, answer_id: int, start: int, *, history: History
    ) -> tuple[Hit, ...]:
        """Those of a page's hits that the asker and all of the audience may see.

        Raises NothingToShare, AnswerExpired and AnswerOfAnother.
        """
        page = await self.turn(asker, answer_id, start, history=history)
        seen = await self._search.seen(audience, audience.guild_id, [hit.message.message_id for hit in page.hits])
        # What says the same may stand where only the asker reads.
        hits = tuple(replace(hit, copies=()) for hit in page.hits if hit.message.message_id in seen)
        if not hits:
            raise NothingToShare
        return hits

    async def shared(self, *, channel_id: int, message_id: int, language: str, hits: tuple[Hit, ...]) -> None:
        """A message of the bot's shows these hits to everyone in a channel."""
        found = _found(list(enumerate(hits)))
        share = Share(hits[0].message.guild_id, channel_id, message_id, language, found)
        await self._shares.put(share, [hit.message.shown for hit in hits])
        self.permissions_changed(share.guild_id)  # perhaps while it was sent

    def permissions_changed(self, guild_id: int) -> None:
        """Of what was shared in a server, others may read another part than before."""
        self._turned.add(guild_id)
        self.may_be_stale.set()

    @asynccontextmanager
    async def turned_shares(self) -> AsyncIterator[list[Share]]:
        """The shared answers of servers whose permissions changed since they were last gone through to the end."""
        turned, self._turned = self._turned, set()
        try:
            yield [share for guild_id in sorted(turned) for share in await self._shares.of(guild_id)]
        except BaseException:
            self._turned |= turned
            raise

    async def narrow(self, share: Share, audience: Audience) -> None:
        """Have a shared answer forget what not all of its audience may see, which makes it stale."""
        seen = await self._search.seen(audience, share.guild_id, [one.message_id for one in share.found])
        if hidden_ids := [one.message_id for one in share.found if one.message_id not in seen]:
            log.info("shared answer %d shows %d messages that not all may read", share.message_id, len(hidden_ids))
            await self._shares.take_out(share, hidden_ids)

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

    async def given(self, asker: Member, answer_id: int) -> StoredAnswer:
        """An answer that this member was given. Raises AnswerExpired and AnswerOfAnother."""
        answer = await self._answers.get(answer_id)
        if answer is None or answer.made_at < datetime.now(UTC) - KEPT:
            raise AnswerExpired
        if (answer.guild_id, answer.user_id) != (asker.guild_id, asker.user_id):
            raise AnswerOfAnother
        return answer

    async def _hits(self, asker: Asker, guild_id: int, found: Sequence[Found]) -> list[tuple[Found, Hit]]:
        """What of an answer the asker may see now; where the message of a place is gone, one that says the same."""
        seen = await self._search.seen(asker, guild_id, [one.message_id for one in found])
        visible = [one for one in found if one.message_id in seen]
        hits: list[tuple[Found, Hit]] = []
        for _, same in groupby(visible, key=lambda one: one.position):
            shown, *copies = same
            stored = tuple(seen[one.message_id] for one in copies)
            hit = Hit(seen[shown.message_id], _score(shown), nearness=shown.nearness, copies=stored)
            hits.append((shown, replace(hit, quoted_from=shown.quoted_from)))
        return hits

    async def _page(
        self, answer_id: int, start: int, hits: Sequence[tuple[int, Hit]], *, history: History, until: float
    ) -> Page:
        """The page of the hits from a place on, each with its place; what is not as it is stored is left out."""
        here = [(position, hit) for position, hit in hits if position < start + PAGE]
        within = max(until - time.monotonic(), 0.0)
        confirmed = await self._reconcile.confirm([hit.stored for _, hit in here], history, within=within)
        shown = [(position, hit) for position, hit in here if hit.message.message_id in confirmed.true_ids]
        firsts = [min(hit.copies, key=lambda one: one.message.message_id) for _, hit in shown if hit.copies]
        within = max(until - time.monotonic(), 0.0)
        there = await self._reconcile.confirm(firsts, history, within=within) if firsts else None
        return Page(
            answer_id,
            start,
            tuple(hit for _, hit in shown),
            n_more=len(hits) - len(here),
            n_unknown=confirmed.n_unknown,
            positions=tuple(position for position, _ in shown),
            firsts=there.true_ids if there else frozenset(),
        )

    async def _look_at_source(self, asker: Member, query: Query, history: History) -> None:
        """A message that is asked about may be gone, unheard."""
        if query.message_id is not None:
            rows = await self._search.seen(asker, asker.guild_id, [query.message_id])
            await self._reconcile.confirm(list(rows.values()), history, within=CHECKED_FOR_S)

    async def keep(self, answer: StoredAnswer) -> bool:
        """Remember an answer for its pages, if the database takes it; without it there is still the first one."""
        if not answer.found:
            return False
        try:
            await self._answers.put(answer)
        except StorageFailed as error:
            log.warning("an answer is not kept: %s", error)
            return False
        return True


def _why_words_only(failure: EmbeddingError | None) -> WordsOnly | None:
    if failure is None:
        return None
    return WordsOnly.BUDGET if isinstance(failure, BudgetSpent) else WordsOnly.OUTAGE


def _without_hidden(asker: Asker, hit: Hit) -> Hit:
    """A hit that the asker sees, with those of its copies that they see too."""
    scope = visible_to(asker)
    return replace(hit, copies=tuple(stored for stored in hit.copies if stored.message.is_within(scope)))


def _in_percent(hit: Hit) -> Hit:
    """Scores are shown no finer: exact ones would let hidden texts be guessed."""
    return replace(hit, score=None if hit.score is None else round(hit.score * 100) / 100)


def _found(hits: Sequence[tuple[int, Hit]]) -> tuple[Found, ...]:
    return tuple(
        Found(n, message_id, _percent(hit), hit.nearness, rank, quoted_from=0 if rank else hit.quoted_from)
        for n, hit in hits
        for rank, message_id in enumerate([hit.message.message_id, *(one.message.message_id for one in hit.copies)])
    )


def _percent(hit: Hit) -> int | None:
    return None if hit.score is None else round(hit.score * 100)


def _score(found: Found) -> float | None:
    return None if found.percent is None else found.percent / 100
