"""What tells a file beside the database from one beside a copy of it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from make import GUILD, OTHER_GUILD, message

from bot.messages import Generation
from bot.storage import sessions as module
from bot.storage.database import open_to_write
from bot.storage.sessions import Sessions, begin_session
from bot.storage.vectors import VectorReader


@asynccontextmanager
async def opened(folder: Path, *, is_new: bool = True) -> AsyncIterator[tuple[Rooms, Sessions]]:
    """The services over a folder, as a session of its own or as one that goes on."""
    async with open_to_write(folder) as database:
        if is_new:
            await begin_session(database)
        rooms = await rooms_over(database)
        reader = VectorReader(database.path, rooms.embeddings.generation, batch_bytes=2**20)
        yield rooms, Sessions(reader)
        reader.close()


async def say(rooms: Rooms, *ids: int, text: str = "text") -> None:
    """Messages are stored, and each gets a vector."""
    await rooms.ingest.saved(GUILD, [message(i, f"{text} {i}") for i in ids])
    await rooms.settle()


async def embedding_ids(rooms: Rooms) -> list[int]:
    return [row[0] for row in await rooms.database.fetch("SELECT embedding_id FROM embeddings ORDER BY message_id")]


async def test_a_normal_restart_knows_its_files(tmp_path: Path) -> None:
    """What one session has stamped is known by the next ones, of whatever moment of it."""
    async with opened(tmp_path) as (rooms, sessions):
        early = sessions.now(GUILD)
        await say(rooms, 1, 2, 3)
        late = sessions.now(GUILD)
        assert early.token == late.token
        assert early.last_id == 0 < max(await embedding_ids(rooms)) <= late.last_id
        assert sessions.are_ours(early, GUILD)
        assert sessions.are_ours(late, GUILD)

    async with opened(tmp_path) as (rooms, sessions):
        await say(rooms, 4)
        assert sessions.now(GUILD).token != late.token
        assert sessions.are_ours(early, GUILD)
        assert sessions.are_ours(late, GUILD)


async def test_a_stamp_of_anything_else_is_refused(tmp_path: Path) -> None:
    """Neither another server's, nor another generation's, nor one of a token that was never given."""
    async with opened(tmp_path) as (_, sessions):
        stamp = sessions.now(GUILD)

        assert not sessions.are_ours(stamp, OTHER_GUILD)
        assert not sessions.are_ours(replace(stamp, generation=Generation("other words", 64, 1)), GUILD)
        assert not sessions.are_ours(replace(stamp, generation=replace(stamp.generation, text_version=99)), GUILD)
        assert not sessions.are_ours(replace(stamp, token="made up"), GUILD)


@pytest.mark.parametrize("is_new", [True, False], ids=["between-sessions", "within-a-session"])
async def test_f34_a_newer_file_beside_an_older_copy_is_refused(tmp_path: Path, *, is_new: bool) -> None:
    """What was made after the copy was drawn is another's, also where both have the same session's token, and also
    when the copy has given out as many numbers since."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    async with opened(data) as (rooms, sessions):
        await say(rooms, 1, 2, 3)
        old = sessions.now(GUILD)
    shutil.copytree(data, copy)
    async with opened(data, is_new=is_new) as (rooms, sessions):
        await say(rooms, 4, 5)
        new = sessions.now(GUILD)
        assert new.last_id > old.last_id

    async with opened(copy) as (rooms, sessions):
        assert not sessions.are_ours(new, GUILD)
        await say(rooms, 4, 5, 6, text="another text")
        assert not sessions.are_ours(new, GUILD)
        assert sessions.are_ours(old, GUILD)


async def test_no_number_is_given_twice(tmp_path: Path) -> None:
    """A vector that comes after the newest was deleted, copied, rewritten or dropped with its model has a new one."""
    async with opened(tmp_path) as (rooms, _):
        await say(rooms, 1, 2, 3)
        first = await embedding_ids(rooms)
        assert len(set(first)) == 3
        await rooms.ingest.deleted(GUILD, [1, 2, 3])
        await say(rooms, 4)
        assert min(await embedding_ids(rooms)) > max(first)

    async with opened(tmp_path) as (rooms, sessions):
        before = sessions.now(GUILD).last_id
        await rooms.ingest.saved(GUILD, [message(5, "text 4"), message(6, "text 4")])
        await rooms.settle()
        copied = (await embedding_ids(rooms))[1:]
        assert len(set(copied)) == 2
        assert min(copied) > before
        before = sessions.now(GUILD).last_id
        await say(rooms, 4, text="rewritten")
        assert (await embedding_ids(rooms))[0] > before
        assert sessions.now(GUILD).last_id >= max(await embedding_ids(rooms))


async def test_old_sessions_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many sessions the last ones are known; what the others left is made anew."""
    monkeypatch.setattr(module, "_KEPT", 2)
    stamps = []
    for _ in range(4):
        async with opened(tmp_path) as (_, sessions):
            stamps.append(sessions.now(GUILD))
            known = [sessions.are_ours(stamp, GUILD) for stamp in stamps]

    assert known == [False, False, True, True]
