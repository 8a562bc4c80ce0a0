"""F30: the process is told to end at any moment."""

import asyncio
import itertools
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from live import eventually, running
from make import beside
from standin import Discord, Person
from standin.channels import Channel

_ROUNDS = 2


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    async with Discord.open() as opened:
        yield opened


async def chatter(square: Channel, ada: Person, posted: list[str]) -> None:
    """Somebody who writes without end, now and then a lot at once."""
    for n in itertools.count():
        posted.append(f"the {n}th word of the prophet after {len(posted)} others")
        await square.post(ada, posted[-1])
        await asyncio.sleep(0.1 if n % 50 == 0 else 0)


async def test_f30_a_signal_at_any_moment_ends_a_busy_bot_and_loses_nothing(
    discord: Discord, tmp_path: Path, seed: int
) -> None:
    """Told to end while it is busy, the bot ends with status 0 in time; what it had stored, and all else, is there."""
    dice = random.Random(seed)
    ada = discord.person("ada")
    square = discord.guild("Town", owner=ada).text("square")
    posted: list[str] = []
    for _ in range(_ROUNDS):
        async with running(discord, tmp_path / "data") as bot:
            await (await ada.slash(square, "index start")).answer()
            async with beside(chatter(square, ada, posted)):
                await asyncio.sleep(dice.uniform(0, 1.5))
                stored = bot.texts(square.guild.id)
                seconds = await bot.stop(dice.choice([signal.SIGTERM, signal.SIGINT]))
        assert (bot.process.returncode, seconds < 5) == (0, True)
        assert set(stored) <= set(bot.texts(square.guild.id))
        assert bot.rows("PRAGMA integrity_check") == [("ok",)]
        assert "Traceback" not in bot.said

    async with running(discord, tmp_path / "data") as bot:
        await eventually(lambda: bot.texts(square.guild.id) == posted, within=30)
