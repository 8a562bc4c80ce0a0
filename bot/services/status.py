"""What there is, and whether it is sound."""

import asyncio
import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.errors import EmbeddingError
from bot.services.costs import NO_INDEX, Costs, ServerCosts
from bot.services.spaces import Spaces
from bot.services.withdrawal import Retention, Withdrawal
from bot.storage.connections import LEAST_SQLITE_VERSION, SQLITE_VERSION
from bot.storage.database import Database
from bot.storage.embeddings import Counts
from bot.storage.messages import MessageStore
from bot.storage.outage import Outage
from bot.storage.servers import ServerStore
from bot.threads import aside
from bot.vectors import cosines

_GIB = 2**30
_LEAST_FREE = 1 * _GIB
_LONGEST_LOG = 2 * 64 * 2**20  # twice what it is cut to whenever it begins anew
_OTHERS = 0o077
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


@dataclass(frozen=True, slots=True)
class Stored:
    """How many messages there are, and how many of them have no vector yet by which they could be found."""

    messages: int
    pending: int


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How much of one server is stored, and how far embedding it has come; what is `embedded` can be found."""

    messages: int
    embedded: int
    pending: int
    parked: int
    model_key: str
    outage: Outage | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `subject` and `verdict` are keys of the words, which take the values."""

    subject: str
    verdict: str
    is_well: bool
    values: dict[str, object]


class Inspector:
    """Counts and checks; changes nothing."""

    def __init__(
        self,
        *,
        database: Database,
        messages: MessageStore,
        servers: ServerStore,
        spaces: Spaces,
        withdrawal: Withdrawal,
    ) -> None:
        self._database = database
        self._messages = messages
        self._servers = servers
        self._spaces = spaces
        self._withdrawal = withdrawal
        self._embeddings = spaces.embeddings
        self._embedder = spaces.embedder
        self.costs = Costs(messages, servers, spaces)

    async def server(self, guild_id: int) -> ServerStatus:
        counts = await self._embeddings.counts(guild_id)
        return ServerStatus(
            messages=await self._messages.count(guild_id),
            embedded=(await self._spaces.answering.embeddings.counts(guild_id)).embedded,
            pending=counts.pending,
            parked=counts.parked,
            model_key=self._embedder.model_key,
            outage=await self._embeddings.outage.get(),
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
        )

    async def _former(self) -> Former | None:
        if (former := self._spaces.former) is None:
            return None
        generation = former.embeddings.generation
        return Former(generation.model_key, generation.dim, (await former.embeddings.counts()).embedded)

    async def examine(self) -> AsyncIterator[Finding]:
        """Look at everything that may be wrong, the cheap things first."""
        yield Finding("settings", "ok_settings", is_well=True, values={})
        n_bytes = await self._database.file_size()
        yield await asyncio.to_thread(_space, self._database.path, n_bytes=n_bytes)
        yield await asyncio.to_thread(_modes, self._database.path.parent)
        yield _sqlite()
        yield await self._database_file()
        yield _log(await self._database.log_size())
        yield await self._texts()
        n_damaged = len([damaged async for damaged in self._embeddings.damaged()])
        yield await self._vectors(n_damaged)
        yield await self._queue()
        if (outage := await self._embeddings.outage.get()) is not None:
            yield Finding("outage", "embedder_out", is_well=False, values=asdict(outage))
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


def _space(database: Path, *, n_bytes: int) -> Finding:
    """Room for what comes, and for a second copy of what there is: a backup, or the vectors of another model."""
    folder = database.parent
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    n_free = shutil.disk_usage(existing).free
    n_wanted = max(_LEAST_FREE, n_bytes)
    values: dict[str, object] = {"path": folder, "free_gib": n_free / _GIB, "wanted_gib": n_wanted / _GIB}
    is_well = n_free >= n_wanted
    return Finding("data_folder", "ok_data_folder" if is_well else "low_space", is_well=is_well, values=values)


def _modes(folder: Path) -> Finding:
    """Texts and vectors are for nobody else on this machine to read."""
    files = [path for path in sorted([*folder.glob("bot.*"), *folder.glob("mirror/*/*")]) if _is_open(path)]
    commands = [shlex.join(["chmod", "600", *map(str, files)])] if files else []
    if _is_open(folder):
        commands.insert(0, shlex.join(["chmod", "700", str(folder)]))
    values: dict[str, object] = {"commands": "; ".join(commands)}
    return Finding("modes", "open_modes" if commands else "ok_modes", is_well=not commands, values=values)


def _is_open(path: Path) -> bool:
    with suppress(FileNotFoundError):  # logs and locks come and go beside a running bot
        return bool(path.stat().st_mode & _OTHERS)
    return False


def _sqlite() -> Finding:
    is_well = _parts(SQLITE_VERSION) >= _parts(LEAST_SQLITE_VERSION)
    values: dict[str, object] = {"version": SQLITE_VERSION, "least": LEAST_SQLITE_VERSION}
    return Finding("sqlite", "ok_sqlite" if is_well else "old_sqlite", is_well=is_well, values=values)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _log(n_bytes: int) -> Finding:
    is_well = n_bytes <= _LONGEST_LOG
    return Finding("log", "ok_log" if is_well else "long_log", is_well=is_well, values={"mib": n_bytes / 2**20})
