"""Two servers in which everything that is said is known, beside a bot that may be gone at any moment.

`World` is what lives through many stories: a local Discord and the bot's process. A `Story` has servers and people of
its own; it notes who said what where, so that whatever the bot shows can be held against it.
"""

import asyncio
import re
import signal
import time
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from faults import invariants
from faults.invariants import READING, shown_ids, until
from live import Bot, launch
from standin import Answer, Discord, Person, permissions
from standin.channels import Channel
from standin.messages import Message
from standin.world import Guild

LAUNCH = Path(__file__).with_name("hurried.py")
SETTINGS = {"SWEEP_PAUSE_S": "0.2", "SERVER_QUERIES_PER_MINUTE": "100000"}
WITHIN_S = 30.0
BELIEVED_S = 31.0  # for so long, and a second, the bot believes who is in a private thread
THINGS = ("umbrella", "train", "bread", "lighthouse", "violin", "goat", "volcano", "passport", "rain", "chess", "soup")
PLACES = (
    "in the harbour",
    "on the roof",
    "at the market",
    "under the bridge",
    "behind the school",
    "in Kyoto",
    "at sea",
)
NUMBER = re.compile(r"\bno(\d+)x\b")
TOO_FAST = "That was fast"


@dataclass(frozen=True, eq=False)
class Said:
    """A text that a message had once; its number stands in it and in no other."""

    number: int
    message: Message
    text: str

    @property
    def channel(self) -> Channel:
        return self.message.channel

    @property
    def guild(self) -> Guild:
        return self.message.channel.guild


class World:
    """A local Discord and the bot's process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.discord: Discord
        self.bot: Bot | None = None
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._stack = AsyncExitStack()
        try:
            self.run(self._open())
        except BaseException:
            self.close()
            raise

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something, and let Discord go on meanwhile."""
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._close())
        self._runner.close()

    async def start(self) -> None:
        self.bot = await launch(self.discord, self.folder, **SETTINGS)
        ended, arrived = map(asyncio.create_task, (self.bot.process.wait(), self.discord.connected(timeout=60)))
        await asyncio.wait((ended, arrived), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            arrived.cancel()
            raise AssertionError(f"the bot did not start: {self.bot.said[-500:]}")
        ended.cancel()
        await arrived

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        await self.bot.stop(number)
        await self.discord.disconnected()

    async def healthy(self) -> None:
        """I5, as far as `doctor` sees it beside the bot."""
        await invariants.healthy(self.folder)

    async def _open(self) -> None:
        self.discord = await self._stack.enter_async_context(Discord.open())
        await self.start()

    async def _close(self) -> None:
        self.discord.violations.clear()  # they were a story's
        if self.bot is not None and self.bot.process.returncode is None:
            await self.bot.stop(signal.SIGKILL)
        await self._stack.aclose()


class Story:
    """Two servers with the same three people; `texts` is what Discord must hold, `script` what happened, in words."""

    def __init__(self, world: World) -> None:
        self.world, self.discord = world, world.discord
        self.people = [self.discord.person(name) for name in ("ada", "bob", "cyd")]
        self.guilds: list[Guild] = []
        self.said: list[Said] = []
        self.texts: dict[Channel, dict[int, str]] = {}
        self.asked: list[tuple[Person, Guild, Answer]] = []
        self.script: list[str] = []
        self.is_untold = False  # while nobody will ever tell the bot what happens
        self._turned: dict[tuple[int, int], tuple[float, bool]] = {}  # when, and whether they were in
        self._paused: set[int] = set()
        self._began = time.monotonic()

    @property
    def ada(self) -> Person:
        """The owner of both."""
        return self.people[0]

    def note(self, words: str) -> None:
        """Write down what happens, and when."""
        self.script.append(f"{time.monotonic() - self._began:6.2f} s  {words}")

    # How it begins.

    async def begin(self) -> None:
        """Two servers that are indexed: an open channel with two threads, a closed one, and an old one."""
        self.guilds = [self._founded(name) for name in ("Town", "Port")]
        for guild in self.guilds:
            hall = self.hall(guild)
            aside, secret = await hall.thread("aside", by=self.people[1]), await self._secret(hall)
            for place in (aside, secret):
                self.texts[place] = {}
                self._seed(place, 2)
            await self._command(guild, "index start")
            await self._command(guild, "index start", channel=secret)
        await self.settle([])
        self.script.clear()
        self._began = time.monotonic()

    def _founded(self, name: str) -> Guild:
        guild = self.discord.guild(name, owner=self.ada)
        keeper = guild.role("keeper")
        guild.join(self.people[1])
        guild.join(self.people[2], roles=[keeper])
        let_in = {keeper: (READING, 0), self.discord.bot: (READING, 0)}
        hall, square, old = (guild.text(each) for each in ("hall", "square", "old"))
        den = guild.text("den", overwrites={guild.everyone: (0, permissions.VIEW_CHANNEL)} | let_in)
        for place, days in ((hall, 0), (square, 0), (den, 0), (old, 30)):
            self.texts[place] = {}
            self._seed(place, 4, days=days)
        return guild

    async def _secret(self, hall: Channel) -> Channel:
        secret = await hall.thread("secret", by=self.ada, private=True)
        for each in (self.discord.bot, self.people[2]):
            await secret.add(each)
        return secret

    def _seed(self, place: Channel, n: int, *, days: float = 0.01) -> None:
        began = datetime.now(UTC) - timedelta(days=days, minutes=10)
        for i in range(n):
            (message,) = place.seed(self.people[i % 3], [self._next_text()], start=began + timedelta(minutes=i))
            self._take_down(message)

    # What people do.

    async def write(self, place: Channel, who: Person) -> None:
        said = self._take_down(await place.post(who, self._next_text()))
        self.note(f"{who.name} writes {_named(said)}")

    async def edit(self, message: Message) -> None:
        before, text = self.newest(message), self._next_text()
        self._forget([message])
        await message.edit(text)
        self.note(f"{_named(before)} becomes {_named(self._take_down(message))}")

    async def delete(self, messages: list[Message]) -> None:
        """Alone or in bulk."""
        self.note(f"deleted: {', '.join(_named(self.newest(each)) for each in messages)}")
        self._forget(messages)
        if len(messages) == 1:
            await messages[0].delete()
        else:
            await messages[0].channel.bulk_delete(messages)

    async def remove(self, place: Channel) -> None:
        """Delete a channel with its threads, or a thread."""
        self.note(f"{_place(place)} is deleted")
        for gone in [each for each in self.texts if place in (each, each.parent)]:
            self._forget(list(filter(None, map(gone.find, self.texts[gone]))))
            del self.texts[gone]
        await place.delete()

    async def make(self, guild: Guild, parent: Channel | None, who: Person) -> None:
        """Make a channel, or a thread in one."""
        name = f"new{len(self.said)}"
        made = guild.text(name) if parent is None else await parent.thread(name, by=who)
        self.texts[made] = {}
        self.note(f"{_place(made)} is made")

    async def permit(self, place: Channel, target: Any, *, allow: int, deny: int) -> None:
        self.note(f"in {_place(place)} {target.name} is allowed {allow:#x} and denied {deny:#x}")
        await place.overwrite(target, allow=allow, deny=deny)

    async def appoint(self, guild: Guild, who: Person) -> None:
        """Give somebody the role, or take it."""
        keeper = self.keeper(guild)
        has_it = keeper in guild.members[who.id].roles
        self.note(f"in {guild.name} {who.name} is {'no longer' if has_it else 'now'} a keeper")
        await (guild.take if has_it else guild.give)(who, keeper)

    async def turn_private(self, thread: Any, who: Person) -> None:
        """Let somebody into a private thread, or take them out."""
        is_in = who.id in thread.members
        self.note(f"{who.name} is {'taken out of' if is_in else 'let into'} {_place(thread)}")
        self._turned[thread.id, who.id] = (time.monotonic(), is_in)
        await (thread.remove if is_in else thread.add)(who)

    # What people ask of the bot.

    async def index(self, guild: Guild, what: str, place: Channel | None = None) -> None:
        """Use /index; what is paused is wanted again before the story is looked at."""
        if what == "start":
            self._paused.discard(guild.id)
        elif what in ("pause", "cancel"):
            self._paused.add(guild.id)
        options = {} if place is None else {"channel": place}
        await self._command(guild, f"index {what}", **options)

    async def _command(self, guild: Guild, command: str, **options: Any) -> None:
        places = ", ".join(_place(each) for each in options.values())
        self.note(f"ada: /{command} {places} in {guild.name}")
        answer = await (await self.ada.slash(self.hall(guild), command, **options)).answer(timeout=20)
        assert answer.content or answer.embeds, "I9: an empty answer"

    async def ask(
        self, who: Person, guild: Guild, said: Said, *, way: str = "text", is_patient: bool = False
    ) -> list[int]:
        """Ask with a text, or about its message by a link; what is shown, all of which the asker may read now."""
        if (here := self._where_to_ask(guild, who)) is None:
            return []
        text = said.text if way == "text" else said.message.url
        self.note(f"{who.name} asks in {_place(here)} by {way} for {_named(said)}")
        answer = await (await who.slash(here, "similar", text=text, limit=20)).answer(timeout=20)
        while is_patient and answer.content.startswith(TOO_FAST):
            await asyncio.sleep(1)
            answer = await (await who.slash(here, "similar", text=text, limit=20)).answer(timeout=20)
        self._look_at(answer, who, guild)
        is_gone = said.message.id not in self.texts.get(said.channel, {})
        if way == "link" and (said.guild is not guild or is_gone or not self.reads(said.channel, who)):
            assert not answer.embeds, f"I7: {who.name} is told what is like {_named(said)}"
        if answer.embeds:
            self.asked.append((who, guild, answer))
        return shown_ids(answer)

    async def turn(self, who: Person, guild: Guild, answer: Answer) -> None:
        """Turn an answer's page, however old it is."""
        if not (button := next((each for each in ("Next", "Previous") if each in answer.buttons), None)):
            return
        self.note(f"{who.name} presses {button}")
        self._look_at(await (await who.press(answer, button)).answer(timeout=20), who, guild)

    def _look_at(self, answer: Answer, who: Person, guild: Guild) -> None:
        """I7: what is shown is there, as it stands now, and the asker may read it."""
        texts = [answer.content, *(embed.get("description", "") for embed in answer.embeds)]
        shown = [self.said[int(number)] for number in NUMBER.findall("\n".join(texts))]
        for said in shown:
            assert said.guild is guild, f"I7: {_named(said)} of another server is shown"
            assert self._is_there(said), f"I7: {_named(said)} is shown to {who.name} and no longer there"
            assert self.reads(said.channel, who), f"I7: {_named(said)} is shown to {who.name}, who may not read it"
        ids = [said.message.id for said in shown]
        assert shown_ids(answer) == ids, f"I7: the links lead to {shown_ids(answer)} instead of {ids}"

    # What must hold.

    def is_as_told(self) -> None:
        """The local Discord holds what the story says, and the bot did nothing that no well-made client does."""
        rooms = {room.channel_id: dict(room.texts) for room in invariants.rooms_of(self.discord)}
        assert rooms == {place.id: texts for place, texts in self.texts.items()}
        assert not self.discord.violations, self.discord.violations

    async def settle(self, askers: Iterable[tuple[Person, Guild]]) -> None:
        """Without any more faults: wait until everything is as Discord has it, and these people find what is there."""
        self.note("settle")
        self.discord.faults.clear()
        if self.world.bot.process.returncode is not None:
            await self.world.start()
        await self.discord.connected()
        for guild in self.guilds:
            if guild.id in self._paused:
                await self.index(guild, "start")
        await invariants.hold(self.discord, self.world.folder, within=WITHIN_S)
        await until(lambda: not self.world.bot.n_waiting(), within=WITHIN_S, what="everything has its vector")
        self.is_quiet()
        for who, guild in askers:
            await self._finds(who, guild)

    def is_quiet(self) -> None:
        """I10, and nothing failed as nobody expected."""
        invariants.quiet(self.discord, self.world.bot.log, [said.text for said in self.said])
        assert not (failed := invariants.failures(self.world.bot.log)), failed[0]

    async def _finds(self, who: Person, guild: Guild) -> None:
        """I5: a member finds what they may read by its own text, if it is stored."""
        stored = {row[0] for row in self.world.bot.rows("SELECT message_id FROM messages WHERE guild_id = ?", guild.id)}
        here = [said for said in self.current(guild) if said.message.id in stored and self._surely_reads(said, who)]
        if not here or self._where_to_ask(guild, who) is None:
            return
        said = here[len(self.script) % len(here)]
        shown = await self.ask(who, guild, said, is_patient=True)
        assert shown[:1] == [said.message.id], f"I5: {who.name} does not find {_named(said)} by its text, but {shown}"

    async def end(self) -> None:
        """The bot has to leave, so that the next story is not held against this one's servers."""
        for guild in self.guilds:
            await guild.remove_bot()

    # What is known.

    def reads(self, place: Channel, who: Person) -> bool:
        """Whether somebody may read a place now, or may still be believed to be in a private thread."""
        if permissions.may(place, who, READING):
            return True
        return self._was_in_lately(place, who) is True and permissions.may(place.parent, who, READING)

    def _surely_reads(self, said: Said, who: Person) -> bool:
        is_as_before = self._was_in_lately(said.channel, who) is None
        return is_as_before and permissions.may(said.channel, who, READING)

    def _was_in_lately(self, place: Channel, who: Person) -> bool | None:
        """Whether somebody was in a private thread before that changed; None if it did not, of late."""
        at, was_in = self._turned.get((place.id, who.id), (0.0, False))
        return was_in if at > time.monotonic() - BELIEVED_S else None

    def places(self, guild: Guild) -> list[Channel]:
        return [place for place in self.texts if place.guild is guild]

    def hall(self, guild: Guild) -> Channel:
        """Where the owner, who sees everything, gives orders; it is never deleted."""
        return next(place for place in self.texts if place.guild is guild)

    def keeper(self, guild: Guild) -> Any:
        return next(role for role in guild.roles.values() if role.name == "keeper")

    def current(self, guild: Guild) -> list[Said]:
        """What stands there now."""
        return [said for said in self.said if said.guild is guild and self._is_there(said)]

    def newest(self, message: Message) -> Said:
        return next(said for said in reversed(self.said) if said.message is message)

    def _is_there(self, said: Said) -> bool:
        return self.texts.get(said.channel, {}).get(said.message.id) == said.text

    def _where_to_ask(self, guild: Guild, who: Person) -> Channel | None:
        needed = permissions.VIEW_CHANNEL | permissions.USE_APPLICATION_COMMANDS
        places = guild.channels.values()
        return next((place for place in places if place.type == 0 and permissions.may(place, who, needed)), None)

    def _next_text(self) -> str:
        number = len(self.said)
        return f"the {THINGS[number % len(THINGS)]} {PLACES[number % len(PLACES)]}, no{number}x"

    def _forget(self, messages: list[Message]) -> None:
        """The texts of these messages are no longer there."""
        for message in messages:
            del self.texts[message.channel][message.id]

    def _take_down(self, message: Message) -> Said:
        said = Said(len(self.said), message, message.content)
        self.said.append(said)
        self.texts[message.channel][message.id] = message.content
        return said


def _named(said: Said) -> str:
    return f"no{said.number}x in {_place(said.channel)}"


def _place(place: Channel) -> str:
    return f"#{place.name} of {place.guild.name}"
