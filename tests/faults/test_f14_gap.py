"""F14: nobody tells what happened while the bot was away."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from faults import invariants
from faults.invariants import until
from faults.scene import Scene, scene
from town import VIEW

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "the umbrella of {n} stands in the hall of the museum"


async def killed(town: Scene) -> None:
    await town.end()


async def killed_and_back(town: Scene) -> None:
    await town.start()


async def invalidated(town: Scene) -> None:
    await town.discord.invalidate()
    await town.discord.disconnected()


async def let_back(town: Scene) -> None:
    await town.discord.connected()


WAYS = {"a restart": (killed, killed_and_back), "opcode 9": (invalidated, let_back)}


@pytest.mark.parametrize("way", WAYS)
async def test_f14_after_a_gap_all_is_as_discord_has_it(tmp_path, way) -> None:
    """Written, rewritten, deleted, moved and locked in a gap: from the first answer on nothing that is gone is shown,
    and soon everything is as on Discord, deep in the history too.
    """
    leave, come_back = WAYS[way]
    async with scene(tmp_path) as town:
        guild, square, bob = town.guild, town.square, town.bob
        attic, cellar, vault = guild.text("attic"), guild.text("cellar"), guild.text("vault")
        stairs, forum = guild.category("stairs"), guild.forum("help")
        old = square.seed(bob, [SECRET.format(n=n) for n in range(350)], start=BEGAN, step=timedelta(minutes=1))
        kept, lost = [await square.thread(name, by=bob) for name in ("kept", "lost")]
        archived = await square.thread("archived", by=bob)
        post = await forum.post(bob, "Umbrella", "where is the umbrella of the forum?")
        for place in (attic, cellar, vault, kept, lost, archived):
            place.seed(bob, [f"the umbrella in the {place.name}, number {n}" for n in range(5)], start=BEGAN)
        await archived.archive()
        await town.start()
        await town.index()
        await town.all_holds()

        await leave(town)
        deleted = {message.id: message.content for message in (old[-3], old[200], old[7])}
        for message in (old[-3], old[200], old[7]):
            await message.delete()
        in_the_vault = vault.messages[2]
        deleted[in_the_vault.id] = in_the_vault.content
        await in_the_vault.delete()
        await vault.overwrite(guild.everyone, deny=VIEW)
        deleted |= {message.id: message.content for place in (attic, lost) for message in place.messages}
        await attic.delete()
        await lost.delete()
        await post.delete()
        await archived.delete()
        await cellar.move(stairs)
        for message in (old[-2], old[150]):
            await message.edit(f"rewritten: {message.content}")
        for place in (square, cellar, kept):
            await place.post(bob, f"while you were away, in {place.name}")
        new = guild.text("new")
        new.seed(bob, 150)
        await come_back(town)

        await invariants.never_shown(town.people, square, dict(list(deleted.items())[:6]))
        assert not set(await town.similar(town.ada, "umbrella", limit=50)) & set(deleted)
        await town.all_holds(within=90)
        await invariants.never_shown(town.people, square, dict(list(deleted.items())[:3]))


async def test_f14_neither_a_page_nor_a_shared_answer_shows_what_went_in_a_gap(tmp_path) -> None:
    """The next page of an answer from before the gap leaves out what is gone, and a shared answer loses it."""
    async with scene(tmp_path) as town:
        square = town.square
        said = square.seed(town.bob, [SECRET.format(n=n) for n in range(20)], start=BEGAN, step=timedelta(minutes=1))
        await town.start()
        await town.index()
        await town.all_holds()
        answer = await invariants.ask(town.bob, square, "umbrella in the museum", limit=20)
        first = invariants.shown_ids(answer)
        await town.bob.press(answer, "Share")
        sources = "SELECT 1 FROM share_sources"
        await until(lambda: town.bot.rows(sources), within=20, what="the answer is shared and known as such")
        shared = square.messages[-1]

        await town.end()
        gone = [message for message in said if message.id not in first][:6]
        shown_to_all = next(message for message in said if message.id == first[0])
        for message in (*gone, shown_to_all):
            await message.delete()
        await town.start()

        page = await (await town.bob.press(answer, "Next")).answer(timeout=20)
        assert not set(invariants.shown_ids(page)) & {message.id for message in gone}
        description = lambda: "".join(embed.get("description", "") for embed in shared.embeds)  # noqa: E731
        await until(lambda: f"/{first[0]})" not in description(), within=30, what="the share lost what is gone")
        await town.all_holds()


async def test_f14_a_gap_while_the_comparison_runs_is_closed_too(tmp_path) -> None:
    """Killed again and again while it compares, the bot comes to an end with it."""
    async with scene(tmp_path) as town:
        said = town.square.seed(town.bob, 600, start=BEGAN, step=timedelta(minutes=1))
        await town.start()
        await town.index()
        await town.hold()
        for n in range(3):
            await town.end()
            await said[n].delete()
            await said[300 + n].edit(f"rewritten number {n}")
            await said[-1 - n].delete()
            await town.start()
            await asyncio.sleep(2.5 + n / 2)
        await town.all_holds(within=90)
        texts = town.bot.texts(town.guild.id)
        assert len(texts) == 594
        assert len([text for text in texts if text.startswith("rewritten number")]) == 3
