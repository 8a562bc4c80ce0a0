"""F19: the bot is shut out of a channel, or the channel is gone, while it reads there."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from faults import invariants
from faults.invariants import until
from faults.scene import HISTORY, MESSAGE, Scene, scene
from standin.channels import overwrite_of
from town import HISTORY as READ_HISTORY
from town import VIEW

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def reading(town: Scene, *, pages: int = 3) -> None:
    """A long history is being read in the first channel, and shorter ones in two others."""
    texts = [f"square {n}" for n in range(1_500)]
    town.square.seed(town.people, texts, start=BEGAN, step=timedelta(minutes=1))
    for name in ("market", "harbour"):
        texts = [f"{name} {n}" for n in range(250)]
        town.guild.text(name).seed(town.people, texts, start=BEGAN, step=timedelta(minutes=1))
    town.discord.fail("GET", HISTORY, delay=0.05, times=float("inf"))
    await town.start()
    await town.index()
    await until(lambda: len(town.pages(channel=town.square)) >= pages, within=30, what="some pages are read")


def all_but_the_square(town: Scene) -> set[int]:
    return {m.id for channel in town.guild.channels.values() if channel is not town.square for m in channel.messages}


def stored(town: Scene) -> set[int]:
    return {row[0] for row in town.bot.rows("SELECT message_id FROM messages")}


@pytest.mark.parametrize("status", [403, 404])
async def test_f19_a_refusal_that_nobody_announced_ends_the_asking(tmp_path, status) -> None:
    """Refused although it seems to be allowed, the bot stops asking there at once; the others are read; when it is
    told of a change it reads on.
    """
    async with scene(tmp_path) as town:
        await reading(town)
        town.discord.faults.clear()
        since = len(town.discord.requests)
        for route in (HISTORY, MESSAGE):
            town.discord.fail("GET", route, channel=town.square, status=status, times=float("inf"))
        await until(lambda: all_but_the_square(town) <= stored(town), within=60, what="the others are read")
        await asyncio.sleep(5)
        assert len(town.pages(channel=town.square, since=since)) <= 2
        n_stored = town.n_stored()
        assert n_stored < 2_000

        await town.end()
        since = len(town.discord.requests)
        await town.start()
        await asyncio.sleep(6)
        assert len(town.pages(channel=town.square, since=since)) <= 3
        assert not set(await town.similar(town.ada, "square 1499", limit=50)) & {m.id for m in town.square.messages}

        town.discord.faults.clear()
        await town.end()
        await town.start()
        await town.all_holds(within=90)


@pytest.mark.parametrize("lost", [VIEW, READ_HISTORY])
async def test_f19_a_permission_taken_away_in_the_middle(tmp_path, lost) -> None:
    """The reading of that channel ends, what was read there goes and is not shown; given back, it is read anew."""
    async with scene(tmp_path) as town:
        await reading(town)
        await town.square.overwrite(town.discord.bot, deny=lost)
        since = len(town.discord.requests)
        await town.hold()
        assert stored(town) == all_but_the_square(town)
        await asyncio.sleep(2)
        assert len(town.pages(channel=town.square, since=since)) <= 1
        market = next(channel for channel in town.guild.channels.values() if channel.name == "market")
        answer = await (await town.ada.slash(market, "similar", text="square 1499", limit=50)).answer(timeout=20)
        assert not set(invariants.shown_ids(answer)) & {message.id for message in town.square.messages}

        await town.square.overwrite(town.discord.bot)
        await town.all_holds()


async def test_f19_an_empty_page_for_want_of_permission_is_no_end(tmp_path) -> None:
    """Without Read Message History Discord answers 200 and nothing: when the bot learns that it may read again,
    it does, although nobody told it before that it might not.
    """
    async with scene(tmp_path) as town:
        await reading(town)
        everyone = town.guild.everyone
        town.square.overwrites[everyone.id] = overwrite_of(everyone, 0, READ_HISTORY)
        since = len(town.discord.requests)
        await until(lambda: len(town.pages(channel=town.square, since=since)) >= 1, within=30, what="it met nothing")
        await asyncio.sleep(1)
        await town.square.announce()
        await town.hold()
        assert stored(town) == all_but_the_square(town)

        await town.square.overwrite(everyone)
        await town.all_holds()


@pytest.mark.parametrize("kind", ["channel", "thread"])
async def test_f19_a_channel_deleted_in_the_middle(tmp_path, kind) -> None:
    """What was read of it goes, the page that is on its way is not stored, and the others are read."""
    async with scene(tmp_path) as town:
        place = town.guild.text("attic") if kind == "channel" else await town.square.thread("attic", by=town.bob)
        place.seed(town.people, [f"attic {n}" for n in range(1_500)], start=BEGAN, step=timedelta(minutes=1))
        town.square.seed(town.people, 250, start=BEGAN)
        town.discord.fail("GET", HISTORY, hold=0.1, times=float("inf"))
        await town.start()
        await town.index()
        await until(lambda: len(town.pages(channel=place)) >= 3, within=30, what="some pages are read")
        await place.delete()
        since = len(town.discord.requests)
        await town.all_holds()
        await asyncio.sleep(2)
        assert len(town.pages(channel=place, since=since)) <= 1
        assert not town.bot.rows("SELECT 1 FROM messages WHERE channel_id = ?", place.id)
