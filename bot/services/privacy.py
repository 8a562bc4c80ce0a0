"""What a member is told of what is kept of them, and what becomes of it as they wish."""

import json
import logging
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.messages import Message, StoredMessage
from bot.services.audit import Act, Audit
from bot.services.erasure import Erasure
from bot.services.keeping import Keeping
from bot.storage.members import MemberStore
from bot.storage.messages import MessageStore
from bot.storage.optouts import OptOutStore
from bot.storage.servers import ServerStore
from bot.times import made_at, snowflake_at

log = logging.getLogger(__name__)

_FILE_BYTES = 8 * 2**20  # of messages; Discord takes 10 MiB a file


@dataclass(frozen=True, slots=True)
class Practice:
    """What this bot does with texts, as its operator has set it up.

    `service` makes the vectors and gets the texts for it, None where this machine makes them; `retention_days` is None
    where messages are kept until they are deleted.
    """

    service: str | None
    removal_grace_hours: float
    retention_days: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is kept of a member in a server, and since when they do not want to be kept, if they do not."""

    n_messages: int
    opted_out_at: datetime | None


class Privacy:
    """Members' wishes. Each is put down before it is acted upon, so that no write comes in between."""

    def __init__(
        self,
        practice: Practice,
        optouts: OptOutStore,
        members: MemberStore,
        messages: MessageStore,
        erasure: Erasure,
        *,
        servers: ServerStore,
        keeping: Keeping,
        audit: Audit,
    ) -> None:
        self._practice = practice
        self._optouts = optouts
        self._members = members
        self._messages = messages
        self._erasure = erasure
        self._servers = servers
        self._keeping = keeping
        self._audit = audit

    def practice(self, guild_id: int) -> Practice:
        """What is done with the texts of a server."""
        return replace(self._practice, retention_days=self._keeping.days(guild_id))

    async def standing(self, guild_id: int, member_id: int) -> Standing:
        wish = await self._optouts.of(guild_id, member_id)
        return Standing(await self._members.count(guild_id, member_id), wish.opted_out_at)

    async def forget(self, guild_id: int, member_id: int, *, up_to_id: int) -> int:
        """Erase everything of a member, for good; how many messages that were.

        What they wrote up to an id stays out, also where it was not read before.
        """
        await self._optouts.forget(guild_id, member_id, up_to_id=up_to_id)
        n = await self._erase(guild_id, member_id)
        await self._audit.note_own(guild_id, Act.FORGOT)
        return n

    async def forgotten(self, person_id: int, *, guild_ids: Collection[int] | None = None) -> dict[int, int]:
        """The operator has everything of a person erased, in some servers or in all; how many messages, by server.

        What they wrote until now stays out, also where it was not read before.
        """
        now_id, erased = snowflake_at(datetime.now(UTC)), {}
        for server in await self._servers.servers():
            if guild_ids is None or server.guild_id in guild_ids:
                await self._optouts.forget(server.guild_id, person_id, up_to_id=now_id)
                erased[server.guild_id] = await self._erase(server.guild_id, person_id)
                if erased[server.guild_id]:
                    await self._audit.note(server.guild_id, Act.FORGOT, messages=erased[server.guild_id])
        return erased

    async def opt_out(self, guild_id: int, member_id: int) -> int:
        """Keep nothing of a member from now on, and erase what there is; how many messages that were."""
        await self._optouts.opt_out(guild_id, member_id)
        n = await self._erase(guild_id, member_id)
        await self._audit.note_own(guild_id, Act.OPTED_OUT)
        return n

    async def withholds(self, message: Message) -> bool:
        """Whether the author of a message that is not stored does not want it used, not even as a question."""
        wish = await self._optouts.of(message.guild_id, message.author_id)
        return wish.opted_out_at is not None or message.message_id <= (wish.forgotten_to_id or 0)

    async def opt_in(self, guild_id: int, member_id: int, *, up_to_id: int) -> None:
        """Keep again what a member writes after an id."""
        await self._optouts.opt_in(guild_id, member_id, up_to_id=up_to_id)
        await self._audit.note_own(guild_id, Act.OPTED_IN)

    async def keep_promises(self) -> None:
        """Erase whatever should be gone: a process may have ended in the middle, or a backup brought it back."""
        for guild_id, member_id in await self._optouts.undone():
            n = await self._erase(guild_id, member_id)
            log.info("erased %d messages in server %d whose author does not want them kept", n, guild_id)

    async def files(self, guild_id: int, member_id: int) -> AsyncIterator[bytes]:
        """Everything that is kept of a member, as JSON, in as many files as it takes; the first has all but messages.

        Channels go by their ids alone, since the member may not know what they are called now.
        """
        await self._audit.note_own(guild_id, Act.EXPORTED)
        told: dict[str, Any] = await self._beside_messages(guild_id, member_id)
        messages: list[dict[str, Any]] = []
        n_bytes = 0
        async for message in self._written(guild_id, member_id):
            size = len(_encoded(message))
            if messages and n_bytes + size > _FILE_BYTES:
                yield _encoded(told | {"messages": messages})
                told, messages, n_bytes = _head(guild_id, member_id), [], 0
            messages.append(message)
            n_bytes += size
        yield _encoded(told | {"messages": messages})

    async def _erase(self, guild_id: int, member_id: int) -> int:
        n = await self._erasure.forget_author(member_id, guild_ids=[guild_id])
        await self._optouts.done(guild_id, member_id)
        return n

    async def _beside_messages(self, guild_id: int, member_id: int) -> dict[str, Any]:
        wish = await self._optouts.of(guild_id, member_id)
        asked_at = await self._members.asked_at(guild_id, member_id)
        threads = await self._members.threads(guild_id, member_id)
        return _head(guild_id, member_id) | {
            "name": await self._members.name(guild_id, member_id),
            "names_in_messages_of_others": await self._members.names_told_by_others(guild_id, member_id),
            "threads_opened": [{"channel_id": str(i), "title": title} for i, title in threads.items()],
            "opted_out_at": _iso(wish.opted_out_at),
            "forgotten_up_to": None if wish.forgotten_to_id is None else _iso(made_at(wish.forgotten_to_id)),
            "answers_that_can_be_paged": [_iso(at) for at in asked_at],
            "acts": [
                {"at": _iso(line.at), "act": line.act, "detail": dict(line.detail)}
                for line in await self._audit.of(guild_id, member_id)
            ],
        }

    async def _written(self, guild_id: int, member_id: int) -> AsyncIterator[dict[str, Any]]:
        """The messages of a member, oldest first."""
        ids = [0]
        while ids := await self._members.page(guild_id, member_id, after_id=ids[-1]):
            stored = await self._messages.get_many(guild_id, ids)
            embedded = await self._members.with_vectors(guild_id, ids)
            titles = await self._members.titles(guild_id, ids)
            marked_at = await self._members.marked_at(guild_id, ids)
            for i in ids:
                if i in stored:
                    made = {"title_of_thread": titles.get(i), "has_vector": i in embedded}
                    yield _told(stored[i]) | made | {"marked_as_duplicate_at": _iso(marked_at.get(i))}


def _head(guild_id: int, member_id: int) -> dict[str, Any]:
    return {"guild_id": str(guild_id), "user_id": str(member_id), "made_at": _iso(datetime.now(UTC))}


def _told(stored: StoredMessage) -> dict[str, Any]:
    message = stored.message
    return {
        "message_id": str(message.message_id),
        "channel_id": str(message.channel_id),
        "created_at": _iso(message.created_at),
        "edited_at": _iso(message.edited_at),
        "content": message.content,
        "attached": message.attached,
        "mentioned_names": {str(i): name for i, name in message.names},
        "answers_message_id": None if message.reply_to is None else str(message.reply_to),
        "origin": message.origin.name.lower(),
        "url": message.url,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _encoded(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, indent=1).encode()
