"""Processes that take events into the inbox, as from Discord, while their disk does what it likes."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from fakes import KnownSurroundings
from faults.disks import ROOMS, FailingDisk
from faults.storing import Operation, explained, look_at, opened, operations
from make import GUILD, beside, location, server

import bot.services.inbox
from bot.app import App
from bot.askers import Operator
from bot.messages import Query
from bot.services.events import Event, MessageSaved, MessagesDeleted

WAITED = "events wait"


class Waiting(logging.Handler):
    """Knows when the inbox has said that events wait."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if WAITED in record.getMessage():
            self.began.set()


def events_of(operation: Operation) -> Iterator[Event]:
    yield from (MessageSaved(message, location()) for message in operation.messages)
    if operation.deleted:
        yield MessagesDeleted(GUILD, operation.deleted)


async def _feed(app: App, doing: Iterator[Operation], *, first: int = 1) -> None:
    """Put operations one by one, and print the number of each that was dealt with."""
    for n, operation in enumerate(doing, start=first):
        for event in events_of(operation):
            await app.inbox.put(event)
        await app.inbox.emptied()
        print(n, flush=True)


def _begin() -> None:
    logging.basicConfig(level=logging.WARNING)
    bot.services.inbox._RETRY_S = 0.01


def suffer(folder: str, seed: str, one_in: str, n: str) -> None:
    """Deal with so many operations while one write or sync in so many fails; print how many of them did."""

    async def suffering() -> None:
        disk = FailingDisk()
        async with opened(Path(folder)) as app:
            await app.coverage.start(server())
            async with beside(app.inbox.run(KnownSurroundings())):
                disk.fail_one_in(int(one_in), int(seed))
                await _feed(app, islice(operations(int(seed), {}), int(n)))
                disk.fail_one_in(0, 1)
        print(f"{disk.n_failures} failed", file=sys.stderr)

    _begin()
    asyncio.run(suffering())


def run_full(folder: str, seed: str, kind: str) -> None:
    """Deal with 20 operations, then with 40 more while there is no room, until there is room again."""
    spare = int(seed) % 200_000
    room = ROOMS[kind](Path(folder), spare)

    async def running_full() -> None:
        waiting = Waiting()
        logging.getLogger().addHandler(waiting)
        doing = operations(int(seed), {})
        async with opened(Path(folder)) as app:
            await app.coverage.start(server())
            async with beside(app.inbox.run(KnownSurroundings())):
                await _feed(app, islice(doing, 20))
                await app.indexer.reconcile()
                async for _ in app.indexer.drain():
                    pass
                room.fill()
                feeding = asyncio.create_task(_feed(app, islice(doing, 200), first=21))
                await waiting.began.wait()
                print("full", file=sys.stderr)
                assert await app.search.similar(Operator(), Query(text="version word")), "nothing is found"
                assert not feeding.done()
                room.free()
                await feeding

    _begin()
    asyncio.run(running_full())
    assert explained(look_at(Path(folder)), {}, operations(int(seed), {}), 220) is not None


def count_syncs(folder: str, seed: str) -> None:
    """Do ten operations, and print how many bytes each added to the log, and by how many syncs it was made to last."""

    async def counting() -> None:
        disk, log = FailingDisk(), Path(folder) / "bot.db-wal"
        async with opened(Path(folder)) as app:
            for operation in islice(operations(int(seed), {}), 10):
                size, n_syncs = log.stat().st_size, disk.n_syncs
                await operation.done_by(app.ingest)
                print(log.stat().st_size - size, disk.n_syncs - n_syncs, flush=True)

    asyncio.run(counting())
