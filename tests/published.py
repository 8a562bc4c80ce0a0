"""Discord's published permission algorithm once more, in plain numbers: what the bot's own answer is held against.

It shares nothing with the bot, discord.py or the local Discord of these tests.
"""

from dataclasses import dataclass, field

ADMINISTRATOR = 1 << 3
VIEW_CHANNEL = 1 << 10
READ_MESSAGE_HISTORY = 1 << 16
CONNECT = 1 << 20
MANAGE_THREADS = 1 << 34
ALL = (1 << 52) - 1

TEXT, VOICE, NEWS, STAGE, FORUM, MEDIA = 0, 2, 5, 13, 15, 16
CATEGORY, UNKNOWN = 4, 99
NEWS_THREAD, PUBLIC_THREAD, PRIVATE_THREAD = 10, 11, 12
HOLD_MESSAGES = frozenset({TEXT, VOICE, NEWS, STAGE, FORUM, MEDIA})
VOICES = frozenset({VOICE, STAGE})
OF_ROLE, OF_MEMBER = 0, 1


@dataclass
class Overwrite:
    """What a channel says of one role or member."""

    id: int
    type: int
    allow: int
    deny: int


@dataclass
class Place:
    """A channel or category, its own overwrites being all that count."""

    id: int
    type: int
    parent_id: int | None = None
    nsfw: bool = False
    overwrites: list[Overwrite] = field(default_factory=list)


@dataclass
class Thread:
    """A thread, which follows its channel; `member_ids` are those who are in it."""

    id: int
    type: int
    parent_id: int
    member_ids: set[int] = field(default_factory=set)
    is_archived: bool = False
    is_locked: bool = False


@dataclass
class Member:
    id: int
    role_ids: list[int]
    is_timed_out: bool = False


@dataclass
class Server:
    """A server: roles are permissions by id, the server's own id being @everyone's."""

    id: int
    owner_id: int
    roles: dict[int, int]
    members: dict[int, Member]
    places: dict[int, Place]
    threads: dict[int, Thread]


def base_permissions(server: Server, member: Member) -> int:
    """What a member may do before any channel has its say."""
    if member.id == server.owner_id:
        return ALL
    granted = server.roles[server.id]
    for role_id in member.role_ids:
        granted |= server.roles[role_id]
    return ALL if granted & ADMINISTRATOR else granted


def permissions_in(server: Server, member: Member, place: Place) -> int:
    """What a member may do in a channel: @everyone's overwrite, then those of all roles together, then their own."""
    granted = base_permissions(server, member)
    if granted & ADMINISTRATOR:
        return ALL
    for one in place.overwrites:
        if one.id == server.id:
            granted = granted & ~one.deny | one.allow
    allowed = denied = 0
    for one in place.overwrites:
        if one.type == OF_ROLE and one.id != server.id and one.id in member.role_ids:
            allowed |= one.allow
            denied |= one.deny
    granted = granted & ~denied | allowed
    for one in place.overwrites:
        if one.type == OF_MEMBER and one.id == member.id:
            granted = granted & ~one.deny | one.allow
    if member.is_timed_out:
        granted &= VIEW_CHANNEL | READ_MESSAGE_HISTORY
    return granted if granted & VIEW_CHANNEL else 0


def sees(server: Server, member: Member, place_id: int) -> bool:
    """Whether new messages of a channel or thread are shown to a member."""
    thread = server.threads.get(place_id)
    place = server.places.get(thread.parent_id if thread else place_id)
    if place is None or place.type not in HOLD_MESSAGES:
        return False
    granted = permissions_in(server, member, place)
    if not granted & VIEW_CHANNEL or (place.type in VOICES and not granted & CONNECT):
        return False
    is_let_in = thread is None or thread.type != PRIVATE_THREAD or member.id in thread.member_ids
    return is_let_in or bool(granted & MANAGE_THREADS)


def reads(server: Server, member: Member, place_id: int) -> bool:
    """Whether a member may see what was written in a channel or thread before."""
    thread = server.threads.get(place_id)
    place = server.places.get(thread.parent_id if thread else place_id)
    if place is None or not sees(server, member, place_id):
        return False
    return bool(permissions_in(server, member, place) & READ_MESSAGE_HISTORY)


def is_for_adults(server: Server, place_id: int) -> bool:
    """Whether Discord asks one's age before it shows a channel, or the channel of a thread."""
    thread = server.threads.get(place_id)
    place = server.places.get(thread.parent_id if thread else place_id)
    return place is not None and place.nsfw
