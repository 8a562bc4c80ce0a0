"""A server on the local Discord and the bot's process beside it, which may be killed and started again."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults import invariants
from live import UNLIMITED, Bot, launch
from standin import Discord, Person
from standin.channels import Channel
from standin.rest import Request
from standin.world import Guild

HISTORY = "/channels/{channel_id}/messages"
NO_SWEEP = {"SWEEP_PAUSE_S": "600"}  # for what must come right without a later look at Discord
N_PEOPLE = 16  # so that nobody asks more than a person may
MESSAGE = "/channels/{channel_id}/messages/{message_id}"


@dataclass
class Scene:
    """A server with people and a channel; `bot` is the process that runs or ran last."""

    discord: Discord
    folder: Path
    guild: Guild
    people: list[Person]
    square: Channel
    bot: Bot | None = None

    @property
    def ada(self) -> Person:
        """The owner."""
        return self.people[0]

    @property
    def bob(self) -> Person:
        return self.people[1]

    async def start(self, **settings: str) -> None:
        """Start the bot, whose slow comparison is in a hurry, and wait until it is connected."""
        self.bot = await launch(self.discord, self.folder, **UNLIMITED | {"SWEEP_PAUSE_S": "0.1"} | settings)
        await self.discord.connected(timeout=60)

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the bot, and wait until Discord has noticed."""
        if self.bot is not None and self.bot.process.returncode is None:
            await self.bot.stop(number)
        await self.discord.disconnected()

    async def index(self) -> Any:
        """Have the whole server indexed; the answer that shows how far reading has come."""
        return await (await self.ada.slash(self.square, "index start")).answer(timeout=20)

    async def hold(self, *, within: float = 60) -> float:
        """Wait until the invariants hold and nothing waits for a vector."""
        seconds = await invariants.hold(self.discord, self.folder, within=within)
        await invariants.until(lambda: not self.bot.n_waiting(), within=within, what="everything has its vector")
        return seconds

    async def all_holds(self, *, within: float = 60) -> None:
        """Wait until the invariants hold, then look at them from every side."""
        await self.hold(within=within)
        await invariants.healthy(self.folder)
        await invariants.found(self.people, self.square)
        assert invariants.failures(self.bot.log) == []
        invariants.quiet(self.discord, self.bot.log)

    async def similar(self, person: Person, text: str, **options: object) -> list[int]:
        """The messages that a person is shown."""
        return invariants.shown_ids(await invariants.ask(person, self.square, text, **options))

    def n_stored(self) -> int:
        """How many messages are stored of the server."""
        if not (self.folder / "bot.db").exists():
            return 0
        return self.bot.rows("SELECT count(*) FROM messages WHERE guild_id = ?", self.guild.id)[0][0]

    def pages(self, *, channel: Channel | None = None, since: int = 0) -> list[Request]:
        """The requests for pages of history, of all channels or of one."""
        return self.discord.asked("GET", HISTORY, channel=channel, since=since)


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """A local Discord with a server; the bot is not started yet and is ended with the test."""
    async with Discord.open() as discord:
        people = [discord.person(f"person{n}") for n in range(N_PEOPLE)]
        guild = discord.guild("Town", owner=people[0])
        for person in people[1:]:
            guild.join(person)
        opened = Scene(discord, folder / "data", guild, people, guild.text("square"))
        try:
            yield opened
        finally:
            if opened.bot is not None and opened.bot.process.returncode is None:
                await opened.bot.stop()
