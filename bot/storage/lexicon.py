"""The full-text index: which messages a term stands in."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bot.askers import Scope
from bot.composing import worded_text
from bot.messages import Said
from bot.storage.contexts import SAID, TITLE
from bot.storage.database import AMONG, Database, Row, Transaction, json_ids
from bot.storage.scopes import place_conditions
from bot.vectors import Ids

_LOTS = 2**31
# As in the index worded_by_lot, which would not be used for another expression.
_LOT = "((message_id & 2147483647) * 1103515245 + ((message_id >> 31) & 2147483647) * 1640531527) & 2147483647"
_BLOCK = 2**32  # rows that a server may have in all its time
_TERMS = """SELECT w.message_id, l.terms, w.channel_id, w.author_id
            FROM worded w CROSS JOIN lexicon l ON l.rowid = w.row_id"""
_FIRST_ROW = f"(SELECT block_id * {_BLOCK} FROM blocks WHERE guild_id = ?)"
_POSTINGS = f"""SELECT ?, json_group_array(message_id) FROM (
    SELECT w.message_id FROM lexicon l CROSS JOIN worded w ON w.row_id = l.rowid
    WHERE l.lexicon MATCH ? AND l.rowid BETWEEN {_FIRST_ROW} AND {_FIRST_ROW} + {_BLOCK - 1}{{conditions}}
    ORDER BY l.rowid DESC LIMIT ?)"""
SAMPLE = f"SELECT row_id, {_LOT} FROM worded w WHERE guild_id = ?{{conditions}} ORDER BY {_LOT} LIMIT ?"


@dataclass(frozen=True, slots=True)
class UnwordedText:
    """A message that waits for its place in the full-text index; `title` is that of a thread which it opens."""

    guild_id: int
    message_id: int
    content_hash: bytes
    title: str | None
    said: Said

    @property
    def text(self) -> str:
        """What of it is looked for by words."""
        return worded_text(self.said, self.title)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands."""

    channel_id: int
    author_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Sample:
    """About how many texts there are, and where some of them stand, with their terms by message."""

    n_texts: int
    places: tuple[Place, ...]
    terms: dict[int, list[str]]


class Lexicon:
    """The tables worded, lexicon, unworded and blocks. What goes with its message goes by way of their triggers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unworded(self, limit: int) -> list[UnwordedText]:
        """Texts that wait, some of them."""
        rows = await self._database.fetch(
            f"""SELECT guild_id, message_id, content_hash, {TITLE}, {SAID} FROM
                (SELECT guild_id, message_id FROM unworded LIMIT ?) JOIN messages m USING (guild_id, message_id)""",
            (limit,),
        )
        return [UnwordedText(row[0], row[1], row[2], row[3], Said(*row[4:])) for row in rows]

    async def n_unworded(self, guild_id: int | None = None) -> int:
        """How many texts wait, of one server or of all."""
        [(n,)] = await self._database.fetch(
            "SELECT count(*) FROM unworded" + (" WHERE guild_id = ?" if guild_id else ""),
            (guild_id,) if guild_id else (),
        )
        return int(n)

    async def put(self, texts: Sequence[UnwordedText], terms: Sequence[Sequence[str]]) -> None:
        """Take in the terms of texts. A message that was edited since it was read waits on."""
        async with self._database.transaction() as transaction:
            for guild_id in {text.guild_id for text in texts}:
                of_server = [
                    (text, " ".join(its)) for text, its in zip(texts, terms, strict=True) if text.guild_id == guild_id
                ]
                await _put(transaction, guild_id, of_server)

    async def sample(self, guild_id: int, scope: Scope, size: int) -> Sample:
        """Texts of a server chosen by chance among those of a scope, at most so many; the same ones each time.

        Which ones, and what they tell, does not depend on what lies in other channels.
        """
        conditions, values = _conditions(scope)
        drawn = await self._database.fetch(SAMPLE.format(conditions=conditions), (guild_id, *values, size))
        rows = await self._database.fetch(
            f"{_TERMS} WHERE w.row_id IN (SELECT value FROM json_each(?))", (json_ids(row[0] for row in drawn),)
        )
        # Of n numbers by chance, the k-th lowest lies at about k/n of the way.
        n_texts = len(drawn) if len(drawn) < size else round((size - 1) * _LOTS / max(drawn[-1][1], 1))
        return Sample(n_texts, tuple(Place(*row[2:], *row[:1]) for row in rows), _by_message(rows))

    async def postings(self, guild_id: int, phrases: Sequence[Sequence[str]], scope: Scope, limit: int) -> list[Ids]:
        """For each phrase the messages of a server within the scope that have all its terms, up to a limit.

        The last taken in come first. Terms are those of bot.terms; one with a star passes those of other servers, too,
        which takes 3 ms among a million texts. Messages outside the scope count for nothing. All phrases are one
        statement: each would wait for its turn.
        """
        if not phrases:
            return []
        conditions, its_values = _conditions(scope)
        values: list[int | str] = []
        for number, terms in enumerate(phrases):
            match = " AND ".join(f'"{term[:-1]}"*' if term.endswith("*") else f'"{term}"' for term in terms)
            values += [number, match, guild_id, guild_id, *its_values, limit]
        statement = " UNION ALL ".join([_POSTINGS.format(conditions=conditions)] * len(phrases))
        rows = await self._database.fetch(statement, values)
        return [np.array(json.loads(found), np.int64) for _, found in sorted(rows)]

    async def terms(self, guild_id: int, message_ids: Iterable[int]) -> dict[int, list[str]]:
        """The terms of those messages that are in the index, by message."""
        rows = await self._database.fetch(
            f"{_TERMS} WHERE w.guild_id = ? AND w.{AMONG}", (guild_id, json_ids(message_ids))
        )
        return _by_message(rows)

    async def worded_among(self, guild_id: int, message_ids: Iterable[int]) -> set[int]:
        """Those of the messages that are in the index."""
        rows = await self._database.fetch(
            f"SELECT message_id FROM worded WHERE guild_id = ? AND {AMONG}", (guild_id, json_ids(message_ids))
        )
        return {row[0] for row in rows}


async def _put(transaction: Transaction, guild_id: int, texts: Sequence[tuple[UnwordedText, str]]) -> None:
    rows = await transaction.fetch(
        f"""SELECT message_id, content_hash, {TITLE}, channel_id, author_id
            FROM unworded JOIN messages m USING (guild_id, message_id) WHERE guild_id = ? AND {AMONG}""",
        (guild_id, json_ids(text.message_id for text, _ in texts)),
    )
    waiting = {tuple(row[:3]): row[3:] for row in rows}
    fitting = [(text, terms) for text, terms in texts if _read(text) in waiting]
    if not fitting:
        return  # a server that was forgotten meanwhile has no place any more
    first = await _next_row(transaction, guild_id)
    await transaction.execute_many(
        "INSERT INTO worded (row_id, guild_id, message_id, channel_id, author_id) VALUES (?, ?, ?, ?, ?)",
        [(row_id, guild_id, text.message_id, *waiting[_read(text)]) for row_id, (text, _) in enumerate(fitting, first)],
    )
    await transaction.execute_many(
        "INSERT INTO lexicon (rowid, terms) VALUES (?, ?)",
        [(row_id, terms) for row_id, (_, terms) in enumerate(fitting, first)],
    )
    await transaction.execute(
        f"DELETE FROM unworded WHERE guild_id = ? AND {AMONG}",
        (guild_id, json_ids(text.message_id for text, _ in fitting)),
    )


def _read(text: UnwordedText) -> tuple[int, bytes, str | None]:
    """What must be as it was when the terms of a text were made."""
    return text.message_id, text.content_hash, text.title


async def _next_row(transaction: Transaction, guild_id: int) -> int:
    await transaction.execute("INSERT OR IGNORE INTO blocks (guild_id) VALUES (?)", (guild_id,))
    [(block_id,)] = await transaction.fetch("SELECT block_id FROM blocks WHERE guild_id = ?", (guild_id,))
    block = _rows_of(block_id)
    [(last,)] = await transaction.fetch(
        "SELECT max(row_id) FROM worded WHERE row_id BETWEEN ? AND ?", (block.start, block.stop - 1)
    )
    return block.start if last is None else int(last) + 1


def _by_message(rows: Iterable[Row]) -> dict[int, list[str]]:
    return {row[0]: row[1].split() for row in rows}


def _conditions(scope: Scope) -> tuple[str, list[int | str]]:
    """What of a scope is asked of each message of a server that it admits."""
    conditions, places = place_conditions(scope, "w")
    values: list[int | str] = [*places]
    for sign, moment_id in ((">=", scope.after_id), ("<", scope.before_id)):
        if moment_id is not None:
            conditions += f" AND w.message_id {sign} ?"
            values.append(moment_id)
    if scope.excluded_ids:
        conditions += " AND w.message_id NOT IN (SELECT value FROM json_each(?))"
        values.append(json_ids(scope.excluded_ids))
    return conditions, values


def _rows_of(block_id: int) -> range:
    return range(block_id * _BLOCK, (block_id + 1) * _BLOCK)
