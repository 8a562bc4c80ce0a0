"""What comes in: messages saved and edited, messages deleted, channels and servers gone."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from bot.messages import Channel, Message, Server
from bot.services.spaces import Spaces
from bot.storage.audit import Act
from bot.storage.messages import MessageStore
from bot.storage.servers import Marks, ServerStore


@dataclass(slots=True)
class Tally:
    """What became of messages, counted; `skipped` by the reason's key in the words."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, other: "Tally") -> Self:
        self.new += other.new
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.skipped += other.skipped
        return self

    @property
    def total(self) -> int:
        return self.new + self.changed + self.unchanged + self.skipped.total()


class Ingest:
    """Brings messages into the database first and into the mirror after it."""

    def __init__(self, messages: MessageStore, servers: ServerStore, spaces: Spaces) -> None:
        self._messages = messages
        self._servers = servers
        self._spaces = spaces
        self.has_pending = asyncio.Event()  # set when something may wait for a vector

    async def met(self, server: Server, channel: Channel) -> None:
        """A channel was seen: know its name, which goes into what is found of a thread."""
        async with self._spaces.in_step:
            stale = await self._servers.put(server, channel)
            await self._forget_vectors(server.guild_id, stale)

    async def saved(
        self,
        guild_id: int,
        messages: Sequence[Message],
        *,
        reached: Marks | None = None,
        risen: Mapping[int, int] = MappingProxyType({}),
    ) -> Tally:
        """Messages were written or edited; those that policy shuts out are counted by reason.

        `reached` and `risen` move marks as MessageStore.save says.
        """
        reasons = [refusal(message) for message in messages]
        admitted = [message for message, reason in zip(messages, reasons, strict=True) if reason is None]
        async with self._spaces.in_step:
            saved = await self._messages.save(guild_id, admitted, reached=reached, risen=risen)
            await self._forget_vectors(guild_id, saved.stale)
        if saved.new:
            self.has_pending.set()
        skipped = Counter(reason for reason in reasons if reason is not None)
        n_saved = len(saved.new) + len(saved.changed)
        return Tally(
            new=len(saved.new),
            changed=len(saved.changed),
            unchanged=len(admitted) - n_saved - len(saved.buried),
            skipped=skipped + Counter({"deleted": len(saved.buried)}),
        )

    async def renewed(self, guild_id: int, messages: Sequence[Message]) -> int:
        """Messages were found as they are now; how many of those that are stored had changed. The others stay out."""
        async with self._spaces.in_step:
            saved = await self._messages.renew(guild_id, messages)
            await self._forget_vectors(guild_id, saved.stale)
        return len(saved.changed)

    async def deleted(self, guild_id: int, message_ids: Iterable[int]) -> int:
        """Messages are gone for good; how many of them were stored."""
        ids = list(message_ids)
        async with self._spaces.in_step:
            removed = await self._messages.delete(guild_id, ids)
            await self._spaces.remove(guild_id, ids)
            await self._forget_vectors(guild_id, removed.stale)
        return len(removed.message_ids)

    async def channels(self, guild_id: int) -> list[Channel]:
        """The channels and threads of a server that are known."""
        return await self._servers.channels(guild_id)

    async def with_threads(self, guild_id: int, channel_ids: Iterable[int]) -> set[int]:
        """Channels and what goes with them; the channels of a category outlive it."""
        named = set(channel_ids)
        threads = [c for c in await self._servers.channels(guild_id) if c.is_thread]
        return named | {thread.channel_id for thread in threads if thread.parent_id in named}

    async def stored(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, Message]:
        """Those of these messages that are stored and sound, by id."""
        rows = await self._messages.get_many(guild_id, message_ids)
        return {message_id: row.message for message_id, row in rows.items()}

    async def stored_ids(self, guild_id: int, message_ids: Iterable[int]) -> set[int]:
        """Which of these messages are stored."""
        return await self._messages.stored_ids(guild_id, message_ids)

    async def channels_deleted(self, guild_id: int, channel_ids: Iterable[int]) -> int:
        """Channels are gone for good, with their threads; how many messages were stored of them."""
        gone = await self.with_threads(guild_id, channel_ids)
        async with self._spaces.in_step:
            removed = await self._messages.delete_channels(guild_id, gone)
            await self._spaces.remove(guild_id, removed.message_ids)
            await self._forget_vectors(guild_id, removed.stale)
        return len(removed.message_ids)

    async def read_live(self, guild_id: int) -> set[int]:
        """The channels and threads whose history was read, in part at least."""
        return await self._servers.read_ids(guild_id)

    async def channels_closed(self, guild_id: int, channel_ids: Iterable[int]) -> int:
        """The bot may no longer read channels, so it can no longer hear of deletions there.

        What was read live goes, and is read anew once the bot may; how many messages that were.
        """
        if not (closed := await self.with_threads(guild_id, channel_ids)):
            return 0
        async with self._spaces.in_step:
            removed = await self._messages.withdraw_channels(guild_id, closed)
            await self._spaces.remove(guild_id, removed.message_ids)
            await self._forget_vectors(guild_id, removed.stale)
        return len(removed.message_ids)

    async def _forget_vectors(self, guild_id: int, message_ids: Collection[int]) -> None:
        """What is stored now is said otherwise than it is mirrored; it waits for its vectors."""
        if message_ids:
            await self._spaces.remove(guild_id, message_ids)
            self.has_pending.set()

    async def server_gone(self, guild_id: int, *, act: Act = Act.PURGED) -> None:
        """Everything that is stored of a server goes; its audit tells of the act alone."""
        async with self._spaces.in_step:
            await self._servers.forget(guild_id, act=act)
            await self._spaces.drop(guild_id)


def refusal(message: Message) -> str | None:
    """Why a message is not kept, as a key of the words; None when it is."""
    if message.is_notice:
        return "notice"
    if message.is_bot:
        return "bot"
    return None
