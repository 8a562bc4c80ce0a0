"""Forgets people: what they wrote, what was made of it, and their names."""

import logging
from collections.abc import Collection, Iterator

from bot.services.answers import Answers
from bot.services.ingest import Ingest
from bot.services.spaces import Spaces
from bot.storage.erasure import ErasureStore
from bot.storage.servers import ServerStore

log = logging.getLogger(__name__)

_AT_ONCE = 250  # messages a commit, so that others get their turn to write


class Erasure:
    """Takes people out of the database first and out of the mirrors after it, some messages at a time."""

    def __init__(
        self, store: ErasureStore, servers: ServerStore, spaces: Spaces, ingest: Ingest, answers: Answers
    ) -> None:
        self._store = store
        self._servers = servers
        self._spaces = spaces
        self._ingest = ingest
        self._answers = answers

    async def forget_author(self, author_id: int, *, guild_ids: Collection[int] | None = None) -> int:
        """Erase everything of a person, in some servers or in all; how many messages that were.

        What they wrote goes for good: neither history nor an import brings back what was stored. Their name goes out
        of what others wrote, and the titles of the threads that they began. Ended in between, another call does the
        rest.
        """
        servers = await self._servers.servers()
        return sum(
            [
                await self._forget_in(server.guild_id, author_id)
                for server in servers
                if guild_ids is None or server.guild_id in guild_ids
            ]
        )

    async def purge(self, guild_id: int) -> None:
        """Erase all that is stored of a server, but for the line of its audit that tells so."""
        await self._ingest.server_gone(guild_id)

    async def give_back_room(self) -> None:
        """Have the database's file take no more than what is stored."""
        await self._store.shrink()

    async def _forget_in(self, guild_id: int, author_id: int) -> int:
        n_erased = 0
        ids: tuple[int, ...] = (0,)
        while ids := await self._store.written(guild_id, author_id, after_id=ids[-1], limit=_AT_ONCE):
            n_erased += await self._erase(guild_id, author_id, ids)
        after_id = 0
        while (stretch := await self._store.stretch(guild_id, author_id, after_id=after_id)) is not None:
            for ids in _some_of(stretch.naming):
                await self._unname(guild_id, author_id, ids)
            after_id = stretch.last_id
        for ids in _some_of(await self._store.threads_of(guild_id, author_id)):
            await self._untitle(guild_id, ids)
        await self._store.forget_person(guild_id, author_id)
        if n_erased:
            log.info("forgot a person in server %d, who wrote %d messages", guild_id, n_erased)
        return n_erased

    async def _erase(self, guild_id: int, author_id: int, message_ids: Collection[int]) -> int:
        async with self._spaces.in_step:
            removed = await self._store.erase(guild_id, author_id, message_ids)
            await self._spaces.remove(guild_id, [*removed.message_ids, *removed.stale])
        self._ingest.has_pending.set()
        self._answers.may_be_stale.set()
        return len(removed.message_ids)

    async def _unname(self, guild_id: int, person_id: int, message_ids: Collection[int]) -> None:
        async with self._spaces.in_step:
            stale = await self._store.unname(guild_id, person_id, message_ids)
            await self._spaces.remove(guild_id, stale)
        self._ingest.has_pending.set()
        self._answers.may_be_stale.set()

    async def _untitle(self, guild_id: int, thread_ids: Collection[int]) -> None:
        async with self._spaces.in_step:
            stale = await self._store.untitle(guild_id, thread_ids)
            await self._spaces.remove(guild_id, stale)
        self._ingest.has_pending.set()


def _some_of(ids: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
