"""The vectors as the mirror reads them."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from conftest import Rooms
from keys import plain_and_encrypted
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, message, random_vectors

from bot.askers import EVERYTHING, Scope
from bot.errors import DatabaseUnusable
from bot.messages import Generation
from bot.storage.vectors import ServerVectors, VectorReader
from bot.vectors import Vectors

DIM, N = 64, 200


@pytest.fixture
def reader(rooms: Rooms) -> Iterator[VectorReader]:
    """A reader with the smallest batches there are, of 64 vectors."""
    key = rooms.database.key
    reader = VectorReader(rooms.database.path, rooms.embeddings.generation, batch_bytes=1, key=key)
    yield reader
    reader.close()


@pytest.fixture
async def vectors(rooms: Rooms) -> Vectors:
    """Two hundred messages of Ada's and Bob's in two channels with their vectors, and one in another server."""
    vectors = random_vectors(N, DIM)
    await rooms.messages.save(
        GUILD,
        [
            message(
                i,
                f"text {i}",
                channel_id=CHANNEL if i % 3 else OTHER_CHANNEL,
                author_id=ADA if i % 2 else BOB,
            )
            for i in range(1, N + 1)
        ],
    )
    texts = sorted(await rooms.embeddings.pending(N), key=lambda text: text.message_id)
    await rooms.embeddings.put_many(texts, vectors)
    await rooms.messages.save(OTHER_GUILD, [message(7, "elsewhere", guild_id=OTHER_GUILD)])
    await rooms.embeddings.put_many(await rooms.embeddings.pending(1), random_vectors(1, DIM, seed=1))
    return vectors


def ids_within(server: ServerVectors, scope: Scope) -> list[int]:
    return [int(i) for batch in server.within(scope) for i in batch.message_ids]


@plain_and_encrypted
async def test_everything_comes_ascending_in_batches(reader: VectorReader, vectors: Vectors) -> None:
    """Each message of the server once, with its vector in half precision and all that is known of where it stands."""
    batches = list(reader.of(GUILD).within(EVERYTHING))

    assert [len(batch) for batch in batches] == [64, 64, 64, 8]
    ids = np.concatenate([batch.message_ids for batch in batches])
    assert ids.tolist() == list(range(1, N + 1))
    assert np.concatenate([batch.channel_ids for batch in batches]).tolist() == [
        CHANNEL if i % 3 else OTHER_CHANNEL for i in ids
    ]
    assert np.concatenate([batch.author_ids for batch in batches]).tolist() == [ADA if i % 2 else BOB for i in ids]
    assert {batch.vectors.dtype for batch in batches} == {np.dtype(np.float16)}
    assert np.concatenate([batch.vectors for batch in batches]) == pytest.approx(vectors, abs=1e-3)


@pytest.mark.usefixtures("vectors")
@pytest.mark.parametrize(
    "scope",
    [
        Scope(channel_ids=frozenset({OTHER_CHANNEL})),
        Scope(channel_ids=frozenset({OTHER_CHANNEL}), author_ids=frozenset({BOB})),
        Scope(channel_ids=frozenset()),
        Scope(author_ids=frozenset({ADA, 999})),
        Scope(after_id=150),
        Scope(after_id=0),
        Scope(before_id=3),
        Scope(before_id=0),
        Scope(after_id=64, before_id=66),
        Scope(after_id=3, before_id=3, author_ids=frozenset({ADA})),
    ],
    ids=str,
)
async def test_a_scope_names_what_is_read(reader: VectorReader, scope: Scope) -> None:
    """Channels, authors and dates are looked at in the database, and nothing out of scope is read."""
    admitted = [
        i
        for i in range(1, N + 1)
        if scope.admits(
            message_id=i,
            guild_id=GUILD,
            channel_id=CHANNEL if i % 3 else OTHER_CHANNEL,
            author_id=ADA if i % 2 else BOB,
        )
    ]

    assert ids_within(reader.of(GUILD), scope) == admitted


@pytest.mark.usefixtures("vectors")
async def test_excluded_messages_are_left_to_whoever_asks(reader: VectorReader) -> None:
    """A list of ids that are not wanted does not reach the database."""
    assert ids_within(reader.of(GUILD), Scope(excluded_ids=frozenset({1, 2}), before_id=4)) == [1, 2, 3]


@pytest.mark.usefixtures("vectors")
async def test_stamps_are_the_ids_of_messages_and_their_embeddings(rooms: Rooms, reader: VectorReader) -> None:
    """A message that is rewritten gets another embedding's id, one without a vector is not there."""
    before, numbers = reader.of(GUILD).stamps()
    assert before.tolist() == list(range(1, N + 1))
    assert len(set(numbers.tolist())) == N
    await rooms.messages.save(GUILD, [message(5, "rewritten"), message(6, "rewritten too")])
    await rooms.embeddings.put_many((await rooms.embeddings.pending(2))[-1:], random_vectors(1, DIM, seed=2))

    after, renewed = reader.of(GUILD).stamps()
    assert after.tolist() == [*range(1, 6), *range(7, N + 1)]
    assert renewed[4] > max(numbers)
    assert renewed[5:].tolist() == numbers[6:].tolist()
    assert [len(found) for found in reader.of(3000).stamps()] == [0, 0]


@plain_and_encrypted
@pytest.mark.usefixtures("vectors")
async def test_the_parts_of_long_texts_come_with_the_whole(rooms: Rooms, reader: VectorReader) -> None:
    """By id, by scope and as stamps; no batch tears a message apart."""
    longs = dict.fromkeys(range(301, 331), "the bees have swarmed again. " * 100)
    await rooms.messages.save(GUILD, [message(i, text, channel_id=OTHER_CHANNEL) for i, text in longs.items()])
    texts = sorted(await rooms.embeddings.pending(100), key=lambda text: text.message_id)
    n = len(texts[0].texts)
    fresh = random_vectors(n * len(texts), DIM, seed=3)
    await rooms.embeddings.put_many(texts, fresh)
    server = reader.of(GUILD)

    repeated = np.repeat(list(longs), n).tolist()
    assert n == 13
    assert server.stamps()[0].tolist() == list(range(1, N + 1)) + repeated
    found = server.get(np.array([200, 305, 301]))
    assert found.message_ids.tolist() == [200, *n * [301], *n * [305]]
    assert found.vectors[1:] == pytest.approx(np.concatenate([fresh[:n], fresh[4 * n : 5 * n]]), abs=1e-3)
    assert found.embedding_ids.tolist() == [i for i in server.stamps()[1].tolist() if i in found.embedding_ids]
    ids, halves = server.halves(np.array([305]))
    assert (ids.tolist(), len(halves)) == (n * [305], n)
    batches = [batch.message_ids.tolist() for batch in server.within(Scope(after_id=201))]
    assert [i for batch in batches for i in batch] == repeated
    assert {batch.count(i) for batch in batches for i in batch} == {n}
    assert ids_within(server, Scope(channel_ids=frozenset({CHANNEL}), after_id=200)) == [200]


@pytest.mark.usefixtures("vectors")
async def test_some_are_read_by_their_ids(reader: VectorReader) -> None:
    """Those that are there come ascending, with or without where they stand; each server has its own."""
    asked = np.array([150, 7, 9_999, 3])
    found, (ids, halves) = reader.of(GUILD).get(asked), reader.of(GUILD).halves(asked)

    assert found.message_ids.tolist() == sorted(ids.tolist()) == [3, 7, 150]
    assert np.array_equal(halves[np.argsort(ids)], found.vectors)
    assert len(reader.of(OTHER_GUILD).get(asked)) == 1
    assert not np.array_equal(reader.of(OTHER_GUILD).get(asked).vectors[0], found.vectors[1])
    nothing = reader.of(GUILD).get(np.empty(0, np.int64))
    assert (len(nothing), nothing.vectors.shape, len(reader.of(GUILD).halves(np.array([9_999]))[0])) == (0, (0, DIM), 0)


@pytest.mark.usefixtures("vectors")
async def test_f7_damaged_vectors_are_left_out_everywhere(rooms: Rooms, reader: VectorReader) -> None:
    """A flipped bit and a vector that was cut are never given out, and the others are."""
    async with rooms.database.transaction() as transaction:
        [(blob,)] = await transaction.fetch("SELECT vector FROM embeddings WHERE message_id = 2")
        flipped = bytes([blob[0] ^ 1]) + blob[1:]
        await transaction.execute("UPDATE embeddings SET vector = ? WHERE message_id = 2", (flipped,))
        await transaction.execute("UPDATE embeddings SET vector = substr(vector, 1, 100) WHERE message_id = 3")
    server, asked = reader.of(GUILD), np.array([1, 2, 3, 4])

    assert server.get(asked).message_ids.tolist() == [1, 4]
    assert sorted(server.halves(asked)[0].tolist()) == [1, 4]
    assert ids_within(server, Scope(before_id=5)) == [1, 4]


@pytest.mark.usefixtures("vectors")
async def test_f7_a_whole_batch_that_is_damaged_ends_nothing(rooms: Rooms, reader: VectorReader) -> None:
    """What follows sixty-four damaged vectors is read all the same."""
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE embeddings SET checksum = checksum + 1 WHERE message_id <= 64")

    assert ids_within(reader.of(GUILD), EVERYTHING) == list(range(65, N + 1))


@pytest.mark.usefixtures("vectors")
async def test_another_generation_has_none_of_these(rooms: Rooms) -> None:
    """A reader sees the vectors of one model alone."""
    reader = VectorReader(rooms.database.path, Generation("other words", DIM, 1), batch_bytes=1)

    assert len(reader.of(GUILD).stamps()[0]) == len(reader.of(GUILD).get(np.array([1]))) == 0
    assert ids_within(reader.of(GUILD), EVERYTHING) == []
    reader.close()


@plain_and_encrypted
@pytest.mark.usefixtures("vectors")
async def test_many_threads_read_at_once(reader: VectorReader) -> None:
    """Eight threads that read everything, again and again, see the same, and connections are shared among them."""
    wrong: list[object] = []

    def read() -> None:
        server = reader.of(GUILD)
        for _ in range(5):
            ids = ids_within(server, EVERYTHING)
            wrong.extend(() if ids == list(range(1, N + 1)) else [ids])

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert 1 <= reader._idle.qsize() <= 8


@plain_and_encrypted
@pytest.mark.usefixtures("vectors")
async def test_between_two_batches_others_write_and_empty_the_log(rooms: Rooms, reader: VectorReader) -> None:
    """Whoever reads slowly holds no snapshot: what is deleted meanwhile is not read, and the log can be emptied."""
    batches = reader.of(GUILD).within(EVERYTHING)
    next(batches)
    await rooms.messages.delete(GUILD, range(100, N))

    assert await rooms.database.checkpoint()
    assert [int(i) for batch in batches for i in batch.message_ids] == [*range(65, 100), N]


async def test_a_reader_that_is_closed_has_no_connection_left(rooms: Rooms, reader: VectorReader) -> None:
    """What was idle is closed, and a database that cannot be opened is told as everywhere."""
    reader.of(GUILD).stamps()
    assert reader._idle.qsize() == 1
    reader.close()
    assert reader._idle.empty()

    lost = VectorReader(rooms.database.path.with_name("none.db"), rooms.embeddings.generation, batch_bytes=1)
    with pytest.raises(DatabaseUnusable):
        lost.of(GUILD).stamps()


async def test_what_a_disk_brings_slowly_is_read_by_several(reader: VectorReader) -> None:
    """After a slow read the next ones are divided, until one alone is tried again; all of them bring the same."""
    ids = np.arange(1, 101)
    n_reads: list[int] = []
    seconds = iter([0.0, 1.0, 2.0, 2.0])
    reader.clock = lambda: next(seconds)

    def read(some: np.ndarray) -> list[tuple[int, ...]]:
        n_reads.append(len(some))
        return [(int(i),) for i in some]

    brought = [reader.together(read, ids) for _ in range(66)]

    assert n_reads == [100, *([25] * 4 * 64), 100]
    assert brought == 66 * [[(i,) for i in range(1, 101)]]
    reader.clock = lambda: 0.0
    assert len(reader.together(read, ids)) == 100
    assert n_reads[-2:] == [100, 100]
