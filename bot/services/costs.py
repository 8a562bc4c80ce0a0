"""What it takes: memory and disk of each server, and tokens and dollars of what waits for its embedding."""

from dataclasses import dataclass

from bot.services.spaces import Space, Spaces
from bot.services.spending import MICRO, Spending, Spent
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore

NO_INDEX = "none"
_ENOUGH = 100  # texts to measure by
_ASSUMED = 20  # tokens a message, where there is nothing to measure by


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


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known before a history is read: `messages` and `pending` of the server, as they are stored.

    `tokens` are those of 1,000 messages, measured on `n_measured` texts, or assumed where that is 0. `dollars` are what
    those cost, None where there is no price; `dollars_left` is what is left of the server's own budget this month, None
    where it has none.
    """

    model_key: str
    messages: int
    pending: int
    pending_tokens: int
    tokens: int
    n_measured: int
    dollars: float | None
    dollars_left: float | None

    @property
    def n_affordable(self) -> int | None:
        """About how many messages fit into what is left of the server's budget; None where it has none."""
        if self.dollars_left is None or not self.dollars:
            return None
        return int(1_000 * self.dollars_left / self.dollars)


class Costs:
    """Counts and multiplies; changes nothing."""

    def __init__(self, messages: MessageStore, servers: ServerStore, spaces: Spaces, spending: Spending) -> None:
        self._spending = spending
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
        price = self._spending.prices.of(self._spaces.embedder.model_key)
        former = self._spaces.former
        return Estimate(
            None if former is None else former.embeddings.generation.model_key,
            counts.pending,
            n_tokens,
            None if price is None else price * n_tokens / 1e6,
        )

    @property
    def is_paid(self) -> bool:
        """Whether what is embedded is charged for, as far as is known."""
        return self._spending.prices.counts(self._spaces.embedder.model_key)

    async def forecast(self, guild_id: int) -> Forecast:
        """What can be told of what it costs to read and embed a server's history."""
        model_key = self._spaces.embedder.model_key
        counts = await self._spaces.embeddings.counts(guild_id)
        n_tokens, n_measured = await self._measured()
        a_message = n_tokens / n_measured if n_measured else float(_ASSUMED)
        price = self._spending.prices.of(model_key)
        left = (await self._spending.accounts(model_key)).left(guild_id)
        return Forecast(
            model_key=model_key,
            messages=await self._messages.count(guild_id),
            pending=counts.pending,
            pending_tokens=round(a_message * counts.pending),
            tokens=round(1_000 * a_message),
            n_measured=n_measured,
            dollars=None if price is None else a_message * 1_000 * price / MICRO,
            dollars_left=None if left is None else left / MICRO,
        )

    async def _measured(self) -> tuple[int, int]:
        """Tokens, and how many texts they are of: as they were charged for this month, or as they are estimated."""
        charged = sum((await self._spending.spent()).values(), Spent())
        if charged.n_texts >= _ENOUGH:
            return charged.n_tokens, charged.n_texts
        n_stored = await self._messages.count()
        return (await self._messages.n_tokens(), n_stored) if n_stored >= _ENOUGH else (0, 0)

    async def change(self) -> Estimate | None:
        """What lies ahead after another model was set; None where none was, which is quickly told."""
        return None if self._spaces.former is None else await self.estimate()


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a server takes in one space."""

    index: str
    n_bytes: int
    n_bytes_on_disk: int
