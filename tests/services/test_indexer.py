"""Vectors in step with texts, the mirror in step with vectors."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder
from make import GUILD, OTHER_GUILD, beside, embedded, message, random_vectors, utc

from bot.askers import Operator
from bot.embedding.base import Meter
from bot.errors import EmbeddingError, StorageFailed
from bot.index.mirror import Mirror
from bot.messages import Mode, Query
from bot.parts import parts_of
from bot.services.spaces import Space
from bot.times import snowflake_at


async def drain(rooms: Rooms) -> list[int]:
    return [n async for n in rooms.indexer.drain()]


async def counts(rooms: Rooms) -> tuple[int, int, int]:
    found = await rooms.embeddings.counts()
    return found.embedded, found.pending, found.parked


async def test_what_waits_is_embedded_and_mirrored(rooms: Rooms) -> None:
    """After a drain every text has a vector, and the mirror, once it follows, holds each."""
    await rooms.indexer.reconcile()
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "two"), message(3, "")])
    await rooms.ingest.saved(OTHER_GUILD, [message(4, "four", guild_id=OTHER_GUILD)])

    assert await drain(rooms) == [3]
    assert await counts(rooms) == (3, 0, 0)
    assert (rooms.mirror.ids(GUILD).tolist(), rooms.mirror.ids(OTHER_GUILD).tolist()) == ([1, 2], [4])
    assert await drain(rooms) == []


async def test_who_wants_to_hears_of_what_was_stored(rooms: Rooms) -> None:
    """Each message is told once it is mirrored, also one whose text was embedded before; nothing is told twice."""
    told = []
    rooms.indexer.has_stored = lambda guild_id, ids: told.append((guild_id, ids, rooms.mirror.ids(guild_id).tolist()))
    await rooms.indexer.reconcile()
    await rooms.ingest.saved(GUILD, [message(1, "one")])
    await rooms.ingest.saved(OTHER_GUILD, [message(4, "four", guild_id=OTHER_GUILD)])
    await drain(rooms)
    await rooms.ingest.saved(GUILD, [message(2, "one")])
    await drain(rooms)

    assert sorted(told) == [(GUILD, [1], [1]), (GUILD, [2], [1, 2]), (OTHER_GUILD, [4], [4])]


async def test_i8_equal_texts_are_paid_for_once(rooms: Rooms) -> None:
    """A text is sent once however often it is said, together or later."""
    await rooms.ingest.saved(GUILD, [message(1, "red"), message(2, "red"), message(3, "bye")])
    await drain(rooms)
    await rooms.ingest.saved(GUILD, [message(4, " red "), message(5, "new")])
    await drain(rooms)

    assert sorted(rooms.embedder.texts) == ["bye", "new", "red"]
    assert await counts(rooms) == (5, 0, 0)


async def test_a_long_text_is_found_by_its_best_part(rooms: Rooms) -> None:
    """What one part says is found as if it stood alone, once, also when it was said before; an edit takes it out."""
    await rooms.indexer.reconcile()
    bees, taxes = "bees swarm again. " * 30, "pay taxes soon. " * 40
    await rooms.ingest.saved(GUILD, [message(1, bees + taxes), message(2, "pay nothing"), message(3, bees + taxes)])
    assert await drain(rooms) == [3]
    assert len(rooms.embedder.texts) == 1 + len(parts_of((bees + taxes).strip())) + 1

    async def hits() -> list[tuple[int, float]]:
        found = await rooms.search.similar(Operator(), Query(text="pay taxes soon.", mode=Mode.MEANING))
        return [(hit.message.message_id, round(hit.score, 3)) for hit in found]

    assert await hits() == [(3, 1.0), (1, 1.0), (2, 0.408)]
    await rooms.ingest.saved(GUILD, [message(3, bees * 2)])
    await rooms.ingest.deleted(GUILD, [1])
    await drain(rooms)
    assert await hits() == [(2, 0.408), (3, 0.0)]


async def test_what_is_sent_is_cleaned(rooms: Rooms) -> None:
    """The embedder gets the cleaned text, not the raw one."""
    await rooms.ingest.saved(GUILD, [message(1, "  he\u200bllo\n\nworld  ")])
    await drain(rooms)

    assert rooms.embedder.texts == ["hello world"]


async def test_f20_a_failing_embedder_loses_nothing(rooms: Rooms) -> None:
    """While the embedder fails texts wait; when it works again they are embedded."""
    await rooms.ingest.saved(GUILD, [message(1, "one")])
    rooms.embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)
    with pytest.raises(EmbeddingError):
        await drain(rooms)

    assert await counts(rooms) == (0, 1, 0)
    rooms.embedder.failure = None
    await drain(rooms)
    assert await counts(rooms) == (1, 0, 0)


async def test_f23_a_poison_text_is_parked_and_the_others_go_on(rooms: Rooms) -> None:
    """Of 100 texts the two that are refused are found by halving and set aside with the reason."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 101)])
    rooms.embedder.poison = {"text 13", "text 77"}
    await drain(rooms)

    assert await counts(rooms) == (98, 0, 2)
    rows = await rooms.database.fetch("SELECT message_id, parked FROM pending ORDER BY message_id")
    assert rows == [(13, "refused: HTTP 400"), (77, "refused: HTTP 400")]
    assert len(rooms.embedder.batches) < 40


async def test_parked_texts_are_tried_again_when_asked(rooms: Rooms) -> None:
    """Mending puts what was set aside back into the queue."""
    await rooms.ingest.saved(GUILD, [message(1, "poison")])
    rooms.embedder.poison = {"poison"}
    await drain(rooms)
    rooms.embedder.poison = set()

    assert await rooms.indexer.mend() == 0
    await drain(rooms)
    assert await counts(rooms) == (1, 0, 0)


async def test_retrying_puts_back_what_was_set_aside(rooms: Rooms) -> None:
    """`retry` touches the queue alone and says how many messages it put back."""
    await rooms.ingest.saved(GUILD, [message(1, "poison"), message(2, "toxin"), message(3, "three")])
    rooms.embedder.poison = {"poison", "toxin"}
    await drain(rooms)
    rooms.embedder.poison = {"toxin"}

    assert await rooms.indexer.retry() == 2
    await drain(rooms)
    assert await counts(rooms) == (2, 0, 1)


async def test_an_edit_during_the_call_wins(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is edited while it is being embedded ends with the vector of its new text."""
    await rooms.indexer.reconcile()
    await rooms.ingest.saved(GUILD, [message(1, "before")])
    embed = rooms.embedder.embed

    async def slow_embed(texts: list[str]) -> np.ndarray:
        vectors = await embed(texts)
        if "before" in texts:
            await rooms.ingest.saved(GUILD, [message(1, "after")])
        return vectors

    monkeypatch.setattr(rooms.embedder, "embed", slow_embed)
    await drain(rooms)

    assert rooms.embedder.texts == ["before", "after"]
    stored = (await rooms.embeddings.get_many(GUILD, [1])).vectors
    assert stored == pytest.approx(await embed(["after"]), abs=1e-3)
    assert rooms.mirror.ids(GUILD).tolist() == [1]


async def test_a_delete_during_the_call_is_final(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is deleted while it is being embedded gets no vector and no place in the mirror."""
    await rooms.indexer.reconcile()
    await rooms.ingest.saved(GUILD, [message(1, "gone"), message(2, "stays")])
    embed = rooms.embedder.embed

    async def slow_embed(texts: list[str]) -> np.ndarray:
        vectors = await embed(texts)
        await rooms.ingest.deleted(GUILD, [1])
        return vectors

    monkeypatch.setattr(rooms.embedder, "embed", slow_embed)
    await drain(rooms)

    assert (await rooms.embeddings.ids(GUILD)).tolist() == rooms.mirror.ids(GUILD).tolist() == [2]


async def test_an_empty_mirror_is_filled_from_the_database(rooms: Rooms) -> None:
    """Loading a new mirror is the start-up: afterwards it holds what SQLite holds, to the bit."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 201)])
    await drain(rooms)
    restarted = await rooms_over(rooms.database)
    await restarted.indexer.load()

    stored = await rooms.embeddings.get_many(GUILD, range(1, 201))
    index = restarted.mirror._indexes[GUILD]._live
    rows = np.concatenate([index._rows.rows_of(stored.message_ids[i : i + 1]) for i in range(200)])
    assert np.array_equal(index._vectors(rows), stored.vectors)
    assert await restarted.indexer.reconcile() == 0


async def test_f9_a_mirror_that_missed_something_is_mended(rooms: Rooms) -> None:
    """What a crash kept from the mirror is added, what it kept in the mirror is removed, the rest is left."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 6)])
    await rooms.settle()
    rooms.mirror.remove(GUILD, [2])
    rooms.mirror._index(GUILD).upsert(embedded(random_vectors(1, 64), first_id=99))

    assert await rooms.indexer.reconcile() == 2
    assert rooms.mirror.ids(GUILD).tolist() == [1, 2, 3, 4, 5]
    assert await rooms.indexer.reconcile() == 0


async def test_another_model_is_settled_by_embedding_everything_anew(rooms: Rooms) -> None:
    """After a change of model every text is embedded with the new one, and the old vectors go."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 4)])
    await rooms.settle()
    new = await rooms_over(rooms.database, WordEmbedder(32, model_key="other words"))

    await drain(new)
    await new.indexer.settle()
    assert await rooms.database.fetch("SELECT DISTINCT length(vector) FROM embeddings") == [(64,)]
    assert new.mirror.ids(GUILD).tolist() == [1, 2, 3]


async def test_a_drain_takes_bounded_batches(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long queue is worked off in pieces, each committed before the next begins."""
    monkeypatch.setattr("bot.services.indexer._BATCH", 10)
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 26)])
    left = [(await counts(rooms))[1] async for _ in rooms.indexer.drain()]

    assert left == [15, 5, 0]


async def test_what_was_written_just_now_comes_first_and_in_order(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the queue is; of what waits for longer the newest comes first."""
    monkeypatch.setattr("bot.services.indexer._BATCH", 2)
    now_id = snowflake_at(datetime.now(UTC) + timedelta(minutes=1))
    ids = {1: "past", 2: "later", now_id: "young", now_id + 1: "younger", now_id + 2: "youngest"}
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in ids.items()])
    await drain(rooms)

    assert rooms.embedder.batches == [["young", "younger"], ["youngest", "later"], ["past"]]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.01, [256, 128, 128, 128, 60]), (0.0, [256, 444]), (0.003, [256, 256, 188])],
)
async def test_a_step_takes_about_as_long_as_another(rooms: Rooms, seconds: float, expected: list[int]) -> None:
    """Where a text takes long, fewer are embedded before what was written meanwhile has its turn."""
    now = 0.0

    embed = rooms.embedder.embed

    async def slow(texts: list[str], meter: Meter | None = None) -> np.ndarray:
        nonlocal now
        now += seconds * len(texts)
        return await embed(texts, meter)

    rooms.indexer.clock = lambda: now
    rooms.embedder.embed = slow
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 701)])

    assert [n async for n in rooms.indexer.drain()] == expected


async def test_f21_a_wrong_setting_parks_nothing(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """When even a harmless text is refused, no text is to blame: everything waits, after a few calls."""
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 101)])
    refused = EmbeddingError("refused", "HTTP 400", blames_input=True)
    n_calls = 0

    async def refuse(texts: list[str]) -> np.ndarray:
        nonlocal n_calls
        n_calls += 1
        raise refused

    monkeypatch.setattr(rooms.embedder, "embed", refuse)
    with pytest.raises(EmbeddingError):
        await drain(rooms)

    assert await counts(rooms) == (0, 100, 0)
    assert n_calls < 12


async def test_a_text_that_was_edited_while_it_was_refused_is_not_parked(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new text gets its vector although the old one was poison."""
    await rooms.ingest.saved(GUILD, [message(1, "poison")])
    rooms.embedder.poison = {"poison"}
    embed = rooms.embedder.embed

    async def slow_embed(texts: list[str]) -> np.ndarray:
        if "poison" in texts:
            await rooms.ingest.saved(GUILD, [message(1, "cure")])
        return await embed(texts)

    monkeypatch.setattr(rooms.embedder, "embed", slow_embed)
    await drain(rooms)

    assert await counts(rooms) == (1, 0, 0)


def keeping_up(rooms: Rooms) -> AbstractAsyncContextManager[None]:
    """The task that embeds whatever comes in."""
    return beside(rooms.indexer.keep_up(rooms.ingest.has_pending))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # neither logs nor fakes set an event
            await asyncio.sleep(0.001)


async def until_embedded(rooms: Rooms, n: int) -> None:
    async with asyncio.timeout(5):
        while await counts(rooms) != (n, 0, 0):  # noqa: ASYNC110  # the database sets no event
            await asyncio.sleep(0.001)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.indexer._FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("bot.services.indexer._LONGEST_PAUSE_S", 0.004)


async def test_what_comes_in_is_embedded_as_it_comes(rooms: Rooms) -> None:
    """A message that is saved while nothing is pending is embedded and mirrored without anybody asking."""
    await rooms.indexer.reconcile()
    async with keeping_up(rooms):
        for i in range(1, 4):
            await rooms.ingest.saved(GUILD, [message(i, f"text {i}")])
            await until_embedded(rooms, i)
        await rooms.ingest.saved(GUILD, [message(2, "another text")])
        await until_embedded(rooms, 3)
        async with asyncio.timeout(5):
            while len(rooms.mirror) < 3:  # noqa: ASYNC110  # the mirror follows the commit, and sets no event
                await asyncio.sleep(0.001)

    assert rooms.embedder.texts == ["text 1", "text 2", "text 3", "another text"]
    assert rooms.mirror.ids(GUILD).tolist() == [1, 2, 3]


async def test_warming_up_has_the_model_work_once_and_stores_nothing(rooms: Rooms) -> None:
    """One harmless text is embedded, and nothing is kept of it."""
    await rooms.indexer.warm_up()

    assert len(rooms.embedder.texts) == 1
    assert await rooms.database.fetch("SELECT * FROM embeddings") == []


async def test_what_was_left_pending_is_embedded_at_the_start(rooms: Rooms) -> None:
    """An event that is set before the task begins is not missed."""
    await rooms.ingest.saved(GUILD, [message(1, "one")])
    async with keeping_up(rooms):
        await until_embedded(rooms, 1)

    assert rooms.embedder.texts == ["one"]
    assert await rooms.database.fetch("SELECT message_id FROM embeddings") == [(1,)]


def told(caplog: pytest.LogCaptureFixture, begins: str) -> list[logging.LogRecord]:
    return [r for r in caplog.records if r.name == "bot.services.indexer" and r.msg.startswith(begins)]


@pytest.mark.usefixtures("short_pauses")
async def test_f20_while_the_embedder_fails_the_pauses_grow(rooms: Rooms, caplog: pytest.LogCaptureFixture) -> None:
    """Each failure doubles the pause up to a limit, nothing is lost, and success makes the next pause short again."""
    caplog.set_level("DEBUG")
    rooms.embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)

    def pauses() -> list[object]:
        return [record.args[0] for record in told(caplog, "next try")]

    async with keeping_up(rooms):
        await rooms.ingest.saved(GUILD, [message(1, "one")])
        await until(lambda: len(pauses()) >= 4)
        assert await counts(rooms) == (0, 1, 0)
        rooms.embedder.failure = None
        await until_embedded(rooms, 1)
        assert pauses()[:4] == [0.001, 0.002, 0.004, 0.004]

        caplog.clear()
        rooms.embedder.failure = EmbeddingError("rate_limited", "HTTP 429", retryable=True)
        await rooms.ingest.saved(GUILD, [message(2, "two")])
        await until(lambda: bool(pauses()))
        assert pauses()[0] == 0.001


@pytest.mark.usefixtures("short_pauses")
async def test_f20_an_outage_is_one_notice_and_one_row(rooms: Rooms, caplog: pytest.LogCaptureFixture) -> None:
    """However many tries fail, the log tells the beginning once and the end once; the row is there in between."""
    caplog.set_level("DEBUG")
    rooms.embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)
    async with keeping_up(rooms):
        await rooms.ingest.saved(GUILD, [message(1, "one")])
        await until(lambda: len(told(caplog, "next try")) >= 5)
        outage = await rooms.embeddings.outage.get()
        assert (outage.code, outage.detail) == ("unreachable", "ConnectError")
        assert timedelta(0) <= outage.next_try_at - outage.began_at < timedelta(minutes=1)
        rooms.embedder.failure = None
        await until_embedded(rooms, 1)

    assert await rooms.embeddings.outage.get() is None
    noticed = [record for record in caplog.records if record.levelno >= logging.INFO and "bot." in record.name]
    assert [record.levelname for record in noticed] == ["WARNING", "INFO"]


@pytest.mark.usefixtures("short_pauses")
async def test_f22_the_time_a_server_asks_for_is_kept(rooms: Rooms) -> None:
    """When the server says how long to wait, the next try is not before that."""
    rooms.embedder.failure = EmbeddingError("rate_limited", "HTTP 429", retryable=True, retry_after=600.0)
    async with keeping_up(rooms):
        await rooms.ingest.saved(GUILD, [message(1, "one")])
        async with asyncio.timeout(5):
            while (outage := await rooms.embeddings.outage.get()) is None:  # noqa: ASYNC110  # no event tells it
                await asyncio.sleep(0.001)

    assert timedelta(seconds=590) < outage.next_try_at - outage.began_at < timedelta(seconds=610)


@pytest.mark.parametrize("texts", [["one"], ["poison"], []], ids=["embedded", "refused", "nothing-waits"])
async def test_f20_any_drain_that_works_ends_an_outage(rooms: Rooms, texts: list[str]) -> None:
    """Also one by another verb or after a restart: when a text is embedded or refused alone, or none is left."""
    await rooms.embeddings.outage.put("unreachable", "ConnectError", next_try_at=utc("2025-03-01T12:00:00"))
    rooms.embedder.poison = {"poison"}
    await rooms.ingest.saved(GUILD, [message(i, text) for i, text in enumerate(texts, start=1)])
    await drain(rooms)

    assert await rooms.embeddings.outage.get() is None


@pytest.mark.usefixtures("short_pauses")
async def test_f4_while_the_database_refuses_vectors_wait(rooms: Rooms) -> None:
    """A database that cannot be written to is tried again like an embedder that fails."""
    async with rooms.database.transaction() as transaction:
        await transaction.execute(
            "CREATE TRIGGER refusing BEFORE INSERT ON embeddings BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )
    async with keeping_up(rooms):
        await rooms.ingest.saved(GUILD, [message(1, "one")])
        await until(lambda: len(rooms.embedder.batches) > 1)
        assert await rooms.embeddings.outage.get() is None
        async with rooms.database.transaction() as transaction:
            await transaction.execute("DROP TRIGGER refusing")
        await until_embedded(rooms, 1)


async def test_f11_cancelled_during_a_call_the_text_stays_pending(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop does not wait for the embedder, and the next start embeds what was under way."""
    is_called = asyncio.Event()

    async def endless(texts: list[str]) -> np.ndarray:
        is_called.set()
        await asyncio.Event().wait()
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(rooms.embedder, "embed", endless)
        async with keeping_up(rooms):
            await rooms.ingest.saved(GUILD, [message(1, "one")])
            await is_called.wait()
    assert await counts(rooms) == (0, 1, 0)

    await drain(rooms)
    assert await counts(rooms) == (1, 0, 0)


def keeping(rooms: Rooms) -> AbstractAsyncContextManager[None]:
    """The task that keeps the indexes, often."""
    return beside(rooms.indexer.keep_mirror())


@pytest.fixture
def kept_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.indexer._MIRROR_EVERY_S", 0.001)


@pytest.mark.usefixtures("kept_often")
async def test_an_index_that_takes_long_is_made_while_the_bot_runs(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading does not wait for it, and after a while it is there without anybody asking."""
    monkeypatch.setattr("bot.index.guild._QUICK", 2)
    await rooms.ingest.saved(GUILD, [message(i, f"text {i}") for i in range(1, 6)])
    await drain(rooms)
    await rooms.indexer.load()
    index = rooms.mirror._indexes[GUILD]
    assert not index.is_whole
    async with keeping(rooms):
        await until(lambda: index.is_whole)

    assert rooms.mirror.ids(GUILD).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("kept_often")
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), StorageFailed("disk I/O error")])
async def test_f4_what_cannot_be_kept_of_one_server_does_not_keep_back_the_others(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """A disk that is full is told, the other server has its turn, and so has the first one again."""
    await rooms.indexer.load()
    kept: list[int] = []

    def keep(guild_id: int) -> None:
        kept.append(guild_id)
        if guild_id == GUILD:
            raise error

    monkeypatch.setattr(rooms.mirror, "keep", keep)
    async with keeping(rooms):
        await until(lambda: len(kept) >= 4)

    assert kept[:4] == [GUILD, OTHER_GUILD] * 2
    assert f"the mirror of server {GUILD} is not kept" in caplog.text


@pytest.mark.usefixtures("kept_often")
async def test_f25_after_a_change_over_the_former_mirror_is_kept_no_more(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of mirrors is looked at anew each time, even if there were something left to keep in the former one."""
    monkeypatch.setattr(Mirror, "discard", lambda _: None)
    kept: list[Mirror] = []
    monkeypatch.setattr(Mirror, "keep", lambda self, _: kept.append(self))
    await rooms.ingest.saved(GUILD, [message(1, "one")])
    await rooms.settle()
    new = await rooms_over(rooms.database, WordEmbedder(32, model_key="other words"))
    new.spaces.former = Space(rooms.embeddings, rooms.embedder, rooms.mirror)
    await new.indexer.load()
    async with keeping(new), keeping_up(new):
        await until(lambda: rooms.mirror in kept)
        new.ingest.has_pending.set()
        await until(lambda: new.spaces.former is None)
        await until_embedded(new, 1)
        await until(lambda: new.mirror.ids(GUILD).tolist() == [1])
        kept.clear()
        await until(lambda: len(kept) > 2)

    assert set(kept) == {new.mirror}


async def test_servers_that_are_passed_over_wait(rooms: Rooms) -> None:
    """What is stored of servers that may no longer use the bot gets no vectors; it does not hold up the others."""
    await rooms.ingest.saved(GUILD, [message(i, f"fish {i}") for i in range(100, 103)])
    await rooms.ingest.saved(OTHER_GUILD, [message(1, "bird", guild_id=OTHER_GUILD)])
    async for _ in rooms.indexer.drain(without={GUILD}):
        pass

    assert rooms.embedder.texts == ["bird"]
    assert [(await rooms.embeddings.counts(guild_id)).pending for guild_id in (GUILD, OTHER_GUILD)] == [3, 0]
