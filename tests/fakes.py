"""Named stand-ins whose answers a person can work out."""

import asyncio
import zlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

import numpy as np
from canaries import HELD
from make import GUILD

from bot.embedding.base import Meter, checked
from bot.errors import EmbeddingError, HistoryDelayed, HistoryUnavailable
from bot.messages import Channel, Location, Message
from bot.services.history import PAGE, Place
from bot.storage.messages import MessageStore
from bot.vectors import Vectors


class WordEmbedder:
    """Counts words: each adds 1 to the place that its CRC-32 names, so texts are alike by the words they share.

    A word is a token on its meter. Remembers the batches it was given, refuses every batch that holds one of `poison`,
    and fails with `failure` while that is set.
    """

    def __init__(self, dim: int = 64, *, model_key: str = "words") -> None:
        self.model_key = model_key
        self.dim = dim
        self.batches: list[list[str]] = []
        self.poison: set[str] = set()
        self.failure: EmbeddingError | None = None
        self.account = 0  # whose questions it embeds, where it stands for whoever pays

    async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
        HELD.hold(*texts)
        if self.failure is not None:
            raise self.failure
        self.batches.append(list(texts))
        if meter is not None:
            meter.n_tokens += sum(words_in(texts))
        if self.poison & set(texts):
            raise EmbeddingError("refused", "HTTP 400", blames_input=True)
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.dim] += 1
        return checked(vectors, n=len(texts), dim=self.dim)

    @property
    def texts(self) -> list[str]:
        """Every text it was ever given, in order."""
        return [text for batch in self.batches for text in batch]


def words_in(texts: Sequence[str]) -> list[int]:
    """How many words texts have, which are the tokens of WordEmbedder."""
    return [len(text.split()) for text in texts]


class PagedHistory:
    """Channels and what was written in them, given out page by page as Discord does.

    Channels in `closed` cannot be read, threads in `gone` were deleted, of those in `delayed` nothing is told for
    `delay_s`, and those in `broken` raise what stands there. Pages lack the messages in `lacking`, which are
    there, and those in `hanging` are never told of when they are asked for one by one. While a page is on its way
    `on_the_way`, if there is one, is awaited with it. With `unlisted_for` there is one more list of places, which
    cannot be had for so many seconds.

    Counts the pages and how often each message was given out, and remembers whom it was asked about: the channels of
    the pages with the ids that they were to lie before, also where it refused, and the messages one by one.
    """

    def __init__(self, *locations: Location, guild_id: int = GUILD) -> None:
        self.guild_id = guild_id
        self.locations = list(locations)
        self.closed: set[int] = set()
        self.gone: set[int] = set()
        self.delayed: set[int] = set()
        self.delay_s = 0.0
        self.broken: dict[int, Exception] = {}
        self.unlisted_for: float | None = None
        self.lacking: set[int] = set()
        self.hanging: set[int] = set()
        self.asked_pages: list[tuple[int, int | None]] = []
        self.asked_about: list[int] = []
        self.on_the_way: Callable[[list[Message]], Awaitable[None]] | None = None
        self.n_pages = 0
        self.n_given: Counter[int] = Counter()
        self._messages: defaultdict[int, dict[int, Message]] = defaultdict(dict)
        self._newest_ids: dict[int, int] = {}

    def write(self, messages: Iterable[Message]) -> None:
        """Messages are written, or edited."""
        for message in messages:
            channel_id = message.channel_id
            self._messages[channel_id][message.message_id] = message
            self._newest_ids[channel_id] = max(message.message_id, self._newest_ids.get(channel_id, 0))

    def delete(self, *message_ids: int) -> None:
        """Messages are deleted; a channel goes on naming the newest that there was."""
        for messages in self._messages.values():
            for message_id in message_ids:
                messages.pop(message_id, None)

    def contents(self) -> dict[int, str]:
        """What is written everywhere, by id."""
        return {i: message.content for messages in self._messages.values() for i, message in sorted(messages.items())}

    async def places(self) -> AsyncIterator[Place]:
        for location in self.locations:
            if location.channel.channel_id not in self.gone:
                yield Place(location, self._newest_ids.get(location.channel.channel_id))
        if self.unlisted_for is not None:
            raise HistoryDelayed("a list waits", seconds=self.unlisted_for)

    async def page(
        self, location: Location, *, before_id: int | None = None, after_id: int | None = None
    ) -> list[Message]:
        channel_id = location.channel.channel_id
        self.asked_pages.append((channel_id, before_id))
        self._refuse(channel_id)
        self.n_pages += 1
        ids = sorted(self._messages[channel_id].keys() - self.lacking)
        if after_id is not None:
            ids = [i for i in ids if i > after_id][:PAGE]
        else:
            ids = [i for i in ids if before_id is None or i < before_id][-PAGE:]
        page = [self._messages[channel_id][i] for i in reversed(ids)]
        self.n_given.update(ids)
        if self.on_the_way is not None:
            await self.on_the_way(page)
        if not page:
            self._refuse(channel_id)
        return page

    async def message(self, channel_id: int, message_id: int) -> Message | None:
        self.asked_about.append(message_id)
        self._refuse(channel_id)
        if message_id in self.hanging:
            await asyncio.Event().wait()
        return self._messages[channel_id].get(message_id)

    def locate(self, channel: Channel) -> Location | None:
        found = [location for location in self.locations if location.channel.channel_id == channel.channel_id]
        return found[0] if found and channel.channel_id not in self.closed else None

    async def is_gone(self, channel: Channel) -> bool:
        if channel.channel_id in self.delayed:
            raise HistoryDelayed("later")
        return channel.channel_id in self.gone

    def _refuse(self, channel_id: int) -> None:
        if channel_id in self.broken:
            raise self.broken[channel_id]
        if channel_id in self.closed | self.gone:
            raise HistoryUnavailable("the bot may not read it")
        if channel_id in self.delayed:
            raise HistoryDelayed("later", seconds=self.delay_s)


class KnownSurroundings:
    """What Discord tells of places: those it was given, and the ids of those that are closed to the bot or gone.

    Remembers which channels it was asked to locate.
    """

    def __init__(self, *locations: Location, closed: Iterable[int] = (), gone: Iterable[int] = ()) -> None:
        self.located: list[int] = []
        self._locations = {location.channel.channel_id: location for location in locations}
        self._closed = set(closed)
        self._gone = set(gone)

    def read(self, guild_id: int) -> None:
        pass

    def read_what_opened(self, guild_id: int) -> None:
        pass

    def present(self, guild_id: int) -> list[Location]:
        return [location for location in self._locations.values() if location.guild_id == guild_id]

    async def locate(self, guild_id: int, channel_id: int) -> Location | None:
        self.located.append(channel_id)
        return self._locations.get(channel_id)

    def closed(self, guild_id: int, channels: Sequence[Channel]) -> set[int]:
        return self._closed & {channel.channel_id for channel in channels}

    async def gone(self, guild_id: int, channels: Sequence[Channel]) -> set[int]:
        return self._gone & {channel.channel_id for channel in channels}


class AsStored(PagedHistory):
    """A Discord that holds exactly what is stored, for tests of what has nothing to do with it."""

    def __init__(self, messages: MessageStore, *, guild_id: int = GUILD) -> None:
        super().__init__(guild_id=guild_id)
        self._stored = messages

    async def message(self, channel_id: int, message_id: int) -> Message | None:
        stored = (await self._stored.get_many(self.guild_id, [message_id])).get(message_id)
        return None if stored is None else stored.message
