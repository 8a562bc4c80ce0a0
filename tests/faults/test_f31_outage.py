"""F31: a server is unavailable for a while."""

import asyncio
from datetime import UTC, datetime, timedelta

from faults.invariants import until
from faults.scene import HISTORY, scene

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def test_f31_an_outage_in_the_middle_of_reading_removes_nothing(tmp_path) -> None:
    """What is stored stays, and when the server is back the rest is read, and what was said and deleted meanwhile."""
    async with scene(tmp_path) as town:
        said = town.square.seed(town.people, 1_000, start=BEGAN, step=timedelta(minutes=1))
        town.discord.fail("GET", HISTORY, delay=0.1, times=float("inf"))
        await town.start()
        await town.index()
        await until(lambda: town.n_stored() >= 300, within=30, what="some pages are read")
        n_before = town.n_stored()
        await town.guild.outage()
        await town.square.post(town.bob, "said in the outage")
        await said[-5].delete()
        await said[-6].edit("rewritten in the outage")
        await asyncio.sleep(2)
        assert town.n_stored() >= n_before
        assert town.bot.rows("SELECT left_at FROM servers") == [(None,)]

        await town.guild.recover()
        await town.all_holds()


async def test_f31_a_restart_in_an_outage_removes_nothing(tmp_path) -> None:
    """A bot that comes back while the server is still down keeps everything, and goes on when the server does."""
    async with scene(tmp_path) as town:
        said = town.square.seed(town.people, 300, start=BEGAN, step=timedelta(minutes=1))
        await town.start()
        await town.index()
        await town.all_holds()
        await town.guild.outage()
        await town.end()
        await said[10].delete()
        await town.square.post(town.bob, "said in the outage")
        await town.start(REMOVAL_GRACE_HOURS="0")
        await asyncio.sleep(5)
        assert town.n_stored() == 300
        assert town.bot.rows("SELECT left_at FROM servers") == [(None,)]

        await town.guild.recover()
        await town.all_holds()
        assert town.n_stored() == 300
