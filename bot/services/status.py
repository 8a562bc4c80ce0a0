"""What there is, and whether it is sound."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from bot.errors import EmbeddingError
from bot.services.costs import NO_INDEX, Costs, ServerCosts
from bot.services.findings import Finding, budget, log, modes, space, sqlite
from bot.services.spaces import Spaces
from bot.services.spending import Spending
from bot.services.usage import ServerUsage, Usage, usage_of, usage_of_server
from bot.services.withdrawal import Retention, Withdrawal
from bot.storage.database import Database
from bot.storage.embeddings import Counts
from bot.storage.lexicon import Lexicon
from bot.storage.messages import MessageStore
from bot.storage.outage import Outage
from bot.storage.servers import ServerStore
from bot.threads import aside
from bot.vectors import cosines

_SELF_TEST = "外は雨が降っていますか? Is it raining outside?"
_SELF_SCORE = 0.999


__all__ = ["Finding", "Inspector", "Outage", "ServerStatus", "Status"]  # an outage is handed out as it is stored


@dataclass(frozen=True, slots=True)
class Former:
    """Whose vectors answer until the model that is set has made as many."""

    model_key: str
    dim: int
    embedded: int


@dataclass(frozen=True, slots=True)
class Status:
    """How much is stored, by what it is embedded and found; the field names are the JSON keys."""

    messages: int
    embedded: int
    pending: int
    parked: int
    unworded: int
    servers: int
    model_key: str
    dim: int
    index: str
    index_bytes: int
    database_bytes: int
    parked_reasons: dict[str, int]
    outage: Outage | None
    former: Former | None
    retention_days: float | None
    retention: Retention | None
    by_server: list[ServerCosts]
    usage: Usage
    not_offered: list[str]


@dataclass(frozen=True, slots=True)
class Stored:
    """How many messages there are, and how many of them have no vector yet by which they could be found."""

    messages: int
    pending: int


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How much of one server is stored, and how far embedding it has come; what is `embedded` can be found.

    `unworded` messages are not found by their words yet.
    """

    messages: int
    embedded: int
    pending: int
    parked: int
    model_key: str
    outage: Outage | None = None
    usage: ServerUsage | None = None
    unworded: int = 0


class Inspector:
    """Counts and checks; changes nothing."""

    def __init__(
        self,
        *,
        database: Database,
        messages: MessageStore,
        lexicon: Lexicon,
        servers: ServerStore,
        spaces: Spaces,
        withdrawal: Withdrawal,
        spending: Spending,
        offered_to: frozenset[int] | None = None,
    ) -> None:
        self._database = database
        self._messages = messages
        self._lexicon = lexicon
        self._servers = servers
        self._spaces = spaces
        self._withdrawal = withdrawal
        self._embeddings = spaces.embeddings
        self._embedder = spaces.embedder
        self._spending = spending
        self._offered_to = offered_to
        self.costs = Costs(messages, servers, spaces, spending)

    async def server(self, guild_id: int) -> ServerStatus:
        counts = await self._embeddings.counts(guild_id)
        return ServerStatus(
            messages=await self._messages.count(guild_id),
            embedded=(await self._spaces.answering.embeddings.counts(guild_id)).embedded,
            pending=counts.pending,
            parked=counts.parked,
            model_key=self._embedder.model_key,
            outage=await self._embeddings.outage.get(),
            usage=await usage_of_server(self._spending, self._embedder.model_key, guild_id),
            unworded=await self._lexicon.n_unworded(guild_id),
        )

    @property
    def model_key(self) -> str:
        """The model that is set."""
        return self._embedder.model_key

    async def counts(self) -> Counts:
        """How far embedding has come; quickly told."""
        return await self._embeddings.counts()

    async def stored(self) -> Stored:
        """What a search may find; quickly told."""
        counts = await self._spaces.answering.embeddings.counts()
        return Stored(await self._messages.count(), counts.pending)

    async def status(self) -> Status:
        counts = await self._embeddings.counts()
        by_server = await self.costs.by_server()
        return Status(
            messages=await self._messages.count(),
            embedded=counts.embedded,
            pending=counts.pending,
            parked=counts.parked,
            unworded=await self._lexicon.n_unworded(),
            servers=len(by_server),
            model_key=self._embedder.model_key,
            dim=self._embedder.dim,
            index=self._spaces.mirror.workshop.name,
            index_bytes=sum(server.index_bytes for server in by_server),
            database_bytes=await self._database.file_size(),
            parked_reasons=await self._embeddings.parked_reasons(),
            outage=await self._embeddings.outage.get(),
            former=await self._former(),
            retention_days=self._withdrawal.days,
            retention=await self._withdrawal.last(),
            by_server=by_server,
            usage=await usage_of(self._spending, self._embedder.model_key),
            not_offered=[one.guild_id for one in by_server if not self._is_offered(int(one.guild_id))],
        )

    def _is_offered(self, guild_id: int) -> bool:
        return self._offered_to is None or guild_id in self._offered_to

    async def _former(self) -> Former | None:
        if (former := self._spaces.former) is None:
            return None
        generation = former.embeddings.generation
        return Former(generation.model_key, generation.dim, (await former.embeddings.counts()).embedded)

    async def examine(self) -> AsyncIterator[Finding]:
        """Look at everything that may be wrong, the cheap things first."""
        yield Finding("settings", "ok_settings", is_well=True, values={})
        n_bytes = await self._database.file_size()
        yield await asyncio.to_thread(space, self._database.path, n_bytes=n_bytes)
        yield await asyncio.to_thread(modes, self._database.path.parent)
        yield sqlite()
        yield await self._database_file()
        yield log(await self._database.log_size())
        yield await self._texts()
        n_damaged = len([damaged async for damaged in self._embeddings.damaged()])
        yield await self._vectors(n_damaged)
        yield await self._queue()
        if (outage := await self._embeddings.outage.get()) is not None:
            yield Finding("outage", "embedder_out", is_well=False, values=asdict(outage))
        if self._spending.prices.counts(self._embedder.model_key):
            yield budget(await usage_of(self._spending, self._embedder.model_key))
        if self._offered_to is not None:
            yield await self._offered()
        yield await self._mirrored(n_damaged)
        yield await self._self_test()

    async def _database_file(self) -> Finding:
        if problems := await self._database.problems():
            return Finding("database", "bad_database", is_well=False, values={"problems": "; ".join(problems)})
        n_messages = await self._messages.count()
        verdict = "ok_database" if self._database.key is None else "ok_encrypted"
        return Finding("database", verdict, is_well=True, values={"messages": n_messages})

    async def _texts(self) -> Finding:
        n_damaged = len([damaged async for damaged in self._messages.damaged_ids()])
        return Finding(
            "texts", "bad_texts" if n_damaged else "ok_texts", is_well=not n_damaged, values={"n": n_damaged}
        )

    async def _vectors(self, n_damaged: int) -> Finding:
        if n_damaged:
            return Finding("vectors", "bad_vectors", is_well=False, values={"n": n_damaged})
        if self._spaces.former is None and (others := await self._embeddings.generations.others()):
            names = ", ".join(map(str, others))
            return Finding("vectors", "other_vectors", is_well=False, values={"others": names})
        counts = await self._embeddings.counts()
        return Finding("vectors", "ok_vectors", is_well=True, values={"embedded": counts.embedded})

    async def _queue(self) -> Finding:
        if n_lost := await self._embeddings.n_lost():
            return Finding("queue", "lost", is_well=False, values={"n": n_lost})
        counts = await self._embeddings.counts()
        values: dict[str, object] = {"pending": counts.pending, "parked": counts.parked}
        if counts.parked:
            return Finding("queue", "set_aside", is_well=False, values=values)
        return Finding("queue", "stuck" if counts.pending else "ok_queue", is_well=not counts.pending, values=values)

    async def _offered(self) -> Finding:
        stored = [server.guild_id for server in await self._servers.servers()]
        n_out = sum(not self._is_offered(guild_id) for guild_id in stored)
        values: dict[str, object] = {"n": n_out, "n_all": len(stored)}
        return Finding("offered", "others_stored" if n_out else "ok_offered", is_well=True, values=values)

    async def _mirrored(self, n_damaged: int) -> Finding:
        """The mirror as a start would have it. Building one for many messages is left to the bot."""
        if unfit := [server for server in await self.costs.by_server() if server.index == NO_INDEX]:
            n_messages = sum(server.embedded for server in unfit)
            return Finding("mirror", "no_room", is_well=False, values={"n": len(unfit), "messages": n_messages})
        mirror, workshop = self._spaces.mirror, self._spaces.mirror.workshop
        n_whole = n_absent = 0
        for server in await self._servers.servers():
            if await aside(mirror.load, server.guild_id):
                n_whole += len(await asyncio.to_thread(mirror.ids, server.guild_id))
            else:
                n_absent += (await self._embeddings.counts(server.guild_id)).embedded
        n_embedded = (await self._embeddings.counts()).embedded
        is_well = n_whole + n_absent in (n_embedded, n_embedded - n_damaged)
        verdict = ("mirror_to_be_made" if n_absent else "ok_mirror") if is_well else "bad_mirror"
        values: dict[str, object] = {"n": n_whole, "absent": n_absent, "embedded": n_embedded, "kind": workshop.name}
        return Finding("mirror", verdict, is_well=is_well, values=values)

    async def _self_test(self) -> Finding:
        try:
            vectors = await self._embedder.embed([_SELF_TEST, _SELF_TEST])
        except EmbeddingError as error:
            reason: dict[str, object] = {"code": error.code, "detail": error.detail}
            reason["model_key"] = self._embedder.model_key
            return Finding("embedder", "embedder_fails", is_well=False, values=reason)
        score = float(cosines(vectors[:1], vectors[1])[0])
        is_well = score > _SELF_SCORE
        values: dict[str, object] = {
            "model_key": self._embedder.model_key,
            "dim": self._embedder.dim,
            "score": score,
        }
        return Finding("embedder", "ok_embedder" if is_well else "bad_embedder", is_well=is_well, values=values)
