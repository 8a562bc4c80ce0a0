"""The ledger: what embeddings were charged for, by server and month, and what a server may cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.storage.database import Database, Transaction

OPERATOR = 0  # in the place of a server: who runs the bot, and all that the installation costs


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens, the texts that they belong to, and millionths of a dollar."""

    n_tokens: int = 0
    n_texts: int = 0
    micro_dollars: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.n_tokens + other.n_tokens,
            self.n_texts + other.n_texts,
            self.micro_dollars + other.micro_dollars,
        )

    def __neg__(self) -> "Spent":
        return Spent(-self.n_tokens, -self.n_texts, -self.micro_dollars)


class Ledger:
    """The tables usage, budgets and budget_warnings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spent(self, month: str) -> dict[int, Spent]:
        """What a month has cost so far, by server, whatever the models were."""
        rows = await self._database.fetch(
            """SELECT guild_id, sum(n_tokens), sum(n_texts), sum(micro_dollars) FROM usage
               WHERE month = ? GROUP BY guild_id""",
            (month,),
        )
        return {guild_id: Spent(*sums) for guild_id, *sums in rows}

    async def add(self, month: str, model_key: str, spent: Mapping[int, Spent]) -> None:
        """Something more was spent, by server; less, where it was too much that was added before."""
        async with self._database.transaction() as transaction:
            for guild_id, one in spent.items():
                await _add(transaction, (month, guild_id, model_key), one)

    async def budgets(self) -> dict[int, float]:
        """By server, how many millionths of a dollar it may cost in a month; others are not there."""
        return dict(await self._database.fetch("SELECT guild_id, micro_dollars FROM budgets"))

    async def put_budget(self, guild_id: int, micro_dollars: float | None) -> None:
        """A server may cost so much in a month, or whatever it comes to."""
        async with self._database.transaction() as transaction:
            await transaction.execute("DELETE FROM budgets WHERE guild_id = ?", (guild_id,))
            if micro_dollars is not None:
                await transaction.execute("INSERT INTO budgets VALUES (?, ?)", (guild_id, micro_dollars))

    async def warns_first(self, guild_id: int, month: str, budget: float, *, percent: int) -> bool:
        """Whether nobody was told before that so much of a month's budget is spent; now somebody is."""
        async with self._database.transaction() as transaction:
            n_told = await transaction.execute(
                "INSERT INTO budget_warnings VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (guild_id, month, budget, percent),
            )
        return n_told > 0


async def keep_total(transaction: Transaction, guild_id: int) -> None:
    """A server is to be forgotten: what it cost stays in the sum of all, without its name."""
    for month, model_key, *sums in await transaction.fetch(
        "SELECT month, model_key, n_tokens, n_texts, micro_dollars FROM usage WHERE guild_id = ?", (guild_id,)
    ):
        await _add(transaction, (month, OPERATOR, model_key), Spent(*sums))


async def _add(transaction: Transaction, key: tuple[str, int, str], spent: Spent) -> None:
    await transaction.execute(
        """INSERT INTO usage (month, guild_id, model_key, n_tokens, n_texts, micro_dollars) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET n_tokens = n_tokens + excluded.n_tokens, n_texts = n_texts + excluded.n_texts,
                                     micro_dollars = micro_dollars + excluded.micro_dollars""",
        (*key, spent.n_tokens, spent.n_texts, spent.micro_dollars),
    )
