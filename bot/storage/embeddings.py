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

import numpy as np

from bot.composing import Composition
from bot.errors import DimensionError
from bot.messages import EmbeddedMessages, Generation, Said
from bot.storage.contexts import COMPOSED, WITH_CONTEXT, composition_of
from bot.storage.database import AMONG, PAGE_SIZE, Database, Row, Transaction, json_ids
from bot.storage.generations import HAS_A_VECTOR, OURS, QUEUE_WHAT_LACKS_A_VECTOR, GenerationStore
from bot.storage.outage import OutageStore
from bot.storage.sessions import given_ids
from bot.storage.vectors import FLOAT16, embedded_messages
from bot.storage.versions import is_damaged
from bot.texts import content_hash
from bot.vectors import Ids, Vectors

log = logging.getLogger(__name__)

_PUT = f"""
    INSERT INTO embeddings (embedding_id, generation_id, guild_id, message_id, content_hash, checksum, vector)
    VALUES (?, ({OURS}), ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET embedding_id = excluded.embedding_id, content_hash = excluded.content_hash,
                              checksum = excluded.checksum, vector = excluded.vector"""
_TEXTS_IN_QUEUE = f"""SELECT m.guild_id, m.message_id, m.content_hash, m.channel_id, {COMPOSED}
                      FROM pending q JOIN messages m USING (guild_id, message_id) {WITH_CONTEXT}"""
_DAMAGED, _EMPTY = "damaged", "empty"
_ROW_BYTES = 60  # beside a vector
_COPY_KNOWN = f"""
    INSERT INTO embeddings (embedding_id, generation_id, guild_id, message_id, content_hash, checksum, vector)
    SELECT ? + row_number() OVER (), e.generation_id, w.value ->> 0, w.value ->> 1, e.content_hash, e.checksum, e.vector
    FROM json_each(?) w
    JOIN embeddings e ON e.embedding_id = (SELECT min(known.embedding_id) FROM embeddings known
        WHERE known.generation_id = ({OURS}) AND known.content_hash = unhex(w.value ->> 2))
    WHERE true ON CONFLICT DO NOTHING RETURNING guild_id, message_id"""


@dataclass(frozen=True, slots=True)
class PendingText:
    """A text that waits for its vector: what it is made of, what that comes to, and the hash of it."""

    guild_id: int
    message_id: int
    composition: Composition
    text: str
    content_hash: bytes


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

    async def pending(self, limit: int) -> list[PendingText]:
        """What waits for a vector, newest first; what is damaged is set aside until it is saved anew."""
        while rows := await self._database.fetch(
            f"{_TEXTS_IN_QUEUE} WHERE q.parked IS NULL ORDER BY q.message_id DESC LIMIT ?", (limit,)
        ):
            intact = [_pending_text(row) for row in rows if not _has_damaged_text(row)]
            if texts := [text for text in intact if text.text]:
                return texts
            if intact:
                await self.park(intact, _EMPTY)  # what opens a thread without a title that could be read
            else:
                await self._park_damaged(row[1] for row in rows)
        return []

    async def _park_damaged(self, message_ids: Iterable[int]) -> None:
        async with self._database.transaction() as transaction:
            # Looked at again, since they may have been saved anew meanwhile.
            rows = await transaction.fetch(f"{_TEXTS_IN_QUEUE} WHERE q.{AMONG}", (json_ids(message_ids),))
            damaged = [row[:2] for row in rows if _has_damaged_text(row)]
            await transaction.execute_many(
                "UPDATE pending SET parked = ? WHERE guild_id = ? AND message_id = ?",
                [(_DAMAGED, *key) for key in damaged],
            )
        log.error("set %d messages aside whose texts are damaged", len(damaged))

    async def copy_known(self, texts: Sequence[PendingText]) -> list[PendingText]:
        """Give texts that were embedded before the vector they had; those that were."""
        async with self._database.transaction() as transaction:
            unchanged = await _unchanged(transaction, texts)
            last_id = await given_ids(transaction, len(unchanged))
            wanted = json.dumps([(text.guild_id, text.message_id, text.content_hash.hex()) for text in unchanged])
            rows = await transaction.fetch(_COPY_KNOWN, (last_id, wanted, *self._key))
            copied = {(row[0], row[1]) for row in rows}
            done = [text for text in unchanged if (text.guild_id, text.message_id) in copied]
            await _take_off(transaction, done)
        return done

    async def put_many(self, texts: Sequence[PendingText], vectors: Vectors) -> list[PendingText]:
        """Store the vectors of texts, float32 [n, dim] of unit length; those that were stored.

        A message that was edited or deleted since it was read is left out: its vector is another's by now.
        Raises DimensionError.
        """
        if vectors.shape[1] != self.generation.dim:
            raise DimensionError(self.generation.dim, vectors.shape[1])
        async with self._database.transaction() as transaction:
            vector_of = {(text.guild_id, text.message_id): row for row, text in enumerate(texts)}
            fitting = [
                (text, vectors[vector_of[text.guild_id, text.message_id]].astype(FLOAT16).tobytes())
                for text in await _unchanged(transaction, texts)
            ]
            first_id = 1 + await given_ids(transaction, len(fitting))
            await transaction.execute_many(
                _PUT,
                [
                    (number, *self._key, text.guild_id, text.message_id, text.content_hash, zlib.crc32(blob), blob)
                    for number, (text, blob) in enumerate(fitting, first_id)
                ],
            )
            written = [text for text, _ in fitting]
            await _take_off(transaction, written)
        return written

    async def park(self, texts: Sequence[PendingText], reason: str) -> None:
        """Set texts aside that the model refuses, unless they were edited since, so that the others go on."""
        async with self._database.transaction() as transaction:
            await transaction.execute_many(
                "UPDATE pending SET parked = ? WHERE guild_id = ? AND message_id = ?",
                [(reason, text.guild_id, text.message_id) for text in await _unchanged(transaction, texts)],
            )

    async def unpark(self) -> int:
        """Let everything that was set aside be tried again; how many messages that were."""
        async with self._database.transaction() as transaction:
            return await transaction.execute("UPDATE pending SET parked = NULL WHERE parked IS NOT NULL")

    def n_bytes(self, n: int) -> int:
        """About what n vectors take in the file, with what is left empty of a page that they do not fill."""
        n_on_a_page = max(PAGE_SIZE // (self.generation.dim * FLOAT16.itemsize + _ROW_BYTES), 1)
        return n * PAGE_SIZE // n_on_a_page

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
        """The messages that have a vector, in ascending order of their ids; damaged vectors are left out."""
        rows = await self._database.fetch(
            f"""SELECT m.message_id, m.channel_id, m.author_id, e.embedding_id, e.checksum, e.vector
                FROM messages m JOIN embeddings e USING (guild_id, message_id)
                WHERE m.guild_id = ? AND m.{AMONG} AND e.generation_id = ({OURS}) ORDER BY m.message_id""",
            (guild_id, json_ids(message_ids), *self._key),
        )
        return embedded_messages(rows, self.generation.dim)

    async def damaged(self, batch: int = 4096) -> AsyncIterator[int]:
        """The embedding_ids whose bytes do not fit their checksum, after a look at every one."""
        last = 0
        while rows := await self._database.fetch(
            """SELECT message_id, 0, 0, checksum, vector, embedding_id FROM embeddings
               WHERE embedding_id > ? ORDER BY embedding_id LIMIT ?""",
            (last, batch),
        ):
            last = rows[-1][5]
            for row in rows:
                if zlib.crc32(row[4]) != row[3]:
                    yield row[5]

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


def _has_damaged_text(row: Row) -> bool:
    _, message_id, text_hash, channel_id, *said = row
    return is_damaged(Said(*said[:3]), text_hash, opens_thread=message_id == channel_id)


def _pending_text(row: Row) -> PendingText:
    composition = composition_of(row[4:])
    text = composition.text
    return PendingText(row[0], row[1], composition, text, content_hash(text))


async def _unchanged(transaction: Transaction, texts: Sequence[PendingText]) -> list[PendingText]:
    """Those that still wait, and are still made of what they were made of."""
    rows = await transaction.fetch(f"{_TEXTS_IN_QUEUE} WHERE q.{AMONG}", (json_ids(text.message_id for text in texts),))
    now = {(row[0], row[1]): composition_of(row[4:]) for row in rows}
    return [text for text in texts if now.get((text.guild_id, text.message_id)) == text.composition]


async def _take_off(transaction: Transaction, texts: Iterable[PendingText]) -> None:
    await transaction.execute_many(
        "DELETE FROM pending WHERE guild_id = ? AND message_id = ?",
        [(text.guild_id, text.message_id) for text in texts],
    )
