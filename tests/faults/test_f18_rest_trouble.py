"""F18: Discord's REST limits the rate, fails, breaks off and is slow."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from faults import invariants
from faults.invariants import until
from faults.scene import HISTORY, MESSAGE, Scene, scene
from standin.channels import Channel

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
HOURS_S = 5 * 3_600.0
TROUBLE = {
    "429 of the user": {"status": 429, "scope": "user", "retry_after": 0.5, "times": 4},
    "429 of the resource": {"status": 429, "scope": "shared", "retry_after": 0.5, "times": 4},
    "429 for everything": {"status": 429, "scope": "global", "retry_after": 0.5, "times": 3},
    "500": {"status": 500, "times": 2},
    "502": {"status": 502, "times": 2},
    "503": {"status": 503, "times": 2},
    "reset": {"reset": True, "times": 4},
    "slow": {"delay": 2.0, "times": 4},
}


def filled(town: Scene, *, n: int = 250) -> list[Channel]:
    """Four channels with a history of some pages each."""
    channels = [town.square, *(town.guild.text(f"channel-{i}") for i in range(3))]
    for channel in channels:
        texts = [f"{channel.name} {i}" for i in range(n)]
        channel.seed(town.people, texts, start=BEGAN, step=timedelta(minutes=1))
    return channels


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_f18_it_waits_as_told_and_comes_to_the_end(tmp_path, trouble) -> None:
    """A limit, a broken answer, a lost or slow connection delay the reading and leave nothing out."""
    async with scene(tmp_path) as town:
        filled(town)
        town.discord.fail("GET", HISTORY, **TROUBLE[trouble])
        await town.start()
        await town.index()
        await town.all_holds(within=90)
        assert len(town.pages()) < 60


@pytest.mark.parametrize("scope", ["user", "shared"])
async def test_f18_a_limit_of_hours_on_one_channel_holds_up_no_other(tmp_path, scope) -> None:
    """One channel is to be left alone for hours: the others are read, it is not asked in vain, and questions are
    answered; after a restart, when the limit is over, the rest is read.
    """
    async with scene(tmp_path) as town:
        first, *others = filled(town)
        limit = {"status": 429, "scope": scope, "retry_after": HOURS_S, "times": float("inf")}
        town.discord.fail("GET", HISTORY, channel=first, **limit)
        await town.start()
        await town.index()
        wanted = {message.id for channel in others for message in channel.messages}
        stored = lambda: {row[0] for row in town.bot.rows("SELECT message_id FROM messages")}  # noqa: E731
        await until(lambda: wanted <= stored(), within=60, what="the other channels are read")
        await first.post(town.bob, "heard live in the limited channel")
        await until(lambda: town.n_stored() == len(wanted) + 1, within=20, what="live messages are stored there too")
        await until(lambda: not town.bot.n_waiting(), within=20, what="everything has its vector")
        await invariants.ask(town.bob, town.square, "channel-1 7")
        n_asked = len(town.pages(channel=first))
        await asyncio.sleep(5)
        assert len(town.pages(channel=first)) <= n_asked + 1
        assert len(town.pages(channel=first)) <= 5

        await town.end()
        town.discord.faults.clear()
        await town.start()
        await town.all_holds()


async def test_f18_a_channel_that_always_fails_holds_up_no_other(tmp_path) -> None:
    """While one channel answers 503 without end the others are read, it is asked now and then, and read in the end."""
    async with scene(tmp_path) as town:
        first, *others = filled(town)
        town.discord.fail("GET", HISTORY, channel=first, status=503, times=float("inf"))
        await town.start()
        await town.index()
        wanted = {message.id for channel in others for message in channel.messages}
        stored = lambda: {row[0] for row in town.bot.rows("SELECT message_id FROM messages")}  # noqa: E731
        await until(lambda: wanted <= stored(), within=60, what="the other channels are read")
        await asyncio.sleep(5)
        assert len(town.pages(channel=first)) <= 30
        town.discord.faults.clear()
        await town.all_holds(within=60)


async def test_f18_trouble_after_a_gap_lets_nothing_through_that_is_gone(tmp_path) -> None:
    """When after a gap nothing can be compared or fetched, what may be gone is left out; when it can, all is well."""
    async with scene(tmp_path) as town:
        filled(town)
        await town.start()
        await town.index()
        await town.all_holds()
        await town.end()
        gone = [town.square.messages[20], town.square.messages[-20]]
        for message in gone:
            await message.delete()
        for route in (HISTORY, MESSAGE):
            town.discord.fail("GET", route, status=503, times=float("inf"))
        await town.start()

        await invariants.never_shown(town.people, town.square, {each.id: each.content for each in gone})
        await invariants.never_shown(town.people, town.square, {each.id: each.content for each in gone})
        assert await town.similar(town.ada, "channel-1 7", limit=50) == []
        town.discord.faults.clear()
        await town.all_holds(within=90)
