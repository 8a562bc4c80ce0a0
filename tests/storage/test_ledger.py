"""What was charged for, by server and month, and what may be."""

from make import GUILD, OTHER_GUILD

from bot.storage.database import Database
from bot.storage.ledger import OPERATOR, Ledger, Spent
from bot.storage.servers import ServerStore

NOVEMBER, DECEMBER = "2026-11", "2026-12"
ONE = Spent(n_tokens=5, n_texts=2, micro_dollars=0.1)


async def test_sums_grow_by_server_and_month(database: Database) -> None:
    """What is added to a month is told of that month, of all models together, and of no other server."""
    ledger = Ledger(database)
    assert await ledger.spent(NOVEMBER) == {}
    await ledger.add(NOVEMBER, "small", {GUILD: ONE, OTHER_GUILD: ONE + ONE})
    await ledger.add(NOVEMBER, "small", {GUILD: ONE})
    await ledger.add(NOVEMBER, "large", {GUILD: ONE})
    await ledger.add(DECEMBER, "small", {GUILD: ONE})

    assert await ledger.spent(NOVEMBER) == {GUILD: ONE + ONE + ONE, OTHER_GUILD: ONE + ONE}
    assert await ledger.spent(DECEMBER) == {GUILD: ONE}


async def test_what_was_too_much_is_taken_back(database: Database) -> None:
    """A negative sum corrects what was added before."""
    ledger = Ledger(database)
    await ledger.add(NOVEMBER, "small", {GUILD: ONE + ONE})
    await ledger.add(NOVEMBER, "small", {GUILD: -ONE})

    assert await ledger.spent(NOVEMBER) == {GUILD: ONE}


async def test_a_budget_is_set_changed_and_taken_off(database: Database) -> None:
    """A server has one budget, the last that was set, or none."""
    ledger = Ledger(database)
    assert await ledger.budgets() == {}
    await ledger.put_budget(GUILD, 5.0)
    await ledger.put_budget(GUILD, 7.0)
    assert await ledger.budgets() == {GUILD: 7.0}

    await ledger.put_budget(GUILD, None)
    assert await ledger.budgets() == {}


async def test_a_warning_is_first_once(database: Database) -> None:
    """Each server, month, budget and percentage is told once, also by the next process."""
    ledger = Ledger(database)
    assert await ledger.warns_first(GUILD, NOVEMBER, 5.0, percent=80)
    assert not await Ledger(database).warns_first(GUILD, NOVEMBER, 5.0, percent=80)

    assert await ledger.warns_first(GUILD, NOVEMBER, 5.0, percent=100)
    assert await ledger.warns_first(GUILD, NOVEMBER, 9.0, percent=80)
    assert await ledger.warns_first(GUILD, DECEMBER, 5.0, percent=80)
    assert await ledger.warns_first(OTHER_GUILD, NOVEMBER, 5.0, percent=80)


async def test_what_a_server_cost_outlives_it_without_its_name(database: Database) -> None:
    """The sum of a month stays the same when a server is forgotten, but nothing tells that it was there."""
    ledger = Ledger(database)
    await ledger.add(NOVEMBER, "small", {GUILD: ONE, OTHER_GUILD: ONE, OPERATOR: ONE})
    await ledger.put_budget(GUILD, 5.0)
    await ledger.warns_first(GUILD, NOVEMBER, 5.0, percent=80)
    await ServerStore(database).forget(GUILD)

    assert await ledger.spent(NOVEMBER) == {OPERATOR: ONE + ONE, OTHER_GUILD: ONE}
    for table in ("usage", "budgets", "budget_warnings"):
        assert await database.fetch(f"SELECT * FROM {table} WHERE guild_id = ?", (GUILD,)) == []
