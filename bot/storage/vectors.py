"""The vectors as the mirror reads them: by the thousand, from whichever thread wants them, past the event loop."""

import logging
import queue
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bot.askers import Scope
from bot.messages import EmbeddedMessages, Generation
from bot.storage.cipher import FileKey
from bot.storage.connections import shared_connection, translated
from bot.storage.database import AMONG, Row, json_ids
from bot.storage.generations import OURS
from bot.storage.scopes import place_conditions
from bot.vectors import Halves, Ids

log = logging.getLogger(__name__)

FLOAT16 = np.dtype("<f2")
_GREATEST_ID = 2**63 - 1
_IDS_A_FETCH = 16_384
_A_PART, _AT_ONCE = 24, 4  # vectors at least that are read one after another, and how many readers there are
_FROM_DISK_S = 60e-6  # that one vector takes: from memory it is a tenth of that
_SEVERAL_TIMES = 64  # reads by several, until it is looked whether one alone is as fast by now
# Those of whole texts and those of parts, each from the table whose order they are wanted in.
_WHOLES = """SELECT m.message_id, m.channel_id, m.author_id, e.embedding_id, 0 AS part, e.checksum, e.vector
             FROM messages m CROSS JOIN embeddings e USING (guild_id, message_id)"""
_PARTS = """SELECT e.message_id, m.channel_id, m.author_id, e.embedding_id, e.part, e.checksum, e.vector
            FROM parts e CROSS JOIN messages m USING (guild_id, message_id)"""


class VectorReader:
    """Connections that only read, one for each thread that reads at the same time, opened when they are wanted."""

    def __init__(self, path: Path, generation: Generation, *, batch_bytes: int, key: FileKey | None = None) -> None:
        self._path, self._key = path, key
        self.generation = generation
        self.batch = max(batch_bytes // (generation.dim * FLOAT16.itemsize), 64)
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="vectors")
        self._n_by_several = 0  # reads to come
        self.clock = time.perf_counter  # the time that reads take is measured by

    def of(self, guild_id: int) -> "ServerVectors":
        """One server's vectors."""
        return ServerVectors(self, guild_id)

    def together(self, read: Callable[[Ids], list[Row]], message_ids: Ids) -> list[Row]:
        """What `read` finds of messages, whose vectors lie anywhere in the file.

        A disk brings several at once as fast as one. What lies in memory is brought sooner by one reader: several would
        wait for each other at each row.
        """
        if self._n_by_several and len(message_ids) > _A_PART:
            self._n_by_several -= 1
            size = max(_A_PART, -(-len(message_ids) // _AT_ONCE))
            parts = [message_ids[start : start + size] for start in range(0, len(message_ids), size)]
            return [row for found in self._pool.map(read, parts) for row in found]
        began_at = self.clock()
        rows = read(message_ids)
        if len(message_ids) > _A_PART and self.clock() - began_at > _FROM_DISK_S * len(message_ids):
            self._n_by_several = _SEVERAL_TIMES
        return rows

    def close(self) -> None:
        """Close what is idle; nothing may be reading any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get_nowait().close()

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection for the time of one read. Raises StorageFailed and what opening the database raises."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = shared_connection(self._path, self._key)
        try:
            with translated(self._path):
                yield connection
        finally:
            self._idle.put(connection)


class ServerVectors:
    """One server's vectors of one generation; a VectorSource."""

    def __init__(self, reader: VectorReader, guild_id: int) -> None:
        self._reader = reader
        self._guild_id = guild_id
        generation = reader.generation
        self._dim = generation.dim
        self._key = (generation.model_key, generation.dim, generation.text_version)

    def stamps(self) -> tuple[Ids, Ids]:
        found = [np.empty((0, 2), np.int64)]
        ours = f"WHERE guild_id = ? AND generation_id = ({OURS})"
        with self._reader.connection() as connection:
            cursor = connection.execute(
                f"""SELECT message_id, embedding_id FROM embeddings {ours}
                    UNION ALL SELECT message_id, embedding_id FROM parts {ours} ORDER BY message_id""",
                2 * (self._guild_id, *self._key),
            )
            while rows := cursor.fetchmany(_IDS_A_FETCH):
                found.append(np.array(rows, np.int64))
        stamps = np.concatenate(found)
        return stamps[:, 0].copy(), stamps[:, 1].copy()

    def get(self, message_ids: Ids) -> EmbeddedMessages:
        theirs = f"WHERE m.guild_id = ? AND m.{AMONG} AND e.generation_id = ({OURS})"
        with self._reader.connection() as connection:
            rows = connection.execute(
                f"{_WHOLES} {theirs} UNION ALL {_PARTS} {theirs} ORDER BY message_id, part",
                2 * (self._guild_id, json_ids(message_ids), *self._key),
            ).fetchall()
        return embedded_messages(rows, self._dim)

    def halves(self, message_ids: Ids) -> tuple[Ids, Halves]:
        """As VectorSource says."""
        rows = self._reader.together(self._bare_rows, message_ids)
        intact = [row for row in rows if is_intact(row, self._dim)]
        return np.fromiter((row[0] for row in intact), np.int64, len(intact)), _halves(intact, self._dim)

    def _bare_rows(self, message_ids: Ids) -> list[Row]:
        theirs = f"WHERE guild_id = ? AND {AMONG} AND generation_id = ({OURS})"
        with self._reader.connection() as connection:
            rows: list[Row] = connection.execute(
                f"""SELECT message_id, checksum, vector FROM embeddings {theirs}
                    UNION ALL SELECT message_id, checksum, vector FROM parts {theirs}""",
                2 * (self._guild_id, json_ids(message_ids), *self._key),
            ).fetchall()
        return rows

    def within(self, scope: Scope) -> Iterator[EmbeddedMessages]:
        """As VectorSource says. A batch is read at a time, so that the log can be emptied between two of them."""
        last = (scope.after_id or 1) - 1
        end = _GREATEST_ID if scope.before_id is None else scope.before_id
        conditions, values = place_conditions(scope, "m")
        theirs = f"""WHERE m.guild_id = ? AND e.generation_id = ({OURS})
                     AND m.message_id > ? AND m.message_id < ?{conditions}"""
        while True:
            with self._reader.connection() as connection:
                rows = connection.execute(
                    f"{_WHOLES} {theirs} UNION ALL {_PARTS} {theirs} ORDER BY message_id, part LIMIT ?",
                    (*2 * (self._guild_id, *self._key, last, end, *values), self._reader.batch + 1),
                ).fetchall()
            if not rows:
                return
            if len(rows) > self._reader.batch:  # of the last message there may be more
                rows = [row for row in rows if row[0] < rows[-1][0]]
            last = rows[-1][0]
            yield embedded_messages(rows, self._dim)


def embedded_messages(rows: Sequence[Row], dim: int) -> EmbeddedMessages:
    """Rows that begin with the ids of message, channel, author and embedding, and end with checksum and vector.

    Damaged ones are left out.
    """
    intact = [row for row in rows if is_intact(row, dim)]
    ids = np.array([row[:4] for row in intact], np.int64).reshape(-1, 4).T.copy()
    return EmbeddedMessages(ids[0], ids[1], ids[2], ids[3], _halves(intact, dim))


def is_intact(row: Row, dim: int) -> bool:
    """Whether a vector is as it was written; a row begins with the message and ends with checksum and vector."""
    intact = zlib.crc32(row[-1]) == row[-2] and len(row[-1]) == dim * FLOAT16.itemsize
    if not intact:
        log.error("the vector of message %d is damaged; `rebuild` makes it anew", row[0])
    return intact


def _halves(rows: Sequence[Row], dim: int) -> Halves:
    halves: Halves = np.frombuffer(b"".join(row[-1] for row in rows), FLOAT16).reshape(-1, dim)
    return halves
