"""Vectors kept in memory, where a test wants the database's part played."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bot.askers import EVERYTHING, Scope
from bot.index.base import Neighbor, VectorIndex
from bot.messages import EmbeddedMessages, Generation, Stamp
from bot.vectors import Halves, Ids, Vectors, unit

POOL = ThreadPoolExecutor(2)
GENERATION = Generation("words", 24, 1)


class KeptVectors:
    """A VectorSource that holds what it was given, in half precision. Counts the vectors that were read."""

    def __init__(self, dim: int) -> None:
        self.rows: dict[int, list[tuple[int, int, int, Halves]]] = {}
        self.n_read = 0
        self._dim = dim

    def put(self, messages: EmbeddedMessages) -> None:
        rows = defaultdict(list)
        columns = (messages.message_ids, messages.channel_ids, messages.author_ids, messages.embedding_ids)
        for message_id, channel_id, author_id, embedding_id, vector in zip(*columns, messages.vectors, strict=True):
            row = (int(channel_id), int(author_id), int(embedding_id), vector.astype(np.float16))
            rows[int(message_id)].append(row)
        self.rows.update(rows)

    def drop(self, message_ids: object) -> None:
        for message_id in message_ids:
            self.rows.pop(int(message_id), None)

    def stamps(self) -> tuple[Ids, Ids]:
        rows = dict(self.rows)
        stamps = [(i, row[2]) for i in sorted(rows) for row in rows[i]]
        ids = np.array(stamps, np.int64).reshape(-1, 2).T.copy()
        return ids[0], ids[1]

    def get(self, message_ids: Ids) -> EmbeddedMessages:
        rows = dict(self.rows)
        found = [(i, row) for i in sorted(map(int, message_ids)) for row in rows.get(i, ())]
        ids = np.array([(i, *row[:3]) for i, row in found], np.int64).reshape(-1, 4).T.copy()
        vectors = np.array([row[3] for _, row in found], np.float16).reshape(-1, self._dim)
        self.n_read += len(vectors)
        return EmbeddedMessages(*ids, vectors)

    def halves(self, message_ids: Ids) -> tuple[Ids, Halves]:
        messages = self.get(message_ids)
        return messages.message_ids, messages.vectors

    def within(self, scope: Scope) -> Iterator[EmbeddedMessages]:
        admitted = [
            i
            for i, [(channel_id, author_id, *_), *_] in sorted(dict(self.rows).items())
            if Scope(
                channel_ids=scope.channel_ids,
                author_ids=scope.author_ids,
                after_id=scope.after_id,
                before_id=scope.before_id,
            ).admits(message_id=i, guild_id=0, channel_id=channel_id, author_id=author_id)
        ]
        for start in range(0, len(admitted), 64):
            yield self.get(np.array(admitted[start : start + 64], np.int64))


class Stored:
    """An index over what is kept: the vectors are stored first, and the index follows."""

    def __init__(self, source: KeptVectors, index: VectorIndex) -> None:
        self.source = source
        self.index = index

    def __len__(self) -> int:
        return len(self.index)

    def ids(self) -> Ids:
        return self.index.ids()

    def n_bytes(self) -> int:
        return self.index.n_bytes()

    def upsert(self, messages: EmbeddedMessages) -> None:
        self.index.upsert(messages)
        self.source.put(messages)

    def remove(self, message_ids: object) -> None:
        ids = list(message_ids)
        self.source.drop(ids)
        self.index.remove(ids)

    def search(
        self, vector: Vectors, k: int, scope: Scope = EVERYTHING, *, n_sure: int | None = None
    ) -> list[Neighbor]:
        return self.index.search(vector, k, scope, n_sure=n_sure)


class KeptServers:
    """The vectors of each server, as a workshop asks for them."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._kept: dict[int, KeptVectors] = {}

    def __call__(self, guild_id: int) -> KeptVectors:
        return self._kept.setdefault(guild_id, KeptVectors(self._dim))


class OneSession:
    """A database that was opened once and is never copied; all up to `last_id` was given out."""

    def __init__(self, last_id: int = 2**62) -> None:
        self.token = "only"
        self.last_id = last_id

    def now(self, guild_id: int) -> Stamp:
        return Stamp(guild_id, GENERATION, self.token, self.last_id)

    def are_ours(self, stamp: Stamp, guild_id: int) -> bool:
        return (stamp.guild_id, stamp.token) == (guild_id, self.token) and stamp.last_id <= self.last_id


def clustered(n: int, dim: int, *, seed: int = 0, n_centres: int = 50) -> Vectors:
    """Vectors around some centres, as texts on so many matters would lie, in half precision."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((n_centres, dim))
    vectors = centres[rng.integers(0, n_centres, n)] + 0.4 * rng.standard_normal((n, dim))
    return unit(vectors.astype(np.float32)).astype(np.float16).astype(np.float32)
