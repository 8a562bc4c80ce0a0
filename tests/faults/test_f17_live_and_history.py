"""F17: people go on writing, rewriting and deleting in a channel whose history is being read."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

from faults.invariants import until
from faults.scene import HISTORY, NO_SWEEP, scene

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def test_f17_what_happens_while_a_page_is_on_its_way_wins(tmp_path, seed) -> None:
    """A page that shows how things were before an edit or a deletion neither undoes it nor stores anything twice."""
    dice = random.Random(seed)
    async with scene(tmp_path) as town:
        said = town.square.seed(town.people, 1_500, start=BEGAN, step=timedelta(minutes=1))
        town.discord.fail("GET", HISTORY, hold=0.15, times=float("inf"))
        await town.start(**NO_SWEEP)
        await town.index()
        while town.n_stored() < 1_400 and len(said) > 500:
            message = said.pop(dice.randrange(max(0, len(said) - 400), len(said)))
            if dice.random() < 0.5:
                await message.edit(f"rewritten: {message.content}")
            else:
                await message.delete()
            await town.square.post(dice.choice(town.people), f"meanwhile {len(said)}")
            await asyncio.sleep(0.004)
        town.discord.faults.clear()
        await town.all_holds()
        there = sorted(message.content for message in town.square.messages if message.author is not town.discord.bot)
        assert sorted(town.bot.texts(town.guild.id)) == there


async def test_f17_each_message_of_a_page_on_its_way_is_told_of_live(tmp_path) -> None:
    """While the only page is on its way, all of it is rewritten or deleted: not one old text is kept."""
    async with scene(tmp_path) as town:
        said = town.square.seed(town.people, 60, start=BEGAN, step=timedelta(minutes=1))
        town.discord.fail("GET", HISTORY, hold=1.0, times=1)
        await town.start(**NO_SWEEP)
        await town.index()
        await until(town.pages, within=20, what="the page is asked for")
        await asyncio.sleep(0.2)
        for n, message in enumerate(said):
            await (message.delete() if n % 3 == 0 else message.edit(f"rewritten {n}"))
        await town.all_holds()
        assert town.n_stored() == 40
