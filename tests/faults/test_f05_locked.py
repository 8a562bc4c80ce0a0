"""F5: another process writes to the database."""

import asyncio
from itertools import islice
from pathlib import Path

import pytest
from faults.holding import another
from faults.storing import look_at, opened, operations
from make import GUILD

from bot.errors import DataFolderInUse, StorageFailed


async def test_f5_a_short_wait_goes_unnoticed(tmp_path: Path, seed: int) -> None:
    """While another process writes for a tenth of a second, saves and deletions wait and then are done."""
    held = {}
    async with opened(tmp_path) as app:
        for operation in islice(operations(seed, {}), 5):
            with another("writing", tmp_path, 0.1):
                await operation.done_by(app.ingest)
            held = operation.after(held)
        assert look_at(tmp_path).is_(held)


async def test_f5_a_long_wait_ends_with_a_refusal_and_does_no_harm(tmp_path: Path, seed: int, monkeypatch) -> None:
    """Beyond the time that SQLite waits the operation fails as a whole, and succeeds when the other has done."""
    monkeypatch.setattr("bot.storage.connections.BUSY_S", 0.2)
    first, second = islice(operations(seed, {}), 2)
    async with opened(tmp_path) as app:
        await first.done_by(app.ingest)
        with another("writing", tmp_path, 60):
            with pytest.raises(StorageFailed, match="locked"):
                await second.done_by(app.ingest)
            assert look_at(tmp_path).is_(first.after({}))
            assert await app.ingest.stored_ids(GUILD, first.saved) == set(first.saved)  # reading goes on
        await second.done_by(app.ingest)
        assert look_at(tmp_path).is_(second.after(first.after({})))


async def test_f5_a_folder_has_one_bot(tmp_path: Path, seed: int) -> None:
    """A second set of services over the same folder is refused at once, and the first one goes on undisturbed."""
    first, second = islice(operations(seed, {}), 2)
    async with opened(tmp_path) as app:
        await first.done_by(app.ingest)
        with pytest.raises(DataFolderInUse):
            async with asyncio.timeout(2), opened(tmp_path):
                pass
        await second.done_by(app.ingest)
    assert look_at(tmp_path).is_(second.after(first.after({})))
