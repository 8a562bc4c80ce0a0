"""The JSON of messages and what they hold."""

import itertools
import re
from datetime import UTC, datetime
from typing import Any

from standin import payloads
from standin.snowflakes import stamp

Json = dict[str, Any]
USER_MENTION = re.compile(r"<@!?(\d+)>")
ROLE_MENTION = re.compile(r"<@&(\d+)>")


def attachment(attachment_id: int, given: Any) -> Json:
    """An attachment, given by its name, by (name, bytes) or by some fields of its JSON."""
    if isinstance(given, str):
        given = {"filename": given}
    elif isinstance(given, tuple):
        given = {"filename": given[0], "size": len(given[1])}
    name = given.get("filename", "file")
    url = f"https://cdn.discordapp.com/attachments/1/{attachment_id}/{name}"
    return {"id": str(attachment_id), "filename": name, "size": 1, "url": url, "proxy_url": url} | given


def embeds(given: list[Json]) -> list[Json]:
    """Embeds as they come back: typed, with `inline` in every field."""
    shaped = []
    for each in given:
        embed = {key: value for key, value in each.items() if value is not None} | {"type": "rich"}
        if "fields" in embed:
            embed["fields"] = [{"inline": False} | one for one in embed["fields"]]
        shaped.append(embed)
    return shaped


def components(given: list[Json]) -> list[Json]:
    """Components as they come back: each with an `id` of its own."""
    numbers = itertools.count(1)

    def numbered(node: Any) -> Any:
        if isinstance(node, list):
            return [numbered(each) for each in node]
        if not isinstance(node, dict):
            return node
        own = {"id": next(numbers)} if isinstance(node.get("type"), int) else {}
        return own | {key: numbered(value) for key, value in node.items() if value is not None}

    return numbered(given)


def snapshot(given: Any) -> Json:
    """What a forward shows of a text or message."""
    of_message = not isinstance(given, str)
    return {
        "message": {
            "type": 0,
            "content": given.content if of_message else given,
            "mentions": [],
            "mention_roles": [],
            "attachments": list(given.attachments) if of_message else [],
            "embeds": list(given.embeds) if of_message else [],
            "timestamp": stamp(given.at if of_message else datetime.now(UTC)),
            "edited_timestamp": None,
            "flags": 0,
            "components": [],
        }
    }


def _mentioned(made: Any) -> list[Any]:
    if "<@" not in made.content:
        return []
    ids = dict.fromkeys(int(found) for found in USER_MENTION.findall(made.content))
    return [made.discord.users[each] for each in ids if each in made.discord.users]


def message(made: Any, *, is_nested: bool = False) -> Json:
    """A message as REST shows it; a nested one does not quote in turn."""
    shape = {
        "id": str(made.id),
        "channel_id": str(made.channel.id),
        "type": made.type,
        "content": made.content,
        "author": payloads.user(made.author),
        "timestamp": stamp(made.at),
        "edited_timestamp": stamp(made.edited_at),
        "flags": made.flags,
        "embeds": made.embeds,
        "components": made.components,
        "attachments": made.attachments,
        "mentions": [payloads.user(each) for each in _mentioned(made)],
        "mention_roles": ROLE_MENTION.findall(made.content) if "<@&" in made.content else [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
    }
    if made.webhook_id:
        shape |= {"webhook_id": str(made.webhook_id)}
        shape["author"] |= {"id": str(made.webhook_id), "discriminator": "0000", "bot": True}
    if made.interaction:
        shape |= made.interaction.metadata() | {
            "webhook_id": str(made.author.id),
            "application_id": str(made.author.id),
        }
    if made.thread and made.thread.id in made.discord.channels:
        shape["thread"] = payloads.thread(made.thread)
    return shape | _references(made, is_nested=is_nested)


def _references(made: Any, *, is_nested: bool) -> Json:
    """What a reply, a forward or a thread's system message points to."""
    where = {"type": 0, "channel_id": str(made.channel.id)}
    if made.channel.guild is not None:
        where["guild_id"] = str(made.channel.guild.id)
    if made.snapshots is not None:
        return {"message_reference": where | {"type": 1, "message_id": "1"}, "message_snapshots": made.snapshots}
    if made.thread_made is not None:
        return {"message_reference": where | {"channel_id": str(made.thread_made.id)}}
    if made.reply_to is None:
        return {}
    where |= {"channel_id": str(made.reply_to.channel.id), "message_id": str(made.reply_to.id)}
    if is_nested:
        return {"message_reference": where}
    quoted = None if made.reply_to.is_deleted else message(made.reply_to, is_nested=True)
    return {"message_reference": where, "referenced_message": quoted}


def message_event(made: Any) -> Json:
    """A message as the gateway shows it: with its guild and its author's membership."""
    shape = message(made)
    if made.channel.guild is None:
        return shape | {"channel_type": 1}
    shape["guild_id"] = str(made.channel.guild.id)
    shape["channel_type"] = made.channel.type
    author = made.channel.guild.members.get(made.author.id)
    if author is not None and not made.webhook_id:
        shape["member"] = payloads.member_without_user(author)
    for mention in shape["mentions"]:
        if found := made.channel.guild.members.get(int(mention["id"])):
            mention["member"] = payloads.member_without_user(found)
    return shape
