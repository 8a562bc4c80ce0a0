"""F3: writes fail, fall short, or are not brought to the disk."""

import asyncio
import random
import re
from pathlib import Path

import pytest
from faults.disks import command, environment
from faults.queueing import WAITED
from faults.storing import explained, look_at, operations

_PIPE = asyncio.subprocess.PIPE


@pytest.mark.parametrize(("one_in", "n"), [(50, 300), (8, 30)])
async def test_f3_what_cannot_be_written_waits_and_is_written_later(
    tmp_path: Path, failing_io: Path, seed: int, one_in: int, n: int
) -> None:
    """While writes and syncs fail events wait, are tried again, and all are stored in the end, none left out."""
    folder = tmp_path / "data"
    process = await asyncio.create_subprocess_exec(
        *command("suffer", folder, seed, one_in, n), env=environment(failing_io), stdout=_PIPE, stderr=_PIPE
    )
    acknowledged, log = (output.decode() for output in await asyncio.wait_for(process.communicate(), 90))

    assert process.returncode == 0, log
    assert acknowledged.split() == [str(i) for i in range(1, n + 1)]
    assert int(re.search(r"(\d+) failed", log)[1]) >= 10
    assert log.count(WAITED) >= 5
    assert "left out" not in log
    assert explained(look_at(folder), {}, operations(seed, {}), n) is not None


async def test_f3_a_kill_while_writes_fail_loses_nothing(tmp_path: Path, failing_io: Path, seed: int) -> None:
    """Killed while its disk fails, a process leaves what it had acknowledged, and at most one operation beyond."""
    folder = tmp_path / "data"
    process = await asyncio.create_subprocess_exec(
        *command("suffer", folder, seed, 12, 10**6), env=environment(failing_io), stdout=_PIPE, stderr=_PIPE
    )
    first = await asyncio.wait_for(process.stdout.readline(), 60)
    await asyncio.sleep(random.Random(seed).uniform(0.1, 1))
    process.kill()
    rest, log = await process.communicate()

    assert WAITED in log.decode()
    n = len((first + rest).splitlines())
    assert explained(look_at(folder), {}, operations(seed, {}), n) is not None
