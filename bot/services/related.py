"""Earlier threads that are related to a new one: where they are suggested, when, and which."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.askers import Audience, Scope
from bot.composing import own_text
from bot.errors import NothingToCompare
from bot.messages import Channel, Hit, Location, Nearness, Query
from bot.services.history import History
from bot.services.reconcile import Reconcile
from bot.services.search import Search
from bot.services.verdicts import Subject, Verdict, Verdicts, least_cosine
from bot.storage.answers import Found, Share, ShareStore
from bot.storage.related import Due, RelatedStore
from bot.times import snowflake_at

__all__ = ["DELAY", "SHOWN", "Due", "Lead", "NewThread", "Related"]  # what is due is handed out as it is stored

log = logging.getLogger(__name__)

DELAY = timedelta(minutes=2)  # that an author has to finish, unless a server says otherwise
SHOWN = 3  # threads at most
LOOKED_AT = 10  # threads at most of which Discord is asked whether they are solved
LIKELY = 0.5  # the cosine that counts as related where there is too little to measure steps by
_HITS = 50  # several may stand in one thread
_OWN_MESSAGES = 20  # of the author, that make the question
_LONGEST = 4_000  # characters of it
_CONFIRMED_WITHIN_S = 5.0
_AGAIN = timedelta(minutes=1)
_GIVEN_UP = timedelta(hours=6)  # a suggestion that comes later helps nobody


@dataclass(frozen=True, slots=True)
class NewThread:
    """A thread that somebody opened, with what it is called, and the channels whose threads may be related to it."""

    due: Due
    title: str
    owner_id: int
    among: frozenset[int]


@dataclass(frozen=True, slots=True)
class Lead:
    """An earlier thread, by what stands in it that is most related to a new one.

    `voices` are the ids of those who wrote in it; `has_helped` says that its author was helped by what was suggested.
    """

    channel: Channel
    hit: Hit
    voices: frozenset[int] = frozenset()
    has_helped: bool = False


class Related:
    """Remembers which threads are to be looked at, and finds what is related to them."""

    def __init__(
        self, store: RelatedStore, shares: ShareStore, search: Search, reconcile: Reconcile, verdicts: Verdicts
    ) -> None:
        self._store = store
        self._shares = shares
        self._search = search
        self._reconcile = reconcile
        self._verdicts = verdicts
        self._has_come = asyncio.Event()  # set when a thread waits that did not

    async def chosen(self, guild_id: int) -> Mapping[int, timedelta]:
        """The channels and categories that a server chose, each with its delay."""
        return await self._store.chosen(guild_id)

    async def choose(self, guild_id: int, channel_id: int, delay: timedelta) -> None:
        """Suggest earlier threads in those that are opened in a channel or category from now on."""
        await self._store.choose(guild_id, channel_id, delay)

    async def leave(self, guild_id: int, channel_id: int) -> bool:
        """Suggest nothing there any more; whether something was."""
        return await self._store.leave(guild_id, channel_id)

    async def opened(self, location: Location) -> None:
        """A thread was opened: where that was chosen, it is looked at once its author had time to finish."""
        chosen = await self._store.chosen(location.guild_id)
        delay = next((chosen[i] for i in location.path if i in chosen), None)
        if delay is None or location.is_private:
            return
        now = datetime.now(UTC)
        await self._store.put_due(Due(location.guild_id, location.channel.channel_id, now, now + delay))
        self._has_come.set()

    async def due(self) -> list[Due]:
        """The threads whose moment has come; waits until there are some."""
        while True:
            self._has_come.clear()
            waiting = await self._store.due()
            now = datetime.now(UTC)
            if due := [one for one in waiting if one.due_at <= now]:
                return due
            wait_s = (waiting[0].due_at - now).total_seconds() if waiting else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_come.wait(), wait_s)

    async def done(self, due: Due) -> None:
        """A thread was looked at, or is not to be."""
        await self._store.drop_due(due)

    async def postpone(self, due: Due) -> None:
        """A thread could not be looked at now: it is tried again, but not for ever."""
        now = datetime.now(UTC)
        if now - due.opened_at > _GIVEN_UP:
            await self._store.drop_due(due)
        else:
            await self._store.put_due(replace(due, due_at=now + _AGAIN))

    async def leads(self, audience: Audience, thread: NewThread) -> list[Lead]:
        """The earlier threads most related to a new one that all of its audience may see, the nearest first.

        Raises EmbeddingError, also where there would be messages with the same words: nobody asked for those.
        """
        text = await self._text(audience, thread)
        channels = {channel.channel_id: channel for channel in await self._search.channels(audience.guild_id)}
        lying_in = [await self._search.lying_in(audience.guild_id, i) for i in thread.among]
        ids = frozenset().union(*lying_in) - {thread.due.thread_id}
        if not text or not ids:
            return []
        hits = await self._hits(audience, thread.due, text, ids)
        best = dict(list(_by_thread(hits, channels, without_id=thread.due.thread_id).items())[:LOOKED_AT])
        voices = await self._store.voices(audience.guild_id, best)
        helped = await self._store.helped_among(audience.guild_id, best)
        return [Lead(channels[i], hit, frozenset(voices.get(i, ())), has_helped=i in helped) for i, hit in best.items()]

    async def confirmed(self, hits: Sequence[Hit], history: History) -> tuple[Hit, ...]:
        """Those of the hits that Discord still has as they are stored."""
        confirmed = await self._reconcile.confirm([hit.stored for hit in hits], history, within=_CONFIRMED_WITHIN_S)
        return tuple(hit for hit in hits if hit.message.message_id in confirmed.true_ids)

    async def suggested(self, due: Due, *, message_id: int, language: str, hits: Sequence[Hit]) -> None:
        """A message of the bot's in a thread shows these hits."""
        found = tuple(
            Found(n, hit.message.message_id, round((hit.score or 0) * 100), hit.nearness, quoted_from=hit.quoted_from)
            for n, hit in enumerate(hits)
        )
        share = Share(due.guild_id, due.thread_id, message_id, language, found, self._verdicts.generation)
        await self._shares.put(share, [hit.message.shown for hit in hits])

    async def helped(self, guild_id: int, thread_id: int, message_id: int) -> None:
        """The author of a thread was helped by what a message of the bot's suggests; counted once."""
        share = await self._shares.get(guild_id, message_id)
        if await self._store.helped(guild_id, thread_id) and share is not None:
            await self._note(share, Verdict.HELPED)

    async def rejected(self, guild_id: int, message_id: int) -> None:
        """Somebody finds what a message of the bot's suggests not related: it has nothing to show any more.

        Counted once.
        """
        share = await self._shares.get(guild_id, message_id)
        if await self._shares.empty(guild_id, message_id) and share is not None:
            await self._note(share, Verdict.NOT_RELATED)

    async def _note(self, share: Share, verdict: Verdict) -> None:
        """The best of what is shown is why it is shown at all."""
        best = max(share.found, key=lambda one: one.percent or 0, default=None)
        if best is None or best.percent is None:
            return
        await self._verdicts.note(
            share.guild_id,
            Subject.RELATED,
            verdict,
            score=best.percent / 100,
            nearness=best.nearness,
            generation=share.found_by,
        )

    async def _text(self, audience: Audience, thread: NewThread) -> str:
        """What the author has written so far, below the title; "" where nothing of it is stored."""
        due = thread.due
        ids = await self._store.written_by(due.guild_id, due.thread_id, thread.owner_id, limit=_OWN_MESSAGES)
        seen = await self._search.seen(audience, due.guild_id, ids)
        said = [own_text(seen[i].message.said) for i in ids if i in seen]
        return "\n".join(part for part in (thread.title, *said) if part)[:_LONGEST] if said else ""

    async def _hits(self, audience: Audience, due: Due, text: str, channel_ids: frozenset[int]) -> list[Hit]:
        """What is related enough, by what the server set or by what is measured on it."""
        threshold = await self._verdicts.threshold(audience.guild_id, Subject.RELATED)
        within = Scope(
            channel_ids=channel_ids,
            before_id=snowflake_at(due.opened_at),
            excluded_ids=frozenset({due.thread_id}),
        )
        least = Nearness.CLOSE if threshold is None else Nearness.LOOSE
        min_score = None if threshold is None else least_cosine(threshold)
        query = Query(text=text, limit=_HITS, within=within, least=least, min_score=min_score)
        try:
            question = await self._search.question(audience, query)
        except NothingToCompare:
            return []
        if question.failure is not None:
            raise question.failure
        hits = await self._search.placed(question, await self._search.nearest(question))
        return [hit for hit in hits if hit.score is not None and (threshold is not None or _is_likely(hit))]


def _by_thread(hits: Sequence[Hit], channels: Mapping[int, Channel], *, without_id: int) -> dict[int, Hit]:
    """The nearest hit of each thread but one; what stands in no thread is left out."""
    best: dict[int, Hit] = {}
    for hit in hits:
        # What opens a thread in a text channel stands outside of it, with its id.
        places = (channels.get(hit.message.channel_id), channels.get(hit.message.message_id))
        lies_in = next((place.channel_id for place in places if place is not None and place.is_thread), without_id)
        if lies_in != without_id:
            best.setdefault(lies_in, hit)
    return best


def _is_likely(hit: Hit) -> bool:
    return hit.nearness is not None or (hit.score or 0) >= LIKELY
