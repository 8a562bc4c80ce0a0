"""How long it takes to find the groups of alike messages, how many of planted ones come out, and what it holds up."""

import argparse
import asyncio
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.corpus import Halves, Source, made
from bench.database import FOLDER, GUILD_ID, MODEL_KEY
from bench.engines import KEPT, source_of
from bench.exports import ROOT
from bench.figures import Figure
from bench.ours import Given
from bench.rebuild import longest_hold_up
from bot.askers import Operator
from bot.index.mirror import Mirror
from bot.index.workshop import Workshop
from bot.messages import Generation
from bot.services.backgrounds import Backgrounds
from bot.services.gathering import Gathering, Wanted
from bot.services.spaces import Spaces
from bot.storage.database import open_to_read
from bot.storage.embeddings import EmbeddingStore
from bot.storage.groups import GroupStore
from bot.storage.lexicon import Lexicon
from bot.storage.vectors import VectorReader
from bot.texts import TEXT_VERSION
from bot.vectors import Ids, Vectors, unit

_N_PLANTED, _SIZES = 200, (3, 12)
_COSINE = 0.985  # of a rewording to the first: it has no words in common with it, nor any
_SEED = 11


class Planted:
    """Another source with groups of near rows at places by chance; `groups` are their rows, once it is made."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.n, self.dim = source.n, source.dim
        self.kind, self.key = f"planted {source.kind}", f"planted-{_COSINE}-{source.key}"
        rng = np.random.default_rng(_SEED)
        sizes = rng.integers(_SIZES[0], _SIZES[1] + 1, _N_PLANTED)
        rows = rng.choice(self.n, sizes.sum(), replace=False)
        self.groups = np.split(rows, np.cumsum(sizes)[:-1])

    @property
    def about(self) -> str:
        return f"{_N_PLANTED} groups of {_SIZES[0]} to {_SIZES[1]} with a cosine of {_COSINE}, in: {self._source.about}"

    def fill(self, vectors: Halves) -> Ids:
        topics = self._source.fill(vectors)
        rng = np.random.default_rng(_SEED)
        for first, *others in self.groups:
            centre = vectors[first].astype(np.float32)
            noise = rng.standard_normal((len(others), self.dim), np.float32)
            noise = unit(noise - np.outer(noise @ centre, centre))
            vectors[others] = _COSINE * centre + np.sqrt(1 - _COSINE**2) * noise
        return topics

    def queries(self) -> Vectors:
        return self._source.queries()


def group_figures(options: argparse.Namespace) -> list[Figure]:
    """Over a database that is made of generated vectors, as `--only engines` has it."""
    planted = Planted(source_of(options))
    corpus = made(planted, KEPT)
    subprocess.run([sys.executable, "-m", "bench.database", str(corpus.folder)], cwd=ROOT, check=True)
    return asyncio.run(_measured(planted, corpus.ids, corpus.folder / FOLDER))


async def _measured(planted: Planted, ids: Ids, folder: Path) -> list[Figure]:
    generation = Generation(MODEL_KEY, planted.dim, TEXT_VERSION)
    async with open_to_read(folder) as database:
        reader, pool = VectorReader(database.path, generation, batch_bytes=8 * 2**20), ThreadPoolExecutor(2)
        mirror = Mirror(Workshop(planted.dim, reader.of, pool=pool))
        spaces = Spaces(EmbeddingStore(database, generation), Given(planted.dim), mirror)
        lexicon = Lexicon(database)
        gathering = Gathering(spaces, Backgrounds(lexicon), lexicon, GroupStore(database))
        started = time.perf_counter()
        finding = asyncio.create_task(gathering.find(Operator(), GUILD_ID, Wanted()))
        held_up = await longest_hold_up(finding)
        took = time.perf_counter() - started
        found = [set(group) for group in finding.result()]
    wanted = "10 or less" if planted.n <= 100_000 else "120 or less" if planted.n <= 1_000_000 else ""
    return [
        Figure("messages", planted.n, ""),
        Figure("groups of alike messages found", took, "s", wanted),
        Figure("planted groups that came out whole", 100 * _share_found(planted, ids, found), "%", "90 or more"),
        Figure("the event loop was held up for at most", 1000 * held_up, "ms", "less than 50"),
    ]


def _share_found(planted: Planted, ids: Ids, found: list[set[int]]) -> float:
    whole = [set(ids[rows].tolist()) for rows in planted.groups]
    return sum(any(group <= other for other in found) for group in whole) / len(whole)
