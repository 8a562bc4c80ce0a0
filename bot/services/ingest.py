"""What comes in: messages saved and edited, messages deleted, channels and servers gone."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

from bot.messages import Channel, Message, Server
from bot.services.keeping import TAKEN_OUT, Keeping
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

    def __init__(self, messages: MessageStore, servers: ServerStore, spaces: Spaces, keeping: Keeping) -> None:
        self._messages = messages
        self._servers = servers
        self._spaces = spaces
        self._keeping = keeping
        self.has_pending = asyncio.Event()  # set when something may wait for a vector

    async def met(self, server: Server, channel: Channel) -> None:
        """A channel was seen: know its name, which goes into what is found of a thread."""
        async with self._spaces.in_step:
            stale = await self._servers.put(server, channel)
            await self._forget_vectors(server.guild_id, stale)

    async def named(self, server: Server, channel: Channel) -> None:
        """A channel was seen by whoever cannot tell whether it is age-restricted: what is known of that stays."""
        known = {each.channel_id: each for each in await self._servers.channels(server.guild_id)}
        before = known.get(channel.channel_id, channel)
        await self.met(server, replace(channel, is_age_restricted=before.is_age_restricted))

    async def saved(
        self,
        guild_id: int,
        messages: Sequence[Message],
        *,
        reached: Marks | None = None,
        risen: Mapping[int, int] = MappingProxyType({}),
    ) -> Tally:
        """Messages were written or edited; those that may not be kept are counted by reason.

        `reached` and `risen` move marks as MessageStore.save says; those of a channel that is shut out stay away.
        """
        async with self._spaces.in_step:
            admitted, skipped = await self._admitted(guild_id, messages)
            if reached is not None and await self._keeping.is_shut_out(guild_id, reached.channel_id):
                reached = None
            saved = await self._messages.save(guild_id, admitted, reached=reached, risen=risen)
            await self._forget_vectors(guild_id, saved.stale)
        if saved.new:
            self.has_pending.set()
        n_saved = len(saved.new) + len(saved.changed)
        return Tally(
            new=len(saved.new),
            changed=len(saved.changed),
            unchanged=len(admitted) - n_saved - len(saved.buried) - len(saved.opted_out),
            skipped=skipped + Counter({"deleted": len(saved.buried), "opted_out": len(saved.opted_out)}),
        )

    async def renewed(self, guild_id: int, messages: Sequence[Message]) -> int:
        """Messages were found as they are now; how many of those that are stored had changed. The others stay out."""
        async with self._spaces.in_step:
            admitted, _ = await self._admitted(guild_id, messages)
            saved = await self._messages.renew(guild_id, admitted)
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

    async def withdrawn(self, guild_id: int, message_ids: Iterable[int]) -> int:
        """Messages may not be kept any more, and may come back once they may; how many of them were stored."""
        async with self._spaces.in_step:
            return await self._withdraw(guild_id, list(message_ids))

    async def unread(self, guild_id: int, channel_ids: Collection[int] | None = None) -> None:
        """The histories of these channels, or of all, are to be read anew."""
        async with self._spaces.in_step:
            await self._keeping.unread(guild_id, channel_ids)

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

    async def _admitted(self, guild_id: int, messages: Sequence[Message]) -> tuple[list[Message], Counter[str]]:
        """The messages that may be kept, and why the others may not; what is stored of those goes."""
        reasons = await self._keeping.refusals(guild_id, messages)
        refused = [(message, reason) for message, reason in zip(messages, reasons, strict=True) if reason is not None]
        if gone := [message.message_id for message, reason in refused if reason in TAKEN_OUT]:
            await self._withdraw(guild_id, await self._messages.stored_ids(guild_id, gone))
        admitted = [message for message, reason in zip(messages, reasons, strict=True) if reason is None]
        return admitted, Counter(reason for _, reason in refused)

    async def _withdraw(self, guild_id: int, message_ids: Collection[int]) -> int:
        """The caller holds `in_step`."""
        if not message_ids:
            return 0
        removed = await self._messages.withdraw(guild_id, message_ids)
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
