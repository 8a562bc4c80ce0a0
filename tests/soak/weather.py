"""What goes wrong at random between the bot and Discord."""

import asyncio
import random
from collections import Counter
from typing import Any

from faults.scene import HISTORY, MESSAGE
from standin import Discord

SCOPES = ("user", "shared", "global")


class Weather:
    """Faults, one after the other; `met` counts them by their kind."""

    def __init__(self, discord: Discord, dice: random.Random) -> None:
        self._discord = discord
        self._dice = dice
        self.met: Counter[str] = Counter()

    async def blow(self, *, mean_pause_s: float) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / mean_pause_s))
            if self._dice.random() < 0.7:
                self._fail()
            else:
                await self._interrupt()

    def _fail(self) -> None:
        """Have some of the next requests for messages fail."""
        kind = self._dice.choice(("429", "500", "502", "503", "reset", "delay", "hold"))
        how: dict[str, Any] = {"times": self._dice.randint(1, 3)}
        if kind == "429":
            how |= {"status": 429, "scope": self._dice.choice(SCOPES), "retry_after": self._dice.uniform(0.1, 2)}
        elif kind == "reset":
            how |= {"reset": True}
        elif kind in ("delay", "hold"):
            how |= {kind: self._dice.uniform(0.1, 2)}
        else:
            how |= {"status": int(kind)}
        self._discord.fail("GET", self._dice.choice((HISTORY, HISTORY, MESSAGE)), **how)
        self.met[f"REST: {kind}"] += 1

    async def _interrupt(self) -> None:
        """Break the connection, so that it can be taken up again or not."""
        ways = {
            "gateway: closed": lambda: self._discord.drop(4000),
            "gateway: lost": lambda: self._discord.drop(None),
            "gateway: opcode 7": self._discord.reconnect,
            "gateway: opcode 9, resumable": lambda: self._discord.invalidate(resumable=True),
            "gateway: opcode 9": self._discord.invalidate,
        }
        way = self._dice.choice(list(ways))
        self.met[way] += 1
        try:
            async with asyncio.timeout(10):
                await ways[way]()
        except TimeoutError:
            self.met["gateway: nobody was there"] += 1
