"""F36: the process is killed while somebody is forgotten."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from faults.dying import die_everywhere
from faults.storing import opened
from make import ADA, BOB, GUILD, message

from bot.storage.database import open_to_read

N = 40  # messages of each of two people
LONG = "the old printer in the hall has been jammed since Monday"


@pytest.fixture
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few messages there are, they are kept as codes, in a file."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)


async def filled(folder: Path) -> None:
    """Two people who answered each other, with vectors, words and a file of the index."""
    said = [message(i, f"{LONG}, the {i}th time", author_id=(ADA, BOB)[i % 2]) for i in range(1, 2 * N - 1)]
    answers = [message(2 * N - 1, "still?", reply_to=2, author_id=BOB), message(2 * N, "still!", reply_to=1)]
    async with opened(folder) as app:
        await app.ingest.saved(GUILD, [*said, *answers])
        async for _ in app.indexer.drain():
            pass
        await app.indexer.reconcile()


def n_left(folder: Path) -> int:
    """How many of Ada's messages a folder holds."""
    with closing(sqlite3.connect(folder / "bot.db")) as connection:
        return connection.execute("SELECT count(*) FROM messages WHERE author_id = ?", (ADA,)).fetchone()[0]


@pytest.mark.usefixtures("codes_for_all")
async def test_f36_forgetting_goes_on_where_it_was_killed(quick_folder: Path) -> None:
    """Killed at its first, second, third ... await, another call erases the rest, and the proof finds nothing."""
    new, dead = quick_folder / "new", quick_folder / "dead"
    await filled(new)
    async with opened(new) as app:
        await app.indexer.load()
        traces = await app.tracker.traces(ADA)
        assert sum(sight.found for sight in await app.proof.sights(traces)) > N

    folders = die_everywhere("forget", new, dead)
    assert {n_left(folder) for folder in folders} >= {N, 0}
    assert any(0 < n_left(folder) < N for folder in folders)
    for folder in folders:
        n_there = n_left(folder)
        async with opened(folder) as app, open_to_read(folder) as database:
            await app.indexer.load()
            assert await app.erasure.forget_author(ADA) == n_there, folder.name
            assert [sight for sight in await app.proof.sights(traces) if sight.found] == [], folder.name
            assert await database.problems() == []
            held = await database.fetch("SELECT count(*), count(DISTINCT author_id) FROM messages")
            assert held == [(N, 1)]
            assert await database.fetch("SELECT count(*) FROM tombstones") == [(N,)]
