"""F15: events come twice, late and in another order."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from faults.invariants import until
from faults.scene import NO_SWEEP, Scene, scene
from standin import message_payloads

N_MESSAGES = 120
EDITED = datetime(2026, 6, 1, tzinfo=UTC)


def lived(town: Scene, dice: random.Random, n: int) -> list[tuple[str, Any]]:
    """The events of one message's life in their order; it ends as Discord holds it, without a word of it."""
    message = town.square.compose(town.people[n % 4], f"message {n}, not rewritten yet")
    town.square.put(message)
    events = [("MESSAGE_CREATE", message_payloads.message_event(message))]
    for version in range(dice.choice([0, 0, 1, 2, 3])):
        message.content = f"message {n}, rewritten for the {version + 1}. time"
        message.edited_at = EDITED + timedelta(seconds=10 * n + version)
        events.append(("MESSAGE_UPDATE", message_payloads.message_event(message)))
    if dice.random() < 0.3:
        town.square.take_out(message)
        where = {"channel_id": str(town.square.id), "guild_id": str(town.guild.id)}
        several = {"ids": [str(message.id)], **where}
        alone = ("MESSAGE_DELETE", {"id": str(message.id), **where})
        events.append(dice.choice([alone, ("MESSAGE_DELETE_BULK", several)]))
    return [(event, json.loads(json.dumps(data))) for event, data in events]


async def test_f15_the_order_of_events_does_not_matter(tmp_path, seed) -> None:
    """Edits and deletions before their message, creation after deletion, edits swapped, twice: it ends the same."""
    dice = random.Random(seed)
    async with scene(tmp_path) as town:
        await town.start(**NO_SWEEP)
        await until(lambda: "Connected to Discord" in town.bot.said, within=30, what="the bot is ready")
        progress = await town.index()
        await until(lambda: "has been read" in progress.refresh().content, within=30, what="the history is read")
        events = [event for n in range(N_MESSAGES) for event in lived(town, dice, n)]
        twice = events + dice.sample(events, len(events) // 2)
        dice.shuffle(twice)
        for event, data in twice:
            town.discord.send_raw(event, data)
            if dice.random() < 0.1:
                await asyncio.sleep(0.03)  # so that what comes next is not put down together with this
        await town.square.post(town.ada, "the last word of all")
        n_asked = len(town.pages())
        await town.all_holds()
        assert len(town.pages()) == n_asked  # the events alone came to this, nothing was read again


async def test_f15_what_came_in_disorder_stays_after_a_restart(tmp_path, seed) -> None:
    """Created again after its deletion was told, a message stays gone, also when the bot has restarted in between."""
    dice = random.Random(seed)
    async with scene(tmp_path) as town:
        await town.start(**NO_SWEEP)
        await town.index()
        events = [event for n in range(40) for event in lived(town, dice, n)]
        for event, data in reversed(events):
            town.discord.send_raw(event, data)
            await asyncio.sleep(0.01)
        await town.hold()
        await town.end()
        await town.start(**NO_SWEEP)
        for event, data in events:
            town.discord.send_raw(event, data)
        await town.all_holds()
        there = sorted(message.content for message in town.square.messages if message.author is not town.discord.bot)
        assert sorted(town.bot.texts(town.guild.id)) == there
