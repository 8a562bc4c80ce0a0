"""F6: somebody reads and never comes to an end."""

import asyncio
from pathlib import Path

from faults.holding import another
from faults.storing import look_at, opened
from make import GUILD, message

_ROWS, _COMMITS = 20, 1_000
_LOG = 16 * 2**20  # bytes of it after which SQLite brings it into the file, where nothing hinders that


async def test_f6_a_reader_that_stays_lets_the_log_grow_and_nothing_fail(quick_folder: Path) -> None:
    """While it reads all writes succeed and the log grows; when it has ended the log is emptied and stays small."""
    log = quick_folder / "bot.db-wal"

    async def save(nth: int) -> None:
        ids = range(10 + _ROWS * nth, 10 + _ROWS * (nth + 1))
        await app.ingest.saved(GUILD, [message(i, f"text {i} " + "word " * 20) for i in ids])

    async with opened(quick_folder) as app:
        database = app.ingest._messages._database
        await app.ingest.saved(GUILD, [message(i) for i in (1, 2)])
        with another("reading", quick_folder) as reader:
            for nth in range(_COMMITS):
                await save(nth)
            assert log.stat().st_size > 2 * _LOG
            assert not await database.checkpoint()
            reader.send("enough")
            assert await asyncio.to_thread(reader.recv) == 2  # it saw what there was when it began

        await save(_COMMITS)
        assert await database.checkpoint()
        assert log.stat().st_size == 0
        for nth in range(_COMMITS + 1, 2 * _COMMITS):
            await save(nth)
        assert log.stat().st_size < 2 * _LOG
    seen = look_at(quick_folder)
    assert (len(seen.texts), seen.complaints) == (2 + 2 * _ROWS * _COMMITS, ())
