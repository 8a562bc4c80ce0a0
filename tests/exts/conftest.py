"""One local Discord and one bot for all these tests; each test has a server of its own."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from live import Bot, running
from standin import Discord
from town import Town

_number = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They share what runs, so they share the loop that it runs in."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Discord, Bot]]:
    async with Discord.open() as discord, running(discord, tmp_path_factory.mktemp("live") / "data") as bot:
        yield discord, bot


@pytest_asyncio.fixture(loop_scope="session")
async def town(live: tuple[Discord, Bot]) -> Town:
    discord, bot = live
    n = next(_number)
    ada, bob = discord.person(f"ada{n}"), discord.person(f"bob{n}")
    guild = discord.guild(f"Town {n}", owner=ada)
    guild.join(bob)
    return Town(discord, bot, guild, ada, bob, guild.text("square"))
