"""What people want to be kept of them, and how every write keeps to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.messages import Message
from bot.storage.database import Database, Transaction, json_ids
from bot.storage.versions import Version, version_of
from bot.times import from_milliseconds, milliseconds

_AMONG_AUTHORS = "guild_id = ?1 AND author_id IN (SELECT value FROM json_each(?2))"
_FORGET = """INSERT INTO forgotten (guild_id, author_id, last_id, is_done) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET last_id = excluded.last_id, is_done = excluded.is_done
             WHERE excluded.last_id > last_id"""


@dataclass(frozen=True, slots=True)
class Wish:
    """Since when somebody is not to be kept at all, and up to which id nothing of them is; None for neither."""

    opted_out_at: datetime | None = None
    forgotten_to_id: int | None = None


class OptOutStore:
    """The tables optouts and forgotten, which outlive their servers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, guild_id: int, author_id: int) -> Wish:
        [(since, last_id)] = await self._database.fetch(
            """SELECT (SELECT since FROM optouts WHERE guild_id = ?1 AND author_id = ?2),
                      (SELECT last_id FROM forgotten WHERE guild_id = ?1 AND author_id = ?2)""",
            (guild_id, author_id),
        )
        return Wish(None if since is None else from_milliseconds(since), last_id)

    async def opt_out(self, guild_id: int, author_id: int) -> None:
        """Keep nothing more of somebody; the first time that they said so stands."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO optouts (guild_id, author_id, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (guild_id, author_id, milliseconds(datetime.now(UTC))),
            )

    async def forget(self, guild_id: int, author_id: int, *, up_to_id: int) -> None:
        """Keep nothing of what somebody wrote up to an id."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_FORGET, (guild_id, author_id, up_to_id, 0))

    async def opt_in(self, guild_id: int, author_id: int, *, up_to_id: int) -> None:
        """Keep again what somebody writes; what they wrote up to an id, while nothing was to be kept, stays out."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                "DELETE FROM optouts WHERE guild_id = ? AND author_id = ? RETURNING is_done", (guild_id, author_id)
            )
            for (is_done,) in rows:
                await transaction.execute(_FORGET, (guild_id, author_id, up_to_id, is_done))

    async def undone(self) -> list[tuple[int, int]]:
        """The server and the id of everybody of whom something may still be stored against their wish."""
        rows = await self._database.fetch(
            """SELECT guild_id, author_id FROM optouts WHERE NOT is_done
               UNION SELECT guild_id, author_id FROM forgotten WHERE NOT is_done"""
        )
        return [(row[0], row[1]) for row in rows]

    async def done(self, guild_id: int, author_id: int) -> None:
        """Nothing of somebody is stored any more that they do not want to be."""
        async with self._database.transaction() as transaction:
            for table in ("optouts", "forgotten"):
                await transaction.execute(
                    f"UPDATE {table} SET is_done = 1 WHERE guild_id = ? AND author_id = ?", (guild_id, author_id)
                )


async def as_wished(
    transaction: Transaction, guild_id: int, incoming: Mapping[int, tuple[Message, Version]]
) -> tuple[dict[int, tuple[Message, Version]], frozenset[int]]:
    """What of messages may be written, without the names of who opted out, and the ids of the others."""
    people = {message.author_id for message, _ in incoming.values()}
    people.update(i for message, _ in incoming.values() for i, _ in message.names)
    opted_out, forgotten = await _wishes(transaction, guild_id, json_ids(people))
    unwanted = frozenset(
        i
        for i, (message, _) in incoming.items()
        if message.author_id in opted_out or i <= forgotten.get(message.author_id, 0)
    )
    wished = {}
    for i, one in incoming.items():
        if i not in unwanted:
            wished[i] = _unnaming(one, opted_out | {person for person, last_id in forgotten.items() if i <= last_id})
    return wished, unwanted


async def is_unwanted(transaction: Transaction, guild_id: int, author_id: int, made_id: int) -> bool:
    """Whether somebody does not want to be kept what they made, which has this id."""
    opted_out, forgotten = await _wishes(transaction, guild_id, json_ids([author_id]))
    return author_id in opted_out or made_id <= forgotten.get(author_id, 0)


async def _wishes(transaction: Transaction, guild_id: int, people: str) -> tuple[set[int], dict[int, int]]:
    """Who of some people has opted out, and up to which ids others were forgotten."""
    rows = await transaction.fetch(
        f"""SELECT author_id, NULL FROM optouts WHERE {_AMONG_AUTHORS}
            UNION ALL SELECT author_id, last_id FROM forgotten WHERE {_AMONG_AUTHORS}""",
        (guild_id, people),
    )
    forgotten = {author_id: last_id for author_id, last_id in rows if last_id is not None}
    return {author_id for author_id, last_id in rows if last_id is None}, forgotten


def _unnaming(incoming: tuple[Message, Version], unnamed: set[int]) -> tuple[Message, Version]:
    """A message without some people's names. An empty one stays, or the message would be completed with the name."""
    message, _ = incoming
    if not any(i in unnamed for i, _ in message.names):
        return incoming
    without = replace(message, names=tuple((i, "" if i in unnamed else name) for i, name in message.names))
    return without, version_of(without)
