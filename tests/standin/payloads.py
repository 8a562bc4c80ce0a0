"""The JSON of users, guilds and channels, complete enough for the published schemas."""

from typing import Any

from standin import permissions
from standin.snowflakes import made_at, stamp

Json = dict[str, Any]


def user(who: Any) -> Json:
    """A user; applications have `bot`."""
    shape = {
        "id": str(who.id),
        "username": who.name,
        "discriminator": "0001" if who.bot else "0",
        "global_name": who.global_name,
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
        "avatar_decoration_data": None,
        "collectibles": None,
    }
    return shape | ({"bot": True} if who.bot else {})


def own_user(who: Any) -> Json:
    """A user as it sees itself."""
    return user(who) | {"mfa_enabled": True, "locale": "en-US", "verified": True, "email": None}


def member_without_user(who: Any) -> Json:
    """A member as it stands beside its user."""
    return {
        "roles": [str(role.id) for role in who.roles],
        "nick": who.nick,
        "avatar": None,
        "banner": None,
        "flags": 0,
        "joined_at": stamp(who.joined_at),
        "premium_since": None,
        "pending": False,
        "communication_disabled_until": stamp(who.timed_out_until),
        "deaf": False,
        "mute": False,
    }


def member(who: Any) -> Json:
    return member_without_user(who) | {"user": user(who.user)}


def role(made: Any) -> Json:
    return {
        "id": str(made.id),
        "name": made.name,
        "permissions": str(made.permissions),
        "position": made.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def channel(made: Any) -> Json:
    """A channel of any kind, threads included."""
    if made.is_thread:
        return thread(made)
    if made.guild is None:
        return {"id": str(made.id), "type": 1, "flags": 0, "last_message_id": None, "recipients": [user(made.owner)]}
    shape = {
        "id": str(made.id),
        "type": made.type,
        "guild_id": str(made.guild.id),
        "name": made.name,
        "position": made.position,
        "parent_id": str(made.parent.id) if made.parent else None,
        "flags": 0,
        "nsfw": made.nsfw,
        "permission_overwrites": [
            {"id": str(o.id), "type": o.type, "allow": str(o.allow), "deny": str(o.deny)}
            for o in made.overwrites.values()
        ],
    }
    if made.type in permissions.VOICE_TYPES:
        shape |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    elif made.parent is not None or made.type != 4:  # a category has neither topic nor messages
        shape |= {"topic": made.topic, "rate_limit_per_user": 0}
    if made.type == 15:  # forums list tags and layout
        shape |= {
            "available_tags": [_tag(*each) for each in made.tags.items()],
            "default_reaction_emoji": None,
            "default_sort_order": None,
        }
        shape |= {"default_forum_layout": 0}
    else:
        shape["last_message_id"] = str(made.messages[-1].id) if made.messages else None
    return shape


def _tag(name: str, tag_id: int) -> Json:
    return {"id": str(tag_id), "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}


def thread(made: Any) -> Json:
    """A thread; `member` is there when the bot follows it."""
    metadata = {
        "archived": made.is_archived,
        "archive_timestamp": stamp(made.archived_at),
        "auto_archive_duration": 4320,
        "locked": made.is_locked,
        "create_timestamp": stamp(made_at(made.id)),
    }
    n_messages = len(made.messages)
    shape = {
        "id": str(made.id),
        "type": made.type,
        "guild_id": str(made.guild.id),
        "parent_id": str(made.parent.id),
        "owner_id": str(made.owner.id),
        "name": made.name,
        "flags": 0,
        "last_message_id": str(made.messages[-1].id) if made.messages else None,
        "rate_limit_per_user": 0,
        "message_count": n_messages,
        "total_message_sent": n_messages,
        "member_count": min(len(made.members), 50),
        "thread_metadata": metadata | ({"invitable": True} if made.is_private else {}),
    }
    if made.tag_ids:
        shape["applied_tags"] = [str(tag_id) for tag_id in made.tag_ids]
    if made.discord.bot.id in made.members:
        shape["member"] = thread_member(made, made.discord.bot.id)
    return shape


def thread_member(made: Any, user_id: int) -> Json:
    return {
        "id": str(made.id),
        "user_id": str(user_id),
        "join_timestamp": stamp(made.members[user_id]),
        "flags": 0,
    }


def visible_threads(guild: Any, who: Any) -> list[Any]:
    """The active threads of a guild that somebody sees, newest first."""
    active = [thread for thread in guild.threads.values() if not thread.is_archived]
    return sorted((t for t in active if permissions.reads(t, who)), key=lambda t: -t.id)


def thread_list(threads: list[Any], who: Any, *, has_more: bool = False) -> Json:
    """Threads, and somebody's membership in them."""
    members = [thread_member(made, who.id) for made in threads if who.id in made.members]
    return {"threads": [thread(made) for made in threads], "members": members, "has_more": has_more}


def thread_list_sync(parent: Any) -> Json:
    bot = parent.discord.bot
    threads = [made for made in visible_threads(parent.guild, bot) if made.parent is parent]
    listed = thread_list(threads, bot)
    del listed["has_more"]
    return {"guild_id": str(parent.guild.id), "channel_ids": [str(parent.id)], **listed}


def guild(made: Any) -> Json:
    """A guild as REST and GUILD_UPDATE show it."""
    nothing = ("icon", "home_header", "splash", "discovery_splash", "banner", "application_id", "afk_channel_id")
    nothing += ("system_channel_id", "widget_channel_id", "max_presences", "vanity_url_code", "rules_channel_id")
    nothing += ("safety_alerts_channel_id", "public_updates_channel_id", "incidents_data", "description")
    zero = ("system_channel_flags", "verification_level", "default_message_notifications", "mfa_level")
    zero += ("explicit_content_filter", "premium_tier", "premium_subscription_count", "nsfw_level")
    return {
        **dict.fromkeys(nothing),
        **dict.fromkeys(zero, 0),
        "id": str(made.id),
        "name": made.name,
        "owner_id": str(made.owner.id),
        "features": [],
        "region": "deprecated",
        "afk_timeout": 300,
        "widget_enabled": False,
        "roles": [role(each) for each in made.roles.values()],
        "max_members": 25_000_000,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "preferred_locale": made.locale,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "emojis": [],
        "stickers": [],
    }


def guild_create(made: Any) -> Json:
    """A guild as GUILD_CREATE shows it to the bot: every channel, the threads it sees, of members itself."""
    bot = made.discord.bot
    own = made.members[bot.id]
    return guild(made) | {
        "joined_at": stamp(own.joined_at),
        "large": False,
        "member_count": len(made.members),
        "voice_states": [],
        "members": [member(own)],
        "channels": [channel(each) for each in made.channels.values()],
        "threads": [thread(each) for each in visible_threads(made, bot)],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application(discord: Any) -> Json:
    """The application as its own bot sees it."""
    allowed = {"message_content": 1 << 19, "members": 1 << 15, "presences": 1 << 13}
    flags = sum(bit for name, bit in allowed.items() if name not in discord.disallowed_intents)
    return {
        "id": str(discord.application_id),
        "name": discord.bot.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(discord.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": flags,
        "flags_new": str(flags),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(discord.developer),
        "approximate_guild_count": sum(made.has_bot for made in discord.guilds.values()),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
    }
