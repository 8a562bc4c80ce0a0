"""F10: two search and one changes, and every answer is a true one."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conftest import rooms_over
from faults.scattering import ScatteringEmbedder
from make import GUILD, embedded, message, random_vectors

from bot.askers import Operator, Scope
from bot.index.faiss import EXACT, MAX_ROWS_ONE_BY_ONE, FaissIndex
from bot.messages import Query
from bot.storage.database import Database

TESTS = Path(__file__).parents[1]
DIM = 64
SECONDS = float(os.environ.get("SOAK_SECONDS", "1.5"))
N_PASSING = 1_500  # come and go, and stand before the others, so that each removal moves those
N_LASTING = 3_000
LASTING = range(N_PASSING + 1, N_PASSING + N_LASTING + 1)
assert len(LASTING) > MAX_ROWS_ONE_BY_ONE  # or Faiss itself would never search
CHANNELS = np.arange(1, N_PASSING + N_LASTING + 1) % 3 + 1


@dataclass
class Hunt:
    """How many searches there were, how many found another message than the one asked about, and what was raised."""

    n_searches: int = 0
    n_wrong: int = 0
    n_errors: int = 0


def filled() -> tuple[FaissIndex, np.ndarray]:
    """An index with a vector for each id from 1, and the vectors."""
    vectors = random_vectors(N_PASSING + N_LASTING, DIM)
    index = FaissIndex(DIM, EXACT)
    index.upsert(embedded(vectors, channel_ids=CHANNELS))
    return index, vectors


def hunt(index: FaissIndex, vectors: np.ndarray, *, seconds: float, seed: int) -> Hunt:
    """Search for lasting messages by their own vectors from two threads while a third takes others out and in."""
    found, is_over = Hunt(), threading.Event()

    def search(number: int) -> None:
        dice = random.Random(f"{seed} {number}")
        while not is_over.is_set():
            wanted = dice.choice(LASTING)
            channel_id = int(CHANNELS[wanted - 1])
            scope = dice.choice([Scope(), Scope(channel_ids=frozenset({channel_id}))])
            try:
                [best] = index.search(vectors[wanted - 1], 1, scope)
                found.n_wrong += best.message_id != wanted or best.score < 0.999
            except (ValueError, RuntimeError, IndexError):
                found.n_errors += 1
            found.n_searches += 1

    def change() -> None:
        dice = random.Random(f"{seed} change")
        while not is_over.is_set():
            ids = np.array(dice.sample(range(1, N_PASSING + 1), 200), np.int64)
            index.remove(ids.tolist())
            for some in np.array_split(ids, 4):
                for message_id in some:
                    first = int(message_id)
                    row = vectors[first - 1 : first]
                    index.upsert(embedded(row, first_id=first, channel_ids=CHANNELS[first - 1]))

    threads = [threading.Thread(target=search, args=(n,)) for n in range(2)] + [threading.Thread(target=change)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    is_over.set()
    for thread in threads:
        thread.join()
    return found


def test_f10_no_search_finds_another_message_while_the_index_changes(seed: int) -> None:
    """Each of thousands of searches finds the message whose vector it asks for, whatever is taken out and put in."""
    index, vectors = filled()
    found = hunt(index, vectors, seconds=SECONDS, seed=seed)

    print(found)
    assert found.n_searches > 100
    assert (found.n_wrong, found.n_errors) == (0, 0)
    assert set(LASTING) <= set(index.ids().tolist())


WITHOUT_A_LOCK = """
from contextlib import nullcontext
from faults.test_f10_search_while_changing import filled, hunt

index, vectors = filled()
index._lock = nullcontext()
found = hunt(index, vectors, seconds=10, seed=1)
assert (found.n_wrong, found.n_errors) == (0, 0)
"""


def test_f10_without_the_lock_the_hunt_finds_what_it_is_for() -> None:
    """The same hunt on an index whose lock does nothing ends with wrong answers, or with the end of the process."""
    path = {"PYTHONPATH": os.pathsep.join(map(str, (TESTS.parent, TESTS)))}
    command = [sys.executable, "-c", WITHOUT_A_LOCK]
    done = subprocess.run(command, env=path, capture_output=True, timeout=60, check=False)

    assert done.returncode == -signal.SIGSEGV or b"AssertionError" in done.stderr, done.stderr.decode()


async def test_f10_a_question_is_answered_truly_while_messages_come_and_go(database: Database, seed: int) -> None:
    """Two who ask and one who writes, edits and deletes: whoever asks about a lasting message is shown that message
    with its text first."""
    dice, rooms = random.Random(seed), await rooms_over(database, ScatteringEmbedder(DIM))
    texts = {n: f"lasting {n}" for n in range(1, 2_501)}
    await rooms.ingest.saved(GUILD, [message(n, text) for n, text in texts.items()])
    await rooms.settle()
    until, n_asked = time.monotonic() + SECONDS, 0

    async def ask() -> None:
        nonlocal n_asked
        while time.monotonic() < until:
            wanted = dice.choice(list(texts))
            hits = await rooms.search.similar(Operator(), Query(text=texts[wanted], limit=3))
            assert (hits[0].message.message_id, hits[0].message.content) == (wanted, texts[wanted])
            n_asked += 1

    async def change() -> None:
        first = len(texts) + 1
        while time.monotonic() < until:
            ids = range(first, first + 50)
            await rooms.ingest.saved(GUILD, [message(n, f"passing {n}") for n in ids])
            await rooms.settle()
            await rooms.ingest.saved(GUILD, [message(n, f"passing, edited {n}") for n in ids])
            await rooms.settle()
            await rooms.ingest.deleted(GUILD, ids)
            first += 50

    async with asyncio.TaskGroup() as group:
        for work in (ask(), ask(), change()):
            group.create_task(work)
    print(f"{n_asked} questions")
    assert n_asked > 10
    assert rooms.mirror.ids(GUILD).tolist() == list(texts)
