"""An embedded chat: the same services behind a keyboard or a pipe instead of Discord."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

from bot.app import App, open_app
from bot.askers import Operator
from bot.errors import BotError, EmbeddingError
from bot.messages import Channel, Message, Query, Server
from bot.services.importer import export_files
from bot.settings import Settings
from bot.terminal import Terminal, utc_now
from bot.times import snowflake, snowflake_at

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
_SERVER = Server(guild_id=1, name="Terminal")
_CHANNEL = Channel(guild_id=1, channel_id=2, name="terminal")
_AUTHOR_ID = 3
_AUTHOR_NAME = "you"


def run_console(settings: Settings, terminal: Terminal, *, sample: Path = SAMPLE) -> None:
    """Chat until the input ends, or SIGTERM or SIGINT comes. Raises BotError when the services cannot be opened."""
    with asyncio.Runner() as runner, _ended_by_sigterm():
        stack = AsyncExitStack()
        try:
            app = runner.run(stack.enter_async_context(open_app(settings, "console")))
            chat = Chat(app, terminal)
            runner.run(chat.begin(sample))
            with suppress(KeyboardInterrupt):
                for line in _lines(terminal):
                    if not runner.run(chat.hear(line)):
                        break
            terminal.say("console.goodbye")
        finally:
            runner.run(stack.aclose())


class Chat:
    """What each line comes to."""

    def __init__(self, app: App, terminal: Terminal) -> None:
        self._app = app
        self._terminal = terminal
        self._last_id = 0

    async def begin(self, sample: Path) -> None:
        """Load the sample community on the first start, and mirror what there is."""
        inspector = self._app.inspector
        if not (await inspector.stored()).messages and sample.is_dir():
            self._terminal.say("console.loading_sample", path=sample)
            await self._app.importer.run(export_files([sample]))
        await self._app.withdrawal.sweep()
        self._terminal.change(await inspector.costs.change())
        try:
            await self._terminal.draining(self._app.indexer.drain(), (await inspector.counts()).pending)
        except EmbeddingError as error:
            # What is stored can be asked about all the same, and what waits is tried again with the next message.
            self._terminal.err.print(self._terminal.words.error(error))
        await self._app.indexer.load()
        await self._app.ingest.met(_SERVER, _CHANNEL)
        n_messages, n_embedded = (await inspector.stored()).messages, (await inspector.counts()).embedded
        self._terminal.say("console.ready", messages=n_messages, embedded=n_embedded, model_key=inspector.model_key)

    async def hear(self, line: str) -> bool:
        """Do what a line asks for; False when it asks to leave."""
        command, _, rest = line.strip().partition(" ")
        try:
            match command.lower():
                case "":
                    pass
                case "/quit" | "/exit":
                    return False
                case "/help":
                    self._terminal.say("console.help")
                case "/similar":
                    await self._similar(Query(text=rest))
                case "/like":
                    await self._similar(Query(message_id=snowflake(rest.strip())))
                case "/delete":
                    await self._delete(snowflake(rest.strip()))
                case _ if command.startswith("/"):
                    self._terminal.say("console.unknown_command", command=command)
                case _:
                    await self._store(line.strip())
        except BotError as error:
            self._terminal.err.print(self._terminal.words.error(error))
        return True

    async def _similar(self, query: Query) -> None:
        hits = await self._app.search.similar(Operator(), query)
        self._terminal.hits(hits, now=utc_now())
        if not hits:
            self._terminal.say("similar.nothing_found")

    async def _store(self, text: str) -> None:
        self._last_id = max(snowflake_at(utc_now()), self._last_id + 1)
        message = Message(
            message_id=self._last_id,
            guild_id=_SERVER.guild_id,
            channel_id=_CHANNEL.channel_id,
            author_id=_AUTHOR_ID,
            author_name=_AUTHOR_NAME,
            content=text,
        )
        await self._app.ingest.saved(_SERVER.guild_id, [message])
        async for _ in self._app.indexer.drain():
            pass
        self._terminal.say("console.stored", message_id=self._last_id)

    async def _delete(self, message_id: int) -> None:
        found = await self._app.search.find(Operator(), message_id)
        await self._app.ingest.deleted(found.message.guild_id, [message_id])
        self._terminal.say("console.deleted")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM do what Ctrl+C does: end the chat with everything closed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _lines(terminal: Terminal) -> Iterator[str]:
    """Lines from the keyboard, with its editing keys, or from a pipe, until either ends."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415  # input() edits lines once it is loaded
    with suppress(EOFError):
        while True:
            yield input(terminal.words("console.prompt"))
