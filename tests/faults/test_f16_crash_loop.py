"""F16: killed over and over while it reads the history."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from faults.invariants import until
from faults.scene import HISTORY, Scene, scene

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PER_CHANNEL = (1_400, 900, 650, 50)
KILLED_AFTER = 6  # pages


async def read_or_killed(town: Scene, n_pages: int) -> bool:
    """Let it read so many pages and kill it; whether it came to the end before."""
    since = len(town.discord.requests)
    total = sum(PER_CHANNEL)
    await until(
        lambda: len(town.pages(since=since)) >= n_pages or town.n_stored() == total,
        within=60,
        what=f"{n_pages} more pages are read",
    )
    if town.n_stored() == total:
        return True
    await town.end()
    return False


async def test_f16_a_crash_loop_comes_to_an_end(tmp_path, seed) -> None:
    """Killed after every sixth page, the reading ends, no page is fetched more than twice, and nothing is left out."""
    dice = random.Random(seed)
    async with scene(tmp_path) as town:
        channels = [town.square, *(town.guild.text(f"channel-{n}") for n in range(len(PER_CHANNEL) - 1))]
        for channel, n in zip(channels, PER_CHANNEL, strict=True):
            channel.seed(town.people, [f"{channel.name} {i}" for i in range(n)], start=BEGAN, step=timedelta(minutes=1))
        town.discord.fail("GET", HISTORY, delay=0.02, times=float("inf"))
        await town.start(SWEEP_PAUSE_S="1")
        await town.index()
        for _ in range(20):
            if await read_or_killed(town, dice.randint(KILLED_AFTER - 1, KILLED_AFTER + 1)):
                break
            await asyncio.sleep(0.01)
            await town.start(SWEEP_PAUSE_S="1")
        await town.hold()
        older = Counter((page.channel_id, page.query["before"]) for page in town.pages() if "before" in page.query)
        # Comparing what is stored with Discord, which goes on meanwhile, may ask for a page once more.
        assert max(older.values()) <= 3, older.most_common(3)
        await town.all_holds()
