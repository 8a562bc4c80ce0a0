"""What a month of embeddings has come to, for people who pay for it; the field names are the JSON keys."""

from dataclasses import dataclass

from bot.services.spending import MICRO, OPERATOR, Accounts, Spending, Spent

NEARLY = 0.8  # of a budget


@dataclass(frozen=True, slots=True)
class ServerUsage:
    """One server's month; `dollars` and `budget_dollars` are None where there is no price and no budget.

    `is_nearly_spent` and `is_spent` are told of what the server may cost, which `is_capped` says is the operator's word
    and not its own, `all_are_spent` of the budget of the installation.
    """

    guild_id: str
    month: str
    tokens: int
    texts: int
    dollars: float | None
    budget_dollars: float | None
    is_nearly_spent: bool
    is_spent: bool
    all_are_spent: bool
    is_capped: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """The month of the installation; guild_id is 0 in `by_server` for what the operator asked and what is gone.

    `server_budget_dollars` is what the operator allows each server. `is_priced` says whether the price of the model is
    known, without which no budget can act.
    """

    month: str
    tokens: int
    texts: int
    dollars: float | None
    budget_dollars: float | None
    server_budget_dollars: float | None
    is_priced: bool
    is_nearly_spent: bool
    is_spent: bool
    by_server: list[ServerUsage]

    @property
    def n_spent_servers(self) -> int:
        """How many servers have spent what the operator allows each of them."""
        return sum(one.is_spent and one.is_capped for one in self.by_server)


async def usage_of(spending: Spending, model_key: str) -> Usage:
    """What all servers have used this month."""
    accounts, spent = await spending.accounts(model_key), await spending.spent()
    is_priced = spending.prices.of(model_key) is not None
    total = sum(spent.values(), Spent())
    of_all = _told(OPERATOR, total, spending.month, accounts, is_priced=is_priced)
    guild_ids = sorted({*spent, *accounts.budgets})
    return Usage(
        month=of_all.month,
        tokens=of_all.tokens,
        texts=of_all.texts,
        dollars=of_all.dollars,
        budget_dollars=of_all.budget_dollars,
        server_budget_dollars=None if accounts.cap is None else accounts.cap / MICRO,
        is_priced=is_priced,
        is_nearly_spent=of_all.is_nearly_spent,
        is_spent=of_all.is_spent,
        by_server=[
            _told(guild_id, spent.get(guild_id, Spent()), spending.month, accounts, is_priced=is_priced)
            for guild_id in guild_ids
        ],
    )


async def usage_of_server(spending: Spending, model_key: str, guild_id: int) -> ServerUsage | None:
    """What one server has used this month; None where the model costs nothing."""
    if not spending.prices.counts(model_key):
        return None
    spent = (await spending.spent()).get(guild_id, Spent())
    is_priced = spending.prices.of(model_key) is not None
    return _told(guild_id, spent, spending.month, await spending.accounts(model_key), is_priced=is_priced)


def _told(guild_id: int, spent: Spent, month: str, accounts: Accounts, *, is_priced: bool) -> ServerUsage:
    share, budget = accounts.share(guild_id), accounts.budget_of(guild_id)
    return ServerUsage(
        guild_id=str(guild_id),
        month=month,
        tokens=spent.n_tokens,
        texts=spent.n_texts,
        dollars=spent.micro_dollars / MICRO if is_priced or spent.micro_dollars else None,
        budget_dollars=None if budget is None else budget / MICRO,
        is_nearly_spent=share is not None and share >= NEARLY,
        is_spent=share is not None and share >= 1,
        all_are_spent=accounts.all_are_spent,
        is_capped=accounts.is_capped(guild_id),
    )
