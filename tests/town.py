"""A server on the local Discord, with a bot in it and people who use it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import discord
from live import Bot, eventually
from standin import Answer, Discord, Person
from standin.channels import Channel
from standin.world import Guild, Role

VIEW = discord.Permissions(view_channel=True)
HISTORY = discord.Permissions(read_message_history=True)
CONNECT = discord.Permissions(connect=True)


@dataclass
class Town:
    """A server with a few people, where the bot is a member."""

    discord: Discord
    bot: Bot
    guild: Guild
    ada: Person  # the owner
    bob: Person
    square: Channel  # where everyone reads and writes

    async def index(self) -> None:
        """Have everything stored, and wait until the history has been read and embedded."""
        answer = await self.begin()
        await eventually(lambda: "has been read" in answer.refresh().content)
        await self.settled()

    async def include(self, kind: str, *, on: bool = True) -> str:
        """Have a kind of messages kept, or left out again; what the owner is told."""
        interaction = await self.ada.slash(self.square, "index include", kind=kind, on=on)
        return shown(await interaction.answer())

    async def begin(self) -> Answer:
        """Have the owner start, who agrees to what it costs where that is asked."""
        answer = await (await self.ada.slash(self.square, "index start")).answer()
        return await (await self.ada.press(answer, "Start")).answer() if answer.buttons else answer

    async def settled(self) -> None:
        """Wait until everything stored has its vector."""
        await eventually(lambda: not self.bot.n_waiting())

    async def stored(self, *texts: str) -> None:
        """Wait until exactly these texts are stored of this server."""
        await eventually(lambda: sorted(self.bot.texts(self.guild.id)) == sorted(texts))

    def newcomer(self, name: str, *, locale: str = "en-US", roles: Iterable[Role] = ()) -> Person:
        """Somebody new, who becomes a member."""
        person = self.discord.person(name, locale=locale)
        self.guild.join(person, roles=roles)
        return person

    def private(self, name: str, *people: Person, **details: Any) -> Channel:
        """A channel that only these people, the owner and the bot may read."""
        allowed = dict.fromkeys((*people, self.discord.bot), (VIEW, 0))
        return self.guild.text(name, overwrites={self.guild.everyone: (0, VIEW), **allowed}, **details)

    async def similar(self, person: Person, text: str, **options: object) -> Answer:
        """What a person is answered."""
        interaction = await person.slash(self.square, "similar", text=text, **options)
        return await interaction.answer()


def shown(answer: Answer) -> str:
    """All that a person reads in an answer."""
    texts = [answer.content, *(embed.get("description", "") for embed in answer.embeds)]
    return "\n".join(text for text in texts if text)
