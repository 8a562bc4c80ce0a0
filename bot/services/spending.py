"""What embeddings cost and may cost: counted before they are asked for, and truly once the answer is there."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from bot.askers import Asker, Operator
from bot.embedding.base import Embedder, Meter
from bot.errors import BudgetSpent, EmbeddingError, StorageFailed
from bot.services.prices import Prices
from bot.storage.ledger import OPERATOR, Ledger, Spent
from bot.storage.pending import PendingText
from bot.vectors import Vectors

__all__ = ["OPERATOR", "Accounts", "Spending", "Spent", "payer_of"]  # sums are handed out as they are stored

log = logging.getLogger(__name__)

MICRO = 1e6
_WARNED_AT = (100, 80)  # percent of a budget


@dataclass(slots=True)
class Accounts:
    """What a month has cost by server, in millionths of a dollar, and what each server and all of them may cost.

    `budgets` are what servers have set for themselves, `cap` is what the operator allows each of them.
    """

    spent: dict[int, float] = field(default_factory=dict)
    budgets: Mapping[int, float] = field(default_factory=dict)
    budget: float | None = None
    cap: float | None = None

    @property
    def are_limited(self) -> bool:
        """Whether anybody's account has an end."""
        return bool(self.budgets) or self.budget is not None or self.cap is not None

    @property
    def total(self) -> float:
        return sum(self.spent.values())

    @property
    def all_are_spent(self) -> bool:
        """Whether nobody may spend any more."""
        return self.budget is not None and self.total >= self.budget

    @property
    def spent_up(self) -> set[int]:
        """The servers that have used up what they may cost."""
        return {guild_id for guild_id in {*self.budgets, *self.spent} - {OPERATOR} if self._is_spent_up(guild_id)}

    def is_spent(self, guild_id: int) -> bool:
        """Whether a server may not spend any more, for its own sake or that of all."""
        return self.all_are_spent or (guild_id != OPERATOR and self._is_spent_up(guild_id))

    def share(self, guild_id: int) -> float | None:
        """Which share of its budget a server has spent, or all of them of theirs; None where there is none."""
        spent = self.total if guild_id == OPERATOR else self.spent.get(guild_id, 0.0)
        budget = self.budget_of(guild_id)
        return None if budget is None else spent / budget

    def left(self, guild_id: int) -> float | None:
        """What is left of what a server may cost; None where it has no limit.

        What is left of that of all servers is not told, since it tells what others have spent.
        """
        budget = self.budget_of(guild_id)
        return None if budget is None else max(budget - self.spent.get(guild_id, 0.0), 0.0)

    def budget_of(self, guild_id: int) -> float | None:
        """What a server may cost by its own word or that of the operator, whichever is less; of OPERATOR, all."""
        if guild_id == OPERATOR:
            return self.budget
        return min((limit for limit in (self.budgets.get(guild_id), self.cap) if limit is not None), default=None)

    def is_capped(self, guild_id: int) -> bool:
        """Whether it is the operator who limits a server, and not its own word."""
        return self.cap is not None and self.budget_of(guild_id) == self.cap and guild_id != OPERATOR

    def _is_spent_up(self, guild_id: int) -> bool:
        return (share := self.share(guild_id)) is not None and share >= 1


class Spending:
    """Buys vectors on the accounts of servers; models that run here cost nothing, and nothing is counted of them.

    `count` tells about how many tokens texts have; `budget` is in US$ a month, for all servers together, and `cap` for
    each of them.
    """

    def __init__(
        self,
        ledger: Ledger,
        prices: Prices,
        *,
        count: Callable[[Sequence[str]], list[int]],
        budget: float | None = None,
        cap: float | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self.prices = prices
        self._count = count
        self._budget = None if budget is None else budget * MICRO
        self._cap = None if cap is None else cap * MICRO
        self._now = now
        self._warned: set[tuple[int, str, float, int]] = set()

    @property
    def month(self) -> str:
        return f"{self._now():%Y-%m}"

    async def accounts(self, model_key: str) -> Accounts:
        """How this month stands for those who pay a model; nobody is limited where it costs nothing."""
        if not self.prices.counts(model_key):
            return Accounts()
        spent = await self._ledger.spent(self.month)
        micro_dollars = {guild_id: one.micro_dollars for guild_id, one in spent.items()}
        return Accounts(micro_dollars, await self._ledger.budgets(), self._budget, self._cap)

    async def spent(self) -> dict[int, Spent]:
        """What this month has cost so far, by server."""
        return await self._ledger.spent(self.month)

    async def put_budget(self, guild_id: int, dollars: float | None) -> None:
        """A server may cost so much in a month, or whatever it comes to."""
        await self._ledger.put_budget(guild_id, None if dollars is None else dollars * MICRO)

    async def affordable(self, embedder: Embedder, texts: Sequence[PendingText]) -> list[PendingText]:
        """Those of the texts that servers can still pay for, with the one that reaches the end of a budget."""
        accounts = await self.accounts(embedder.model_key)
        price = self.prices.of(embedder.model_key) or 0.0
        if not accounts.are_limited:
            return list(texts)
        chosen = []
        for text, n_tokens in zip(texts, await self._counted([text.texts for text in texts]), strict=True):
            if not accounts.is_spent(text.guild_id):
                chosen.append(text)
                accounts.spent[text.guild_id] = accounts.spent.get(text.guild_id, 0.0) + n_tokens * price
        return chosen

    def payer(self, embedder: Embedder, asker: Asker) -> "Payer":
        """Who pays for a question, and has it embedded."""
        return Payer(self, embedder, payer_of(asker))

    async def embed(self, embedder: Embedder, units: Sequence[Sequence[str]], payers: Sequence[int]) -> Vectors:
        """The vectors of all texts of what has one or more of them, each of those on the account of a server.

        They are in the ledger before they are asked for: what dies with this process was paid for all the same.
        Raises EmbeddingError, and StorageFailed where the ledger does not take them, so that nothing was asked for.
        """
        texts = [text for unit in units for text in unit]
        if not self.prices.counts(embedder.model_key):
            return await embedder.embed(texts)
        bill = _Bill(self.month, embedder.model_key, self.prices.of(embedder.model_key) or 0.0)
        bill.put(await self._counted(units), payers)
        await self._ledger.add(bill.month, bill.model_key, bill.entries)
        meter = Meter()
        try:
            vectors = await embedder.embed(texts, meter)
        except EmbeddingError:
            await self._correct(bill, bill.failed(meter.n_tokens))
            raise
        await self._correct(bill, bill.corrected(meter.n_tokens))
        return vectors

    async def _correct(self, bill: "_Bill", more: Mapping[int, Spent]) -> None:
        """Add what is known once an answer is there; what was bought is not to be bought again because that fails."""
        try:
            await self._ledger.add(bill.month, bill.model_key, more)
            await self._warn(bill)
        except StorageFailed as error:
            log.warning("not all that is known of what embeddings cost could be put down: %s", error)

    async def _counted(self, units: Sequence[Sequence[str]]) -> list[int]:
        """About how many tokens each unit has, all of its texts together."""
        counted = iter(await asyncio.to_thread(self._count, [text for unit in units for text in unit]))
        return [sum(islice(counted, len(unit))) for unit in units]

    async def _warn(self, bill: "_Bill") -> None:
        """Tell the log, once a month, that a budget is nearly used up, and that it is."""
        accounts = await self.accounts(bill.model_key)
        for guild_id in {*bill.entries, OPERATOR}:
            share, budget = accounts.share(guild_id), accounts.budget_of(guild_id)
            percent = next((p for p in _WARNED_AT if share is not None and share * 100 >= p), None)
            if percent is None or budget is None or (key := (guild_id, bill.month, budget, percent)) in self._warned:
                continue
            if await self._ledger.warns_first(guild_id, bill.month, budget, percent=percent):
                whose = f"server {guild_id}" if guild_id else "all servers"
                log.warning("%d %% of the budget of %s for %s are spent", percent, whose, bill.month)
            self._warned.add(key)


@dataclass(frozen=True, slots=True)
class Payer:
    """The account of a server, or of the operator, on which questions are embedded."""

    spending: Spending
    embedder: Embedder
    account: int

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of questions, float32 [n, dim]. Raises BudgetSpent and EmbeddingError."""
        if (await self.spending.accounts(self.embedder.model_key)).is_spent(self.account):
            raise BudgetSpent
        try:
            return await self.spending.embed(self.embedder, [texts], [self.account])
        except StorageFailed as error:
            # A process that only reads, or a full disk: a question costs too little to stay unanswered for that.
            log.debug("a question is not in the ledger: %s", error)
            return await self.embedder.embed(texts)


class _Bill:
    """What texts are thought to cost, and what they did cost in the end."""

    def __init__(self, month: str, model_key: str, price: float) -> None:
        self.month = month
        self.model_key = model_key
        self._price = price
        self._weights: Counter[int] = Counter()
        self._n_texts: Counter[int] = Counter()

    def put(self, weights: Sequence[int], payers: Sequence[int]) -> None:
        for weight, guild_id in zip(weights, payers, strict=True):
            self._weights[guild_id] += weight
            self._n_texts[guild_id] += 1

    @property
    def entries(self) -> dict[int, Spent]:
        """What is thought of it before it is asked for."""
        return {guild_id: self._spent(n, self._n_texts[guild_id]) for guild_id, n in self._weights.items()}

    def corrected(self, n_tokens: int) -> dict[int, Spent]:
        """What is to be added once it is known; nothing where the server does not tell."""
        return self._changed(n_tokens, self._n_texts) if n_tokens else {}

    def failed(self, n_tokens: int) -> dict[int, Spent]:
        """What is to be added after an error: no text has its vector, but answers of no use are charged for too."""
        return self._changed(n_tokens, Counter())

    def _changed(self, n_tokens: int, n_texts: Mapping[int, int]) -> dict[int, Spent]:
        shares = _apportioned(n_tokens, self._weights)
        return {
            guild_id: self._spent(shares[guild_id], n_texts.get(guild_id, 0)) + -booked
            for guild_id, booked in self.entries.items()
        }

    def _spent(self, n_tokens: int, n_texts: int) -> Spent:
        return Spent(n_tokens, n_texts, n_tokens * self._price)


def payer_of(asker: Asker) -> int:
    """On whose account a question goes."""
    return OPERATOR if isinstance(asker, Operator) else asker.guild_id


def _apportioned(n: int, weights: Mapping[int, int]) -> dict[int, int]:
    """A number cut into whole shares by weight, which sum up to it."""
    left, left_of_weights = n, sum(weights.values())
    shares = {}
    for guild_id, weight in weights.items():
        shares[guild_id] = left * weight // left_of_weights if left_of_weights else 0
        left -= shares[guild_id]
        left_of_weights -= weight
    return shares
