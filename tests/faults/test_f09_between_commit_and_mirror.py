"""F9: the process ends between a commit and the mirror's following it, or just before the commit."""

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from conftest import Rooms, rooms_over
from make import CHANNEL, GUILD, OTHER_CHANNEL, channel, message, server

from bot.index.mirror import Mirror
from bot.storage.database import Database, open_to_write

TESTS = Path(__file__).parents[1]
N = 40
ENDED = 7  # the exit status of a process that ended where it was told to


class Ended(BaseException):
    """The process is gone."""


async def some_deleted(rooms: Rooms) -> None:
    await rooms.ingest.deleted(GUILD, range(1, 11))


async def some_edited(rooms: Rooms) -> None:
    await rooms.ingest.saved(GUILD, [message(n, f"another text {n}") for n in range(1, 11)])


async def a_channel_deleted(rooms: Rooms) -> None:
    await rooms.ingest.channels_deleted(GUILD, [OTHER_CHANNEL])


async def a_channel_closed(rooms: Rooms) -> None:
    await rooms.ingest.channels_closed(GUILD, [OTHER_CHANNEL])


async def a_server_gone(rooms: Rooms) -> None:
    await rooms.ingest.server_gone(GUILD)


async def new_ones_embedded(rooms: Rooms) -> None:
    await rooms.ingest.saved(GUILD, [message(n, f"text {n}") for n in range(N + 1, N + 11)])
    async for _ in rooms.indexer.drain():
        pass


async def known_ones_copied(rooms: Rooms) -> None:
    await rooms.ingest.saved(GUILD, [message(n, f"text {n - N}") for n in range(N + 1, N + 11)])
    async for _ in rooms.indexer.drain():
        pass


CHANGES = MappingProxyType(
    {
        change.__name__.replace("_", " "): change
        for change in (
            some_deleted,
            some_edited,
            a_channel_deleted,
            a_channel_closed,
            a_server_gone,
            new_ones_embedded,
            known_ones_copied,
        )
    }
)


def end_before_the_mirror(patch: pytest.MonkeyPatch, end: type[BaseException] | None = Ended) -> None:
    """Let commits happen, and end where the mirror is about to follow."""
    for name in ("take_in", "remove", "drop"):
        patch.setattr(Mirror, name, lambda *_: leave(end))


def end_before_a_commit(number: int, patch: pytest.MonkeyPatch, end: type[BaseException] | None = Ended) -> None:
    """End where something has been written for the n-th time and is not committed yet."""
    transaction, commits = Database.transaction, count(1)

    @asynccontextmanager
    async def cut(self):
        async with transaction(self) as opened:
            yield opened
            if next(commits) == number:
                leave(end)

    patch.setattr(Database, "transaction", cut)


MOMENTS = MappingProxyType(
    {
        "before the mirror": end_before_the_mirror,
        "before the first commit": partial(end_before_a_commit, 1),
        "before the second commit": partial(end_before_a_commit, 2),
        "before the third commit": partial(end_before_a_commit, 3),
    }
)


def leave(end: type[BaseException] | None) -> None:
    if end is None:
        os._exit(ENDED)
    raise end


async def town_over(database: Database) -> Rooms:
    """The services over messages in two channels, embedded and mirrored, or what is left of them."""
    rooms = await rooms_over(database)
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL))
    return rooms


async def filled(database: Database) -> Rooms:
    rooms = await town_over(database)
    places = {n: CHANNEL if n % 2 else OTHER_CHANNEL for n in range(1, N + 1)}
    await rooms.ingest.saved(GUILD, [message(n, f"text {n}", channel_id=place) for n, place in places.items()])
    await rooms.settle()
    return rooms


async def assert_mirror_is_rows(rooms: Rooms) -> None:
    """I5: the mirror holds the vectors of the database, bit by bit. I3, I4: nothing is lost, nothing has come back."""
    assert await rooms.embeddings.n_lost() == 0
    assert await rooms.database.fetch("SELECT 1 FROM messages JOIN tombstones USING (guild_id, message_id)") == []
    ids = await rooms.embeddings.ids(GUILD)
    assert rooms.mirror.ids(GUILD).tolist() == ids.tolist()
    if len(ids):
        index = rooms.mirror._indexes[GUILD]._live
        mirrored = index._vectors(np.concatenate([index._rows.rows_of(ids[i : i + 1]) for i in range(len(ids))]))
        assert np.array_equal(mirrored, (await rooms.embeddings.get_many(GUILD, ids)).vectors)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("change", CHANGES)
async def test_f9_i5_after_a_restart_the_mirror_holds_what_the_database_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: str, moment: str
) -> None:
    """Ended before one of its commits, or between them and the mirror, a change leaves a database of which the next
    start has a true mirror, and from which the change can be made again. Few changes have three commits."""
    rooms = await filled(database)
    before = (await rooms.embeddings.ids(GUILD)).tolist()
    with monkeypatch.context() as patch:
        MOMENTS[moment](patch)
        with suppress(Ended):
            await CHANGES[change](rooms)
            assert moment in {"before the second commit", "before the third commit"}
    has_changed = (await rooms.embeddings.ids(GUILD)).tolist() != before
    assert has_changed or moment != "before the mirror"
    assert not has_changed or moment != "before the first commit"

    restarted = await rooms_over(database)
    await restarted.settle()
    await assert_mirror_is_rows(restarted)
    await CHANGES[change](restarted)
    await restarted.settle()
    await assert_mirror_is_rows(restarted)


def end_apart(folder: str, change: str, moment: str) -> None:
    """Fill a folder and end, without any closing, in the middle of a change; what a child process runs."""

    async def work() -> None:
        async with open_to_write(Path(folder)) as database:
            rooms = await filled(database)
            MOMENTS[moment](pytest.MonkeyPatch(), None)
            await CHANGES[change](rooms)

    asyncio.run(work())


@pytest.mark.parametrize("moment", ["before the first commit", "before the mirror"])
@pytest.mark.parametrize("change", ["some deleted", "new ones embedded"])
async def test_f9_i5_a_process_that_is_gone_at_once_leaves_a_database_that_can_be_mirrored(
    tmp_path: Path, change: str, moment: str
) -> None:
    """A real process that ends there, without unwinding anything, leaves nothing that the next one cannot mirror."""
    code = f"from faults.{Path(__file__).stem} import end_apart; end_apart(*{(str(tmp_path), change, moment)!r})"
    path = {"PYTHONPATH": os.pathsep.join(map(str, (TESTS.parent, TESTS)))}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], env=path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == ENDED, done.stderr.decode()

    is_changed = moment == "before the mirror"
    async with open_to_write(tmp_path) as database:
        rooms = await rooms_over(database)
        n_before = len(await rooms.embeddings.ids(GUILD))
        assert n_before == N + is_changed * (-10 if change == "some deleted" else 10)
        await rooms.settle()
        await assert_mirror_is_rows(rooms)
