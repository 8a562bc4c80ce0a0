"""F29: whatever is large is done beside the event loop, which answers heartbeats and people meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from conftest import Rooms, rooms_over
from faults.scattering import ScatteringEmbedder
from make import CHANNEL, GUILD, OTHER_CHANNEL, channel, exported_message, message, server, write_export

from bot.askers import Operator
from bot.messages import Query
from bot.storage.database import Database

N = 20_000
# 100 ms is what is wanted, on a machine with nothing else to do; a call that really blocks takes seconds.
TOO_LONG_S = 0.5


@dataclass
class Lag:
    """The longest time that the loop was held up."""

    longest_s: float = 0.0


@asynccontextmanager
async def felt(what: str) -> AsyncIterator[Lag]:
    """Feel how long the loop is held up, at every turn of it; printed at the end."""
    lag, beat = Lag(), 0.005

    async def feel() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(beat)
            lag.longest_s = max(lag.longest_s, time.perf_counter() - began - beat)

    feeling, began = asyncio.create_task(feel()), time.perf_counter()
    await asyncio.sleep(0)
    try:
        yield lag
        await asyncio.sleep(2 * beat)
    finally:
        feeling.cancel()
        print(f"{what}: {time.perf_counter() - began:.2f} s, held up for {1000 * lag.longest_s:.0f} ms at most")


async def test_f29_the_spy_feels_what_blocks() -> None:
    """A call that blocks for longer than is allowed is noticed."""
    async with felt("blocking") as lag:
        time.sleep(1.2 * TOO_LONG_S)  # noqa: ASYNC251  # the very thing that nobody else may do

    assert lag.longest_s > TOO_LONG_S


async def test_f29_nothing_large_holds_up_the_loop(database: Database, tmp_path) -> None:
    """Import, embedding, rebuilding the mirror, search beside all of it, deletion of a channel and of the server: with
    20,000 messages none of them keeps the loop from its other work."""
    texts = [f"message {n} of a long history" for n in range(1, N + 1)]
    path = write_export(tmp_path / "export.json", [exported_message(n, text) for n, text in enumerate(texts, 1)])
    rooms = await rooms_over(database, ScatteringEmbedder())
    lags: dict[str, Lag] = {}

    async with felt("import") as lags["import"]:
        report = await rooms.importer.run([path])
    assert report.tally.new == N
    async with felt("embedding") as lags["embedding"]:
        await rooms.settle()
    restarted = await rooms_over(database, ScatteringEmbedder())
    async with felt("rebuilding the mirror") as lags["rebuilding"]:
        await restarted.indexer.reconcile()
    assert len(restarted.mirror) == N
    async with felt("40 searches") as lags["search"], asyncio.TaskGroup() as group:
        for n in range(4):
            group.create_task(ask(restarted, texts[n::500]))
    await restarted.ingest.met(server(), channel(OTHER_CHANNEL))
    elsewhere = [message(N + n, texts[-n], channel_id=OTHER_CHANNEL) for n in range(1, 2_001)]
    async with felt("a page of 2,000") as lags["saving"]:
        await restarted.ingest.saved(GUILD, elsewhere)
        await restarted.settle()
    async with felt("deleting a channel") as lags["deleting"]:
        assert await restarted.ingest.channels_deleted(GUILD, [CHANNEL]) == N
    async with felt("forgetting the server") as lags["forgetting"]:
        await restarted.ingest.server_gone(GUILD)

    assert len(restarted.mirror) == 0
    assert {what: lag.longest_s for what, lag in lags.items() if lag.longest_s > TOO_LONG_S} == {}


async def ask(rooms: Rooms, texts: Sequence[str]) -> None:
    for text in texts:
        [hit] = await rooms.search.similar(Operator(), Query(text=text, limit=1))
        assert hit.message.content == text
