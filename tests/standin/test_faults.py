"""Rate limits and faults: what raw requests get, and how discord.py lives with them."""

import time

import aiohttp
import pytest

from standin.clients import running
from standin.conftest import Raw, Town

HISTORY = "/channels/{channel_id}/messages"


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_discord_py_waits_out_a_429(town: Town, scope: str) -> None:
    """Whatever its scope, the refusal is waited for and the answer comes after it."""
    town.discord.fail("GET", HISTORY, status=429, scope=scope, retry_after=0.1)
    await town.channel.post(town.alice, "x")
    async with running(town.discord) as client:
        channel = await client.fetch_channel(town.channel.id)
        began = time.monotonic()
        found = [message.content async for message in channel.history()]
    assert found == ["x"]
    assert time.monotonic() - began > 0.1
    assert len([each for each in town.discord.requests if each.route == HISTORY]) == 2


async def test_discord_py_retries_a_502(town: Town) -> None:
    """One broken answer is asked for again."""
    town.discord.fail("GET", HISTORY, status=502)
    async with running(town.discord) as client:
        channel = await client.fetch_channel(town.channel.id)
        assert [message async for message in channel.history()] == []


async def test_faults_are_for_one_channel_and_some_times(town: Town, raw: Raw) -> None:
    """Others are served, and afterwards all are; a slow answer is still one."""
    other = town.guild.text("other")
    town.discord.fail("GET", HISTORY, status=403, times=2, channel=town.channel)
    paths = [f"/channels/{channel.id}/messages" for channel in (other, town.channel, town.channel, town.channel)]
    assert [(await raw.ask("GET", path))[0] for path in paths] == [200, 403, 403, 200]
    town.discord.fail("GET", HISTORY, delay=0.1)
    began = time.monotonic()
    assert (await raw.ask("GET", paths[0]))[0] == 200
    assert time.monotonic() - began >= 0.1
    town.discord.fail("GET", HISTORY, reset=True, times=2)  # aiohttp itself asks again once
    with pytest.raises(aiohttp.ClientConnectionError):
        await raw.ask("GET", paths[0])
    with pytest.raises(LookupError):
        town.discord.fail("GET", "/no/such/route", status=500)


async def test_rate_limits_are_per_channel_and_enforced(town: Town, raw: Raw) -> None:
    """One request too many is a 429 with the headers that a client needs; another channel has its own window."""
    other = town.guild.text("other")
    town.discord.rate_limit = (2, 0.3)
    path = f"/channels/{town.channel.id}/messages"
    assert [(await raw.ask("GET", path))[0] for _ in range(2)] == [200, 200]
    assert raw.headers["X-RateLimit-Remaining"] == "0"
    status, body = await raw.ask("GET", path)
    assert (status, body["global"], raw.headers["Via"], raw.headers["X-RateLimit-Scope"]) == (
        429,
        False,
        "1.1 google",
        "user",
    )
    assert 0 < body["retry_after"] <= 0.3
    assert (await raw.ask("GET", f"/channels/{other.id}/messages"))[0] == 200


async def test_discord_py_keeps_to_the_limits(town: Town) -> None:
    """It waits before the window is full and never sees a 429."""
    town.channel.seed(town.alice, 500)
    town.discord.rate_limit = (3, 0.2)
    async with running(town.discord) as client:
        channel = await client.fetch_channel(town.channel.id)
        began = time.monotonic()
        n = len([message async for message in channel.history(limit=None)])
    assert n == 500
    assert time.monotonic() - began > 0.2


async def test_the_global_limit_is_fifty_a_second(town: Town, raw: Raw) -> None:
    """Only when switched on; the refusal says that it is global."""
    town.discord.enforce_global = True
    answers = [await raw.ask("GET", "/users/@me") for _ in range(51)]
    assert [status for status, _ in answers] == [200] * 50 + [429]
    assert answers[-1][1]["global"]
    assert raw.headers["X-RateLimit-Global"] == "true"
