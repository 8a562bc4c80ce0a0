"""Servers made by chance, and what discord.py has in its cache of them; no socket is opened."""

import random
from types import SimpleNamespace
from typing import Any

import discord
from published import (
    ADMINISTRATOR,
    CATEGORY,
    CONNECT,
    FORUM,
    MANAGE_THREADS,
    MEDIA,
    NEWS,
    NEWS_THREAD,
    OF_MEMBER,
    OF_ROLE,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    READ_MESSAGE_HISTORY,
    STAGE,
    TEXT,
    UNKNOWN,
    VIEW_CHANNEL,
    VOICE,
    VOICES,
    Member,
    Overwrite,
    Place,
    Server,
    Thread,
)

from bot.messages import Channel, ChannelKind

BOT, OWNER, ASKERS = 99, 1, (2, 3)
OTHERS = range(4, 12)
GONE = 555  # a channel that there is no more
BITS = (VIEW_CHANNEL, READ_MESSAGE_HISTORY, CONNECT, MANAGE_THREADS)
LONG_AGO, IN_A_WHILE = "2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
KINDS = {
    TEXT: ChannelKind.TEXT,
    NEWS: ChannelKind.TEXT,
    VOICE: ChannelKind.VOICE,
    STAGE: ChannelKind.VOICE,
    FORUM: ChannelKind.FORUM,
    MEDIA: ChannelKind.FORUM,
    NEWS_THREAD: ChannelKind.THREAD,
    PUBLIC_THREAD: ChannelKind.THREAD,
    PRIVATE_THREAD: ChannelKind.PRIVATE_THREAD,
    UNKNOWN: ChannelKind.OTHER,
}


def some(chance: random.Random, bits: tuple[int, ...], likely: float) -> int:
    """Each of the bits with a likelihood."""
    return sum(bit for bit in bits if chance.random() < likely)


def any_server(chance: random.Random, server_id: int = 1000) -> Server:
    """A server with roles, categories, channels, threads, and members of every sort."""
    roles = {server_id: some(chance, BITS[:3], 0.75) | some(chance, BITS[3:], 0.05)}
    roles |= {100 + n: some(chance, BITS, 0.25) | some(chance, (ADMINISTRATOR,), 0.04) for n in range(4)}
    server = Server(server_id, chance.choice((OWNER, OWNER, OWNER, ASKERS[0])), roles, {}, {}, {})
    for user_id in (BOT, OWNER, *ASKERS, *OTHERS):
        server.members[user_id] = any_member(chance, server, user_id)
    for n in range(3):
        server.places[10 + n] = Place(10 + n, CATEGORY, overwrites=any_overwrites(chance, server))
    for n in range(8):
        add_channel(chance, server, 20 + n)
    for n in range(7):
        add_thread(chance, server, 40 + n)
    return server


def any_member(chance: random.Random, server: Server, user_id: int) -> Member:
    named = [role_id for role_id in server.roles if role_id != server.id]
    if user_id == BOT and chance.random() < 0.7:
        server.roles[98] = ADMINISTRATOR
        return Member(BOT, [98])
    is_timed_out = user_id != BOT and chance.random() < 0.15
    return Member(user_id, [i for i in named if i != 98 and chance.random() < 0.35], is_timed_out)


def any_overwrites(chance: random.Random, server: Server) -> list[Overwrite]:
    targets = [(role_id, OF_ROLE) for role_id in server.roles] + [(i, OF_MEMBER) for i in (BOT, *ASKERS, *OTHERS[:2])]
    said = []
    for target_id, kind in chance.sample(targets, chance.choice((0, 0, 1, 2, 3, 5))):
        deny = some(chance, BITS, 0.3)
        said.append(Overwrite(target_id, kind, some(chance, BITS, 0.35) & ~deny, deny))
    return said


def add_channel(chance: random.Random, server: Server, channel_id: int) -> None:
    """A channel in a category or none, with its category's overwrites, those of another channel, or its own."""
    category = chance.choice([None, *(place for place in server.places.values() if place.type == CATEGORY)])
    kind = chance.choice((TEXT, TEXT, TEXT, NEWS, VOICE, VOICE, STAGE, FORUM, MEDIA, UNKNOWN))
    alike = chance.choice([category, *server.places.values(), None, None, None])
    said = any_overwrites(chance, server) if alike is None else list(alike.overwrites)
    parent_id = None if category is None else category.id
    server.places[channel_id] = Place(channel_id, kind, parent_id, chance.random() < 0.2, said)


def add_thread(chance: random.Random, server: Server, thread_id: int) -> None:
    """A thread of a channel, seldom of one that is gone, open, locked or archived."""
    parents = [place.id for place in server.places.values() if place.type in (TEXT, NEWS, FORUM, MEDIA)]
    kind = chance.choice((PUBLIC_THREAD, PUBLIC_THREAD, NEWS_THREAD, PRIVATE_THREAD, PRIVATE_THREAD))
    members = {i for i in (BOT, OWNER, *ASKERS, *OTHERS) if chance.random() < 0.4}
    parent_id = GONE if not parents or chance.random() < 0.1 else chance.choice(parents)
    server.threads[thread_id] = Thread(
        thread_id, kind, parent_id, members, chance.random() < 0.3, chance.random() < 0.2
    )


def changed(chance: random.Random, server: Server) -> None:
    """Something of who may read what changes, as it does while people use a server."""
    member = server.members[chance.choice(ASKERS)]
    place = chance.choice([place for place in server.places.values() if place.type != CATEGORY])
    match chance.randrange(7):
        case 0:
            member.role_ids = [i for i in server.roles if i not in (server.id, 98) and chance.random() < 0.35]
        case 1:
            member.is_timed_out = not member.is_timed_out
        case 2:
            server.roles[chance.choice([i for i in server.roles if i != 98])] ^= chance.choice(BITS)
        case 3:
            place.nsfw = not place.nsfw
        case 4:
            chance.choice(list(server.threads.values())).member_ids ^= {member.id}
        case 5:
            del server.places[place.id]
        case _:
            place.overwrites = any_overwrites(chance, server)


def stored_channels(server: Server) -> list[Channel]:
    """Every channel and thread as the bot has it stored."""
    places = [place for place in server.places.values() if place.type != CATEGORY]
    named = [(one.id, one.type, one.parent_id) for one in (*places, *server.threads.values())]
    return [Channel(server.id, i, f"place {i}", KINDS[kind], parent_id) for i, kind, parent_id in named]


# --- what Discord says of them


def user(user_id: int) -> dict[str, Any]:
    return {"id": str(user_id), "username": f"u{user_id}", "discriminator": "0", "avatar": None}


def member_of(server: Server, user_id: int) -> dict[str, Any]:
    member = server.members[user_id]
    until = IN_A_WHILE if member.is_timed_out else (LONG_AGO if user_id % 2 else None)
    return {
        "user": user(user_id),
        "roles": [str(i) for i in member.role_ids],
        "flags": 0,
        "communication_disabled_until": until,
        "joined_at": LONG_AGO,
    }


def thread_of(server: Server, thread: Thread) -> dict[str, Any]:
    return {
        "id": str(thread.id),
        "guild_id": str(server.id),
        "type": thread.type,
        "parent_id": str(thread.parent_id),
        "owner_id": str(OWNER),
        "name": f"place {thread.id}",
        "message_count": 1,
        "member_count": len(thread.member_ids),
        "thread_metadata": {
            "archived": thread.is_archived,
            "locked": thread.is_locked,
            "auto_archive_duration": 60,
            "archive_timestamp": LONG_AGO,
        },
    }


def channel_of(place: Place) -> dict[str, Any]:
    overwrites = [
        {"id": str(one.id), "type": one.type, "allow": str(one.allow), "deny": str(one.deny)}
        for one in place.overwrites
    ]
    voice = {"bitrate": 64000, "user_limit": 0} if place.type in VOICES else {}
    return {
        "id": str(place.id),
        "type": place.type,
        "name": f"place {place.id}",
        "position": place.id,
        "parent_id": None if place.parent_id is None else str(place.parent_id),
        "nsfw": place.nsfw,
        "permission_overwrites": overwrites,
        **voice,
    }


def guild_of(server: Server) -> dict[str, Any]:
    """GUILD_CREATE: of members only the bot itself, of threads those that are not archived."""
    roles = [{"id": str(i), "name": f"r{i}", "permissions": str(bits)} for i, bits in server.roles.items()]
    return {
        "id": str(server.id),
        "name": "Town",
        "owner_id": str(server.owner_id),
        "roles": roles,
        "members": [member_of(server, BOT)],
        "channels": [channel_of(place) for place in server.places.values()],
        "threads": [thread_of(server, thread) for thread in server.threads.values() if not thread.is_archived],
        "member_count": len(server.members),
    }


class Told(discord.http.HTTPClient):
    """Answers what the bot asks about threads, from the servers that it was told."""

    def __init__(self, servers: dict[int, Server]) -> None:
        super().__init__(loop=None)  # type: ignore[arg-type]  # it never sends anything
        self._servers = servers

    async def get_channel(self, channel_id: int) -> Any:
        server, thread = self._thread(channel_id)
        return thread_of(server, thread)

    async def get_thread_member(self, channel_id: int, user_id: int) -> Any:
        _, thread = self._thread(channel_id)
        if user_id not in thread.member_ids:
            raise _not_found()
        return {"id": str(thread.id), "user_id": str(user_id), "join_timestamp": LONG_AGO, "flags": 0}

    def _thread(self, thread_id: int) -> tuple[Server, Thread]:
        for server in self._servers.values():
            if thread_id in server.threads:
                return server, server.threads[thread_id]
        raise _not_found()


def _not_found() -> discord.NotFound:
    return discord.NotFound(SimpleNamespace(status=404, reason="Not Found"), {"code": 10003, "message": ""})  # type: ignore[arg-type]


class Cache:
    """What a client of discord.py knows of one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._client = discord.Client(intents=discord.Intents(guilds=True), max_messages=None)
        self._state = self._client._connection
        self._state.http = self._client.http = Told({server.id: server})
        self._state.user = discord.user.ClientUser(state=self._state, data=user(BOT) | {"bot": True})  # type: ignore[arg-type]
        self.refresh()

    @property
    def guild(self) -> discord.Guild:
        found = self._client.get_guild(self.server.id)
        assert found is not None
        return found

    def refresh(self) -> None:
        """Discord has told of all that changed."""
        self._state._add_guild(discord.Guild(data=guild_of(self.server), state=self._state))  # type: ignore[arg-type]

    def interaction(self, user_id: int, here_id: int, **values: Any) -> discord.Interaction[Any]:
        """A command that a member uses at a place; None as a value leaves a key out."""
        server = self.server
        thread = server.threads.get(here_id)
        shape = {
            "id": "7",
            "application_id": "8",
            "type": 2,
            "token": "t",
            "version": 1,
            "attachment_size_limit": 1,
            "guild_id": str(server.id),
            "channel_id": str(here_id),
            "channel": thread_of(server, thread) if thread else channel_of(server.places[here_id]),
            "member": member_of(server, user_id) | {"permissions": "0"},
            **values,
        }
        payload = {key: value for key, value in shape.items() if value is not None}
        return discord.Interaction(data=payload, state=self._state)  # type: ignore[arg-type]
