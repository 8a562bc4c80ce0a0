"""Vectors beside their messages, and the queue of those that wait."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder
from keys import plain_and_encrypted
from make import BOB, GUILD, OTHER_CHANNEL, message, random_vectors

from bot.errors import DimensionError
from bot.messages import Generation
from bot.storage.database import open_to_write
from bot.storage.embeddings import Counts, EmbeddingStore
from bot.vectors import cosines


async def put(rooms: Rooms, vectors: np.ndarray, first_id: int = 1) -> None:
    """Store a message for each vector."""
    await rooms.messages.save(GUILD, [message(first_id + i, f"text {first_id + i}") for i in range(len(vectors))])
    texts = sorted(await rooms.embeddings.pending(len(vectors)), key=lambda text: text.message_id)
    await rooms.embeddings.put_many(texts, vectors)


@plain_and_encrypted
async def test_a_vector_comes_back_with_where_its_message_stands(rooms: Rooms) -> None:
    """Vectors keep length and direction to half precision and come with channel and author."""
    vectors = random_vectors(5, 64)
    await put(rooms, vectors)
    await rooms.messages.save(GUILD, [message(9, "elsewhere", channel_id=OTHER_CHANNEL, author_id=BOB)])
    await rooms.embeddings.put_many(await rooms.embeddings.pending(1), vectors[:1])

    found = await rooms.embeddings.get_many(GUILD, [9, 3, 1, 77])
    assert found.message_ids.tolist() == [1, 3, 9]
    assert (found.channel_ids.tolist()[2], found.author_ids.tolist()[2]) == (OTHER_CHANNEL, BOB)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=2e-4)
    assert cosines(found.vectors[:1], vectors[0])[0] == pytest.approx(1, abs=1e-6)


async def test_half_precision_hardly_moves_a_score(rooms: Rooms) -> None:
    """The stored form of 64 numbers moves a cosine by less than 0.0002; longer vectors move it less."""
    vectors = random_vectors(300, 64)
    await put(rooms, vectors)

    stored = (await rooms.embeddings.get_many(GUILD, range(1, 301))).vectors
    difference = np.abs(stored @ vectors.T - vectors @ vectors.T)
    assert 1e-6 < difference.max() < 2e-4


async def test_the_newest_messages_get_their_vectors_first(rooms: Rooms) -> None:
    """The queue hands out the newest first, across servers, and only as many as asked for."""
    for i in (3, 1, 2):
        await rooms.messages.save(GUILD, [message(i, f"text {i}")])

    assert [text.message_id for text in await rooms.embeddings.pending(2)] == [3, 2]


async def test_young_messages_are_not_overtaken(rooms: Rooms) -> None:
    """From an id on they come before all others, in their order; the others still come newest first."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 8)])

    async def handed_out(limit: int) -> list[int]:
        texts = await rooms.embeddings.pending(limit, in_order_from=5)
        return [text.message_id for text in texts]

    assert await handed_out(2) == [5, 6]
    assert await handed_out(5) == [5, 6, 7, 4, 3]


@plain_and_encrypted
async def test_an_edit_that_came_meanwhile_wins(rooms: Rooms) -> None:
    """A vector of a text that was replaced or deleted during the call is not stored, and the message still waits."""
    await rooms.messages.save(GUILD, [message(i, f"text {i}") for i in (1, 2, 3)])
    texts = await rooms.embeddings.pending(10)
    await rooms.messages.save(GUILD, [message(2, "another text")])
    await rooms.messages.delete(GUILD, [3])
    written = await rooms.embeddings.put_many(texts, random_vectors(3, 64))

    assert [text.message_id for text in written] == [1]
    assert [text.text for text in await rooms.embeddings.pending(10)] == ["another text"]


async def test_a_text_that_was_embedded_before_gets_the_same_vector(rooms: Rooms) -> None:
    """An equal text takes over the bytes, so that both have equal scores, and leaves the queue."""
    await rooms.messages.save(GUILD, [message(1, "same words")])
    await rooms.settle()
    await rooms.messages.save(GUILD, [message(2, "same  words"), message(3, "other words")])
    copied = await rooms.embeddings.copy_known(await rooms.embeddings.pending(10))

    assert [text.message_id for text in copied] == [2]
    assert [text.message_id for text in await rooms.embeddings.pending(10)] == [3]
    blobs = await rooms.database.fetch("SELECT vector FROM embeddings")
    assert len(blobs) == 2
    assert len(set(blobs)) == 1


LONG = "the bees have swarmed again. " * 20  # two parts


async def test_a_long_text_has_a_vector_for_each_part(rooms: Rooms) -> None:
    """They are stored with that of the whole, copied with it, and go with it."""
    await rooms.messages.save(GUILD, [message(1, "short"), message(2, LONG), message(3, LONG)])
    texts = sorted(await rooms.embeddings.pending(10), key=lambda text: text.message_id)
    assert [len(text.texts) for text in texts] == [1, 3, 3]
    vectors = random_vectors(4, 64)
    assert await rooms.embeddings.put_many(texts[:2], vectors) == texts[:2]
    assert await rooms.embeddings.copy_known(texts[2:]) == texts[2:]

    async def kept() -> list[tuple[int, int, bytes]]:
        return await rooms.database.fetch("SELECT message_id, part, vector FROM parts ORDER BY 1, 2")

    blobs = [vector.astype(np.float16).tobytes() for vector in vectors]
    assert await kept() == [(2, 1, blobs[2]), (2, 2, blobs[3]), (3, 1, blobs[2]), (3, 2, blobs[3])]
    found = await rooms.embeddings.get_many(GUILD, [1, 2, 3])
    assert found.vectors.tobytes() == blobs[0] + blobs[1] + blobs[1]
    ids = await rooms.database.fetch("SELECT embedding_id FROM embeddings UNION ALL SELECT embedding_id FROM parts")
    assert len(set(ids)) == len(ids) == await rooms.embeddings.n_vectors(GUILD) == 7

    await rooms.messages.save(GUILD, [message(2, "now short")])
    await rooms.messages.delete(GUILD, [3])
    assert await kept() == []


async def test_f7_a_damaged_part_is_made_anew_with_its_whole(rooms: Rooms) -> None:
    """What is damaged of a long text makes all of it wait again."""
    await rooms.messages.save(GUILD, [message(1, "short"), message(2, LONG)])
    texts = sorted(await rooms.embeddings.pending(10), key=lambda text: text.message_id)
    await rooms.embeddings.put_many(texts, random_vectors(4, 64))
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE parts SET checksum = checksum + 1 WHERE part = 2")

    assert await rooms.embeddings.mend() == 1
    assert [text.message_id for text in await rooms.embeddings.pending(10)] == [2]
    assert await rooms.database.fetch("SELECT * FROM parts") == []


async def test_a_vector_of_another_dimension_is_refused(rooms: Rooms) -> None:
    """A generation holds vectors of one length."""
    await rooms.messages.save(GUILD, [message(1)])

    with pytest.raises(DimensionError) as caught:
        await rooms.embeddings.put_many(await rooms.embeddings.pending(1), random_vectors(1, 63))
    assert (caught.value.expected, caught.value.got) == (64, 63)


async def test_another_model_gets_a_generation_of_its_own(tmp_path: Path) -> None:
    """With another model every text waits again, and neither sees the other's vectors."""
    async with open_to_write(tmp_path) as database:
        old = await rooms_over(database)
        await put(old, random_vectors(3, 64))
        new = await rooms_over(database, WordEmbedder(32, model_key="other words"))

        assert (await new.embeddings.ids(GUILD)).tolist() == []
        assert len(await new.embeddings.pending(10)) == 3
        texts = await new.embeddings.pending(10)
        await new.embeddings.put_many(texts, random_vectors(3, 32))
        assert (await new.embeddings.get_many(GUILD, [1])).vectors.shape == (1, 32)
        assert (await old.embeddings.get_many(GUILD, [1])).vectors.shape == (1, 64)
        assert await new.embeddings.generations.others() == [old.embeddings.generation]
        await new.embeddings.generations.drop_others()
        assert await new.embeddings.generations.others() == []
        assert (await new.embeddings.ids(GUILD)).tolist() == [1, 2, 3]


async def test_the_same_model_again_queues_nothing(tmp_path: Path) -> None:
    """Opening again with the model that was set before is cheap and changes nothing."""
    async with open_to_write(tmp_path) as database:
        first = await rooms_over(database)
        await first.messages.save(GUILD, [message(1)])
        await first.embeddings.park(await first.embeddings.pending(1), "refused: HTTP 400")
        again = await rooms_over(database)

        counts = await again.embeddings.counts()
        assert (counts.embedded, counts.pending, counts.parked) == (0, 0, 1)


async def test_f7_a_flipped_bit_is_found_and_never_served(rooms: Rooms) -> None:
    """A damaged vector is left out of answers, found by a look at all, and made anew."""
    await put(rooms, random_vectors(3, 64))
    async with rooms.database.transaction() as transaction:
        [(blob,)] = await transaction.fetch("SELECT vector FROM embeddings WHERE message_id = 2")
        flipped = bytes([blob[0] ^ 1]) + blob[1:]
        await transaction.execute("UPDATE embeddings SET vector = ? WHERE message_id = 2", (flipped,))

    assert (await rooms.embeddings.get_many(GUILD, [1, 2, 3])).message_ids.tolist() == [1, 3]
    assert len([found async for found in rooms.embeddings.damaged(batch=1)]) == 1
    assert await rooms.embeddings.mend() == 1
    assert [text.message_id for text in await rooms.embeddings.pending(10)] == [2]
    assert [found async for found in rooms.embeddings.damaged()] == []


async def test_every_text_has_a_vector_or_a_place_in_the_queue(rooms: Rooms) -> None:
    """`n_lost` counts texts with neither, which only a hand in the database can make."""
    await rooms.messages.save(GUILD, [message(1, "one"), message(2, "two"), message(3, "")])
    assert await rooms.embeddings.n_lost() == 0
    async with rooms.database.transaction() as transaction:
        await transaction.execute("DELETE FROM pending WHERE message_id = 1")

    assert await rooms.embeddings.n_lost() == 1
    await rooms.embeddings.mend()
    assert await rooms.embeddings.n_lost() == 0


async def test_a_generation_that_is_not_current_counts_what_it_lacks(rooms: Rooms) -> None:
    """A reader with another model sees every text as waiting, and none as lost."""
    await put(rooms, random_vectors(3, 64))
    other = EmbeddingStore(rooms.database, Generation("other words", 32, 1))

    assert await other.counts() == Counts(embedded=0, pending=3, parked=0)
    assert await other.n_lost() == 0
    assert await rooms.embeddings.counts() == Counts(embedded=3, pending=0, parked=0)


async def damage(rooms: Rooms, *message_ids: int) -> None:
    """Flip a bit in texts."""
    async with rooms.database.transaction() as transaction:
        for i in message_ids:
            await transaction.execute(
                "UPDATE messages SET content = 'vext' || substr(content, 5) WHERE message_id = ?", (i,)
            )


async def test_f7_a_damaged_text_is_not_embedded_and_keeps_nobody_waiting(
    rooms: Rooms, caplog: pytest.LogCaptureFixture
) -> None:
    """What is sound is handed out, what is damaged is set aside in the end, until its true text is saved."""
    await rooms.messages.save(GUILD, [message(i, f"text {i}") for i in range(1, 7)])
    await damage(rooms, 2, 3, 5, 6)

    assert [text.message_id for text in await rooms.embeddings.pending(3)] == [4]
    await rooms.settle()
    assert rooms.embedder.texts == ["text 4", "text 1"]
    assert await rooms.embeddings.pending(10) == []
    assert await rooms.embeddings.parked_reasons() == {"damaged": 4}
    assert await rooms.embeddings.n_lost() == 0
    assert "vext" not in caplog.text

    assert await rooms.embeddings.unpark() == 4
    assert await rooms.embeddings.pending(10) == []
    await rooms.messages.save(GUILD, [message(2, "text 2")])
    assert [text.text for text in await rooms.embeddings.pending(10)] == ["text 2"]


async def test_f7_a_text_that_was_mended_meanwhile_is_not_set_aside(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the queue and setting aside, the true text may come: it is embedded."""
    await rooms.messages.save(GUILD, [message(1, "text 1")])
    await damage(rooms, 1)
    park = rooms.embeddings._park_damaged

    async def mended_before(message_ids) -> None:
        await rooms.messages.save(GUILD, [message(1, "text 1")])
        await park(message_ids)

    monkeypatch.setattr(rooms.embeddings, "_park_damaged", mended_before)
    assert [text.text for text in await rooms.embeddings.pending(10)] == ["text 1"]


async def test_reasons_of_what_was_set_aside_are_counted(rooms: Rooms) -> None:
    """Each reason has its number, the most frequent first; another model's queue has none."""
    await rooms.messages.save(GUILD, [message(i, f"text {i}") for i in range(1, 5)])
    texts = await rooms.embeddings.pending(4)
    assert await rooms.embeddings.parked_reasons() == {}
    await rooms.embeddings.park(texts[:1], "refused: HTTP 413")
    await rooms.embeddings.park(texts[1:3], "refused: HTTP 400")

    assert list((await rooms.embeddings.parked_reasons()).items()) == [
        ("refused: HTTP 400", 2),
        ("refused: HTTP 413", 1),
    ]
    other = EmbeddingStore(rooms.database, Generation("other words", 32, 1))
    assert await other.parked_reasons() == {}
