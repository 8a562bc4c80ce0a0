"""Users, roles, members and guilds, with what a test may do to them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standin import payloads, permissions
from standin.channels import CATEGORY, FORUM, TEXT, VOICE, Channel, overwrites_of
from standin.intents import GUILDS, MEMBERS
from standin.snowflakes import stamp
from standin.threads import Forum, Thread


@dataclass(eq=False)
class User:
    """An account; `bot` is true of applications'."""

    discord: Any
    id: int
    name: str
    global_name: str | None = None
    locale: str = "en-US"
    bot: bool = False

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def __repr__(self) -> str:
        return f"<{self.name} {self.id}>"


@dataclass(eq=False)
class Role:
    """A role of a guild; the one with the guild's own id is @everyone."""

    guild: "Guild"
    id: int
    name: str
    permissions: int = 0
    position: int = 0

    async def edit(self, *, permissions: Any = None, name: str | None = None) -> None:
        """Change it, with GUILD_ROLE_UPDATE; threads and messages follow the new permissions at once."""
        with self.guild.telling_of_gains():
            if permissions is not None:
                self.permissions = int(getattr(permissions, "value", permissions))
            self.name = name or self.name
            self.guild.dispatch("GUILD_ROLE_UPDATE", {"guild_id": str(self.guild.id), "role": payloads.role(self)})


@dataclass(eq=False)
class Member:
    """A user in a guild."""

    user: User
    guild: "Guild"
    roles: list[Role] = field(default_factory=list)
    joined_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    nick: str | None = None
    timed_out_until: datetime | None = None


@dataclass(eq=False)
class Guild:
    """A server. What is made in it while clients are connected reaches them as events."""

    discord: Any
    id: int
    name: str
    owner: User
    locale: str = "en-US"
    is_available: bool = True
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    threads: dict[int, Thread] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.roles[self.id] = Role(self, self.id, "@everyone", permissions.EVERYONE)

    @property
    def everyone(self) -> Role:
        return self.roles[self.id]

    @property
    def has_bot(self) -> bool:
        return self.discord.bot.id in self.members

    def dispatch(self, event: str, data: dict[str, Any], **how: Any) -> None:
        """Send an event of this guild to the clients, if the bot is in it and it is up."""
        if self.has_bot and self.is_available:
            self.discord.gateway.dispatch(event, data, **{"intents": GUILDS} | how)

    @contextmanager
    def telling_of_gains(self) -> Iterator[None]:
        """Send the threads of each channel that the bot sees afterwards, but not before."""
        bot = self.discord.bot
        hidden = [channel for channel in self.channels.values() if not permissions.reads(channel, bot)]
        yield
        for channel in hidden:
            if permissions.reads(channel, bot):
                self.dispatch("THREAD_LIST_SYNC", payloads.thread_list_sync(channel))

    def join(self, user: User, *, roles: Iterable[Role] = ()) -> Member:
        """Make a user a member."""
        member = self.members[user.id] = Member(user, self, list(roles))
        payload = payloads.member(member) | {"guild_id": str(self.id)}
        if user is not self.discord.bot:
            self.dispatch("GUILD_MEMBER_ADD", payload, intents=MEMBERS)
        return member

    def leave(self, user: User) -> None:
        """Take a user out of the guild and of its threads."""
        del self.members[user.id]
        for thread in self.threads.values():
            thread.members.pop(user.id, None)
        data = {"guild_id": str(self.id), "user": payloads.user(user)}
        self.dispatch("GUILD_MEMBER_REMOVE", data, intents=MEMBERS)

    async def give(self, user: User, role: Role) -> None:
        """Give a member a role."""
        with self.telling_of_gains():
            self.members[user.id].roles.append(role)
            self._dispatch_member(user)

    async def take(self, user: User, role: Role) -> None:
        """Take a role from a member."""
        self.members[user.id].roles.remove(role)
        self._dispatch_member(user)

    async def time_out(self, user: User, until: datetime | None) -> None:
        """Silence a member until then; None ends it."""
        self.members[user.id].timed_out_until = until
        self._dispatch_member(user)

    def role(self, name: str, *, permissions: Any = 0) -> Role:
        """Make a role; permissions are Discord's number or a discord.Permissions."""
        granted = int(getattr(permissions, "value", permissions))
        role = Role(self, self.discord.snowflakes.new(), name, granted, len(self.roles))
        self.roles[role.id] = role
        self.dispatch("GUILD_ROLE_CREATE", {"guild_id": str(self.id), "role": payloads.role(role)})
        return role

    async def delete_role(self, role: Role) -> None:
        """Delete a role; who had it loses it."""
        del self.roles[role.id]
        self.dispatch("GUILD_ROLE_DELETE", {"guild_id": str(self.id), "role_id": str(role.id)})
        for member in self.members.values():
            if role in member.roles:
                member.roles.remove(role)
                self._dispatch_member(member.user)

    def category(self, name: str, *, overwrites: dict[Any, Any] | None = None) -> Channel:
        """Make a category; channels made in it without overwrites of their own take its."""
        return self.channel(CATEGORY, name, overwrites=overwrites)

    def text(self, name: str, **details: Any) -> Channel:
        """Make a text channel; details are `category`, `overwrites` {role or user: (allow, deny)}, `nsfw`, `topic`."""
        return self.channel(TEXT, name, **details)

    def voice(self, name: str, **details: Any) -> Channel:
        """Make a voice channel, which holds messages too."""
        return self.channel(VOICE, name, **details)

    def forum(self, name: str, **details: Any) -> Forum:
        """Make a forum, which holds posts only."""
        return self.channel(FORUM, name, **details)

    def channel(
        self,
        kind: int,
        name: str,
        *,
        category: Channel | None = None,
        overwrites: dict[Any, Any] | None = None,
        nsfw: bool = False,
        topic: str | None = None,
    ) -> Channel:
        """Make a channel of a type by its number."""
        make = Forum if kind == FORUM else Channel
        made = make(self.discord, self.discord.snowflakes.new(), self, name, kind, parent=category, nsfw=nsfw)
        made.topic = topic
        made.position = len(self.channels)
        made.overwrites = overwrites_of(overwrites) if overwrites or not category else dict(category.overwrites)
        self.channels[made.id] = self.discord.channels[made.id] = made
        self.dispatch("CHANNEL_CREATE", payloads.channel(made))
        return made

    def open_thread(self, parent: Channel, name: str, owner: User, kind: int, thread_id: int | None = None) -> Thread:
        """Begin a thread, empty but for its owner."""
        made_id = thread_id or self.discord.snowflakes.new()
        thread = Thread(self.discord, made_id, self, name, kind, parent=parent, owner=owner)
        thread.open()
        return thread

    async def rename(self, name: str) -> None:
        """Change the guild's name, with GUILD_UPDATE."""
        self.name = name
        self.dispatch("GUILD_UPDATE", payloads.guild(self))

    async def remove_bot(self) -> None:
        """Throw the bot out; from then on REST refuses it here."""
        self.dispatch("GUILD_DELETE", {"id": str(self.id)})
        del self.members[self.discord.bot.id]

    async def add_bot(self, *, roles: Iterable[Role] = ()) -> None:
        """Invite the bot."""
        self.enter(roles=roles)

    def enter(self, *, roles: Iterable[Role] = ()) -> None:
        """Have the bot be here, with GUILD_CREATE."""
        self.join(self.discord.bot, roles=roles)
        self.dispatch("GUILD_CREATE", payloads.guild_create(self))

    async def outage(self) -> None:
        """Have the guild down for everybody: GUILD_DELETE with `unavailable`, then nothing until `recover`."""
        self.dispatch("GUILD_DELETE", {"id": str(self.id), "unavailable": True})
        self.is_available = False

    async def recover(self) -> None:
        """End the outage: GUILD_CREATE."""
        self.is_available = True
        self.dispatch("GUILD_CREATE", payloads.guild_create(self) | {"unavailable": False})

    def _dispatch_member(self, user: User) -> None:
        member = self.members[user.id]
        data = payloads.member(member) | {"guild_id": str(self.id), "joined_at": stamp(member.joined_at)}
        is_own = user is self.discord.bot
        self.dispatch("GUILD_MEMBER_UPDATE", data, intents=0 if is_own else MEMBERS)
