"""Channels, with what a test may do in and to them."""

import asyncio
import bisect
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from standin import message_payloads, payloads, permissions
from standin.intents import DIRECT_MESSAGES, GUILD_MESSAGES
from standin.messages import HAS_THREAD, STARTER, THREAD_CREATED, Message

TEXT, VOICE, CATEGORY, FORUM = 0, 2, 4, 15
PUBLIC_THREAD, PRIVATE_THREAD = 11, 12
CHECKED_OF_A_FLOOD = 50
by_id = attrgetter("id")


@dataclass(frozen=True)
class Overwrite:
    """What a channel allows and denies a role (type 0) or a member (type 1)."""

    id: int
    type: int
    allow: int
    deny: int


def overwrite_of(target: Any, allow: Any, deny: Any) -> Overwrite:
    numbers = [int(getattr(value, "value", value)) for value in (allow, deny)]
    return Overwrite(target.id, 0 if hasattr(target, "permissions") else 1, *numbers)


def overwrites_of(given: dict[Any, tuple[Any, Any]] | None) -> dict[int, Overwrite]:
    """Overwrites by their target's id, from {role or user: (allow, deny)}."""
    return {target.id: overwrite_of(target, *numbers) for target, numbers in (given or {}).items()}


@dataclass(eq=False)
class Channel:
    """A channel of a guild; `messages` holds what is in its history, oldest first."""

    discord: Any
    id: int
    guild: Any
    name: str
    type: int
    parent: "Channel | None" = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    nsfw: bool = False
    topic: str | None = None
    position: int = 0
    messages: list[Message] = field(default_factory=list)

    is_thread = False

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def url(self) -> str:
        return f"https://discord.com/channels/{self.guild.id}/{self.id}"

    def __repr__(self) -> str:
        return f"<#{self.name} {self.id}>"

    def find(self, message_id: int) -> Message | None:
        """A message of the history by its id."""
        at = bisect.bisect_left(self.messages, message_id, key=by_id)
        return self.messages[at] if at < len(self.messages) and self.messages[at].id == message_id else None

    def put(self, message: Message) -> None:
        """Place a message where its id belongs in the history."""
        bisect.insort(self.messages, message, key=by_id)

    def dispatch(self, event: str, data: dict[str, Any], **how: Any) -> None:
        """Send an event about messages here, if they reach the bot."""
        if self.guild.has_bot and permissions.reads(self, self.discord.bot):
            self.guild.dispatch(event, data, **{"intents": GUILD_MESSAGES} | how)

    async def post(
        self,
        author: Any,
        content: str = "",
        *,
        reply_to: Message | None = None,
        attachments: Sequence[Any] = (),
        embeds: Sequence[dict[str, Any]] = (),
        type: int = 0,  # noqa: A002  # Discord's own name
        webhook: bool = False,
        at: datetime | None = None,
        snapshots: Sequence[str | Message] | None = None,
    ) -> Message:
        """Have somebody write here; `at` back-dates it, `snapshots` makes it a forward of those texts or messages."""
        message = self.compose(author, content, at=at)
        message.type = type or (19 if reply_to else 0)
        message.reply_to = reply_to
        message.embeds = list(embeds)
        message.attach(attachments)
        message.webhook_id = self.discord.snowflakes.new() if webhook else None
        message.snapshots = None if snapshots is None else [message_payloads.snapshot(given) for given in snapshots]
        self.publish(message)
        return message

    def compose(self, author: Any, content: str, *, at: datetime | None = None) -> Message:
        """A message of this channel that nobody has seen yet."""
        return Message(self.discord, self.discord.snowflakes.new(at), self, author, content)

    def publish(self, message: Message, *, is_checked: bool = True) -> None:
        """Put a message into the history and tell the clients."""
        self.put(message)
        data = message_payloads.message_event(message)
        is_checked = is_checked and message.is_of_a_known_type
        self.dispatch("MESSAGE_CREATE", data, hides_content=message.is_hidden, is_checked=is_checked)

    def seed(
        self,
        author: Any,
        texts: int | Iterable[str],
        *,
        start: datetime | None = None,
        step: timedelta = timedelta(seconds=1),
    ) -> list[Message]:
        """Fill the history without any event: so many numbered messages, or these texts, one each step."""
        texts = [f"message {n}" for n in range(texts)] if isinstance(texts, int) else list(texts)
        start = start or datetime.now(UTC) - step * (len(texts) + 1)
        people = itertools.cycle(author if isinstance(author, list | tuple) else [author])
        seeded = [self.compose(next(people), text, at=start + step * n) for n, text in enumerate(texts)]
        self.messages = sorted([*self.messages, *seeded], key=by_id)
        return seeded

    async def flood(self, people: Sequence[Any], texts: Sequence[str], per_second: float, seconds: float) -> int:
        """Have people write at a rate, the texts over and over; how many messages that were."""
        loop = asyncio.get_running_loop()
        began, n, total = loop.time(), 0, int(per_second * seconds)
        while n < total:
            due = min(total, int((loop.time() - began) * per_second) + 1)
            for n in range(n, due):  # noqa: B020  # it goes on counting
                message = self.compose(people[n % len(people)], texts[n % len(texts)])
                self.publish(message, is_checked=n < CHECKED_OF_A_FLOOD)
            n = due
            await asyncio.sleep(0.005)
        return total

    async def bulk_delete(self, messages: Iterable[Message]) -> None:
        """Delete many messages in one event."""
        gone = [message for message in messages if self.take_out(message)]
        ids = [str(message.id) for message in gone]
        self.dispatch("MESSAGE_DELETE_BULK", {"ids": ids, "channel_id": str(self.id), "guild_id": str(self.guild.id)})

    def take_out(self, message: Message) -> bool:
        """Take a message out of the history; whether it was there."""
        if self.find(message.id) is None:
            return False
        self.messages.remove(message)
        message.is_deleted = True
        return True

    async def thread(self, name: str, *, by: Any, private: bool = False, message: Message | None = None) -> Any:
        """Have somebody start a thread, from a message or alone, with the system message that Discord adds."""
        thread_id = message.id if message else None
        thread = self.guild.open_thread(self, name, by, PRIVATE_THREAD if private else PUBLIC_THREAD, thread_id)
        if message:
            message.thread = thread
            message.flags |= HAS_THREAD
            message.dispatch_update()
            starter = thread.compose(by, "")
            starter.type, starter.reply_to = STARTER, message
            thread.publish(starter)
        elif not private and self.type != FORUM:
            notice = self.compose(by, name)
            notice.type, notice.thread_made = THREAD_CREATED, thread
            self.publish(notice)
        return thread

    async def overwrite(self, target: Any, *, allow: Any = 0, deny: Any = 0) -> None:
        """Set what this channel allows and denies a role or user, with CHANNEL_UPDATE."""
        with self.guild.telling_of_gains():
            self.overwrites[target.id] = overwrite_of(target, allow, deny)
            await self.announce()

    async def announce(self) -> None:
        self.guild.dispatch("CHANNEL_UPDATE", payloads.channel(self))

    async def rename(self, name: str) -> None:
        """Change the name, with CHANNEL_UPDATE or THREAD_UPDATE."""
        self.name = name
        await self.announce()

    async def restrict(self, *, nsfw: bool = True) -> None:
        """Make it age-restricted, or open to all ages, with CHANNEL_UPDATE."""
        self.nsfw = nsfw
        await self.announce()

    async def move(self, category: "Channel | None") -> None:
        """Put it into another category, its permissions unchanged, with CHANNEL_UPDATE."""
        self.parent = category
        await self.announce()

    async def delete(self) -> None:
        """Delete the channel and its threads; only the channel's own deletion is told."""
        for thread in [thread for thread in self.guild.threads.values() if thread.parent is self]:
            thread.forget()
        del self.guild.channels[self.id], self.discord.channels[self.id]
        self.guild.dispatch("CHANNEL_DELETE", payloads.channel(self))


@dataclass(eq=False)
class Direct(Channel):
    """The conversation of a person and the bot."""

    owner: Any = None

    @property
    def url(self) -> str:
        return f"https://discord.com/channels/@me/{self.id}"

    def dispatch(self, event: str, data: dict[str, Any], **how: Any) -> None:
        """Send an event about messages here."""
        self.discord.gateway.dispatch(event, data, **{"intents": DIRECT_MESSAGES} | how)
