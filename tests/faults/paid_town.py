"""A town whose bot buys its vectors from a local embeddings server, which can be told to fail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from live import Bot, eventually, running
from openai_server import KEY, EmbeddingsServer
from standin import Discord
from standin.messages import Message
from town import Town, shown

MODEL, DIM = "text-embedding-3-small", 64
PATIENCE_S = 60  # longer than two pauses of the indexer and a call with all its retries, on a busy machine


@dataclass
class PaidTown(Town):
    """A town, and the server that its bot pays."""

    api: EmbeddingsServer

    async def say(self, *texts: str) -> None:
        """Bob writes messages, and they are stored."""
        for text in texts:
            await self.square.post(self.bob, text)
        await eventually(lambda: set(texts) <= set(self.bot.texts(self.guild.id)))

    async def paid(self) -> None:
        """Wait until nothing waits for a vector any more."""
        await eventually(lambda: not self.bot.n_waiting(), within=PATIENCE_S)

    async def asked(self, text: str) -> str:
        """What Ada reads when she asks for what is similar to a text, or to the message that a link leads to."""
        interaction = await self.ada.slash(self.square, "similar", text=text)
        return shown(await interaction.answer(PATIENCE_S))

    async def asked_like(self, text: str) -> str:
        """What Ada reads when she points at the message that says a text."""
        interaction = await self.ada.menu(self.square, "Find similar", self.message(text))
        return shown(await interaction.answer())

    def message(self, text: str) -> Message:
        """The message that says a text."""
        return next(message for message in self.square.messages if message.content == text)

    @property
    def n_embedded(self) -> int:
        """How many messages have a vector, of whichever model."""
        return self.bot.rows("SELECT count(*) FROM embeddings")[0][0]

    def counted(self) -> int:
        """How many tokens the ledger holds."""
        return self.bot.rows("SELECT coalesce(sum(n_tokens), 0) FROM usage")[0][0]

    def bought(self, *, since: int = 0) -> list[str]:
        """Every text that the server was asked for, in requests after the first few."""
        return [text for asked in self.api.requests[since:] for text in asked.texts]

    @asynccontextmanager
    async def running(self, folder: Path, **settings: str) -> AsyncIterator[Bot]:
        """The bot of this town, connected; ended when the context is left."""
        async with running(self.discord, folder, **paying(self.api, **settings)) as self.bot:
            yield self.bot


def paying(api: EmbeddingsServer, **settings: str) -> dict[str, str]:
    """The settings of a bot that has its vectors made by the server."""
    return {
        "EMBEDDER": "openai",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": api.base_url,
        "EMBEDDING_MODEL": MODEL,
        "EMBEDDING_DIMENSIONS": str(DIM),
        "NO_PROXY": "127.0.0.1",
        **settings,
    }


@asynccontextmanager
async def paid_town() -> AsyncIterator[PaidTown]:
    """A town in a Discord of its own, whose bot does not run yet."""
    async with Discord.open() as discord, EmbeddingsServer() as api:
        ada, bob = discord.person("ada"), discord.person("bob")
        guild = discord.guild("Town", owner=ada)
        guild.join(bob)
        nobody_yet: Bot = None  # type: ignore[assignment]
        yield PaidTown(discord, nobody_yet, guild, ada, bob, guild.text("square"), api)
