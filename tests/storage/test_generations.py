"""Which model's vectors are made, and which are still kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder
from make import GUILD, message

from bot.storage import generations as module
from bot.storage.database import Database, Transaction


async def embed(rooms: Rooms, n: int) -> None:
    """Give the newest n messages that wait a vector, without any change-over."""
    texts = await rooms.embeddings.pending(n)
    await rooms.embeddings.put_many(texts, await rooms.embedder.embed([text.text for text in texts]))


async def n_vectors(database: Database) -> int:
    return (await database.fetch("SELECT count(*) FROM embeddings"))[0][0]


async def test_the_generation_that_is_set_is_the_one_that_waits(rooms: Rooms) -> None:
    """With another model all texts wait for it; with the former one again only what that lacks."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 6)])
    await embed(rooms, 3)
    other = await rooms_over(rooms.database, WordEmbedder(32, model_key="other words"))
    assert [await store.generations.is_current() for store in (rooms.embeddings, other.embeddings)] == [False, True]
    assert len(await other.embeddings.pending(10)) == 5

    await rooms.embeddings.generations.make_current()
    assert [text.message_id for text in await rooms.embeddings.pending(10)] == [2, 1]


async def test_others_are_those_with_vectors(rooms: Rooms) -> None:
    """Without one's own, and without those that have none."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 6)])
    await embed(rooms, 2)
    second = await rooms_over(rooms.database, WordEmbedder(32, model_key="second"))
    await embed(second, 5)
    await rooms_over(rooms.database, WordEmbedder(32, model_key="none"))
    fourth = await rooms_over(rooms.database, WordEmbedder(32, model_key="fourth"))

    assert set(await fourth.embeddings.generations.others()) == {
        second.embeddings.generation,
        rooms.embeddings.generation,
    }
    assert await second.embeddings.generations.others() == [rooms.embeddings.generation]


async def test_the_former_one_has_most_of_what_is_lacking(rooms: Rooms) -> None:
    """However many vectors there are of the one that is set: as long as texts lack theirs, whoever has most of them."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 6)])
    assert await rooms.embeddings.generations.former() is None
    await embed(rooms, 5)
    some = await rooms_over(rooms.database, WordEmbedder(32, model_key="some"))
    await embed(some, 1)
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(6, 16)])
    new = await rooms_over(rooms.database, WordEmbedder(32, model_key="new"))
    await embed(new, 14)
    assert (await new.embeddings.counts()).embedded > (await rooms.embeddings.counts()).embedded
    assert await new.embeddings.generations.former() == rooms.embeddings.generation
    await embed(new, 1)

    assert await new.embeddings.generations.former() is None


async def test_others_are_dropped_some_at_a_time(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many vectors go in several transactions, between which others write, and one's own stay."""
    monkeypatch.setattr(module, "_DROPPED_AT_ONCE", 4)
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 11)])
    await embed(rooms, 10)
    other = await rooms_over(rooms.database, WordEmbedder(32, model_key="other words"))
    await embed(other, 10)
    left, transaction = [], Database.transaction

    @asynccontextmanager
    async def counting(self: Database) -> AsyncIterator[Transaction]:
        async with transaction(self) as opened:
            yield opened
        left.append(await n_vectors(rooms.database))

    monkeypatch.setattr(Database, "transaction", counting)
    await other.embeddings.generations.drop_others()

    assert left[:4] == [16, 12, 10, 10]
    assert await other.embeddings.generations.others() == []
    assert (await other.embeddings.ids(GUILD)).tolist() == list(range(1, 11))
    assert await rooms.database.fetch("SELECT model_key FROM generations") == [("other words",)]


async def test_dropping_that_was_broken_off_goes_on_the_next_time(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left after a stop in the midst is still counted, and goes."""
    monkeypatch.setattr(module, "_DROPPED_AT_ONCE", 4)
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 11)])
    await embed(rooms, 10)
    other = await rooms_over(rooms.database, WordEmbedder(32, model_key="other words"))
    await other.embeddings.generations._drop_some(1)
    assert await other.embeddings.generations.others() == [rooms.embeddings.generation]

    await other.embeddings.generations.drop_others()
    assert await n_vectors(rooms.database) == 0
