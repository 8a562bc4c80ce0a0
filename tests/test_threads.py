"""Work aside, for which nobody has to wait."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bot.threads import aside

ROOT = Path(__file__).parents[1]


async def test_what_comes_of_it_is_handed_back() -> None:
    """The result of the work, with the arguments that it was given."""
    assert await aside(divmod, 17, 5) == (3, 2)


async def test_what_it_raises_is_raised_where_it_is_awaited() -> None:
    """An error is the caller's, as it is."""
    with pytest.raises(ZeroDivisionError):
        await aside(divmod, 17, 0)


async def test_others_go_on_meanwhile_in_another_thread() -> None:
    """The event loop is free while the work waits for what only the loop can give."""
    is_there = threading.Event()
    work = asyncio.create_task(aside(lambda: (is_there.wait(10), threading.current_thread())))
    await asyncio.sleep(0)
    is_there.set()
    was_set, thread = await work

    assert was_set
    assert thread is not threading.main_thread()


@pytest.mark.skipif(sys.platform != "linux", reason="a thread gives way on Linux only")
async def test_it_gives_way_to_all_others() -> None:
    """The thread is nicer than the process, which stays as it was."""
    before = os.getpriority(os.PRIO_PROCESS, 0)

    assert await aside(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())) >= max(before, 10)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_a_process_that_is_very_nice_already_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not let a thread have another priority, it works with the one it has."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "setpriority", refuse)
    async with asyncio.timeout(2):
        assert await aside(divmod, 17, 5) == (3, 2)


async def test_whoever_is_cancelled_does_not_wait_for_it() -> None:
    """The work goes on to its end by itself, and its result is nobody's."""
    may_end, has_ended = threading.Event(), threading.Event()

    def work() -> None:
        may_end.wait(10)
        has_ended.set()

    waiting = asyncio.create_task(aside(work))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not has_ended.is_set()
    may_end.set()

    assert await asyncio.to_thread(has_ended.wait, 10)


def test_it_does_not_keep_the_process_from_ending() -> None:
    """A process ends at once although work of a minute goes on, and says nothing."""
    code = """
import asyncio, time
from bot.threads import aside

async def begin():
    work = asyncio.create_task(aside(time.sleep, 60))
    await asyncio.sleep(0.05)

asyncio.run(begin())
"""
    began = time.monotonic()
    path = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=path, capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 20
