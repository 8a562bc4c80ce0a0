"""Who may do what where: Discord's published algorithm, over the guilds and channels of this package."""

from datetime import UTC, datetime

ADMINISTRATOR = 1 << 3
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
READ_MESSAGE_HISTORY = 1 << 16
CONNECT = 1 << 20
USE_APPLICATION_COMMANDS = 1 << 31
MANAGE_THREADS = 1 << 34
SEND_MESSAGES_IN_THREADS = 1 << 38

ALL = (1 << 52) - 1
# What @everyone may do in a new guild.
EVERYONE = (
    VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | 1 << 15  # attach files
    | 1 << 6  # add reactions
    | READ_MESSAGE_HISTORY
    | CONNECT
    | 1 << 21  # speak
    | USE_APPLICATION_COMMANDS
    | 1 << 35  # create public threads
    | 1 << 36  # create private threads
    | SEND_MESSAGES_IN_THREADS
)
WHILE_TIMED_OUT = VIEW_CHANNEL | READ_MESSAGE_HISTORY
VOICE_TYPES = frozenset({2, 13})


def in_guild(guild, user) -> int:
    """What a member may do before any channel's overwrites; nothing for whom the guild does not know."""
    member = guild.members.get(user.id)
    if member is None:
        return 0
    if user is guild.owner:
        return ALL
    granted = guild.everyone.permissions
    for role in member.roles:
        granted |= role.permissions
    return ALL if granted & ADMINISTRATOR else granted


def in_channel(channel, user) -> int:
    """What a member may do in a channel or thread; 0 where they cannot see it. In direct messages it is everything."""
    if channel.guild is None:
        return ALL
    parent = channel.parent if channel.is_thread else channel
    granted = in_guild(channel.guild, user)
    if granted == ALL:
        return ALL
    member = channel.guild.members.get(user.id)
    if member is None:
        return 0
    granted = _with_overwrites(granted, parent.overwrites, member, channel.guild.everyone)
    if member.timed_out_until is not None and member.timed_out_until > datetime.now(UTC):
        granted &= WHILE_TIMED_OUT
    if not granted & VIEW_CHANNEL or (channel.is_thread and not _is_let_in(channel, user, granted)):
        return 0
    if parent.type in VOICE_TYPES and not granted & CONNECT:
        granted &= VIEW_CHANNEL  # the name in the list is all they see of it
    return granted


def may(channel, user, needed: int) -> bool:
    """Whether all that is needed is granted."""
    return in_channel(channel, user) & needed == needed


def reads(channel, user) -> bool:
    """Whether new messages of a channel reach a member."""
    granted = in_channel(channel, user)
    parent = channel.parent if channel.is_thread else channel
    if granted == ALL:
        return True
    return bool(granted & VIEW_CHANNEL) and (parent.type not in VOICE_TYPES or bool(granted & CONNECT))


def to_send(channel) -> int:
    """What one needs to send a message there."""
    return VIEW_CHANNEL | (SEND_MESSAGES_IN_THREADS if channel.is_thread else SEND_MESSAGES)


def _with_overwrites(granted: int, overwrites, member, everyone) -> int:
    if overwrite := overwrites.get(everyone.id):
        granted = granted & ~overwrite.deny | overwrite.allow
    of_roles = [overwrites[role.id] for role in member.roles if role.id in overwrites]
    for overwrite in of_roles:
        granted &= ~overwrite.deny
    for overwrite in of_roles:
        granted |= overwrite.allow
    if overwrite := overwrites.get(member.user.id):
        granted = granted & ~overwrite.deny | overwrite.allow
    return granted


def _is_let_in(thread, user, granted: int) -> bool:
    return not thread.is_private or user.id in thread.members or bool(granted & MANAGE_THREADS)
