"""People who write, rewrite and take back, whether the bot is there or not, and who ask it now and then."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from faults.invariants import ask, shown_ids
from faults.scene import Scene
from standin import InteractionFailed, UnknownCommand
from standin.channels import Channel
from standin.messages import Message

CHECKED = 200  # so many events are held against the published file, the others only sent
PROPAGATION_S = 10.0  # a deletion that is younger may still be on its way to the bot when somebody asks
PAUSE_S = 0.8  # between two questions


class Chatter:
    """What people do in a server; `deeds` counts it, `deleted` holds what is gone: its text and when it went."""

    def __init__(self, town: Scene, channels: Sequence[Channel], texts: Sequence[str], dice: random.Random) -> None:
        self._town = town
        self._places = list(channels)
        self._texts = texts
        self._dice = dice
        self._there: list[Message] = [message for channel in channels for message in channel.messages]
        self.is_down: Callable[[], bool] = lambda: False
        self.deeds: Counter[str] = Counter()
        self.deleted: dict[int, tuple[str, float]] = {}

    async def talk(self, seconds: float, rate: float) -> None:
        """Do so many things a second."""
        began, n = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            for _ in range(int(passed * rate) - n):
                await self._deed()
                n += 1
            await asyncio.sleep(0.01)

    async def ask(self) -> None:
        """Ask one question after the other, until cancelled."""
        for n in range(10**9):
            await asyncio.sleep(PAUSE_S)
            if (session := self._session()) is None:
                continue  # the bot does not hear of it
            asked_at = time.monotonic()
            try:
                answer = await ask(self._town.people[n % len(self._town.people)], self._town.square, self._question())
            except (InteractionFailed, UnknownCommand):
                was_there = session == self._session()
                self.deeds[f"questions not answered, the bot {'being there' if was_there else 'going away'}"] += 1
                continue
            self.deeds["questions answered"] += 1
            gone = (self.deleted[each][1] for each in shown_ids(answer) if each in self.deleted)
            self.deeds["ghosts shown"] += sum(went < asked_at - PROPAGATION_S for went in gone)

    def _session(self) -> tuple[int, int] | None:
        """Which connection of the bot's it is, if there is one now."""
        discord = self._town.discord
        is_there = any(connection.is_live for connection in discord.gateway.connections)
        return (discord.identifies, discord.resumes) if is_there else None

    def _question(self) -> str:
        gone = list(self.deleted.values())[-200:]
        return self._dice.choice(gone)[0] if gone and self._dice.random() < 0.5 else self._dice.choice(self._texts)

    async def _deed(self) -> None:
        chance = self._dice.random()
        if chance < 0.06:
            await self._rewrite()
        elif chance < 0.10:
            await self._take_back()
        elif chance < 0.102:
            await self._take_back_many()
        elif chance < 0.104:
            await self._thread()
        else:
            self._write()

    def _count(self, deed: str, n: int = 1) -> None:
        self.deeds[deed] += n
        if self.is_down():
            self.deeds[f"{deed} while the bot was down"] += n

    def _write(self) -> None:
        n = self.deeds["written"]
        place = self._dice.choice(self._places)
        message = place.compose(self._dice.choice(self._town.people), self._texts[n % len(self._texts)])
        place.publish(message, is_checked=n < CHECKED)
        self._there.append(message)
        self._count("written")

    def _some(self) -> Message | None:
        """A message that is there: mostly one of the last, sometimes one from long ago."""
        first = 0 if self._dice.random() < 0.2 else max(0, len(self._there) - 300)
        if first == len(self._there):
            return None
        at = self._dice.randrange(first, len(self._there))
        message = self._there[at]
        if message.is_deleted or message.channel.id not in self._town.discord.channels:
            self._there[at] = self._there[-1]
            self._there.pop()
            return None
        return message

    async def _rewrite(self) -> None:
        if message := self._some():
            await message.edit(f"{self._dice.choice(self._texts)[:1_900]} ({self.deeds['rewritten']})")
            self._count("rewritten")

    async def _take_back(self) -> None:
        if message := self._some():
            self._note_gone([message])
            await message.delete()
            self._count("deleted")

    async def _take_back_many(self) -> None:
        place = self._dice.choice(self._places)
        written = [message for message in place.messages[-40:] if not message.author.bot]
        if several := self._dice.sample(written, min(len(written), 10)):
            self._note_gone(several)
            await place.bulk_delete(several)
            self._count("deleted in bulk", len(several))

    async def _thread(self) -> None:
        """A thread is begun, archived or deleted."""
        threads = [place for place in self._places if place.is_thread]
        if len(threads) < 4 or self._dice.random() < 0.4:
            parent = self._dice.choice([place for place in self._places if not place.is_thread])
            thread: Any = await parent.thread(f"thread {len(threads)}", by=self._dice.choice(self._town.people))
            self._places.append(thread)
            self._count("threads begun")
            return
        thread = self._dice.choice(threads)
        self._places.remove(thread)
        if self._dice.random() < 0.5:
            await thread.archive()
            self._count("threads archived")
            return
        self._note_gone([message for message in thread.messages if not message.author.bot])
        await thread.delete()
        self._count("threads deleted")

    def _note_gone(self, messages: Sequence[Message]) -> None:
        now = time.monotonic()
        self.deleted |= {message.id: (message.content, now) for message in messages if message.content.strip()}
