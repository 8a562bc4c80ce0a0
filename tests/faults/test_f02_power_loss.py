"""F2: the power fails after a commit was acknowledged."""

import random
import shutil
import sqlite3
import subprocess
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from faults.disks import command, environment
from faults.storing import Seen, look_at, opened, operations

_HEADER, _FRAME = 32, 24 + 16_384


def test_f2_every_commit_waits_for_the_disk_once(tmp_path: Path, failing_io: Path, seed: int) -> None:
    """Each commit that writes is made to last by one sync, and by one more where the log is new."""
    done = subprocess.run(
        command("count_syncs", tmp_path / "data", seed),
        env=environment(failing_io),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    counts = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]

    assert sum(n_bytes > 0 for n_bytes, _ in counts) >= 5
    assert [n_syncs for _, n_syncs in counts] == [int(n_bytes > 0) for n_bytes, _ in counts]


@pytest.fixture
async def history(quick_folder: Path, seed: int) -> tuple[Path, list[tuple[int, Seen]]]:
    """A folder as it stands while 30 commits are in its log, with what was held when the log had which size."""
    folder, copy = quick_folder / "data", quick_folder / "copy"
    async with opened(folder) as app:
        steps = [(0, look_at(folder)), (log_of(folder).stat().st_size, look_at(folder))]
        for operation in islice(operations(seed, {}), 30):
            await operation.done_by(app.ingest)
            steps.append((log_of(folder).stat().st_size, look_at(folder)))
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-shm", "*.lock*"))
    return copy, steps


def log_of(folder: Path) -> Path:
    return folder / "bot.db-wal"


def held_at(size: int, steps: list[tuple[int, Seen]]) -> Seen:
    """What the last commit left that lies whole in so many bytes of the log."""
    return next(seen for reached, seen in reversed(steps) if reached <= size)


async def test_f2_a_log_cut_at_any_frame_holds_the_commits_before_it(history) -> None:
    """Cut after each frame, and in the middle of each, the log yields all commits that end before the cut."""
    folder, steps = history
    whole = log_of(folder).read_bytes()
    assert [size for size, _ in steps] == sorted(size for size, _ in steps)
    assert (len(whole) - _HEADER) % _FRAME == 0

    for end in range(_HEADER, len(whole) + 1, _FRAME):
        for size in (end, end + _FRAME // 2):
            log_of(folder).write_bytes(whole[:size])
            assert look_at(folder) == held_at(size, steps), size


async def test_f2_frames_that_were_not_written_end_the_log(history, seed: int) -> None:
    """Where a frame holds zeros or other bytes, all commits before it are there and none after it."""
    folder, steps = history
    whole = log_of(folder).read_bytes()
    dice = random.Random(seed)
    for _ in range(40):
        at = _HEADER + dice.randrange((len(whole) - _HEADER) // _FRAME) * _FRAME
        torn = bytearray(whole)
        garbage = bytes(_FRAME) if dice.random() < 0.5 else dice.randbytes(_FRAME)
        torn[at : at + _FRAME] = garbage
        log_of(folder).write_bytes(torn)

        assert look_at(folder) == held_at(at, steps), at


async def test_f2_the_bot_goes_on_from_what_is_left(history, seed: int) -> None:
    """A folder with half a log is opened and written to as if nothing had been there after it."""
    folder, steps = history
    whole = log_of(folder).read_bytes()
    size = random.Random(seed).randrange(len(whole) // 2, len(whole))
    log_of(folder).write_bytes(whole[:size])
    async with opened(folder) as app:
        assert look_at(folder).texts == held_at(size, steps).texts
        await next(operations(seed, {})).done_by(app.ingest)
    with closing(sqlite3.connect(folder / "bot.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
