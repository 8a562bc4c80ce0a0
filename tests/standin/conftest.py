"""What the tests of the stand-in may ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from standin import Discord

EVERYTHING = 1 << 0 | 1 << 9 | 1 << 15  # guilds, messages, content


@dataclass
class Town:
    """A guild with two members and a channel."""

    discord: Discord
    guild: Any
    alice: Any
    bob: Any
    channel: Any


def town_of(standin: Discord) -> Town:
    alice = standin.person("alice", global_name="Alice")
    bob = standin.person("bob", locale="ja")
    guild = standin.guild("Town", owner=alice)
    guild.join(bob)
    return Town(standin, guild, alice, bob, guild.text("general"))


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with Discord.open() as standin:
        yield town_of(standin)


class Raw:
    """Bare HTTP and websockets, as curl would speak them."""

    def __init__(self, standin: Discord, session: aiohttp.ClientSession) -> None:
        self.discord = standin
        self.session = session
        self.headers: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """The status and JSON of an answer; the headers of the last one are kept."""
        url = f"{self.discord.url}/api/v10{path}"
        token = {"Authorization": f"Bot {self.discord.token}"}
        async with self.session.request(method, url, json=body, params=query, headers=token) as response:
            self.headers = dict(response.headers)
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else None

    @asynccontextmanager
    async def gateway(
        self, *, intents: int | None = 1 | 1 << 9 | 1 << 15
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An uncompressed websocket that has got HELLO and, unless intents are None, READY."""
        async with self.session.ws_connect(f"{self.discord.url}/?v=10&encoding=json") as websocket:
            assert (await websocket.receive_json())["op"] == 10
            if intents is not None:
                await websocket.send_json(self.identify(intents))
                assert (await websocket.receive_json())["t"] == "READY"
            yield websocket

    def identify(self, intents: int, token: str | None = None) -> dict[str, Any]:
        return {"op": 2, "d": {"token": token or self.discord.token, "intents": intents, "properties": {}}}


@pytest.fixture
async def raw(town: Town) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session:
        yield Raw(town.discord, session)
