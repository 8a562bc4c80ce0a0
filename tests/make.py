"""Short ways to make what tests are about."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from canaries import HELD

from bot.messages import Channel, ChannelKind, EmbeddedMessages, Location, Message, Origin, Server
from bot.vectors import Vectors, unit

GUILD = 1000
OTHER_GUILD = 2000
CHANNEL = 10
OTHER_CHANNEL = 20
ADA, BOB = 501, 502
PUT_MESSAGE = """INSERT INTO messages (guild_id, message_id, channel_id, author_id, origin, content_hash, content)
                 VALUES"""  # in any version of the schema


def message(message_id: int, content: str = "hello", **values: Any) -> Message:
    """A live message of Ada's in the first channel, unless told otherwise."""
    HELD.hold(content)
    return Message(
        **{
            "message_id": message_id,
            "guild_id": GUILD,
            "channel_id": CHANNEL,
            "author_id": ADA,
            "author_name": "Ada",
            "content": content,
            "origin": Origin.LIVE,
            **values,
        }
    )


def server(guild_id: int = GUILD, name: str = "Town") -> Server:
    return Server(guild_id, name)


def channel(channel_id: int = CHANNEL, *, guild_id: int = GUILD, name: str = "square") -> Channel:
    return Channel(guild_id, channel_id, name)


def location(
    channel_id: int = CHANNEL,
    *,
    guild_id: int = GUILD,
    name: str = "square",
    kind: ChannelKind = ChannelKind.TEXT,
    parent_id: int | None = None,
    category_id: int | None = None,
) -> Location:
    """A channel of the first server, or a thread where `kind` and `parent_id` say so."""
    return Location(server(guild_id), Channel(guild_id, channel_id, name, kind, parent_id), category_id)


def random_vectors(n: int, dim: int, *, seed: int = 0) -> Vectors:
    """Unit vectors without any structure."""
    return unit(np.random.default_rng(seed).standard_normal((n, dim), np.float32))


def embedded(
    vectors: Vectors, *, first_id: int = 1, channel_ids: Any = CHANNEL, author_ids: Any = ADA
) -> EmbeddedMessages:
    """Messages with rising ids for the rows of float32 [n, dim]."""
    ids = np.arange(first_id, first_id + len(vectors), dtype=np.int64)
    return EmbeddedMessages(
        ids,
        np.broadcast_to(np.asarray(channel_ids, np.int64), ids.shape).copy(),
        np.broadcast_to(np.asarray(author_ids, np.int64), ids.shape).copy(),
        ids.copy(),
        vectors,
    )


def exported_message(message_id: int | str, content: str = "hello", **values: Any) -> dict[str, Any]:
    """A message as the newest DiscordChatExporter writes it."""
    HELD.hold(content)
    return {
        "id": str(message_id),
        "type": "Default",
        "timestamp": "2024-10-26T10:22:32.13+00:00",
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": content,
        "author": {
            "id": str(ADA),
            "name": "ada",
            "discriminator": "0000",
            "nickname": "Ada",
            "color": None,
            "isBot": False,
            "roles": [],
            "avatarUrl": "https://example.com/a.png",
        },
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
        **values,
    }


def export(messages: list[Any], **values: Any) -> dict[str, Any]:
    """A whole export, its keys in the order in which the tool writes them."""
    return {
        "guild": {"id": str(GUILD), "name": "Town", "iconUrl": ""},
        "channel": {
            "id": str(CHANNEL),
            "type": "GuildTextChat",
            "categoryId": "9",
            "category": "Text",
            "name": "square",
            "topic": None,
        },
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2024-10-27T10:22:32.1307262-05:00",
        "messages": messages,
        "messageCount": len(messages),
    } | values


def write_export(path: Path, messages: list[Any], **values: Any) -> Path:
    """An export file, indented as the tool indents it."""
    path.write_text(json.dumps(export(messages, **values), ensure_ascii=False, indent=2), "utf-8")
    return path


def utc(text: str) -> datetime:
    """An aware moment from ISO 8601."""
    return datetime.fromisoformat(f"{text}+00:00")


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A task that never ends by itself, ended by a cancellation and nothing else."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
