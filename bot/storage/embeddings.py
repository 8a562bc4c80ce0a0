"""Embeddings: vectors of one generation beside the messages they were made from, and what still waits for one.

A vector is kept as little-endian float16 with a CRC-32. Against float32 that halves the file and what a rebuild
reads; measured on 18,765 different chat messages it moves a cosine by 0.00006 at most and left every top ten
with the same members (docs/storage.md).
"""

import json
import logging
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise

import numpy as np

from bot.errors import DimensionError
from bot.messages import EmbeddedMessages, Generation
from bot.storage.database import AMONG, PAGE_SIZE, Database, Row, Transaction, json_ids
from bot.storage.generations import HAS_A_VECTOR, OURS, QUEUE_WHAT_LACKS_A_VECTOR, GenerationStore
from bot.storage.outage import OutageStore
from bot.storage.pending import TEXTS_IN_QUEUE, PendingText, has_damaged_text, pending_text, take_off, unchanged
from bot.storage.sessions import given_ids
from bot.storage.vectors import FLOAT16, embedded_messages
from bot.vectors import Halves, Ids, Vectors

log = logging.getLogger(__name__)

_PUT = f"""
    INSERT OR REPLACE INTO embeddings
        (embedding_id, generation_id, guild_id, message_id, content_hash, checksum, vector)
    VALUES (?, ({OURS}), ?, ?, ?, ?, ?)"""
_PUT_PART = f"""
    INSERT INTO parts (embedding_id, generation_id, guild_id, message_id, part, checksum, vector)
    VALUES (?, ({OURS}), ?, ?, ?, ?, ?)"""
_EVERY_WHOLE = """SELECT embedding_id, embedding_id, checksum, vector FROM embeddings
                  WHERE embedding_id > ? ORDER BY embedding_id LIMIT ?"""
_EVERY_PART = """SELECT p.embedding_id, e.embedding_id, p.checksum, p.vector
                 FROM parts p JOIN embeddings e USING (guild_id, generation_id, message_id)
                 WHERE p.embedding_id > ? ORDER BY p.embedding_id LIMIT ?"""
_DAMAGED, _EMPTY = "damaged", "empty"
_ROW_BYTES = 60  # beside a vector
_NO_MESSAGE = 2**63 - 1  # has an id as high as this
_COPY_KNOWN = f"""
    INSERT INTO embeddings (embedding_id, generation_id, guild_id, message_id, content_hash, checksum, vector)
    SELECT ? + row_number() OVER (), e.generation_id, w.value ->> 0, w.value ->> 1, e.content_hash, e.checksum, e.vector
    FROM json_each(?) w
    JOIN embeddings e ON e.embedding_id = (SELECT min(known.embedding_id) FROM embeddings known
        WHERE known.generation_id = ({OURS}) AND known.content_hash = unhex(w.value ->> 2))
    WHERE true ON CONFLICT DO NOTHING RETURNING guild_id, message_id"""
_COPY_KNOWN_PARTS = f"""
    INSERT INTO parts (embedding_id, generation_id, guild_id, message_id, part, checksum, vector)
    SELECT ? + row_number() OVER (), p.generation_id, w.value ->> 0, w.value ->> 1, p.part, p.checksum, p.vector
    FROM json_each(?) w
    JOIN embeddings e ON e.embedding_id = (SELECT min(known.embedding_id) FROM embeddings known
        WHERE known.generation_id = ({OURS}) AND known.content_hash = unhex(w.value ->> 2))
    JOIN parts p USING (guild_id, generation_id, message_id)"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages have a vector, wait for one, and were set aside because the model refused them."""

    embedded: int
    pending: int
    parked: int


class EmbeddingStore:
    """The tables embeddings and pending, seen from one generation."""

    def __init__(self, database: Database, generation: Generation) -> None:
        self._database = database
        self.generation = generation
        self.generations = GenerationStore(database, generation)
        self.outage = OutageStore(database)
        self._key = (generation.model_key, generation.dim, generation.text_version)

    async def counts(self, guild_id: int | None = None) -> Counts:
        """How far this generation is, in one server or in all.

        All that it lacks is pending where the queue is for another one.
        """
        there, which = (" AND guild_id = ?", (guild_id,)) if guild_id else ("", ())
        [(embedded,)] = await self._database.fetch(
            f"SELECT count(*) FROM embeddings WHERE generation_id = ({OURS}){there}", (*self._key, *which)
        )
        if not await self.generations.is_current():
            [(n_texts,)] = await self._database.fetch(
                f"SELECT count(*) FROM messages WHERE content_hash IS NOT NULL{there}", which
            )
            return Counts(embedded, n_texts - embedded, 0)
        [(pending, parked)] = await self._database.fetch(
            f"SELECT count(*) - count(parked), count(parked) FROM pending WHERE true{there}", which
        )
        return Counts(embedded, pending, parked)

    async def parked_reasons(self) -> dict[str, int]:
        """How many texts were set aside for which reason, the most frequent first."""
        if not await self.generations.is_current():
            return {}
        rows = await self._database.fetch(
            """SELECT parked, count(*) FROM pending WHERE parked IS NOT NULL
               GROUP BY parked ORDER BY count(*) DESC, parked"""
        )
        return dict(rows)

    async def pending(
        self, limit: int, *, without: Iterable[int] = (), in_order_from: int = _NO_MESSAGE
    ) -> list[PendingText]:
        """What waits for a vector, newest first; what is damaged is set aside until it is saved anew.

        The servers named in `without` have to wait. Messages from an id on come before the others, oldest first.
        """
        shut_out = json_ids(without)
        while rows := await self._waiting(limit, shut_out, in_order_from):
            intact = [pending_text(row) for row in rows if not has_damaged_text(row)]
            if texts := [text for text in intact if text.text]:
                return texts
            if intact:
                await self.park(intact, _EMPTY)  # what opens a thread without a title that could be read
            else:
                await self._park_damaged(row[1] for row in rows)
        return []

    async def _waiting(self, limit: int, shut_out: str, in_order_from: int) -> list[Row]:
        waiting = f"{TEXTS_IN_QUEUE} WHERE q.parked IS NULL AND q.guild_id NOT IN (SELECT value FROM json_each(?))"
        rows: list[Row] = []
        for those in ("q.message_id >= ? ORDER BY q.message_id", "q.message_id < ? ORDER BY q.message_id DESC"):
            values = (shut_out, in_order_from, limit - len(rows))
            rows += await self._database.fetch(f"{waiting} AND {those} LIMIT ?", values)
        return rows

    async def _park_damaged(self, message_ids: Iterable[int]) -> None:
        async with self._database.transaction() as transaction:
            # Looked at again, since they may have been saved anew meanwhile.
            rows = await transaction.fetch(f"{TEXTS_IN_QUEUE} WHERE q.{AMONG}", (json_ids(message_ids),))
            damaged = [row[:2] for row in rows if has_damaged_text(row)]
            await transaction.execute_many(
                "UPDATE pending SET parked = ? WHERE guild_id = ? AND message_id = ?",
                [(_DAMAGED, *key) for key in damaged],
            )
        log.error("set %d messages aside whose texts are damaged", len(damaged))

    async def copy_known(self, texts: Sequence[PendingText]) -> list[PendingText]:
        """Give texts that were embedded before the vector they had; those that were."""
        async with self._database.transaction() as transaction:
            fitting = await unchanged(transaction, texts)
            last_id = await given_ids(transaction, len(fitting))
            rows = await transaction.fetch(_COPY_KNOWN, (last_id, _wanted(fitting), *self._key))
            copied = {(row[0], row[1]) for row in rows}
            done = [text for text in fitting if (text.guild_id, text.message_id) in copied]
            await self._copy_known_parts(transaction, [text for text in done if text.parts])
            await take_off(transaction, done)
        return done

    async def _copy_known_parts(self, transaction: Transaction, texts: Sequence[PendingText]) -> None:
        last_id = await given_ids(transaction, sum(len(text.parts) for text in texts))
        await transaction.execute(_COPY_KNOWN_PARTS, (last_id, _wanted(texts), *self._key))

    async def put_many(self, texts: Sequence[PendingText], vectors: Vectors) -> list[PendingText]:
        """Store the vectors of texts; those that were stored.

        `vectors` are float32 [n, dim] of unit length, in the order of each one's `texts`. A message that was edited or
        deleted since it was read is left out: its vectors are another's by now. Raises DimensionError.
        """
        if vectors.shape[1] != self.generation.dim:
            raise DimensionError(self.generation.dim, vectors.shape[1])
        borders = pairwise(accumulate((len(text.texts) for text in texts), initial=0))
        rows_of = {(text.guild_id, text.message_id): slice(*rows) for text, rows in zip(texts, borders, strict=True)}
        async with self._database.transaction() as transaction:
            fitting = await unchanged(transaction, texts)
            last_id = await given_ids(transaction, sum(len(text.texts) for text in fitting))
            halves = [vectors[rows_of[text.guild_id, text.message_id]].astype(FLOAT16) for text in fitting]
            rows = _rows(fitting, halves, last_id, self._key)
            await transaction.execute_many(_PUT, [row for row, _ in rows])
            await transaction.execute_many(_PUT_PART, [row for _, parts in rows for row in parts])
            await take_off(transaction, fitting)
        return fitting

    async def park(self, texts: Sequence[PendingText], reason: str) -> None:
        """Set texts aside that the model refuses, unless they were edited since, so that the others go on."""
        async with self._database.transaction() as transaction:
            await transaction.execute_many(
                "UPDATE pending SET parked = ? WHERE guild_id = ? AND message_id = ?",
                [(reason, text.guild_id, text.message_id) for text in await unchanged(transaction, texts)],
            )

    async def unpark(self) -> int:
        """Let everything that was set aside be tried again; how many messages that were."""
        async with self._database.transaction() as transaction:
            return await transaction.execute("UPDATE pending SET parked = NULL WHERE parked IS NOT NULL")

    def n_bytes(self, n: int) -> int:
        """About what n vectors take in the file, with what is left empty of a page that they do not fill."""
        n_on_a_page = max(PAGE_SIZE // (self.generation.dim * FLOAT16.itemsize + _ROW_BYTES), 1)
        return n * PAGE_SIZE // n_on_a_page

    async def n_vectors(self, guild_id: int) -> int:
        """How many vectors the server has, those of parts among them."""
        of_this = f"WHERE guild_id = ? AND generation_id = ({OURS})"
        [(n,)] = await self._database.fetch(
            f"SELECT (SELECT count(*) FROM embeddings {of_this}) + (SELECT count(*) FROM parts {of_this})",
            2 * (guild_id, *self._key),
        )
        return int(n)

    async def ids(self, guild_id: int) -> Ids:
        """The ids of the server's messages that have a vector, ascending."""
        rows = await self._database.fetch(
            f"""SELECT message_id FROM embeddings WHERE guild_id = ? AND generation_id = ({OURS})
                ORDER BY message_id""",
            (guild_id, *self._key),
        )
        return np.fromiter((row[0] for row in rows), np.int64, len(rows))

    async def embedded_among(self, guild_id: int, message_ids: Iterable[int]) -> set[int]:
        """Those of the messages that have a vector."""
        rows = await self._database.fetch(
            f"SELECT message_id FROM embeddings WHERE guild_id = ? AND {AMONG} AND generation_id = ({OURS})",
            (guild_id, json_ids(message_ids), *self._key),
        )
        return {row[0] for row in rows}

    async def get_many(self, guild_id: int, message_ids: Iterable[int]) -> EmbeddedMessages:
        """The messages with the vectors of their whole texts, ascending; damaged vectors are left out."""
        rows = await self._database.fetch(
            f"""SELECT m.message_id, m.channel_id, m.author_id, e.embedding_id, e.checksum, e.vector
                FROM messages m JOIN embeddings e USING (guild_id, message_id)
                WHERE m.guild_id = ? AND m.{AMONG} AND e.generation_id = ({OURS}) ORDER BY m.message_id""",
            (guild_id, json_ids(message_ids), *self._key),
        )
        return embedded_messages(rows, self.generation.dim)

    async def damaged(self, batch: int = 4096) -> AsyncIterator[int]:
        """The embedding_ids of messages with bytes that do not fit their checksum, after a look at every vector."""
        for vectors in (_EVERY_WHOLE, _EVERY_PART):
            last = 0
            while rows := await self._database.fetch(vectors, (last, batch)):
                last = rows[-1][0]
                for _, embedding_id, checksum, vector in rows:
                    if zlib.crc32(vector) != checksum:
                        yield embedding_id

    async def mend(self) -> int:
        """Remove damaged vectors and make their messages pending again; how many there were."""
        ids = json_ids([embedding_id async for embedding_id in self.damaged()])
        async with self._database.transaction() as transaction:
            n_damaged = await transaction.execute(
                "DELETE FROM embeddings WHERE embedding_id IN (SELECT value FROM json_each(?))", (ids,)
            )
            await transaction.execute(QUEUE_WHAT_LACKS_A_VECTOR, self._key)
        return n_damaged

    async def n_lost(self) -> int:
        """How many messages with text have neither a vector nor a place in the queue; 0 unless there is a bug."""
        if not await self.generations.is_current():
            return 0
        [(n,)] = await self._database.fetch(
            f"""SELECT count(*) FROM messages m WHERE content_hash IS NOT NULL AND NOT {HAS_A_VECTOR}
                AND NOT EXISTS (SELECT 1 FROM pending p
                                WHERE (p.guild_id, p.message_id) = (m.guild_id, m.message_id))""",
            self._key,
        )
        return int(n)


def _wanted(texts: Iterable[PendingText]) -> str:
    """Messages with the hashes of their texts, as the statements that copy take them."""
    return json.dumps([(text.guild_id, text.message_id, text.content_hash.hex()) for text in texts])


def _rows(
    texts: Sequence[PendingText], vectors: Sequence[Halves], last_id: int, key: Row
) -> list[tuple[Row, list[Row]]]:
    """What is stored of each text: the row of the whole, and those of its parts."""
    ids = count(last_id + 1)
    rows = []
    for text, halves in zip(texts, vectors, strict=True):
        place = (*key, text.guild_id, text.message_id)
        whole, *parts = [(blob := half.tobytes(), zlib.crc32(blob)) for half in halves]
        rows.append(
            (
                (next(ids), *place, text.content_hash, whole[1], whole[0]),
                [(next(ids), *place, part, checksum, blob) for part, (blob, checksum) in enumerate(parts, 1)],
            )
        )
    return rows
