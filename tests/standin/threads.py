"""Forums and threads, with what a test may do in and to them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standin import payloads, permissions
from standin.channels import PRIVATE_THREAD, PUBLIC_THREAD, Channel
from standin.intents import MEMBERS
from standin.messages import EPHEMERAL, Message
from standin.snowflakes import made_at


@dataclass(eq=False)
class Forum(Channel):
    """A channel that holds posts only; `tags` are the ids of those that posts may have, by name."""

    tags: dict[str, int] = field(default_factory=dict)

    async def tag(self, name: str) -> None:
        """Offer a tag, with CHANNEL_UPDATE."""
        self.tags[name] = self.discord.snowflakes.new()
        await self.announce()

    async def post(self, author: Any, title: str, content: str, **details: Any) -> "Thread":
        """Open a post in a forum; its first message has the post's own id."""
        post = self.guild.open_thread(self, title, author, PUBLIC_THREAD)
        post.publish(Message(self.discord, post.id, post, author, content, **details))
        return post


@dataclass(eq=False)
class Thread(Channel):
    """A thread or a forum's post; `members` are the ids of who follows it, with when they joined."""

    owner: Any = None
    is_archived: bool = False
    is_locked: bool = False
    archived_at: datetime | None = None
    members: dict[int, datetime] = field(default_factory=dict)

    tag_ids: list[int] = field(default_factory=list)

    is_thread = True

    @property
    def is_private(self) -> bool:
        return self.type == PRIVATE_THREAD

    def open(self) -> None:
        """Begin to exist, followed by its owner."""
        self.archived_at = made_at(self.id)
        self.members[self.owner.id] = datetime.now(UTC)
        self.guild.threads[self.id] = self.discord.channels[self.id] = self
        self._tell("THREAD_CREATE", payloads.thread(self) | {"newly_created": True})

    def publish(self, message: Message, *, is_checked: bool = True) -> None:
        """As in any channel, but who writes follows, and writing opens an archived thread again."""
        if self.is_archived:
            self._set_archived(is_archived=False)
        if message.author.id in self.guild.members and not message.flags & EPHEMERAL:
            self.members.setdefault(message.author.id, datetime.now(UTC))
        super().publish(message, is_checked=is_checked)

    async def archive(self, *, at: datetime | None = None) -> None:
        """Archive it, now or at another moment."""
        self._set_archived(is_archived=True, at=at)

    async def lock(self) -> None:
        """Let only those write who manage threads."""
        self.is_locked = True
        await self.announce()

    async def give_tag(self, name: str) -> None:
        """Give a post one of its forum's tags."""
        self.tag_ids.append(self.parent.tags[name])
        await self.announce()

    async def unarchive(self) -> None:
        """Make it active again."""
        self._set_archived(is_archived=False)

    async def add(self, user: Any) -> None:
        """Let somebody follow it, which in a private thread lets them see it."""
        if user is self.discord.bot and not permissions.reads(self, user):
            self.members[user.id] = datetime.now(UTC)
            self._tell("THREAD_CREATE", payloads.thread(self) | {"member": payloads.thread_member(self, user.id)})
        self.members[user.id] = datetime.now(UTC)
        added = payloads.thread_member(self, user.id) | {"member": payloads.member(self.guild.members[user.id])}
        added["presence"] = None
        self._tell_members(user, {"added_members": [added]})

    async def remove(self, user: Any) -> None:
        """Take somebody out of it."""
        del self.members[user.id]
        self._tell_members(user, {"removed_member_ids": [str(user.id)]})

    async def announce(self) -> None:
        self._tell("THREAD_UPDATE", payloads.thread(self))

    async def delete(self) -> None:
        """Delete it, with THREAD_DELETE."""
        keys = ("id", "guild_id", "parent_id", "type")
        told = {key: value for key, value in payloads.thread(self).items() if key in keys}
        self._tell("THREAD_DELETE", told)
        self.forget()

    def forget(self) -> None:
        """Be gone without a word."""
        del self.guild.threads[self.id], self.discord.channels[self.id]

    def _set_archived(self, *, is_archived: bool, at: datetime | None = None) -> None:
        self.is_archived, self.archived_at = is_archived, at or datetime.now(UTC)
        self._tell("THREAD_UPDATE", payloads.thread(self))

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        if permissions.reads(self, self.discord.bot):
            self.guild.dispatch(event, data)

    def _tell_members(self, user: Any, change: dict[str, Any]) -> None:
        data = {"id": str(self.id), "guild_id": str(self.guild.id), "member_count": len(self.members)} | change
        is_own = user is self.discord.bot
        if is_own or permissions.reads(self, self.discord.bot):
            self.guild.dispatch("THREAD_MEMBERS_UPDATE", data, **({} if is_own else {"intents": MEMBERS}))
