"""F13: the connection is lost and taken up again."""

import asyncio
import random

import pytest
from faults.invariants import until
from faults.scene import NO_SWEEP, Scene, scene

WORDS = ["harbour", "winter", "kettle", "ladder", "copper", "violin", "orchard", "tunnel", "garden", "anchor"]


async def talk(town: Scene, dice: random.Random, n: int) -> None:
    """People write, rewrite and take back, one after the other."""
    for _ in range(n):
        own = [message for message in town.square.messages if not message.author.bot]
        deed = dice.random()
        if deed < 0.2 and own:
            await dice.choice(own).edit(" ".join(dice.choices(WORDS, k=6)))
        elif deed < 0.35 and own:
            await dice.choice(own).delete()
        elif deed < 0.4 and len(own) > 5:
            await town.square.bulk_delete(dice.sample(own, 4))
        else:
            await town.square.post(dice.choice(town.people), " ".join(dice.choices(WORDS, k=6)))
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("way", ["closed", "lost", "asked to come back", "told that the session is good"])
async def test_f13_what_is_replayed_counts_once_and_in_order(tmp_path, seed, way) -> None:
    """However the connection goes, what people did meanwhile is taken from the replay, without a new session."""
    dice = random.Random(seed)
    async with scene(tmp_path) as town:
        discord = town.discord
        ways = {
            "closed": lambda: discord.drop(4000),
            "lost": lambda: discord.drop(None),
            "asked to come back": discord.reconnect,
            "told that the session is good": lambda: discord.invalidate(resumable=True),
        }
        await town.start(**NO_SWEEP)
        await town.index()
        await talk(town, dice, 60)
        await town.hold()
        identifies = discord.identifies
        for n in range(3):
            await talk(town, dice, 20)
            await ways[way]()
            await talk(town, dice, 40)
            await until(lambda n=n: discord.resumes > n, within=30, what="the session was taken up again")
        await town.all_holds()
        assert discord.identifies == identifies
        assert town.bot.rows("SELECT count(*) FROM messages") == [(len(expected(town)),)]


def expected(town: Scene) -> list[object]:
    return [message for message in town.square.messages if not message.author.bot]
