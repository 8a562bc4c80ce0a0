"""F34: yesterday's copy of the database is put back."""

import shutil
import signal
from datetime import UTC, datetime, timedelta

from faults import invariants
from faults.scene import Scene, scene

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def copied(town: Scene) -> None:
    """Stop the bot, keep a copy of its database, and start it again."""
    await town.end(signal.SIGTERM)
    shutil.copytree(town.folder, town.folder.with_name("copy"))
    await town.start()


async def put_back(town: Scene) -> None:
    """Kill the bot and put the copy in the place of what it has."""
    await town.end()
    shutil.rmtree(town.folder)
    shutil.copytree(town.folder.with_name("copy"), town.folder)


async def test_f34_an_old_copy_catches_up_and_shows_nothing_that_is_gone(tmp_path) -> None:
    """What was written since is read, what was deleted since is never shown, and soon all is as Discord has it."""
    async with scene(tmp_path) as town:
        square, attic = town.square, town.guild.text("attic")
        thread = await square.thread("aside", by=town.bob)
        said = square.seed(town.people, [f"square {n}" for n in range(450)], start=BEGAN, step=timedelta(minutes=1))
        for place in (attic, thread):
            place.seed(town.people, [f"{place.name} {n}" for n in range(120)], start=BEGAN, step=timedelta(minutes=1))
        await town.start()
        await town.index()
        await town.all_holds()
        await copied(town)

        gone = [said[-4], said[250], said[3], *thread.messages[-2:], *attic.messages[-2:]]
        for message in gone[:3]:
            await message.delete()
        await said[-8].edit("rewritten since the copy, near the end")
        await said[100].edit("rewritten since the copy, far back")
        await thread.delete()
        await attic.delete()
        for n in range(130):
            await square.post(town.bob, f"since the copy {n}")
        await town.all_holds()

        await put_back(town)
        await town.start()
        await invariants.never_shown(town.people, square, {message.id: message.content for message in gone})
        await town.all_holds(within=90)
        await invariants.never_shown(town.people, square, {message.id: message.content for message in gone})
        texts = town.bot.texts(town.guild.id)
        assert not {message.content for message in gone} & set(texts)
        assert {f"since the copy {n}" for n in range(130)} <= set(texts)


async def test_f34_a_copy_from_before_everything_begins_anew(tmp_path) -> None:
    """A copy from before indexing began holds nothing, and the next start of indexing reads what Discord has now."""
    async with scene(tmp_path) as town:
        said = town.square.seed(town.people, 150, start=BEGAN, step=timedelta(minutes=1))
        await town.start()
        await copied(town)
        await town.index()
        await town.all_holds()
        for message in said[:5]:
            await message.delete()
        await town.hold()
        await put_back(town)
        await town.start()
        assert await town.similar(town.ada, "message 7") == []
        await town.index()
        await town.all_holds()
