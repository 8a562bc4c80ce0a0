"""Bare discord.py clients that are led to the stand-in, for its own tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import discord
import yarl

from standin import Discord


class Listener(discord.Client):
    """Keeps the name and argument of every event it gets, and lets a test wait for them."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("intents", discord.Intents(guilds=True, guild_messages=True, message_content=True))
        super().__init__(**{"max_messages": None, "guild_ready_timeout": 0.05} | options)
        self.tree = discord.app_commands.CommandTree(self)
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self._more = asyncio.Event()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Not wait the five seconds that the real Discord wants between two identifies."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        if not event.startswith("socket_"):
            self.events.append((event, args))
            self._more.set()

    def of(self, event: str) -> list[Any]:
        """What came with an event, each time."""
        return [args[0] if args else None for name, args in self.events if name == event]

    async def came(self, event: str, n: int = 1) -> list[Any]:
        """Wait until an event has come so many times; what came with it."""
        async with asyncio.timeout(10):
            while len(self.of(event)) < n:
                self._more.clear()
                await self._more.wait()
        return self.of(event)


@contextmanager
def led_to(standin: Discord) -> Any:
    """Have discord.py in this process take the stand-in for Discord."""
    route, websocket = discord.http.Route, discord.gateway.DiscordWebSocket
    before = route.BASE, websocket.DEFAULT_GATEWAY
    route.BASE, websocket.DEFAULT_GATEWAY = f"{standin.url}/api/v10", yarl.URL(standin.gateway_url)
    try:
        yield
    finally:
        route.BASE, websocket.DEFAULT_GATEWAY = before


@asynccontextmanager
async def running(
    standin: Discord, client: discord.Client | None = None, *, token: str | None = None
) -> AsyncIterator[Any]:
    """A client that is logged in and connected."""
    client = client or Listener()
    with led_to(standin):
        task = asyncio.create_task(client.start(token or standin.token))
        arrived = asyncio.create_task(standin.connected())
        try:
            await asyncio.wait([task, arrived], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            yield client
        finally:
            arrived.cancel()
            await client.close()
            with suppress(discord.DiscordException):
                await asyncio.wait_for(task, 5)
