"""What the program writes is for its owner alone, whatever the umask and whichever door it was written through."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from faults.storing import opened
from make import ADA, BOB, GUILD, message

from bot.storage.backup import back_up, restore
from bot.storage.lock import writing_to

MADE = {"bot.db", "bot.db-wal", "bot.db-shm", "bot.lock", "bot.lock.json", "mirror", f"{GUILD}.mirror"}


@pytest.fixture(autouse=True)
def usual_umask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Others may read new files, as they usually may; and there are files of the mirror, however few messages."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Who may do what with a folder and all that lies below it, by name."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


def wanted(folder: Path) -> dict[str, int]:
    return {path.name: 0o700 if path.is_dir() else 0o600 for path in (folder, *folder.rglob("*"))}


async def test_every_file_and_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Database, log, lock and mirror while the bot runs, what is left of them, and a backup made and restored."""
    data = tmp_path / "data"
    async with opened(data) as app:
        said = [message(i, f"words that lead to file {i}", author_id=(ADA, BOB)[i % 2]) for i in range(1, 101)]
        await app.ingest.saved(GUILD, said)
        async for _ in app.indexer.drain():
            pass
        await app.indexer.reconcile()
        await app.erasure.forget_author(ADA)
        assert modes(data) == wanted(data)
        assert modes(data).keys() >= MADE
    assert modes(data) == wanted(data)

    made = back_up(data, data, now=datetime(2025, 3, 1, tzinfo=UTC), on_progress=lambda *_: None)
    with writing_to(data, "restore"):
        restore(made.path, data, replace=True, on_progress=lambda *_: None)
        assert modes(data) == wanted(data)
    assert modes(data) == wanted(data)
    assert made.path.name in modes(data)


async def test_a_purge_leaves_no_more_open_than_there_was(tmp_path: Path) -> None:
    """What is written anew while room is given back is closed as well."""
    data = tmp_path / "data"
    async with opened(data) as app:
        await app.ingest.saved(GUILD, [message(i, f"words that lead to file {i}") for i in range(1, 101)])
        await app.erasure.purge(GUILD)
        await app.erasure.give_back_room()
        assert modes(data) == wanted(data)
    assert modes(data) == wanted(data)
