"""Whatever happens in whatever order: nothing is lost, nobody is let in, every question is answered.

ANY_ORDER_EXAMPLES stories (4) of ANY_ORDER_STEPS steps (25) are told; a failing one is printed as it happened, and
with ANY_ORDER_SHRINK made as short as can be.
"""

import itertools
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import live
import pytest
from faults.any_order import LAUNCH, READING, Said, Story, World
from faults.scene import HISTORY, MESSAGE
from hypothesis import HealthCheck, Phase, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from standin import permissions
from standin.channels import Channel
from standin.messages import Message
from standin.world import Guild

EXAMPLES = int(os.environ.get("ANY_ORDER_EXAMPLES", "4"))
STEPS = int(os.environ.get("ANY_ORDER_STEPS", "25"))
SHRINKS = "ANY_ORDER_SHRINK" in os.environ  # to a story as short as possible, which takes minutes

some = strategies.integers(0, 99)  # one of what there is at that moment, counted from the newest
server = strategies.integers(0, 1)
person = strategies.integers(0, 2)
RIGHTS = {
    "hide": (0, permissions.VIEW_CHANNEL),
    "no history": (0, permissions.READ_MESSAGE_HISTORY),
    "show": (READING, 0),
    "as the server": (0, 0),
}
TROUBLES = {
    "429": {"status": 429, "retry_after": 0.3},
    "429 shared": {"status": 429, "scope": "shared", "retry_after": 0.3},
    "500": {"status": 500},
    "503": {"status": 503},
    "reset": {"reset": True},
    "delay": {"delay": 1.0},
    "long delay": {"delay": 2.5},
    "late answer": {"hold": 1.0},
}
DEEDS = ("write", "edit", "delete", "bulk", "remove", "make", "permit", "appoint", "private", "archive")
deeds = strategies.tuples(strategies.sampled_from(DEEDS), server, some, some)
several = strategies.lists(deeds, min_size=1, max_size=4)


class Worlds:
    """One world for many stories, and another one after a story that failed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._n = 0
        self._world: World | None = None

    def take(self) -> World:
        if self._world is None:
            self._n += 1
            (self._folder / str(self._n)).mkdir()
            self._world = World(self._folder / str(self._n) / "data")
        return self._world

    def close(self) -> None:
        if self._world is not None:
            self._world.close()
        self._world = None


class AnyOrder(RuleBasedStateMachine):
    """What may happen; after each step what was shown is held against what there is, in the end everything is."""

    worlds: ClassVar[Worlds]

    def __init__(self) -> None:
        super().__init__()
        self._has_failed = False
        self.world = self.worlds.take()
        self.story = Story(self.world)
        self._do(self.story.begin())

    @rule(deed=deeds)
    def happens(self, deed: tuple[str, int, int, int]) -> None:
        self._do(self._deed(*deed))

    @rule(deed=deeds, who=person)
    def happens_and_is_asked_about(self, deed: tuple[str, int, int, int], who: int) -> None:
        self._do(self._then_ask([deed], who))

    @rule(how=strategies.sampled_from(("SIGKILL", "SIGTERM")), happen=several, who=person)
    def ended(self, how: str, happen: list[tuple[str, int, int, int]], who: int) -> None:
        self._do(self._away(how, happen, who))

    @rule(how=strategies.sampled_from(("opcode 9", "drop", "lost")), happen=several, who=person)
    def cut_off(self, how: str, happen: list[tuple[str, int, int, int]], who: int) -> None:
        self._do(self._away(how, happen, who))

    @rule(
        kind=strategies.sampled_from(sorted(TROUBLES)),
        route=strategies.sampled_from((HISTORY, MESSAGE)),
        times=strategies.integers(1, 3),
    )
    def trouble(self, kind: str, route: str, times: int) -> None:
        self.story.note(f"trouble: {kind}, {times} times, at {route}")
        self.world.discord.fail("GET", route, times=times, **TROUBLES[kind])

    @rule(at=server, who=person, about=some, way=strategies.sampled_from(("text", "link")))
    def ask(self, at: int, who: int, about: int, way: str) -> None:
        said = _newest(self.story.said, about)
        self._do(
            self.story.ask(self.story.people[who], said.guild if about % 4 else self.story.guilds[at], said, way=way)
        )

    @rule(which=some)
    def turn(self, which: int) -> None:
        if self.story.asked:
            self._do(self.story.turn(*_newest(self.story.asked, which)))

    @rule(at=server, what=strategies.sampled_from(("start", "stop", "pause", "cancel")), where=strategies.none() | some)
    def index(self, at: int, what: str, where: int | None) -> None:
        guild = self.story.guilds[at]
        is_of_all = where is None or what in ("pause", "cancel")
        self._do(self.story.index(guild, what, None if is_of_all else _newest(self.story.places(guild), where)))

    @rule(who=person, at=server)
    def settle(self, who: int, at: int) -> None:
        self._do(self.story.settle([(self.story.people[who], self.story.guilds[at])]))

    @invariant()
    def as_told(self) -> None:
        self.story.is_as_told()

    def teardown(self) -> None:
        try:
            if not self._has_failed:
                self._do(self.story.settle(itertools.product(self.story.people, self.story.guilds)))
                self._do(self.world.healthy())
                self._do(self.story.end())
        finally:
            if self._has_failed:
                self.worlds.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do a step; if it fails, the world is none to go on in, and the story is told with the failure."""
        self._has_failed = True
        try:
            self.world.run(work)
        except Exception as error:
            error.add_note("\n".join(["What happened:", *self.story.script]))
            raise
        self._has_failed = False

    async def _then_ask(self, happen: list[tuple[str, int, int, int]], who: int) -> None:
        touched = [await self._deed(*deed) for deed in happen]
        await self.world.discord.connected()
        for said in [each for each in touched if each is not None][:2]:
            await self.story.ask(self.story.people[who], said.guild, said)

    async def _away(self, how: str, happen: list[tuple[str, int, int, int]], who: int) -> None:
        self.story.note(f"away: {how}")
        ways: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "opcode 9": self._invalidate,
            "drop": self.world.discord.drop,
            "lost": lambda: self.world.discord.drop(None),
        }
        is_ended = how not in ways
        await (self.world.end(signal.Signals[how]) if is_ended else ways[how]())
        self.story.is_untold = is_ended or how == "opcode 9"
        touched = [await self._deed(*deed) for deed in happen]
        self.story.is_untold = False
        self.story.note("back")
        await (self.world.start() if is_ended else self.world.discord.connected())
        for said in [each for each in touched if each is not None][:2]:
            await self.story.ask(self.story.people[who], said.guild, said)

    async def _invalidate(self) -> None:
        await self.world.discord.invalidate()
        await self.world.discord.disconnected()

    async def _deed(self, what: str, at: int, which: int, how: int) -> Said | None:
        """Something happens; a text that it is about, if there is one."""
        story, guild = self.story, self.story.guilds[at]
        who, place = story.people[how % 3], _newest(story.places(guild), which)
        match what:
            case "edit" | "delete":
                return await self._change(what, guild, which)
            case "write":
                await story.write(place, who)
                return story.said[-1]
            case "bulk":
                return await self._bulk(place, 2 + how % 4)
            case "remove":
                return await self._remove(guild, place)
            case "make":
                await story.make(guild, None if how % 3 == 0 or place.is_thread else place, who)
            case "permit":
                return await self._permit(guild, place, how)
            case "appoint":
                await story.appoint(guild, story.people[1 + how % 2])
            case "private" | "archive":
                await self._thread(what, guild, story.people[1 + how % 2])
        return _newest(story.current(guild) or story.said, which)

    async def _change(self, what: str, guild: Guild, which: int) -> Said:
        if not self.story.current(guild):
            await self.story.write(self.story.hall(guild), self.story.ada)
        about = _newest(self.story.current(guild), which)
        await (self.story.edit(about.message) if what == "edit" else self.story.delete([about.message]))
        return about

    async def _bulk(self, place: Channel, n: int) -> Said | None:
        messages: list[Message] = [place.find(message_id) for message_id in list(self.story.texts[place])[-n:]]
        if not messages:
            return None
        about = self.story.newest(messages[0])
        await self.story.delete(messages)
        return about

    async def _remove(self, guild: Guild, place: Channel) -> Said | None:
        if place is self.story.hall(guild):
            return None
        about = self._of(place)
        await self.story.remove(place)
        return about

    async def _permit(self, guild: Guild, place: Channel, how: int) -> Said | None:
        place = place.parent if place.is_thread else place
        targets = (guild.everyone, self.story.keeper(guild), self.story.people[1], self.world.discord.bot)
        allow, deny = list(RIGHTS.values())[how // len(targets) % len(RIGHTS)]
        await self.story.permit(place, targets[how % len(targets)], allow=allow, deny=deny)
        return self._of(place)

    async def _thread(self, what: str, guild: Guild, who: Any) -> None:
        threads = [
            each for each in self.story.places(guild) if each.is_thread and each.is_private == (what == "private")
        ]
        if not threads:
            return
        if what == "private":
            await self.story.turn_private(threads[-1], who)
        else:
            self.story.note(f"#{threads[-1].name} of {guild.name} is archived")
            await threads[-1].archive()

    def _of(self, place: Channel) -> Said | None:
        return next((said for said in self.story.current(place.guild) if said.channel is place), None)


def _newest(several: list[Any], which: int) -> Any:
    return several[-1 - which % len(several)]


@pytest.fixture
def worlds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worlds]:
    monkeypatch.setattr(live, "LAUNCH", LAUNCH)
    opened = Worlds(tmp_path)
    yield opened
    opened.close()


@pytest.mark.timeout(60 + 60 * EXAMPLES)
def test_in_any_order_nothing_is_lost_and_nobody_is_let_in(worlds, seed) -> None:
    """After any steps in any order, with the bot there or not, all invariants hold once it has had time to catch up."""

    class State(AnyOrder):
        pass

    State.worlds = worlds
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if SHRINKS else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(hypothesis.seed(seed)(State), settings=settings)
