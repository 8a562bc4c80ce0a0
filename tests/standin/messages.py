"""A message, and what a test may do to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standin import message_payloads
from standin.snowflakes import made_at

EPHEMERAL, LOADING, HAS_THREAD, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 5, 1 << 15
THREAD_CREATED, REPLY, SLASH_ANSWER, STARTER, MENU_ANSWER = 18, 19, 20, 21, 23
KNOWN_TYPES = frozenset({*range(13), *range(14, 30), 31, 32, 36, 37, 38, 39, 46, 55})
WRITTEN_TYPES = frozenset({0, REPLY, SLASH_ANSWER, MENU_ANSWER})


@dataclass(eq=False, slots=True)
class Message:
    """A message as it stands now; `embeds`, `components` and `attachments` are as in its JSON."""

    discord: Any
    id: int
    channel: Any
    author: Any
    content: str
    type: int = 0
    flags: int = 0
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    edited_at: datetime | None = None
    edited_count: int = 0
    reply_to: "Message | None" = None
    thread: Any = None
    thread_made: Any = None
    webhook_id: int | None = None
    snapshots: list[dict[str, Any]] | None = None
    interaction: Any = None
    is_deleted: bool = False
    is_ringing: bool = False  # tells whom it answers

    def __post_init__(self) -> None:
        self._note()

    @property
    def at(self) -> datetime:
        return made_at(self.id)

    @property
    def url(self) -> str:
        return f"{self.channel.url}/{self.id}"

    @property
    def is_ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def is_hidden(self) -> bool:
        """Whether it is blanked for a bot without the message content intent."""
        bot = self.discord.bot
        if self.channel.guild is None:
            return False
        return self.author is not bot and bot.mention not in self.content and f"<@!{bot.id}>" not in self.content

    @property
    def is_of_a_known_type(self) -> bool:
        """Whether the published file lists its type; a test may send others, and of forwards it knows nothing."""
        return self.type in KNOWN_TYPES and self.snapshots is None

    @property
    def message(self) -> "Message":
        """Itself, so that it can be pressed like an answer."""
        return self

    async def edit(self, content: str) -> None:
        """Have its author change the text."""
        self.change({"content": content})

    async def unfurl(self, **embed: Any) -> None:
        """Have Discord add a link's embed: an update without an edit."""
        self.embeds.append({"type": "link", "url": "https://example.com/", "title": "Example"} | embed)
        self.dispatch_update()

    async def delete(self) -> None:
        """Delete it, with MESSAGE_DELETE unless nobody but one person saw it."""
        if self.channel.take_out(self):
            where = {"channel_id": str(self.channel.id)}
            where |= {"guild_id": str(self.channel.guild.id)} if self.channel.guild else {}
            self.channel.dispatch("MESSAGE_DELETE", {"id": str(self.id), **where})
        self.is_deleted = True

    def attach(self, given: Iterable[Any]) -> None:
        """Give it these attachments: names, (name, bytes) or their JSON."""
        self.attachments = [message_payloads.attachment(self.discord.snowflakes.new(), each) for each in given]

    def change(self, body: dict[str, Any], attachments: list[dict[str, Any]] | None = None) -> None:
        """Take over the fields that a body names, as an edit."""
        if "content" in body:
            self.content = body["content"] or ""
            self._note()
        if "embeds" in body:
            self.embeds = message_payloads.embeds(body["embeds"] or [])
        if "components" in body:
            self.components = message_payloads.components(body["components"] or [])
        if "attachments" in body or attachments:
            kept = {int(given["id"]) for given in body.get("attachments") or [] if "id" in given}
            self.attachments = [a for a in self.attachments if int(a["id"]) in kept] + (attachments or [])
        self.flags |= (body.get("flags") or 0) & COMPONENTS_V2
        if self.flags & LOADING:
            self.flags &= ~LOADING  # what was deferred is there now, not edited
        else:
            self.edited_at = datetime.now(UTC)
            self.edited_count += 1
        self.dispatch_update()

    def _note(self) -> None:
        """Have the text known as one that a person wrote; the bot may say in its log what it says itself."""
        if self.author is not self.discord.bot:
            self.discord.texts.add(self.content)

    def dispatch_update(self) -> None:
        """Tell the clients how it stands now."""
        if not self.is_ephemeral and not self.is_deleted:
            data = message_payloads.message_event(self)
            how = {"hides_content": self.is_hidden, "is_checked": self.is_of_a_known_type}
            self.channel.dispatch("MESSAGE_UPDATE", data, **how)
