"""F4: there is no room left."""

import shutil
import subprocess
from itertools import islice
from pathlib import Path

import pytest
from faults.disks import command, environment
from faults.queueing import WAITED
from faults.storing import look_at, opened, operations

from bot.errors import StorageFailed

_MOUNTED = 'mount -t tmpfs -o size=24m none "$0" && exec "$@"'


def own_disk(folder: Path) -> list[str]:
    """What a command begins with that has a small disk at a folder, which nobody else sees."""
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c", _MOUNTED, str(folder)]
    if not shutil.which("unshare") or subprocess.call([*prefix, "true"], stderr=subprocess.DEVNULL):
        pytest.skip("this machine lets nobody mount a tmpfs: a full disk is not tested, a full file is")
    return prefix


@pytest.mark.parametrize("kind", ["file", "disk"])
def test_f4_without_room_events_wait_and_questions_are_answered(tmp_path: Path, seed: int, kind: str) -> None:
    """When nothing more can be written events wait, searching goes on, and all is stored once there is room."""
    folder = tmp_path / "data"
    folder.mkdir()
    prefix = own_disk(folder) if kind == "disk" else []
    done = subprocess.run(
        [*prefix, *command("run_full", folder, seed, kind)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "full" in done.stderr
    assert WAITED in done.stderr
    assert "left out" not in done.stderr
    assert done.stdout.split() == [str(i) for i in range(1, 221)]


async def test_f4_a_database_that_may_not_grow_takes_nothing_by_half(tmp_path: Path, seed: int) -> None:
    """SQLite rolls a full transaction back by itself: nothing of it is there, and nothing comes in outside of one."""
    doing, held = operations(seed, {}), {}
    async with opened(tmp_path / "data") as app:
        writer = app.ingest._messages._database._writer
        [(n_pages,)] = await writer.execute_fetchall("PRAGMA page_count")
        await writer.execute(f"PRAGMA max_page_count = {n_pages + 2}")
        refused = None
        while refused is None:
            try:
                await (operation := next(doing)).done_by(app.ingest)
            except StorageFailed as error:
                refused = error
            else:
                held = operation.after(held)
        assert "full" in refused.reason
        assert not writer.in_transaction
        assert look_at(tmp_path / "data").is_(held)

        await writer.execute("PRAGMA max_page_count = 1000000")
        for again in (operation, *islice(doing, 20)):
            await again.done_by(app.ingest)
            held = again.after(held)
        assert look_at(tmp_path / "data").is_(held)
