"""The full-text index: which messages a term stands in."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bot.storage.database import Database, Row, Transaction, json_ids
from bot.vectors import Ids

_BLOCK = 2**32  # rows that a server may have in all its time
_AMONG = "message_id IN (SELECT value FROM json_each(?))"
_POSTINGS = """SELECT ?, json_group_array(row_id) FROM (
    SELECT rowid AS row_id FROM lexicon WHERE lexicon MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?)"""
_TERMS = "SELECT w.message_id, l.terms FROM worded w CROSS JOIN lexicon l ON l.rowid = w.row_id"


@dataclass(frozen=True, slots=True)
class UnwordedText:
    """A text that waits for its place in the full-text index."""

    guild_id: int
    message_id: int
    content_hash: bytes
    content: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the message of a row stands."""

    row_id: int
    message_id: int
    channel_id: int
    author_id: int


@dataclass(frozen=True, slots=True)
class Sample:
    """About how many texts of a server are in the index, and the terms of some of them, by message."""

    n_texts: int
    terms: dict[int, list[str]]


class Lexicon:
    """The tables worded, lexicon, unworded and blocks. What goes with its message goes by way of their triggers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unworded(self, limit: int) -> list[UnwordedText]:
        """Texts that wait, some of them."""
        rows = await self._database.fetch(
            """SELECT guild_id, message_id, content_hash, content FROM
               (SELECT guild_id, message_id FROM unworded LIMIT ?) JOIN messages USING (guild_id, message_id)""",
            (limit,),
        )
        return [UnwordedText(*row) for row in rows]

    async def n_unworded(self) -> int:
        [(n,)] = await self._database.fetch("SELECT count(*) FROM unworded")
        return int(n)

    async def put(self, texts: Sequence[UnwordedText], terms: Sequence[Sequence[str]]) -> None:
        """Take in the terms of texts. A message that was edited since it was read waits on."""
        async with self._database.transaction() as transaction:
            for guild_id in {text.guild_id for text in texts}:
                of_server = [
                    (text, " ".join(its)) for text, its in zip(texts, terms, strict=True) if text.guild_id == guild_id
                ]
                await _put(transaction, guild_id, of_server)

    async def sample(self, guild_id: int, size: int) -> Sample:
        """Texts from all over a server's time, at most so many."""
        block = await self._block(guild_id)
        [(first, last)] = await self._database.fetch(
            "SELECT min(row_id), max(row_id) FROM worded WHERE row_id BETWEEN ? AND ?", (block.start, block.stop - 1)
        )
        if first is None:
            return Sample(0, {})
        chosen = sorted(set(np.linspace(first, last, size).astype(np.int64).tolist()))
        rows = await self._database.fetch(
            f"{_TERMS} WHERE w.row_id IN (SELECT value FROM json_each(?))", (json_ids(chosen),)
        )
        share_left = len(rows) / len(chosen)  # the others were deleted
        return Sample(round((last - first + 1) * share_left), _by_message(rows))

    async def postings(self, guild_id: int, phrases: Sequence[Sequence[str]], limit: int) -> list[Ids]:
        """For each phrase the rows of a server whose texts have all its terms, the newest first, up to a limit.

        Terms are those of bot.terms. All phrases are one statement: each would wait for its turn.
        """
        if not phrases:
            return []
        block = await self._block(guild_id)
        values: list[int | str] = []
        for number, terms in enumerate(phrases):
            match = " AND ".join(f'"{term}"' for term in terms)
            values += [number, match, block.start, block.stop - 1, limit]
        rows = await self._database.fetch(" UNION ALL ".join([_POSTINGS] * len(phrases)), values)
        return [np.array(json.loads(found), np.int64) for _, found in sorted(rows)]

    async def places(self, row_ids: Ids) -> dict[int, Place]:
        """Where the messages of rows stand, by row."""
        rows = await self._database.fetch(
            """SELECT row_id, message_id, channel_id, author_id FROM worded
               WHERE row_id IN (SELECT value FROM json_each(?))""",
            (json_ids(row_ids),),
        )
        return {row[0]: Place(*row) for row in rows}

    async def terms(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, list[str]]:
        """The terms of those messages that are in the index, by message."""
        rows = await self._database.fetch(
            f"{_TERMS} WHERE w.guild_id = ? AND w.{_AMONG}", (guild_id, json_ids(message_ids))
        )
        return _by_message(rows)

    async def _block(self, guild_id: int) -> range:
        rows = await self._database.fetch("SELECT block_id FROM blocks WHERE guild_id = ?", (guild_id,))
        return _rows_of(rows[0][0]) if rows else range(0)


async def _put(transaction: Transaction, guild_id: int, texts: Sequence[tuple[UnwordedText, str]]) -> None:
    rows = await transaction.fetch(
        f"""SELECT message_id, content_hash, channel_id, author_id
            FROM unworded JOIN messages USING (guild_id, message_id) WHERE guild_id = ? AND {_AMONG}""",
        (guild_id, json_ids(text.message_id for text, _ in texts)),
    )
    waiting = {(message_id, content_hash): where for message_id, content_hash, *where in rows}
    fitting = [(text, terms) for text, terms in texts if (text.message_id, text.content_hash) in waiting]
    first = await _next_row(transaction, guild_id)
    await transaction.execute_many(
        "INSERT INTO worded (row_id, guild_id, message_id, channel_id, author_id) VALUES (?, ?, ?, ?, ?)",
        [
            (row_id, guild_id, text.message_id, *waiting[text.message_id, text.content_hash])
            for row_id, (text, _) in enumerate(fitting, first)
        ],
    )
    await transaction.execute_many(
        "INSERT INTO lexicon (rowid, terms) VALUES (?, ?)",
        [(row_id, terms) for row_id, (_, terms) in enumerate(fitting, first)],
    )
    await transaction.execute(
        f"DELETE FROM unworded WHERE guild_id = ? AND {_AMONG}",
        (guild_id, json_ids(text.message_id for text, _ in fitting)),
    )


async def _next_row(transaction: Transaction, guild_id: int) -> int:
    await transaction.execute("INSERT OR IGNORE INTO blocks (guild_id) VALUES (?)", (guild_id,))
    [(block_id,)] = await transaction.fetch("SELECT block_id FROM blocks WHERE guild_id = ?", (guild_id,))
    block = _rows_of(block_id)
    [(last,)] = await transaction.fetch(
        "SELECT max(row_id) FROM worded WHERE row_id BETWEEN ? AND ?", (block.start, block.stop - 1)
    )
    return block.start if last is None else int(last) + 1


def _by_message(rows: Iterable[Row]) -> dict[int, list[str]]:
    return {message_id: terms.split(" ") for message_id, terms in rows}


def _rows_of(block_id: int) -> range:
    return range(block_id * _BLOCK, (block_id + 1) * _BLOCK)
