"""Forgetting people: what they wrote, what was made of it, and by what name they were known, some at a time."""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from bot.composing import hash_of, own_text
from bot.messages import Said
from bot.saying import says_little
from bot.storage.channels import untitle
from bot.storage.contexts import answering, make_anew, word_anew
from bot.storage.database import AMONG, Database, Row, Transaction, json_ids
from bot.storage.removing import Removed, bury, remove
from bot.storage.versions import is_damaged

# SQLite would go through all of a server, for want of statistics.
NAMING = "messages INDEXED BY messages_naming"
_STRETCH = 10_000  # messages that name people and are looked at in one statement, which takes about a millisecond
_TOLD = "SELECT message_id, content_hash, message_id = channel_id, content, attached, names FROM messages"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Of some messages that name people, by rising id, those of others that name one; `last_id` is the last one."""

    last_id: int
    naming: tuple[int, ...]


class ErasureStore:
    """All tables, as far as they know something of one person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def written(self, guild_id: int, author_id: int, *, after_id: int, limit: int) -> tuple[int, ...]:
        """The ids of the next messages of a person, behind an id, ascending."""
        rows = await self._database.fetch(
            """SELECT message_id FROM messages WHERE guild_id = ? AND author_id = ? AND message_id > ?
               ORDER BY message_id LIMIT ?""",
            (guild_id, author_id, after_id, limit),
        )
        return tuple(row[0] for row in rows)

    async def stretch(self, guild_id: int, person_id: int, *, after_id: int) -> Stretch | None:
        """The next messages of a server that name people, behind an id; None when there are none."""
        [(last_id, naming)] = await self._database.fetch(
            f"""SELECT max(message_id),
                       json_group_array(message_id) FILTER (WHERE instr(names, ?1) AND author_id <> ?2)
                FROM (SELECT message_id, author_id, names FROM {NAMING}
                      WHERE guild_id = ?3 AND names IS NOT NULL AND message_id > ?4 ORDER BY message_id LIMIT ?5)""",
            (f'"{person_id}"', person_id, guild_id, after_id, _STRETCH),
        )
        return None if last_id is None else Stretch(last_id, tuple(json.loads(naming)))

    async def erase(self, guild_id: int, author_id: int, message_ids: Collection[int]) -> Removed:
        """Remove those of the messages that a person wrote, keep them from coming back, and untitle their threads."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                f"SELECT message_id FROM messages WHERE guild_id = ? AND {AMONG} AND author_id = ?",
                (guild_id, json_ids(message_ids), author_id),
            )
            await bury(transaction, guild_id, json_ids(row[0] for row in rows))
            removed = await remove(transaction, guild_id, rows)
            untitled = await untitle(transaction, guild_id, removed.message_ids)
            await make_anew(transaction, guild_id, untitled)
        return replace(removed, stale=(*removed.stale, *untitled))

    async def unname(self, guild_id: int, person_id: int, message_ids: Collection[int]) -> tuple[int, ...]:
        """Take a person's name out of messages of others that mention them; the ids of those that lost their vectors.

        An empty name stays: a message without any would be completed when it is compared with Discord.
        """
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(f"{_TOLD} WHERE guild_id = ? AND {AMONG}", (guild_id, json_ids(message_ids)))
            written = [_unnamed(row, person_id) for row in rows]
            await transaction.execute_many(
                """UPDATE messages SET names = ?, content_hash = ?, leans = iif(?, ?, leans)
                   WHERE guild_id = ? AND message_id = ?""",
                [(one.names, one.text_hash, one.is_changed, one.leans, guild_id, one.message_id) for one in written],
            )
            await _mark_shares(transaction, guild_id, message_ids)
            changed = [one.message_id for one in written if one.is_changed]
            await word_anew(transaction, guild_id, changed)
            stale = {*changed, *await answering(transaction, guild_id, changed)}
            await make_anew(transaction, guild_id, stale)
        return tuple(stale)

    async def threads_of(self, guild_id: int, person_id: int) -> tuple[int, ...]:
        """The threads that a person opened."""
        rows = await self._database.fetch(
            "SELECT channel_id FROM channels WHERE guild_id = ? AND owner_id = ?", (guild_id, person_id)
        )
        return tuple(row[0] for row in rows)

    async def untitle(self, guild_id: int, thread_ids: Collection[int]) -> tuple[int, ...]:
        """Drop the titles of threads, and who opened them; the ids of the messages that lost their vectors."""
        async with self._database.transaction() as transaction:
            untitled = await untitle(transaction, guild_id, thread_ids)
            await make_anew(transaction, guild_id, untitled)
        return tuple(untitled)

    async def forget_person(self, guild_id: int, person_id: int) -> None:
        """Drop what is known of a person beside messages: their name, and what they were answered."""
        async with self._database.transaction() as transaction:
            for table, column in (("authors", "author_id"), ("answers", "user_id")):
                await transaction.execute(
                    f"DELETE FROM {table} WHERE guild_id = ? AND {column} = ?", (guild_id, person_id)
                )

    async def shrink(self) -> None:
        """Give the room of what was removed back to the file system."""
        await self._database.shrink()


@dataclass(frozen=True, slots=True)
class _Unnamed:
    """A message as it is without somebody's name."""

    message_id: int
    names: str | None
    text_hash: bytes | None
    leans: bool
    is_changed: bool


def without_name(said: Said, person_id: int) -> Said:
    """What is said, with an empty name for somebody who is named in it."""
    names = {str(i): "" if i == person_id else name for i, name in said.named.items()}
    return replace(said, names=json.dumps(names, ensure_ascii=False) if names else None)


def _unnamed(row: Row, person_id: int) -> _Unnamed:
    message_id, text_hash, opens_thread, *told = row
    said = Said(*told)
    without = without_name(said, person_id)
    own = own_text(without)
    new_hash = hash_of(own, opens_thread=bool(opens_thread))
    if is_damaged(said, text_hash, opens_thread=bool(opens_thread)):
        new_hash = text_hash  # or the text would pass for a sound one
    return _Unnamed(message_id, without.names, new_hash, says_little(own), is_changed=new_hash != text_hash)


async def _mark_shares(transaction: Transaction, guild_id: int, source_ids: Collection[int]) -> None:
    """Have the shared answers that show these messages edited."""
    await transaction.execute(
        """UPDATE shares SET is_stale = 1 WHERE guild_id = ? AND message_id IN
           (SELECT share_id FROM share_sources s WHERE s.guild_id = shares.guild_id
            AND s.source_id IN (SELECT value FROM json_each(?)))""",
        (guild_id, json_ids(source_ids)),
    )
