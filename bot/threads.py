"""Work that nobody may have to wait for: in threads of its own, which end with the process."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
_LEAST_NICE = 10


async def aside(work: Callable[..., T], *arguments: object) -> T:
    """Do work of minutes in a thread that gives way to all others, where the system can be told so.

    It goes on when nobody waits for it any more, but does not keep the process from ending.
    """
    done: Future[T] = Future()
    threading.Thread(target=_run, args=(done, work, arguments), daemon=True).start()
    return await asyncio.wrap_future(done)


def _run(done: "Future[T]", work: Callable[..., T], arguments: tuple[object, ...]) -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            thread_id = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread_id, max(os.getpriority(os.PRIO_PROCESS, thread_id), _LEAST_NICE))
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work(*arguments))
    except BaseException as error:  # noqa: BLE001  # raised again where it is awaited
        done.set_exception(error)
