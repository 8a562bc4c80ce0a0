"""F32: the bot is thrown out, or a channel is deleted, and it is killed while it removes what it held."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from faults.invariants import until
from faults.scene import Scene, scene

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = ("messages", "embeddings", "pending", "channels", "marks", "coverage", "authors", "tombstones", "servers")


async def filled(town: Scene, *, n: int) -> None:
    """A server and another one, both stored."""
    for channel in (town.square, town.guild.text("attic")):
        texts = [f"{channel.name} {i % 50}" for i in range(n)]
        channel.seed(town.people, texts, start=BEGAN, step=timedelta(minutes=1))
    await town.start()
    await town.index()
    await town.hold()


def left(town: Scene) -> list[str]:
    """The tables in which something is left of the server."""
    rows = "SELECT 1 FROM {} WHERE guild_id = ?"
    return [table for table in TABLES if town.bot.rows(rows.format(table), town.guild.id)]


@pytest.mark.parametrize("kills", [0, 3])
async def test_f32_a_server_that_threw_the_bot_out_is_forgotten(tmp_path, kills) -> None:
    """After its grace everything of the server goes, killed half way or not, and nothing of another one."""
    async with scene(tmp_path) as town:
        other = town.discord.guild("Other", owner=town.bob)
        kept = other.text("kept")
        kept.seed(town.bob, 50, start=BEGAN)
        await filled(town, n=2_500)
        await (await town.bob.slash(kept, "index start")).answer(timeout=20)
        await town.hold()
        await town.end()
        await town.guild.remove_bot()
        for n in range(kills):
            await town.start(REMOVAL_GRACE_HOURS="0")
            await until(lambda n=n: town.n_stored() < 5_000 - 500 * n, within=30, what="the removal goes on")
            await town.end()
        await town.start(REMOVAL_GRACE_HOURS="0")
        await until(lambda: not left(town), within=30, what="everything of the server is gone")
        await town.hold()
        assert len(town.bot.texts(other.id)) == 50
        await town.end()
        await town.guild.add_bot()
        await town.start(REMOVAL_GRACE_HOURS="0")
        await asyncio.sleep(3)
        assert town.n_stored() == 0


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1])
async def test_f32_a_kill_right_after_a_channel_was_deleted(tmp_path, after_s) -> None:
    """Whether the deletion was put down or not: after the next start nothing of the channel is there or shown."""
    async with scene(tmp_path) as town:
        await filled(town, n=1_000)
        attic = next(channel for channel in town.guild.channels.values() if channel.name == "attic")
        gone = {message.id for message in attic.messages}
        await attic.delete()
        await asyncio.sleep(after_s)
        await town.end()
        await town.start()
        assert not set(await town.similar(town.ada, "attic 7", limit=50)) & gone
        await town.all_holds()


async def test_f32_a_kill_in_the_middle_of_many_deletions(tmp_path) -> None:
    """Bulk deletions that were told before the kill and some that were not: afterwards all of them are gone."""
    async with scene(tmp_path) as town:
        await filled(town, n=600)
        said = list(town.square.messages)
        for start in range(0, 400, 50):
            await town.square.bulk_delete(said[start : start + 50])
            if start == 200:
                await asyncio.sleep(0.03)
                await town.end()
        await town.start()
        assert not set(await town.similar(town.ada, "square 7", limit=50)) & {message.id for message in said[:400]}
        await town.all_holds()
