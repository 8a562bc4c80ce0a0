"""F26: the wall clock jumps."""

import ast
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Self

import pytest
from fakes import KnownSurroundings
from faults.queueing import events_of
from faults.storing import look_at, opened, operations
from live import eventually, running
from make import GUILD, beside, server
from standin import Discord
from town import shown

import bot
from bot.app import App

_BOT = Path(bot.__file__).parent
_ASKS_THE_WALL = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
_ASKS_THE_WALL |= {("time", "time"), ("time", "time_ns"), ("time", "localtime"), ("utils", "utcnow")}
# Where the wall clock may be asked, and for what. To wait, or to tell which of two things came first, it may not.
_MAY_ASK = {
    "copying.py": "the name of a backup",
    "terminal.py": "the ages that a person reads",
    "exts/_options.py": "what a person means by `7d`",
    "services/answers.py": "answers are kept for some minutes",
    "services/groups.py": "when an answer was given, which is kept for some minutes",
    "services/coverage.py": "what is stored of a server is kept for some hours after the bot was removed",
    "services/exports.py": "ids from the future are refused",
    "services/keeping.py": "what is too old by days is not kept",
    "services/privacy.py": "up to when somebody is forgotten, and when a file was made for them",
    "services/related.py": "which suggestions are due, also after a restart",
    "services/verdicts.py": "on which day somebody said so",
    "services/spending.py": "which month it is",
    "services/waves.py": "what was written some minutes ago is no longer part of a wave",
    "services/withdrawal.py": "when it was looked after what is too old",
    "services/fusion.py": "where a server wants it, what is old by days comes later",
    "services/indexer.py": "when a person may expect the next try",
    "services/reconcile.py": "channels are compared again after some days",
    "services/walk.py": "channels in which something was written lately are compared first",
    "services/audit.py": "when somebody did something, and what is done more than a year ago",
    "storage/audit.py": "when a server was purged",
    "storage/duplicates.py": "when a message was marked",
    "storage/optouts.py": "since when somebody does not want to be kept",
    "storage/outage.py": "since when nothing is embedded",
    "storage/removing.py": "when a tombstone was set",
    "storage/servers.py": "when the bot was removed from a server",
}


def asks_the_wall(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    attributes = [function for function in calls if isinstance(function, ast.Attribute)]
    names = {(getattr(at.value, "id", getattr(at.value, "attr", "")), at.attr) for at in attributes}
    return bool(names & _ASKS_THE_WALL)


def test_f26_the_wall_clock_is_asked_for_what_people_read_and_for_days_only() -> None:
    """Every module that asks what time it is stands in the list above, with the reason why it may."""
    asking = {str(path.relative_to(_BOT)) for path in _BOT.rglob("*.py") if asks_the_wall(path)}

    assert asking - _MAY_ASK.keys() == set()


class Wall:
    """The wall clock of all modules of the bot, which can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.off_by = off_by = [timedelta()]

        class Moment(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return super().now(tz) + off_by[0]

        for name in _MAY_ASK:
            monkeypatch.setattr(f"bot.{name.removesuffix('.py').replace('/', '.')}.datetime", Moment)

    def set(self, **off_by: float) -> None:
        self.off_by[0] = timedelta(**off_by)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


@pytest.fixture
async def town(quick_folder: Path) -> AsyncIterator[App]:
    async with opened(quick_folder) as app:
        await app.coverage.start(server())
        yield app


async def test_f26_a_clock_that_jumps_orders_nothing(town: App, wall: Wall, quick_folder: Path, seed: int) -> None:
    """With the clock hours or years off before each event, texts, edits and deletions end as they would in order."""
    dice, held = random.Random(seed), {}
    async with beside(town.inbox.run(KnownSurroundings())):
        for operation in islice(operations(seed, {}), 60):
            wall.set(hours=dice.choice([-24 * 365, -1, 0, 1, 24 * 365]))
            for event in events_of(operation):
                await town.inbox.put(event)
            await town.inbox.emptied()
            held = operation.after(held)
    assert look_at(quick_folder).is_(held)


async def test_f26_a_clock_that_goes_back_drops_nothing_early(town: App, wall: Wall) -> None:
    """What is stored of a server that the bot has left is kept for its time at least, whatever the clock does then."""
    await town.coverage.left(GUILD)
    for hours in (0, -1, -24 * 365):
        wall.set(hours=hours)
        assert await town.coverage.left_for(timedelta(hours=1)) == []
    wall.set(hours=2)
    assert await town.coverage.left_for(timedelta(hours=1)) == [GUILD]


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    async with Discord.open() as opened:
        yield opened


async def test_f26_a_running_bot_does_not_mind(discord: Discord, tmp_path: Path, jumping_clock: Path) -> None:
    """The clock of the machine set back and forth, the bot stores, edits, deletes, answers and ends as always."""
    clock = tmp_path / "clock"
    ada = discord.person("ada")
    square = discord.guild("Town", owner=ada).text("square")
    expected: list[str] = []
    settings = {"LD_PRELOAD": str(jumping_clock), "JUMPING_CLOCK": str(clock)}
    for off_by in (0, -7_200):  # the second start finds itself before the first one
        clock.write_text(str(off_by))
        async with running(discord, tmp_path / "data", **settings) as bot:
            await (await ada.slash(square, "index start")).answer()
            for step in (-3_600, 3_600, 86_400, -86_400):
                clock.write_text(str(off_by + step))
                kept, gone = [await square.post(ada, f"{off_by} {step} {n}") for n in range(2)]
                await eventually(lambda gone=gone: gone.content in bot.texts(square.guild.id))
                await kept.edit(f"edited at {off_by} {step}")
                await gone.delete()
                expected.append(kept.content)
                await eventually(lambda: bot.texts(square.guild.id) == expected)
            await eventually(lambda: not bot.n_waiting())
            assert "edited at" in shown(await (await ada.slash(square, "similar", text="edited")).answer())
            assert await bot.stop() < 5
        assert "Traceback" not in bot.said
