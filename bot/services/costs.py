"""What it takes: memory and disk of each server, and tokens and dollars of what waits for its embedding."""

from dataclasses import dataclass
from types import MappingProxyType

from bot.services.spaces import Space, Spaces
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore

# US$, as of 2026: openai.com/api/pricing
_DOLLARS_A_MILLION = MappingProxyType(
    {"text-embedding-3-small": 0.02, "text-embedding-3-large": 0.13, "text-embedding-ada-002": 0.10}
)


NO_INDEX = "none"


@dataclass(frozen=True, slots=True)
class ServerCosts:
    """What one server takes: its indexes in memory, its rows and files on disk; the field names are the JSON keys.

    `index` is NO_INDEX where MEMORY_LIMIT_MB leaves no room for one.
    """

    guild_id: str
    name: str
    messages: int
    embedded: int
    index: str
    index_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What embedding all that waits will take; `tokens` are some, and `dollars` None where nobody has told a price.

    `former` is the model whose vectors answer until then, if there is one.
    """

    former: str | None
    texts: int
    tokens: int
    dollars: float | None


class Costs:
    """Counts and multiplies; changes nothing."""

    def __init__(self, messages: MessageStore, servers: ServerStore, spaces: Spaces) -> None:
        self._messages = messages
        self._servers = servers
        self._spaces = spaces

    async def by_server(self) -> list[ServerCosts]:
        """What each server takes at its present size, while there is room for its indexes as a start finds it."""
        n_bytes_left = self._spaces.mirror.workshop.room.n_bytes
        costs = []
        for server in await self._servers.servers():
            n_messages, n_bytes = await self._messages.sizes(server.guild_id)
            taken = []
            for space in self._spaces.all:
                taken.append(await self._taken(space, server.guild_id, n_bytes_left))
                n_bytes_left -= taken[-1].n_bytes
            n_embedded = (await self._spaces.embeddings.counts(server.guild_id)).embedded
            costs.append(
                ServerCosts(
                    guild_id=str(server.guild_id),
                    name=server.name,
                    messages=n_messages,
                    embedded=n_embedded,
                    index=taken[-1].index,  # that which answers
                    index_bytes=sum(one.n_bytes for one in taken),
                    disk_bytes=n_bytes + sum(one.n_bytes_on_disk for one in taken),
                )
            )
        return costs

    async def _taken(self, space: Space, guild_id: int, n_bytes_left: int) -> "_Taken":
        workshop = space.mirror.workshop
        n = await space.embeddings.n_vectors(guild_id)
        n_bytes_on_disk = space.embeddings.n_bytes(n) + workshop.file_size(guild_id)
        plan = workshop.plan(n)
        if plan.n_bytes > n_bytes_left:
            return _Taken(NO_INDEX, 0, n_bytes_on_disk)
        return _Taken(plan.name, plan.n_bytes, n_bytes_on_disk)

    async def estimate(self) -> Estimate:
        """What embedding all that waits will take."""
        counts = await self._spaces.embeddings.counts()
        n_tokens = (await self._messages.n_tokens()) * counts.pending // max(counts.pending + counts.embedded, 1)
        price = _DOLLARS_A_MILLION.get(self._spaces.embedder.model_key.removeprefix("openai:"))
        former = self._spaces.former
        return Estimate(
            None if former is None else former.embeddings.generation.model_key,
            counts.pending,
            n_tokens,
            None if price is None else price * n_tokens / 1e6,
        )

    async def change(self) -> Estimate | None:
        """What lies ahead after another model was set; None where none was, which is quickly told."""
        return None if self._spaces.former is None else await self.estimate()


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a server takes in one space."""

    index: str
    n_bytes: int
    n_bytes_on_disk: int
