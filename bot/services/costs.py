"""What it takes: memory and disk of each server, and tokens and dollars of what waits for its embedding."""

from dataclasses import dataclass
from types import MappingProxyType

from bot.services.spaces import Spaces
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore

# US$, as of 2026: openai.com/api/pricing
_DOLLARS_A_MILLION = MappingProxyType(
    {"text-embedding-3-small": 0.02, "text-embedding-3-large": 0.13, "text-embedding-ada-002": 0.10}
)


@dataclass(frozen=True, slots=True)
class ServerCosts:
    """What one server takes: its index in memory, its rows and files on disk; the field names are the JSON keys."""

    guild_id: str
    name: str
    messages: int
    embedded: int
    index: str
    index_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What embedding all that waits will take; `tokens` are some, and `dollars` None where nobody has told a price."""

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
        """What each server takes at its present size."""
        costs = []
        workshop = self._spaces.mirror.workshop
        for server in await self._servers.servers():
            n_embedded = (await self._spaces.embeddings.counts(server.guild_id)).embedded
            n_messages, n_text_bytes = await self._messages.sizes(server.guild_id)
            plan = workshop.plan(n_embedded)
            n_vector_bytes = self._spaces.embeddings.n_bytes(n_embedded) + workshop.file_size(server.guild_id)
            costs.append(
                ServerCosts(
                    guild_id=str(server.guild_id),
                    name=server.name,
                    messages=n_messages,
                    embedded=n_embedded,
                    index=plan.name,
                    index_bytes=plan.n_bytes,
                    disk_bytes=n_text_bytes + n_vector_bytes,
                )
            )
        return costs

    async def estimate(self) -> Estimate:
        """What embedding all that waits will take."""
        counts = await self._spaces.embeddings.counts()
        n_tokens = (await self._messages.n_tokens()) * counts.pending // max(counts.pending + counts.embedded, 1)
        price = _DOLLARS_A_MILLION.get(self._spaces.embedder.model_key.removeprefix("openai:"))
        return Estimate(counts.pending, n_tokens, None if price is None else price * n_tokens / 1e6)
