"""F8: an index file that is cut, damaged, old or foreign. It is never trusted: the database has the truth."""

import asyncio
import json
import math
import shutil
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import Rooms, rooms_over
from faults.scattering import ScatteringEmbedder
from make import GUILD, OTHER_GUILD, channel, message, random_vectors, server

from bot.app import open_app
from bot.askers import EVERYTHING, Operator
from bot.index.codes import CodesIndex
from bot.index.exact import ExactIndex
from bot.messages import Query
from bot.settings import Settings
from bot.storage.database import open_to_write
from bot.storage.sessions import begin_session

DIM, N = 64, 300
NAMES = ("index.faiss", "bot.faiss", "mirror.index", f"{GUILD}.index", "bot.db.faiss")


@pytest.fixture(autouse=True)
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few messages there are, they are kept as codes, in 17 lists, all of which are looked at."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)
    monkeypatch.setattr("bot.index.partition.LEAST_FOR_LISTS", 0)
    monkeypatch.setattr("bot.index.codes.MAX_READ", 0)
    monkeypatch.setattr("bot.index.rescoring._DEVIATIONS", 100.0)  # nothing is left to chance
    monkeypatch.setattr("bot.index.reach.Reach.share", lambda *_: 1.0)


@asynccontextmanager
async def town_in(data: Path, *, model_key: str = "words") -> AsyncIterator[Rooms]:
    """The services over a folder, as a new session; the mirror is closed at the end as the bot closes it."""
    async with open_to_write(data) as database:
        await begin_session(database)
        rooms = await rooms_over(database, ScatteringEmbedder(DIM, model_key=model_key), folder=data / "mirror" / "x")
        yield rooms
        rooms.mirror.close()


def file_of(data: Path, guild_id: int = GUILD) -> Path:
    return data / "mirror" / "x" / f"{guild_id}.mirror"


async def fill(rooms: Rooms) -> None:
    """Three hundred messages in each of two servers, embedded, mirrored and saved."""
    for guild_id, first in ((GUILD, 1), (OTHER_GUILD, 1_001)):
        ids = range(first, first + N)
        await rooms.ingest.saved(guild_id, [message(n, f"text {n}", guild_id=guild_id) for n in ids])
    await rooms.settle()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a bot leaves it."""
    data = tmp_path_factory.mktemp("template")

    async def make() -> None:
        async with town_in(data) as rooms:
            await fill(rooms)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.index.workshop._EXACT_BYTES", 0)
        patch.setattr("bot.index.partition.LEAST_FOR_LISTS", 0)
        asyncio.run(make())
    assert file_of(data).exists()
    return data


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(template, tmp_path / "data")


def assert_true(rooms: Rooms, guild_id: int = GUILD) -> None:
    """The index holds what the database holds, and answers as the exact one does."""
    index, oracle = rooms.mirror._indexes[guild_id], ExactIndex(DIM)
    for batch in rooms.mirror.workshop.source(guild_id).within(EVERYTHING):
        oracle.upsert(batch)
    assert isinstance(index._live, CodesIndex)
    assert index.ids().tolist() == oracle.ids().tolist() != []
    for query in random_vectors(5, DIM, seed=3):
        found, truth = index.search(query, 10), oracle.search(query, 10)
        assert [n.message_id for n in found] == [n.message_id for n in truth]
        assert [n.score for n in found] == pytest.approx([n.score for n in truth], abs=1e-6)


def can_read(rooms: Rooms) -> bool:
    """Whether the file of the first server is taken for this database's."""
    workshop = rooms.mirror.workshop
    return workshop.from_cache(GUILD, workshop.source(GUILD).stamps()) is not None


async def assert_true_after_a_restart(data: Path, *guild_ids: int) -> None:
    async with town_in(data) as rooms:
        await rooms.indexer.load()
        await rooms.indexer.reconcile()
        for guild_id in guild_ids or (GUILD,):
            assert_true(rooms, guild_id)
        assert await rooms.indexer.reconcile() == 0


def parts_of(content: bytes) -> dict[str, range]:
    """Where a file's parts stand: what comes before the header, the header, the partition, each block's head, and the
    rest."""
    length, _ = struct.unpack_from("<II", content, 16)
    at = 24 + length
    parts = {"magic": range(16), "lengths": range(16, 24), "header": range(24, at)}
    shapes = json.loads(content[24:at])["shapes"]
    n_array_bytes = sum(4 * math.prod(shape) for shape in shapes)
    parts["partition"] = range(at, at + n_array_bytes)
    at += n_array_bytes
    number = 0
    while at < len(content):
        _, n, size, _ = struct.unpack_from("<IIII", content, at)
        parts[f"head {number}"] = range(at, at + 16)
        parts[f"block {number}"] = range(at + 16, at + 16 + n * (32 + size))
        at += 16 + n * (32 + size)
        number += 1
    assert number == shapes[2][0]
    return parts


def places_of(content: bytes) -> list[range]:
    """The parts that are damaged one by one: all but most of the blocks, which are alike."""
    return [part for name, part in parts_of(content).items() if name.rpartition(" ")[2] not in map(str, range(1, 16))]


def cut(content: bytes) -> Iterator[bytes]:
    """Ended in the middle of each part, at its first byte, and just before the end."""
    for part in places_of(content):
        yield content[: part.start]
        yield content[: (part.start + part.stop) // 2]
    yield content[:-1]


def flipped(content: bytes) -> Iterator[bytes]:
    """One bit in each of four places of each part."""
    for part in places_of(content):
        for place in {part.start + len(part) * i // 4 for i in range(4)} if len(part) else ():
            yield content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def zeroed(content: bytes) -> Iterator[bytes]:
    """Each part overwritten with zeros, and all that follows it."""
    for part in places_of(content):
        yield content[: part.start] + bytes(len(part)) + content[part.stop :]
        yield content[: part.start] + bytes(len(content) - part.start)


def grown(content: bytes) -> Iterator[bytes]:
    """With something behind the end, and with everything twice."""
    yield content + b"and more"
    yield content + bytes(1_000)
    yield content + content


@pytest.mark.parametrize("damaged", [cut, flipped, zeroed, grown], ids=lambda damaged: damaged.__name__)
async def test_f8_a_damaged_file_is_healed_from_the_database(
    data: Path, damaged: Callable[[bytes], Iterator[bytes]]
) -> None:
    """Whatever is wrong with the file, each start has a whole index with true answers, and nothing fails."""
    content = file_of(data).read_bytes()
    async with town_in(data) as rooms:
        await rooms.indexer.load()
        stamps = rooms.mirror.workshop.stamps
        assert stamps is not None
        for wrong in damaged(content):
            file_of(data).write_bytes(wrong)
            rooms.mirror._indexes.clear()
            rooms.mirror.settle(GUILD)
            assert_true(rooms)


async def test_f8_a_sound_file_is_read_and_nothing_is_encoded(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A normal restart takes the codes from the file."""
    monkeypatch.setattr(CodesIndex, "upsert", lambda *_: pytest.fail("something is encoded"))
    async with town_in(data) as rooms:
        await rooms.indexer.load()
        assert_true(rooms)
        assert_true(rooms, OTHER_GUILD)


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"IxF2" + bytes(100), b"SIMBOT-MIRROR-1\n", b"SIMBOT-MIRROR-1\n\1\0\0"], ids=len
)
async def test_f8_what_is_no_index_file_is_made_anew(data: Path, content: bytes) -> None:
    """An empty file, one of another program's, and one that ends in its first words are replaced by a true one."""
    whole = file_of(data).stat().st_size
    file_of(data).write_bytes(content)
    await assert_true_after_a_restart(data)

    assert file_of(data).stat().st_size == whole


@pytest.mark.parametrize(
    "content", [b"", b"SIMBOT-MIRROR-1\n", b"SIMBOT-MIRROR-1\n\1\0\0", b"SIMBOT-MIRROR-1\n" + bytes(8)], ids=len
)
async def test_f8_a_deletion_beside_what_is_no_index_file_is_no_failure(data: Path, content: bytes) -> None:
    """The bot deletes messages and closes, whatever stands in the place of the file, before it was ever read."""
    file_of(data).write_bytes(content)
    async with town_in(data) as rooms:
        await rooms.ingest.deleted(GUILD, [5])
    await assert_true_after_a_restart(data)


async def test_f8_files_that_changed_places_are_refused(data: Path) -> None:
    """The file of another server is not read, also where all else fits."""
    swapped = [file_of(data).read_bytes(), file_of(data, OTHER_GUILD).read_bytes()]
    file_of(data).write_bytes(swapped[1])
    file_of(data, OTHER_GUILD).write_bytes(swapped[0])

    await assert_true_after_a_restart(data, GUILD, OTHER_GUILD)


async def test_f8_the_file_of_another_model_is_refused(data: Path) -> None:
    """Codes of another generation are not read, also where they lie in its folder and have as many numbers."""
    old = file_of(data).read_bytes()
    async with town_in(data, model_key="other words") as rooms:
        await rooms.settle()
        index = rooms.mirror._indexes[GUILD]
        file_of(data).write_bytes(old)
        assert not can_read(rooms)
        rooms.mirror._indexes.clear()
        rooms.mirror.settle(GUILD)
        assert_true(rooms)
        assert index.ids().tolist() == rooms.mirror.ids(GUILD).tolist()


async def test_f8_codes_of_another_engine_are_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update of Faiss the codes are made anew."""
    monkeypatch.setattr("bot.index.cache.ENGINE", "rabitq 2, faiss 99.0.0")
    async with town_in(data) as rooms:
        assert not can_read(rooms)
        await rooms.indexer.reconcile()
        assert_true(rooms)
        assert can_read(rooms)


async def test_f8_a_newer_file_beside_an_older_copy_of_the_database_is_refused(data: Path, tmp_path: Path) -> None:
    """Both went on by themselves and gave the same numbers to other vectors; each has its own answers."""
    copy = shutil.copytree(data, tmp_path / "copy")
    async with town_in(data) as rooms:
        await rooms.indexer.load()
        await rooms.ingest.saved(GUILD, [message(n, f"rewritten {n}") for n in range(1, 40)])
        await rooms.ingest.deleted(GUILD, range(40, 60))
        await rooms.settle()
        assert_true(rooms)
    async with town_in(copy) as rooms:
        await rooms.ingest.saved(GUILD, [message(n, f"rewritten otherwise {n}") for n in range(1, 40)])
        await rooms.settle()
    shutil.copy(file_of(data), file_of(copy))

    async with town_in(copy) as rooms:
        assert not can_read(rooms)
        await rooms.settle()
        assert_true(rooms)
        texts = await rooms.search.similar(Operator(), Query(text="rewritten otherwise 7", limit=1))
        assert [hit.message.message_id for hit in texts] == [7]
        assert texts[0].score == pytest.approx(1, abs=1e-3)


def codes_in(path: Path) -> dict[int, bytes]:
    """The code of each message as it stands in a file."""
    content = path.read_bytes()
    found = {}
    for name, part in parts_of(content).items():
        if not name.startswith("head "):
            continue
        _, n, size, _ = struct.unpack_from("<IIII", content, part.start)
        ids = np.frombuffer(content, np.int64, n, part.stop)
        codes = np.frombuffer(content, np.uint8, n * size, part.stop + 32 * n).reshape(n, size)
        found |= {int(i): code.tobytes() for i, code in zip(ids, codes, strict=True)}
    return found


async def test_f8_what_was_deleted_is_neither_found_nor_in_the_file_after_a_restart(data: Path) -> None:
    """A deletion reaches the file at the latest when the bot closes, also where no index was ever loaded."""
    codes = codes_in(file_of(data))
    async with town_in(data) as rooms:
        await rooms.ingest.deleted(GUILD, [5, 6])
    content = file_of(data).read_bytes()

    assert codes[5] not in content
    assert codes[6] not in content
    assert codes[7] in content
    await assert_true_after_a_restart(data)


async def test_f8_what_was_deleted_before_a_kill_leaves_the_file_with_the_next_run(data: Path) -> None:
    """A process that is killed between a deletion and its wiping leaves codes in the file; the next one wipes them."""
    codes = codes_in(file_of(data))
    async with open_to_write(data) as database:
        rooms = await rooms_over(database, ScatteringEmbedder(DIM))
        await rooms.messages.delete(GUILD, [5])
    await assert_true_after_a_restart(data)

    content = file_of(data).read_bytes()
    assert codes[7] in content
    assert codes[5] not in content


@pytest.mark.parametrize("name", ["auto", "flat"])
async def test_f8_a_deletion_reaches_the_file_with_whatever_index_is_set(tmp_path: Path, name: str) -> None:
    """Where another index was set since, the file that `auto` left holds nothing of what is deleted either."""
    settings = Settings(data_dir=tmp_path / "data")
    async with open_app(settings, "run") as app:
        await app.ingest.met(server(), channel())
        await app.ingest.saved(GUILD, [message(n, f"text {n}") for n in range(1, 20)])
        async for _ in app.indexer.drain():
            pass
        await app.indexer.reconcile()
    [path] = settings.data_dir.glob("mirror/*/*.mirror")
    codes = codes_in(path)
    assert sorted(codes) == list(range(1, 20))

    async with open_app(Settings(data_dir=tmp_path / "data", faiss_index=name), "run") as app:
        await app.indexer.load()
        await app.ingest.deleted(GUILD, range(1, 10))
    content = path.read_bytes() if path.exists() else b""
    assert [n for n in range(1, 10) if codes[n] in content] == []


async def test_f8_files_that_are_named_like_an_index_are_left_alone(tmp_path: Path) -> None:
    """Files of others, in the data folder, are neither read nor touched."""
    for name in NAMES:
        (tmp_path / name).write_bytes(b"IxF2" + bytes(100))
    async with town_in(tmp_path) as rooms:
        await rooms.ingest.saved(GUILD, [message(1, "the one true text"), message(2, "something else")])
        await rooms.settle()
    async with town_in(tmp_path) as rooms:
        await rooms.indexer.load()
        hits = await rooms.search.similar(Operator(), Query(text="the one true text", limit=1))

    assert [hit.message.message_id for hit in hits] == [1]
    assert all((tmp_path / name).read_bytes() == b"IxF2" + bytes(100) for name in NAMES)
