"""F12: several coroutines at one connection."""

import asyncio
import random
import re
from pathlib import Path

from faults.turns import Dawdling

from bot.errors import StorageFailed
from bot.storage.database import Database, open_to_write

_MANY = 40  # coroutines
_MARK = re.compile(r"/\* (\d+) \*/")


async def put(database: Database, number: int, dice: random.Random) -> set[int]:
    """Three transactions, some of which fail; the ids that are to be there."""
    committed: set[int] = set()
    for nth in range(3):
        ids = range(1_000 * number + 10 * nth + 1, 1_000 * number + 10 * nth + 1 + dice.randrange(1, 5))
        failing_at = dice.choice([None, None, dice.choice(ids)])
        name = f"{number} {nth} {len(ids)}"
        try:
            async with database.transaction() as transaction:
                for i in ids:
                    sql = f"INSERT INTO servers (guild_id, name) VALUES (?, ?) /* {number} */"
                    await transaction.execute(sql, (i, name))
                    if i == failing_at and dice.random() < 0.5:
                        raise KeyError(i)  # noqa: TRY301  # here, between two statements
                    if i == failing_at:
                        await transaction.execute(sql, (i, name))
        except (KeyError, StorageFailed):
            assert failing_at is not None
        else:
            committed |= set(ids)
    return committed


async def look(database: Database) -> None:
    """What is read is never half of what one transaction wrote."""
    for _ in range(20):
        for name, n in await database.fetch("SELECT name, count(*) FROM servers GROUP BY name"):
            assert int(name.split()[2]) == n


def transactions(statements: list[str]) -> list[set[str]]:
    """Whose statements each transaction held; none may stand outside of one."""
    found: list[set[str]] = []
    is_open = False
    for statement in statements:
        if statement.startswith("BEGIN"):
            assert not is_open
            found.append(set())
        is_open = statement.startswith("BEGIN") or (is_open and not statement.startswith(("COMMIT", "ROLLBACK")))
        if mark := _MARK.search(statement):
            assert is_open, statement
            found[-1].add(mark[1])
    assert not is_open
    return found


async def test_f12_no_transaction_holds_anothers_statements(quick_folder: Path, seed: int) -> None:
    """However forty coroutines are interleaved, each transaction is one coroutine's, and what failed left nothing."""
    dice = random.Random(seed)
    statements: list[str] = []

    async def of(number: int) -> set[int]:
        return await Dawdling(put(database, number, random.Random(dice.random())), dice)

    async with open_to_write(quick_folder) as database:
        await database._writer.set_trace_callback(statements.append)
        committed, *_ = await asyncio.gather(
            asyncio.gather(*(of(number) for number in range(1, _MANY + 1))), look(database), look(database)
        )
        await database._writer.set_trace_callback(None)
        rows = await database.fetch("SELECT guild_id FROM servers")

    assert {row[0] for row in rows} == set().union(*committed)
    whose = transactions(statements)
    assert len(whose) == 3 * _MANY
    assert all(len(marks) == 1 for marks in whose)
