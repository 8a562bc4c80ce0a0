"""The routes of channels, messages and threads."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import Any

from standin import message_payloads, payloads
from standin.channels import by_id
from standin.intents import blanked
from standin.messages import WRITTEN_TYPES
from standin.permissions import (
    EMBED_LINKS,
    MANAGE_MESSAGES,
    MANAGE_THREADS,
    READ_MESSAGE_HISTORY,
    may,
    to_send,
)
from standin.refusals import Refused
from standin.rest import Call, Route
from standin.rules import EMPTY, MESSAGE_RULES, broken_by, is_empty
from standin.snowflakes import made_at

Json = dict[str, Any]
SHOWN = ("content", "embeds", "components", "attachments")
BIGGEST_PAGE = 100
OLDEST_FOR_BULK = timedelta(days=14)


def checked(body: Json, *, files: Any = ()) -> Json:
    """A message's body, if Discord takes it."""
    if rule := broken_by(body, MESSAGE_RULES):
        raise Refused(rule.code, rule.name, is_a_mistake=True)
    if is_empty(body) and not files:
        raise Refused(EMPTY.code, is_a_mistake=True)
    return body


def checked_edit(body: Json, message: Any, *, files: Any = ()) -> Json:
    """A body that changes only what it names, if Discord takes it and something is left to show."""
    if rule := broken_by(body, MESSAGE_RULES):
        raise Refused(rule.code, rule.name, is_a_mistake=True)
    left = {key: body.get(key) if key in body else getattr(message, key) for key in SHOWN}
    if is_empty(left) and not files and message.snapshots is None:
        raise Refused(EMPTY.code, is_a_mistake=True)
    return body


def attached(call: Call) -> list[Json]:
    """The files of a request as attachments; what is in them the people of this Discord can read."""
    ids = [call.discord.snowflakes.new() for _ in call.files]
    call.discord.uploads.update(zip(ids, (content for _, content in call.files), strict=True))
    return [
        message_payloads.attachment(i, file) | _described(call.body, number)
        for number, (i, file) in enumerate(zip(ids, call.files, strict=True))
    ]


def _described(body: Json, number: int) -> Json:
    """The alternative text that a request gives one of its files, if it does."""
    told = {str(each["id"]): each.get("description") for each in (body.get("data") or body).get("attachments") or []}
    description = told.get(str(number))
    return {} if description is None else {"description": description}


def shown(call: Call, message: Any) -> Json:
    """A message as the bot gets it by REST: blanked for want of the message content intent."""
    call.is_checked = call.is_checked and message.is_of_a_known_type
    shape = message_payloads.message(message)
    return blanked(shape) if message.is_hidden and message.discord.hides_content else shape


async def get_channel(call: Call) -> Json:
    return payloads.channel(call.channel())


async def history(call: Call) -> list[Json]:
    """Newest first whatever is asked; nothing at all without the permission to read back."""
    channel = call.channel_of_messages()
    if len({"before", "after", "around"} & set(call.query)) > 1:
        raise Refused(50035, "before, after and around exclude each other", is_a_mistake=True)
    if not may(channel, call.discord.bot, READ_MESSAGE_HISTORY):
        return []
    limit = int(call.query.get("limit", 50))
    if not 1 <= limit <= BIGGEST_PAGE:
        raise Refused(50035, f"limit is 1 to {BIGGEST_PAGE}", is_a_mistake=True)
    messages = channel.messages
    if "after" in call.query:
        start = _place(messages, int(call.query["after"]) + 1)
        page = messages[start : start + limit]
    elif "around" in call.query:
        middle = _place(messages, int(call.query["around"]))
        start = max(0, middle - limit // 2)
        page = messages[start : start + limit]
    else:
        end = _place(messages, int(call.query["before"])) if "before" in call.query else len(messages)
        page = messages[max(0, end - limit) : end]
    return [shown(call, message) for message in reversed(page)]


def _place(messages: list[Any], message_id: int) -> int:
    return bisect_left(messages, message_id, key=by_id)


async def get_message(call: Call) -> Json:
    channel = call.channel_of_messages(READ_MESSAGE_HISTORY)
    return shown(call, call.message(channel))


async def create_message(call: Call) -> Json:
    channel = call.channel_of_messages()
    body = checked(call.body, files=call.files)
    bot = call.discord.bot
    if not may(channel, bot, to_send(channel) | (EMBED_LINKS if body.get("embeds") else 0)):
        raise Refused(50013)
    message = channel.compose(bot, body.get("content") or "")
    if reference := body.get("message_reference"):
        if not may(channel, bot, READ_MESSAGE_HISTORY):
            raise Refused(160002)
        message.type, message.reply_to = 19, channel.find(int(reference["message_id"]))
    message.flags = body.get("flags") or 0
    message.embeds = message_payloads.embeds(body.get("embeds") or [])
    message.components = message_payloads.components(body.get("components") or [])
    message.attachments = attached(call)
    channel.publish(message)
    return message_payloads.message(message)


async def edit_message(call: Call) -> Json:
    channel = call.channel_of_messages()
    message = call.message(channel)
    if message.author is not call.discord.bot:
        raise Refused(50005)
    message.change(checked_edit(call.body, message, files=call.files), attached(call))
    return message_payloads.message(message)


async def delete_message(call: Call) -> None:
    channel = call.channel_of_messages()
    message = call.message(channel)
    is_own = message.author is call.discord.bot and message.type in WRITTEN_TYPES
    if not is_own and not may(channel, call.discord.bot, MANAGE_MESSAGES):
        raise Refused(50013)
    await message.delete()


async def bulk_delete(call: Call) -> None:
    channel = call.channel_of_messages(MANAGE_MESSAGES)
    ids = [int(each) for each in call.body["messages"]]
    if any(made_at(each) < datetime.now(UTC) - OLDEST_FOR_BULK for each in ids):
        raise Refused(50034)
    await channel.bulk_delete([found for found in map(channel.find, ids) if found])


async def active_threads(call: Call) -> Json:
    bot = call.discord.bot
    return payloads.thread_list(payloads.visible_threads(call.guild(), bot), bot)


async def archived_public(call: Call) -> Json:
    channel = call.channel(READ_MESSAGE_HISTORY)
    return _archived(call, [thread for thread in _archived_of(channel) if not thread.is_private])


async def archived_private(call: Call) -> Json:
    channel = call.channel(READ_MESSAGE_HISTORY | MANAGE_THREADS)
    return _archived(call, [thread for thread in _archived_of(channel) if thread.is_private])


async def joined_private(call: Call) -> Json:
    """By id, newest first."""
    channel, bot = call.channel(READ_MESSAGE_HISTORY), call.discord.bot
    threads = [thread for thread in _archived_of(channel) if thread.is_private and bot.id in thread.members]
    if "before" in call.query:
        threads = [thread for thread in threads if thread.id < int(call.query["before"])]
    return _page(call, sorted(threads, key=lambda thread: -thread.id))


def _archived_of(channel: Any) -> list[Any]:
    return [thread for thread in channel.guild.threads.values() if thread.parent is channel and thread.is_archived]


def _archived(call: Call, threads: list[Any]) -> Json:
    """By the time of archiving, newest first."""
    if "before" in call.query:
        before = datetime.fromisoformat(call.query["before"])
        threads = [thread for thread in threads if thread.archived_at < before]
    return _page(call, sorted(threads, key=lambda thread: thread.archived_at, reverse=True))


def _page(call: Call, threads: list[Any]) -> Json:
    limit = int(call.query.get("limit", 50))
    return payloads.thread_list(threads[:limit], call.discord.bot, has_more=len(threads) > limit)


async def thread_member(call: Call) -> Json:
    thread, user_id = call.channel(), int(call.ids["user_id"])
    if not thread.is_thread:
        raise Refused(50024)
    if user_id not in thread.members:
        raise Refused(10007)
    return payloads.thread_member(thread, user_id)


async def thread_members(call: Call) -> list[Json]:
    thread = call.channel()
    if not thread.is_thread:
        raise Refused(50024)
    return [payloads.thread_member(thread, user_id) for user_id in thread.members]


async def join_thread(call: Call) -> None:
    thread = call.channel()
    if not thread.is_thread:
        raise Refused(50024)
    await thread.add(call.discord.bot)


async def leave_thread(call: Call) -> None:
    thread = call.channel()
    if call.discord.bot.id in thread.members:
        await thread.remove(call.discord.bot)


async def start_typing(call: Call) -> None:
    call.channel(to_send(call.channel_of_messages()))


ONE = "/channels/{channel_id}"
ROUTES = [
    Route("GET", ONE, get_channel),
    Route("GET", f"{ONE}/messages", history),
    Route("POST", f"{ONE}/messages", create_message),
    Route("POST", f"{ONE}/messages/bulk-delete", bulk_delete),
    Route("GET", f"{ONE}/messages/{{message_id}}", get_message),
    Route("PATCH", f"{ONE}/messages/{{message_id}}", edit_message),
    Route("DELETE", f"{ONE}/messages/{{message_id}}", delete_message),
    Route("POST", f"{ONE}/typing", start_typing),
    Route("GET", f"{ONE}/threads/archived/public", archived_public),
    Route("GET", f"{ONE}/threads/archived/private", archived_private),
    Route("GET", f"{ONE}/users/@me/threads/archived/private", joined_private),
    Route("GET", f"{ONE}/thread-members", thread_members),
    Route("GET", f"{ONE}/thread-members/{{user_id}}", thread_member),
    Route("PUT", f"{ONE}/thread-members/@me", join_thread),
    Route("DELETE", f"{ONE}/thread-members/@me", leave_thread),
    Route("GET", "/guilds/{guild_id}/threads/active", active_threads),
]
