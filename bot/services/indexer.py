"""Keeps words and vectors in step with texts, and the mirror in step with vectors."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import numpy as np

from bot.embedding.base import requests
from bot.errors import BotError, EmbeddingError, StorageFailed
from bot.index.mirror import Mirror
from bot.services.spaces import Spaces
from bot.services.spending import OPERATOR, Spending
from bot.storage.lexicon import Lexicon, UnwordedText
from bot.storage.pending import PendingText
from bot.storage.servers import ServerStore
from bot.terms import terms_of
from bot.threads import aside
from bot.times import snowflake_at
from bot.vectors import Vectors

log = logging.getLogger(__name__)

_BATCH = 1_024  # texts a commit: what a crash between answer and commit can cost twice
_FEWEST = 128  # texts a step, however long they take: with half of it each costs a fifth more
_STEP_S = 0.5  # that a step is to take, as far as it can be chosen: what is written meanwhile waits for the next
_IN_ORDER = timedelta(seconds=10)  # messages as young as this are not overtaken by younger ones
_MIRROR_EVERY_S = 5.0
_TRIES = 3  # of a text alone, before it is set aside: one answer may be spoilt
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0
_LONGEST_WAIT_S = 3_600.0  # when a server asks for more
_HARMLESS = "hello"
_BROKE_S = 600.0  # how long a budget that is used up is believed to be: months end, and nobody says so


class Indexer:
    """Drains what waits for a vector; the mirror follows from the first reconcile on."""

    def __init__(self, spaces: Spaces, servers: ServerStore, lexicon: Lexicon, spending: Spending) -> None:
        self._spaces = spaces
        self._spending = spending
        self._lexicon = lexicon
        self._embeddings = spaces.embeddings
        self._servers = servers
        self._embedder = spaces.embedder
        self._mirror = spaces.mirror
        self.clock = time.monotonic  # the time that steps take is measured by
        self._at_once = 2 * _FEWEST
        self._is_mirroring = False
        self._is_behind = False  # the mirror lacks what was stored
        self._is_out = False  # as far as the log was told
        self.has_stored: Callable[[int, list[int]], None] = _tell_nobody  # of a server's messages that were mirrored

    async def drain(self, *, without: Collection[int] = ()) -> AsyncIterator[int]:
        """Embed what is pending until nothing is; yields how many texts each step has dealt with.

        The servers named in `without` are passed over, and what budgets do not allow stays pending. Texts that were
        embedded before cost nothing, those that the model refuses are parked. Raises EmbeddingError when the embedder
        fails otherwise; what was done stays, what was not stays pending. At the end the former model's vectors, if
        there are any, give way to those of this one.
        """
        if self._is_behind:
            await self.reconcile()
            self._is_behind = False
        await self.take_in_words()
        while pending := await self._payable(without):
            began_at = self.clock()
            async with self._spaces.in_step:
                copied = await self._embeddings.copy_known(pending)
                await self._follow(copied)
            taken = {(text.guild_id, text.message_id) for text in copied}
            if rest := [text for text in pending if (text.guild_id, text.message_id) not in taken]:
                await self._embed(rest)
                self._keep_pace(len(pending), self.clock() - began_at)
            yield len(pending)
        await self._works()
        if not await self._embeddings.pending(1, without=without):
            await self._change_over()

    async def _payable(self, without: Collection[int]) -> list[PendingText]:
        """What waits for a vector in servers that may still spend something."""
        accounts = await self._spending.accounts(self._embedder.model_key)
        if accounts.all_are_spent:
            return []
        young_id = snowflake_at(datetime.now(UTC) - _IN_ORDER)
        shut_out = accounts.spent_up.union(without)
        return await self._embeddings.pending(self._limit, without=shut_out, in_order_from=young_id)

    @property
    def _limit(self) -> int:
        """How many texts a step takes: what is asked for over a network takes its time, however few they are."""
        is_far = self._spending.prices.counts(self._embedder.model_key)
        return _BATCH if is_far else min(self._at_once, _BATCH)

    def _keep_pace(self, n: int, seconds: float) -> None:
        """Take fewer texts at once where they take long, and more where they do not."""
        if seconds > 2 * _STEP_S:
            self._at_once = max(self._at_once // 2, _FEWEST)
        elif seconds < _STEP_S and n >= self._at_once:
            self._at_once = min(self._at_once * 2, _BATCH)

    async def take_in_words(self) -> None:
        """Bring the words of what waits for it into the full-text index; no embedder is needed for that."""
        while texts := await self._lexicon.unworded(_BATCH):
            await self._lexicon.put(texts, await asyncio.to_thread(_terms, texts))

    async def warm_up(self) -> None:
        """Embed something harmless: a model that runs here reads its weights, for which nobody then has to wait."""
        await self._embedder.embed([_HARMLESS])

    async def keep_up(self, has_pending: asyncio.Event, *, without: Collection[int] = ()) -> None:
        """Drain whenever something is pending, until cancelled; while the embedder fails, wait longer and longer."""
        pause = _FIRST_PAUSE_S
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(has_pending.wait(), _BROKE_S)
            has_pending.clear()
            try:
                async for _ in self.drain(without=without):
                    pause = _FIRST_PAUSE_S
            except EmbeddingError as error:
                has_pending.set()
                pause = await self._pause(pause, error)
            except BotError as error:
                has_pending.set()
                log.warning("embedding stopped, next try in %.0f s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            except BaseException:
                has_pending.set()  # for whoever begins this anew
                raise

    async def load(self) -> None:
        """Mirror what can be mirrored in seconds; `keep_mirror` does the rest, and meanwhile the database answers."""
        self._is_mirroring = True
        guild_ids = [server.guild_id for server in await self._servers.servers()]
        for mirror in self._spaces.mirrors:
            await asyncio.to_thread(mirror.forget_others, guild_ids)
            for guild_id in guild_ids:
                await aside(mirror.load, guild_id)

    async def reconcile(self) -> int:
        """Make the mirror hold what the database holds, no more and no less.

        An empty mirror is filled by this, and one that missed something is mended; how many messages that took, beside
        those that are loaded in a moment.
        """
        self._is_mirroring = True
        n_mended = 0
        for server in await self._servers.servers():
            n_mended += await aside(self._mirror.settle, server.guild_id)
        return n_mended

    async def keep_mirror(self) -> None:
        """Make the indexes that are due, and keep their files true, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(lambda mirror, guild_id: mirror.keep(guild_id)))
            # By itself: making an index may take minutes.
            tasks.create_task(self._repeat(lambda mirror, guild_id: mirror.wipe(guild_id)))

    async def _repeat(self, step: Callable[[Mirror, int], None]) -> None:
        """Do something for each server's index, again and again; what fails is tried again with the next round."""
        while True:
            for mirror in self._spaces.mirrors:
                for guild_id in mirror.guild_ids():
                    try:
                        await aside(step, mirror, guild_id)
                    except (BotError, OSError) as error:
                        log.warning("the mirror of server %d is not kept: %s", guild_id, error)
            await asyncio.sleep(_MIRROR_EVERY_S)

    async def mend(self) -> int:
        """Put what is damaged, parked or lost back into the queue; how many vectors were damaged."""
        n_damaged = await self._embeddings.mend()
        await self._embeddings.unpark()
        return n_damaged

    async def retry(self) -> int:
        """Put what was set aside back into the queue; how many messages that are."""
        return await self._embeddings.unpark()

    async def settle(self) -> None:
        """After everything was embedded: mend the mirror and drop the vectors of other models."""
        await self.reconcile()
        if not await self._embeddings.pending(1):
            await self._spaces.change_over()

    async def _change_over(self) -> None:
        """Let the vectors of this model answer when there is one for each text that it takes."""
        if self._spaces.former is None and not await self._embeddings.generations.others():
            return
        if self._is_mirroring:
            await self.reconcile()
        await self._spaces.change_over()

    async def _embed(self, texts: Sequence[PendingText]) -> None:
        """Give texts their vectors, a request at a time, as far as their servers can pay for them."""
        same: dict[bytes, list[PendingText]] = {}
        for text in texts:
            same.setdefault(text.content_hash, []).append(text)
        for request in requests([alike[0] for alike in same.values()], lambda text: text.texts):
            if chosen := await self._spending.affordable(self._embedder, request):
                await self._embed_at_once([same[text.content_hash] for text in chosen])

    async def _embed_at_once(self, same: Sequence[Sequence[PendingText]]) -> None:
        """Give texts their vectors by one request; those that say the same stand together."""
        texts = [text for alike in same for text in alike]
        firsts = [alike[0] for alike in same]
        try:
            vectors = await self._bought([text.texts for text in firsts], [text.guild_id for text in firsts])
        except EmbeddingError as error:
            if not error.blames_input:
                raise
            await self._halve_or_park(texts, error)
            return
        borders = pairwise(accumulate((len(text.texts) for text in firsts), initial=0))
        rows = [row for alike, border in zip(same, borders, strict=True) for _ in alike for row in range(*border)]
        await self._put(texts, vectors[rows])

    async def _bought(self, texts: Sequence[Sequence[str]], guild_ids: Sequence[int]) -> Vectors:
        return await self._spending.embed(self._embedder, texts, guild_ids)

    async def _put(self, texts: Sequence[PendingText], vectors: Vectors) -> None:
        """Store and mirror the vectors of texts, as EmbeddingStore.put_many takes them."""
        await self._works()
        async with self._spaces.in_step:
            await self._follow(await self._embeddings.put_many(texts, vectors))

    async def _halve_or_park(self, texts: Sequence[PendingText], error: EmbeddingError) -> None:
        """Find the text that the embedder refuses, so that the others get their vectors.

        Raises EmbeddingError when it refuses a harmless text as well: then a setting is wrong, not a text.
        """
        if len({text.content_hash for text in texts}) > 1:
            middle = len(texts) // 2
            await self._embed(texts[:middle])
            await self._embed(texts[middle:])
            return
        await self._bought([[_HARMLESS]], [OPERATOR])
        for _ in range(1, _TRIES):
            try:
                vectors = await self._bought([texts[0].texts], [texts[0].guild_id])
            except EmbeddingError as again:
                if not again.blames_input:
                    raise
            else:
                await self._put(texts, np.tile(vectors, (len(texts), 1)))
                return
        await self._works()
        log.warning("parked %d messages with one text: %s %s", len(texts), error.code, error.detail)
        await self._embeddings.park(texts, f"{error.code}: {error.detail}")

    async def _pause(self, pause: float, error: EmbeddingError) -> float:
        """Wait before the next try, as long as the server asks for; an outage is told once, and kept for `status`."""
        wait = max(pause, min(error.retry_after or 0, _LONGEST_WAIT_S))
        if not self._is_out:
            log.warning("embedding stopped until the embedder works again: %s", error)
            self._is_out = True
        log.debug("next try in %.3f s: %s", wait, error)
        next_try_at = datetime.now(UTC) + timedelta(seconds=wait)
        try:
            await self._embeddings.outage.put(error.code, error.detail, next_try_at=next_try_at)
        except StorageFailed as failed:
            log.warning("the outage of the embedder could not be kept: %s", failed)
        await asyncio.sleep(wait)
        return min(2 * pause, _LONGEST_PAUSE_S)

    async def _works(self) -> None:
        """The embedder answers, or nothing waits for it any more."""
        outage = await self._embeddings.outage.end()
        if outage is not None:
            log.info("embedding goes on; it stood still since %s: %s", outage.began_at.isoformat(), outage.code)
        self._is_out = False

    async def _follow(self, written: Sequence[PendingText]) -> None:
        if not self._is_mirroring:
            return
        self._is_behind = True  # until all of it is mirrored; it is no longer pending
        for guild_id in {text.guild_id for text in written}:
            ids = np.array([text.message_id for text in written if text.guild_id == guild_id], np.int64)
            await asyncio.to_thread(self._mirror.take_in, guild_id, ids)
            self.has_stored(guild_id, ids.tolist())
        self._is_behind = False


def _tell_nobody(guild_id: int, message_ids: list[int]) -> None:
    """Whoever wants to hear of what was stored takes this place."""


def _terms(texts: Sequence[UnwordedText]) -> list[list[str]]:
    return [terms_of(text.text) for text in texts]
