"""A data folder as the bot would have it, filled past the doors: a message and its vector for each row of a corpus."""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from bench.corpus import BATCH, Halves, opened
from bot.messages import Generation
from bot.storage.database import Database, Transaction, open_to_write
from bot.storage.embeddings import EmbeddingStore
from bot.storage.sessions import given_ids
from bot.storage.versions import hash_of
from bot.texts import TEXT_VERSION
from bot.vectors import Ids

FOLDER = "database"  # in a corpus's own
MODEL_KEY = "bench"
_MANY = 1_000_000
GUILD_ID = 1
_PUT_MESSAGE = """INSERT INTO messages
    (guild_id, message_id, channel_id, author_id, origin, edited_at, content_hash, content)
    VALUES (?, ?, ?, ?, 1, NULL, ?, ?)"""
_PUT_EMBEDDING = """INSERT INTO embeddings
    (embedding_id, generation_id, guild_id, message_id, content_hash, checksum, vector)
    VALUES (?, (SELECT generation_id FROM generations WHERE is_current), ?, ?, ?, ?, ?)"""


async def build_database(folder: Path, vectors: Halves, *, channels: Ids, authors: Ids, ids: Ids) -> None:
    """Make the folder's database hold message ids[i] with vectors[i], float16 [n, dim], for every i.

    What is there already stays as it is: what was cut short goes on, and what a trial deleted comes back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    async with open_to_write(folder) as database:
        await EmbeddingStore(database, Generation(MODEL_KEY, vectors.shape[1], TEXT_VERSION)).generations.make_current()
        async with database.transaction() as transaction:
            await _put_names(transaction, channels, authors)
            await transaction.execute("DELETE FROM tombstones")
        missing = np.flatnonzero(~np.isin(ids, await _stored_ids(database)))
        async with _without_hashes(database, len(missing)):
            for start in range(0, len(missing), BATCH):
                rows = missing[start : start + BATCH]
                async with database.transaction() as transaction:
                    await _put(
                        transaction, rows, vectors[rows], channels=channels[rows], authors=authors[rows], ids=ids[rows]
                    )
        await database.checkpoint()


@asynccontextmanager
async def _without_hashes(database: Database, n_rows: int) -> AsyncIterator[None]:
    """Fill many rows with the index over hashes away: entered one by one, all over it, they take ten times as long."""
    if n_rows < _MANY:
        yield
        return
    async with database.transaction() as transaction:
        await transaction.execute("DROP INDEX IF EXISTS embeddings_by_hash")
    yield
    async with database.transaction() as transaction:
        await transaction.execute("CREATE INDEX embeddings_by_hash ON embeddings (generation_id, content_hash)")


async def _stored_ids(database: Database) -> Ids:
    return np.array([row[0] for row in await database.fetch("SELECT message_id FROM messages")], np.int64)


async def _put_names(transaction: Transaction, channels: Ids, authors: Ids) -> None:
    await transaction.execute(
        "INSERT INTO servers (guild_id, name) VALUES (?, 'Town') ON CONFLICT DO NOTHING", (GUILD_ID,)
    )
    await transaction.execute_many(
        """INSERT INTO channels (guild_id, channel_id, parent_id, kind, name) VALUES (?, ?, NULL, 'text', ?)
           ON CONFLICT DO NOTHING""",
        [(GUILD_ID, i, f"channel {i}") for i in np.unique(channels).tolist()],
    )
    await transaction.execute_many(
        "INSERT INTO authors (guild_id, author_id, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(GUILD_ID, i, f"author {i}") for i in np.unique(authors).tolist()],
    )


async def _put(transaction: Transaction, rows: Ids, vectors: Halves, *, channels: Ids, authors: Ids, ids: Ids) -> None:
    texts = [f"message {row}" for row in rows.tolist()]
    hashes = [hash_of(text) for text in texts]
    await transaction.execute_many(
        _PUT_MESSAGE,
        [
            (GUILD_ID, message_id, channel_id, author_id, text_hash, text)
            for message_id, channel_id, author_id, text_hash, text in zip(
                ids.tolist(), channels.tolist(), authors.tolist(), hashes, texts, strict=True
            )
        ],
    )
    first_id = 1 + await given_ids(transaction, len(ids))
    blobs = [vector.tobytes() for vector in vectors.astype("<f2")]
    await transaction.execute_many(
        _PUT_EMBEDDING,
        [
            (embedding_id, GUILD_ID, message_id, text_hash, zlib.crc32(blob), blob)
            for embedding_id, (message_id, text_hash, blob) in enumerate(
                zip(ids.tolist(), hashes, blobs, strict=True), first_id
            )
        ],
    )


def main() -> None:
    """Called by bench.engines with a corpus's folder: in a process of its own, so that no memory is left of it."""
    corpus = opened(Path(sys.argv[1]))
    asyncio.run(
        build_database(
            corpus.folder / FOLDER,
            corpus.mapped(),
            channels=corpus.channels,
            authors=corpus.authors,
            ids=corpus.ids,
        )
    )


if __name__ == "__main__":
    main()
