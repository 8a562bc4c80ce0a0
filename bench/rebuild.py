"""What making an index anew costs those who ask meanwhile: their answers, and the event loop."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.contenders import OURS, contender
from bench.corpus import Corpus, made
from bench.database import GUILD_ID
from bench.engines import KEPT, source_of
from bench.exports import ROOT
from bench.figures import Figure
from bench.ours import Ours
from bench.truth import K
from bot.threads import aside

_N_QUIET = 200
_BEAT_S = 0.005


def rebuild_figures(options: argparse.Namespace) -> list[Figure]:
    """Over the database of a corpus, as `--only engines` has it; asked one question after the other."""
    corpus = made(source_of(options), KEPT)
    subprocess.run([sys.executable, "-m", "bench.database", str(corpus.folder)], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        ours = contender(OURS)(corpus, Path(folder))
        assert isinstance(ours, Ours)
        try:
            ours.open()
            return ours.run(_measured(ours, corpus))
        finally:
            ours.close()


async def _measured(ours: Ours, corpus: Corpus) -> list[Figure]:
    await aside(ours.mirror.settle, GUILD_ID)
    quiet = [await _ask(ours, corpus, n) for n in range(_N_QUIET)]
    making = asyncio.create_task(_made_anew(ours))
    beating = asyncio.create_task(longest_hold_up(making))
    during = []
    while not making.done():
        during.append(await _ask(ours, corpus, len(during)))
    before, meanwhile = float(np.median(quiet)), float(np.median(during))
    return [
        Figure("messages", len(corpus), ""),
        Figure("an index made anew, while it is asked all the time", await making, "s"),
        Figure("answers before, median", before, "ms"),
        Figure("answers meanwhile, median", meanwhile, "ms"),
        Figure("answers meanwhile, slower by", 100 * (meanwhile / before - 1), "%", "less than 50"),
        Figure("answers meanwhile, p95", float(np.quantile(during, 0.95)), "ms"),
        Figure("the event loop was held up for at most", 1000 * await beating, "ms", "less than 50"),
    ]


async def _ask(ours: Ours, corpus: Corpus, number: int) -> float:
    """How many milliseconds an answer took."""
    started = time.perf_counter()
    await ours.answer(corpus.queries[number % len(corpus.queries)], K)
    return 1000 * (time.perf_counter() - started)


async def _made_anew(ours: Ours) -> float:
    """How many seconds it took to make another index and have it answer."""
    started = time.perf_counter()
    ours.mirror.workshop.outgrown = lambda _: True  # type: ignore[method-assign]  # whatever its size
    await aside(ours.mirror.settle, GUILD_ID)
    return time.perf_counter() - started


async def longest_hold_up(work: "asyncio.Task[Any]") -> float:
    """How many seconds at most the loop was late while some work went on."""
    longest = 0.0
    while not work.done():
        began = time.perf_counter()
        await asyncio.sleep(_BEAT_S)
        longest = max(longest, time.perf_counter() - began - _BEAT_S)
    return longest
