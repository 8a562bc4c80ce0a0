"""Something done at every turn of a coroutine: each time it begins to wait, and each time it wakes."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any


class Turns:
    """A coroutine to be awaited, with `at` called at each turn, which is told its number.

    The odd turns are those at which it begins to wait, the even ones those at which what it waited for is there.
    Whatever `at` raises at an even turn is raised where the coroutine waited.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], at: Callable[[int], None]) -> None:
        self._work = work
        self._at = at

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        go_on = partial(steps.send, None)
        n = 0
        while True:
            try:
                waited_for = go_on()
            except StopIteration as end:
                return end.value
            self._at(n := n + 1)
            try:
                yield waited_for
                self._at(n := n + 1)
            except BaseException as error:  # noqa: BLE001  # all of it is the coroutine's
                go_on = partial(steps.throw, error)
            else:
                go_on = partial(steps.send, None)


class Dawdling:
    """A coroutine to be awaited that, whenever it wakes, lets the others go first as often as the dice say."""

    def __init__(self, work: Coroutine[Any, Any, Any], dice: random.Random) -> None:
        self._work = work
        self._dice = dice

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        go_on = partial(steps.send, None)
        while True:
            try:
                waited_for = go_on()
            except StopIteration as end:
                return end.value
            try:
                yield waited_for
                for _ in range(self._dice.randrange(4)):
                    yield
            except BaseException as error:  # noqa: BLE001  # all of it is the coroutine's
                go_on = partial(steps.throw, error)
            else:
                go_on = partial(steps.send, None)


async def cancelled_at(turn: int, work: Coroutine[Any, Any, Any]) -> bool:
    """Run a coroutine in a task that is cancelled at a turn; whether it came so far."""
    reached = False

    def at(n: int) -> None:
        nonlocal reached
        if n != turn:
            return
        reached = True
        if n % 2 == 0:
            raise asyncio.CancelledError
        task.cancel()

    async def counted() -> None:
        await Turns(work, at)

    task = asyncio.create_task(counted())
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
    return reached
