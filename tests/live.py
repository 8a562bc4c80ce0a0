"""The real bot as a process of its own, connected to the local Discord."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canaries import check_log
from standin import Discord

LAUNCH = Path(__file__).parent / "standin" / "launch.py"
# For tests that ask more than people do.
UNLIMITED = {"MEMBER_QUERIES_PER_MINUTE": "100000", "SERVER_QUERIES_PER_MINUTE": "100000"}


@dataclass
class Bot:
    """A running bot: its process, its data folder, and what it logs."""

    process: asyncio.subprocess.Process
    folder: Path
    log: Path

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.wait_for(self.process.wait(), 20)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """End it as an operator would; how many seconds that took."""
        began = time.perf_counter()
        self.process.send_signal(number)
        assert await self.ended() in (0, -signal.SIGKILL)
        return time.perf_counter() - began

    @property
    def said(self) -> str:
        """All that it printed and logged."""
        return self.log.read_text("utf-8")

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What its database holds, read beside it."""
        uri = f"{(self.folder / 'bot.db').as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            return connection.execute(sql, parameters).fetchall()
        finally:
            connection.close()

    def texts(self, guild_id: int) -> list[str]:
        """What is stored of a server, oldest first."""
        rows = self.rows("SELECT content FROM messages WHERE guild_id = ? ORDER BY message_id", guild_id)
        return [row[0] for row in rows]

    def n_waiting(self) -> int:
        """How many messages wait for a vector."""
        return self.rows("SELECT count(*) FROM pending")[0][0]


async def launch(discord: Discord, folder: Path, **settings: str) -> Bot:
    """Start the bot; it may not be connected yet."""
    log = folder.with_suffix(".log")
    environment = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL")}
    environment |= {
        "EMBEDDER": "local",
        "LOG_LEVEL": "DEBUG",
        "DATA_DIR": str(folder),
        **discord.environment(),
        **settings,
    }
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            LAUNCH,
            "run",
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder.parent,
        )
    return Bot(process, folder, log)


@asynccontextmanager
async def running(discord: Discord, folder: Path, **settings: str) -> AsyncIterator[Bot]:
    """The bot, connected; ended when the test is over, and what it logged is looked at."""
    bot = await launch(discord, folder, **settings)
    try:
        await discord.connected(timeout=30)
        yield bot
    finally:
        if bot.process.returncode is None:
            await bot.stop()
    secrets = [value for name, value in settings.items() if name.endswith(("_KEY", "_TOKEN"))]
    check_log(bot.log, discord.texts, [discord.token, *discord.interactions, *secrets])


async def eventually(holds: Callable[[], Any], *, within: float = 10) -> Any:
    """Wait until something holds, and give back what it came to."""
    until = time.monotonic() + within
    while not (result := holds()):
        assert time.monotonic() < until, "it never came to hold"
        await asyncio.sleep(0.02)
    return result
