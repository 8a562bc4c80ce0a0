"""The soak test: people talk, the bot is killed and hindered, and in the end everything is as Discord has it."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from faults import invariants
from faults.invariants import Broken
from faults.scene import Scene, scene
from faults.storing import kill_rounds
from live import UNLIMITED, launch
from soak.chatter import Chatter
from soak.life import Life, Watch
from soak.weather import Weather
from standin.channels import Channel

SETTINGS = UNLIMITED | {"SWEEP_PAUSE_S": "0.02"}  # a comparison that is meant to take days is to end with the test
SETTLED_WITHIN_S = 600.0
N_DELETED_ASKED = 12
OF_MESSAGES = ("lost", "doubled", "stale", "ghosts")


@dataclass(frozen=True)
class Plan:
    """How long and how hard; `rounds` are those of the process that only stores."""

    seconds: float
    rate: float
    kills: int
    rounds: int
    n_history: int
    seed: int
    fault_every_s: float = 1.5


@dataclass
class Report:
    """What was done and what came of it; well if there are no breaches."""

    seed: int
    deeds: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OF_MESSAGES, 0))
    settled_after_s: float = 0.0
    storing: dict[str, int] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.breaches

    def figures(self) -> dict[str, float]:
        """All that is a number, by what it counts."""
        storing = {f"only storing: {name}": n for name, n in self.storing.items()}
        return {**self.deeds, **self.faults, "settled after, s": self.settled_after_s, **self.counts, **storing}


class Soak:
    """One run of it."""

    def __init__(self, plan: Plan, texts: Sequence[str], folder: Path) -> None:
        self._plan = plan
        self._texts = texts
        self._folder = folder
        self._dice = random.Random(plan.seed)
        self._report = Report(plan.seed)
        self._phase = "starting"
        self._began = 0.0
        self._chatter: Chatter | None = None

    @property
    def seconds(self) -> float:
        """For how long people have been talking."""
        return min(time.monotonic() - self._began, self._plan.seconds) if self._began else 0.0

    def told(self) -> str:
        """How far it is, on a line."""
        deeds = self._chatter.deeds if self._chatter else Counter()
        return f"{self._phase}: {deeds['written']:,} written, {deeds['kills']} kills"

    async def run(self) -> Report:
        try:
            async with scene(self._folder) as town, self._watched(town):
                await self._live(town)
                await self._settle(town)
                await self._look(town)
        except (AssertionError, TimeoutError) as error:
            self._report.breaches += (str(error) or repr(error)).splitlines()
        if self._plan.rounds:
            await self._kill_who_only_stores()
        return self._report

    @asynccontextmanager
    async def _watched(self, town: Scene) -> AsyncIterator[None]:
        """Look at what the bot's processes hold, from the first to the last."""
        watch = Watch(lambda: _pid(town), every=1.0)
        watching = asyncio.create_task(watch.run())
        try:
            yield
        finally:
            watching.cancel()
            self._report.lives = watch.lives

    async def _live(self, town: Scene) -> None:
        """Have everything happen at once for as long as planned."""
        places = _filled(town, self._texts, self._plan.n_history)
        chatter = self._chatter = Chatter(town, places, self._texts, self._dice)
        weather = Weather(town.discord, self._dice)
        await town.start(**SETTINGS)
        await town.index()
        chatter.is_down = lambda: _pid(town) is None
        works = (chatter.ask(), weather.blow(mean_pause_s=self._plan.fault_every_s))
        beside = [asyncio.create_task(work) for work in works]
        killing = asyncio.create_task(self._kill(town, chatter))
        self._phase, self._began = "talking", time.monotonic()
        try:
            await chatter.talk(self._plan.seconds, self._plan.rate)
            await killing
        finally:
            for task in (*beside, killing):
                task.cancel()
            ended = await asyncio.gather(*beside, killing, return_exceptions=True)
        failed = [each for each in ended if isinstance(each, Exception)]
        self._report.deeds, self._report.faults = dict(chatter.deeds), dict(weather.met)
        if failed:
            raise failed[0]

    async def _kill(self, town: Scene, chatter: Chatter) -> None:
        """Kill the bot at random moments, whatever it does, and start it again a little later."""
        began = time.monotonic()
        for moment in sorted(self._dice.uniform(0, self._plan.seconds) for _ in range(self._plan.kills)):
            await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
            assert town.bot.process.returncode is None, f"the bot has ended by itself: {town.bot.process.returncode}"
            await town.bot.stop(signal.SIGKILL)
            chatter.deeds["kills"] += 1
            await asyncio.sleep(self._dice.uniform(0, 3))
            town.bot = await launch(town.discord, town.folder, **SETTINGS)

    async def _settle(self, town: Scene) -> None:
        """Without any more faults, wait until everything is as Discord has it."""
        self._phase = "settling"
        town.discord.faults.clear()
        await town.discord.connected(timeout=60)
        began = time.monotonic()
        try:
            await town.hold(within=SETTLED_WITHIN_S)
        except Broken as broken:
            for breach in broken.breaches:
                if breach.kind in self._report.counts:
                    self._report.counts[breach.kind] += breach.n
            raise
        finally:
            self._report.settled_after_s = time.monotonic() - began

    async def _look(self, town: Scene) -> None:
        """Look at it from every side."""
        self._phase = "looking"
        gone = self._chatter.deleted
        some = self._dice.sample(list(gone), min(N_DELETED_ASKED, len(gone)))
        await asyncio.sleep(10)  # the people who asked until now may ask again
        await invariants.never_shown(town.people, town.square, {each: gone[each][0] for each in some})
        await invariants.found(town.people, town.square, n=N_DELETED_ASKED, seed=self._plan.seed)
        await invariants.healthy(town.folder)
        invariants.quiet(town.discord, town.bot.log, (text for text, _ in gone.values()))
        n_ghosts, failed = self._chatter.deeds["ghosts shown"], invariants.failures(town.bot.log)
        assert not n_ghosts, f"I7: {n_ghosts} messages were shown long after they had been deleted"
        assert not failed, f"{len(failed)} failures in the log: {failed[0]}"

    async def _kill_who_only_stores(self) -> None:
        self._phase = "killing a process that only stores"
        survived = await kill_rounds(self._folder / "storing", rounds=self._plan.rounds, seed=self._plan.seed)
        self._report.storing = {
            "kills": survived.rounds,
            "acknowledged": survived.acknowledged,
            "lost": survived.lost,
            "doubled": survived.doubled,
        }
        if survived.lost or survived.doubled or survived.rounds < self._plan.rounds:
            self._report.breaches.append(f"only storing: {survived}")


def _filled(town: Scene, texts: Sequence[str], n: int) -> list[Channel]:
    """Some channels, a forum's post and a thread, with a history of the last weeks."""
    forum, square = town.guild.forum("help"), town.square
    post = town.guild.open_thread(forum, "a question", town.ada, 11)
    aside = town.guild.open_thread(square, "aside", town.bob, 11)
    places = [square, *(town.guild.text(f"channel-{i}") for i in range(4)), post, aside]
    began = datetime.now(UTC) - timedelta(days=30)
    for number, place in enumerate(places):
        said = [texts[i % len(texts)] for i in range(number, n, len(places))]
        place.seed(town.people, said, start=began, step=timedelta(minutes=1))
    return places


def _pid(town: Scene) -> int | None:
    """The process that runs, if one does."""
    return town.bot.process.pid if town.bot is not None and town.bot.process.returncode is None else None
