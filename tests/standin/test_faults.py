"""Rate limits and faults: what raw requests get, and how discord.py lives with them."""

import asyncio
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


async def test_an_answer_that_is_held_back_shows_how_things_were(town: Town, raw: Raw) -> None:
    """What changes while a finished answer is on its way is not in it."""
    message = await town.channel.post(town.alice, "early")
    town.discord.fail("GET", HISTORY, hold=0.2)
    asking = asyncio.create_task(raw.ask("GET", f"/channels/{town.channel.id}/messages"))
    await asyncio.sleep(0.1)
    await message.edit("late")
    _, page = await asking
    assert [each["content"] for each in page] == ["early"]


async def test_requests_are_counted_by_route_and_channel(town: Town, raw: Raw) -> None:
    """How often a route was asked, of one channel, since a moment, and with what query."""
    other = town.guild.text("other")
    for channel in (other, town.channel, other):
        await raw.ask("GET", f"/channels/{channel.id}/messages", before="7")
    since = len(town.discord.requests)
    await raw.ask("GET", f"/channels/{other.id}/messages")
    await other.delete()
    assert len(town.discord.asked("GET", HISTORY)) == 4
    assert [each.query for each in town.discord.asked("GET", HISTORY, channel=other)] == [{"before": "7"}] * 2 + [{}]
    assert len(town.discord.asked("GET", HISTORY, channel=other, since=since)) == 1
    assert town.discord.asked("GET", HISTORY, channel=town.channel, since=since) == []


async def test_what_happens_while_nobody_is_connected_is_found_by_who_comes_back(town: Town) -> None:
    """A client that was away sees the channels, places, threads and messages that are left, and hears nothing of it."""
    attic, stairs = town.guild.text("attic"), town.guild.category("stairs")
    gone, kept = [await town.channel.thread(name, by=town.alice) for name in ("gone", "kept")]
    first, second = [await town.channel.post(town.alice, text) for text in ("one", "two")]
    async with running(town.discord):
        pass
    await attic.delete()
    await gone.delete()
    await first.delete()
    await second.edit("two and a half")
    await town.channel.move(stairs)

    async with running(town.discord) as client:
        await client.came("ready")
        guild = client.get_guild(town.guild.id)
        channel = guild.get_channel(town.channel.id)
        assert {each.name for each in guild.channels} == {"general", "stairs"}
        assert channel.category.name == "stairs"
        assert [thread.id for thread in guild.threads] == [kept.id]
        texts = [message.content async for message in channel.history() if not message.is_system()]
        assert texts == ["two and a half"]
        assert not client.of("raw_message_delete") + client.of("raw_message_edit")
