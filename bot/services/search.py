"""From a question to the stored messages nearest to it, among those that the asker may see."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.askers import Asker, Scope, visible_to
from bot.composing import own_text
from bot.errors import EmbeddingError, MessageNotEmbedded, MessageNotFound, NothingToCompare, OtherGeneration
from bot.messages import Channel, Hit, Mode, Query, Server, StoredMessage
from bot.services.folding import MOST_COPIES, folded
from bot.services.fusion import AT_LEAST, Asked, Fusion, Ranked, Where, asked
from bot.services.passages import placed
from bot.services.questions import QuestionVectors
from bot.services.spaces import Space, Spaces
from bot.services.spending import Spending
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore
from bot.texts import embed_text
from bot.vectors import Vectors, cosines

_MARGIN = 2  # candidates more than hits, for what was deleted since the mirror was read
_MOST_FOLDED = 1_600  # candidates that are looked at where most of them say the same


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A query as the indexes take it: `vector` is a unit float32 [dim] of the space that it is looked for in.

    It is None where words alone are asked for, or can be: `failure` is then why there is no vector.
    """

    asker: Asker
    query: Query
    asked: Asked
    vector: Vectors | None
    space: Space
    scope: Scope
    failure: EmbeddingError | None = None

    @property
    def goes_by_both(self) -> bool:
        return self.vector is not None and self.query.mode is Mode.BOTH


class Search:
    """Answers questions. Nothing is asked without an asker."""

    def __init__(
        self,
        messages: MessageStore,
        servers: ServerStore,
        spaces: Spaces,
        fusion: Fusion,
        *,
        questions: QuestionVectors,
        spending: Spending,
    ) -> None:
        self._messages = messages
        self._servers = servers
        self._spaces = spaces
        self._fusion = fusion
        self._questions = questions
        self._spending = spending

    async def similar(self, asker: Asker, query: Query) -> list[Hit]:
        """The messages most related to the query that the asker may see, the newer first among equals.

        Raises what `question` raises.
        """
        question = await self.question(asker, query)
        return await self.placed(question, await self.nearest(question))

    async def question(self, asker: Asker, query: Query) -> Question:
        """The query as it can be put to the indexes, again and again.

        Without the embedder words answer, where they may. Raises NothingToCompare, MessageNotFound, MessageNotEmbedded,
        OtherGeneration and EmbeddingError.
        """
        scope = visible_to(asker) & query.within
        if query.message_id is not None:
            scope = replace(scope, excluded_ids=scope.excluded_ids | {query.message_id})
        space = self._spaces.answering
        stored = await self._asked_about(asker, query)
        text = embed_text(query.text or "") if stored is None else own_text(stored.message.said)
        if not text and not await self._has_vector(stored, space):
            raise NothingToCompare
        question = Question(asker, query, asked(text), None, space, scope)
        if query.mode is Mode.WORDS:
            return question
        try:
            return replace(question, vector=await self._vector(stored, question))
        except EmbeddingError as failure:
            if query.mode is Mode.MEANING:
                raise
            return replace(question, failure=failure)

    async def servers(self) -> list[Server]:
        """The servers that anything may be stored of."""
        return await self._servers.servers()

    async def channels(self, guild_id: int) -> list[Channel]:
        """The channels and threads of a server that anything may be stored from."""
        return await self._servers.channels(guild_id)

    async def lying_in(self, guild_id: int, channel_id: int) -> frozenset[int]:
        """A channel or category with all channels and threads in it that are known."""
        channels = await self._servers.channels(guild_id)
        ids = {channel_id}
        for _ in range(2):  # the channels of a category, then the threads of those
            ids |= {channel.channel_id for channel in channels if channel.parent_id in ids}
        return frozenset(ids)

    async def seen(self, asker: Asker, guild_id: int, message_ids: Iterable[int]) -> dict[int, StoredMessage]:
        """Those of a server's messages that exist and that the asker may see, by id."""
        rows = await self._messages.get_many(guild_id, message_ids)
        scope = visible_to(asker)
        return {message_id: stored for message_id, stored in rows.items() if stored.message.is_within(scope)}

    async def likeness(self, guild_id: int, one_id: int, other_id: int) -> float | None:
        """The cosine of two stored messages; None where one of them has no vector."""
        both = await self._spaces.answering.embeddings.get_many(guild_id, [one_id, other_id])
        if len(both) < len({one_id, other_id}):
            return None
        return float(cosines(both.vectors[:1], both.vectors[-1].astype(np.float32))[0])

    async def find(self, asker: Asker, message_id: int) -> StoredMessage:
        """A stored message that the asker may see. Raises MessageNotFound, whichever of the two it is not."""
        guild_id = await self._messages.guild_of(message_id)
        rows = {} if guild_id is None else await self.seen(asker, guild_id, [message_id])
        if message_id not in rows:
            raise MessageNotFound(message_id)
        return rows[message_id]

    async def nearest(self, question: Question) -> list[Hit]:
        """The hits for a question: the mirror's answer, then the rows. Raises what `question` raises."""
        hits = await self._nearest(question)
        if question.space is self._spaces.answering:
            return hits
        # The model changed over meanwhile, and with the former vectors what was to be found with them.
        return await self._nearest(await self.question(question.asker, question.query))

    async def placed(self, question: Question, hits: Sequence[Hit]) -> list[Hit]:
        """The hits with where each is to be quoted from: a long text may have been found by a part of it."""
        return await placed(hits, question.space, self._messages, vector=question.vector, terms=question.asked.terms)

    async def _nearest(self, question: Question) -> list[Hit]:
        limit = question.query.limit
        n_sure = limit + _MARGIN
        k = max(n_sure, AT_LEAST) if question.goes_by_both else n_sure
        while True:
            candidates, may_be_more = await self._candidates(question, k, n_sure)
            hits = await self._hits(question, candidates)
            if not may_be_more or (question.query.is_folded and k >= _MOST_FOLDED):
                return hits
            if len(hits) == limit and not _may_have_more_copies(hits, candidates[-1]):
                return hits
            if not any(_is_wanted(one, question.query) for one in candidates[k - 1 :]):
                return hits
            k = n_sure = 2 * k

    async def _candidates(self, question: Question, k: int, n_sure: int) -> tuple[list[Ranked], bool]:
        """The best candidates in their order, and whether there may be more."""
        asked, vector = question.asked, question.vector
        where = Where(question.space, visible_to(question.asker), question.scope)
        if vector is None:
            return await self._fusion.by_words(asked, where, k=k)
        if question.goes_by_both:
            return await self._fusion.by_both(asked, vector, where, k=k, n_sure=n_sure)
        return await self._fusion.by_meaning(vector, where, k=k)

    async def _hits(self, question: Question, candidates: Sequence[Ranked]) -> list[Hit]:
        """The best candidates as hits; what was deleted or rewritten since they were found is left out."""
        best = [one for one in candidates if _is_wanted(one, question.query)]
        if question.query.is_folded:
            stored = await self._stored(question, best)
            return (await asyncio.to_thread(folded, stored))[: question.query.limit]
        hits: list[Hit] = []
        step = question.query.limit + _MARGIN
        for start in range(0, len(best), step):
            hits += await self._stored(question, best[start : start + step])
            if len(hits) >= question.query.limit:
                break
        return hits[: question.query.limit]

    async def _stored(self, question: Question, candidates: Sequence[Ranked]) -> list[Hit]:
        rows: dict[int, StoredMessage] = {}
        for guild_id, ids in _by_guild(candidates).items():
            rows |= await self._messages.get_many(guild_id, await self._unchanged(question, guild_id, ids))
        return [
            Hit(stored, candidate.score, candidate.relatedness, candidate.nearness)
            for candidate in candidates
            if (stored := rows.get(candidate.message_id)) is not None and stored.message.is_within(question.scope)
        ]

    async def _unchanged(self, question: Question, guild_id: int, message_ids: list[int]) -> set[int]:
        """Those of the messages that still say what they were found by."""
        if question.vector is None:
            return await self._fusion.worded_among(guild_id, message_ids)
        return await question.space.embeddings.embedded_among(guild_id, message_ids)

    async def _asked_about(self, asker: Asker, query: Query) -> StoredMessage | None:
        """The message that is asked about, if it is stored. Raises MessageNotFound where there is no text either."""
        if query.message_id is None:
            return None
        try:
            return await self.find(asker, query.message_id)
        except MessageNotFound:
            if query.text is None:
                raise
            return None

    async def _has_vector(self, stored: StoredMessage | None, space: Space) -> bool:
        """Whether a message that says nothing itself has one all the same, as what opens a thread has of its title."""
        if stored is None:
            return False
        message_id = stored.message.message_id
        return message_id in await space.embeddings.embedded_among(stored.message.guild_id, [message_id])

    async def _vector(self, stored: StoredMessage | None, question: Question) -> Vectors:
        text = question.query.text
        if stored is None:
            return await self._vector_of_text(text or "", question)
        try:
            return await self._vector_of_message(stored, question.space)
        except MessageNotEmbedded:
            if text is None:
                raise
            return await self._vector_of_text(text, question)

    async def _vector_of_text(self, text: str, question: Question) -> Vectors:
        space = question.space
        if space.embedder is None:
            raise OtherGeneration((str(space.embeddings.generation),), str(self._spaces.embeddings.generation))
        payer = self._spending.payer(space.embedder, question.asker)
        return await self._questions.of(text, payer, space.embeddings.generation)

    async def _vector_of_message(self, stored: StoredMessage, space: Space) -> Vectors:
        """The vector that a message was stored with: asking about a message costs no embedding."""
        message = stored.message
        embedded = await space.embeddings.get_many(message.guild_id, [message.message_id])
        if not len(embedded):
            raise MessageNotEmbedded(message.message_id)
        return embedded.vectors[0, :].astype(np.float32)


def _may_have_more_copies(hits: Sequence[Hit], last: Ranked) -> bool:
    """Whether candidates end amid those that say the same as a hit, which are counted exactly if they are not many."""
    counted = [hit for hit in hits if len(hit.copies) < MOST_COPIES]
    return any(last.message_id == one.message.message_id for hit in counted for one in (hit.stored, *hit.copies))


def _is_wanted(candidate: Ranked, query: Query) -> bool:
    """Whether a candidate is near enough, as far as it has anything to tell that by."""
    if query.min_score is not None and candidate.score is not None and candidate.score < query.min_score:
        return False
    return candidate.nearness is None or candidate.nearness >= query.least


def _by_guild(candidates: Iterable[Ranked]) -> dict[int, list[int]]:
    ids = defaultdict(list)
    for candidate in candidates:
        ids[candidate.guild_id].append(candidate.message_id)
    return ids
