"""What the engines are compared on: vectors in a file, with their ids, channels and authors, and questions held out.

Made once and kept under build/bench/ for later runs.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bot.times import snowflake_at
from bot.vectors import Ids, Vectors

N_QUERIES = 200
N_CHANNELS = 500
N_AUTHORS = 1_000
CHANNEL_EXPONENT = 0.6  # of the sizes of channels by rank
BATCH = 4_096
_AT_HOME = 0.5  # the share of a topic's messages that stand in the channel that is its own
_BEGAN_AT = datetime(2019, 1, 1, tzinfo=UTC)
_MEAN_GAP_MS = 60_000

Halves = npt.NDArray[np.float16]


class Source(Protocol):
    """Where vectors come from: n of dim numbers. `key` tells them from all others, `kind` from another distribution."""

    kind: str
    key: str
    n: int
    dim: int

    @property
    def about(self) -> str: ...

    def fill(self, vectors: Halves) -> Ids:
        """Write the vectors, each of unit length, into float16 [n, dim]; the topic of each."""
        ...

    def queries(self) -> Vectors:
        """Unit float32 [N_QUERIES, dim] of the same distribution that are not among the vectors."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """An opened corpus; row i is a message with ids[i], which ascend, in channels[i] by authors[i]."""

    folder: Path
    kind: str
    about: str
    dim: int
    ids: Ids
    channels: Ids
    authors: Ids
    queries: Vectors

    def __len__(self) -> int:
        return len(self.ids)

    def mapped(self) -> Halves:
        """The vectors as they lie in the file, float16 [n, dim]."""
        halves: Halves = np.load(self.folder / "vectors.npy", mmap_mode="r")
        return halves

    def batches(self) -> Iterator[tuple[slice, Vectors]]:
        """The vectors as unit float32, some at a time, with the rows they are.

        Read and not mapped, so that no page of the file is counted to whoever takes them.
        """
        offset = np.load(self.folder / "vectors.npy", mmap_mode="r").offset
        with (self.folder / "vectors.npy").open("rb") as file:
            file.seek(offset)
            for start in range(0, len(self), BATCH):
                rows = slice(start, min(start + BATCH, len(self)))
                halves = np.fromfile(file, np.float16, (rows.stop - start) * self.dim)
                yield rows, _unit(halves.reshape(-1, self.dim))


def made(source: Source, under: Path) -> Corpus:
    """The corpus of a source, made unless it is there."""
    folder = under / source.key
    if not folder.exists():
        unfinished = under / f"{source.key}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _write(source, unfinished)
        unfinished.rename(folder)
    return opened(folder)


def opened(folder: Path) -> Corpus:
    told = json.loads((folder / "about.json").read_text("utf-8"))
    with np.load(folder / "rows.npz") as rows:
        return Corpus(
            folder=folder,
            kind=told["kind"],
            about=told["about"],
            dim=told["dim"],
            ids=rows["ids"],
            channels=rows["channels"],
            authors=rows["authors"],
            queries=np.load(folder / "queries.npy"),
        )


def zipf_shares(n: int, exponent: float) -> npt.NDArray[np.float64]:
    """Shares of n ranks that fall with the rank and make 1 together."""
    shares = np.arange(1, n + 1, dtype=np.float64) ** -exponent
    return shares / shares.sum()


def _write(source: Source, folder: Path) -> None:
    shape = (source.n, source.dim)
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float16, shape)
    topics = source.fill(vectors)
    vectors.flush()
    np.save(folder / "queries.npy", source.queries().astype(np.float32))
    rng = np.random.default_rng(source.n)
    np.savez(folder / "rows.npz", **_rows(topics, rng))
    told = {"kind": source.kind, "about": source.about, "dim": source.dim}
    (folder / "about.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def _rows(topics: Ids, rng: np.random.Generator) -> dict[str, Ids]:
    """Authors are drawn evenly and whatever the topic, so that the messages of some of them are random rows."""
    n = len(topics)
    shares = zipf_shares(N_CHANNELS, CHANNEL_EXPONENT)
    homes = rng.choice(N_CHANNELS, topics.max() + 1, p=shares)
    is_at_home = rng.random(n) < _AT_HOME
    moments = snowflake_at(_BEGAN_AT) + (np.cumsum(1 + rng.exponential(_MEAN_GAP_MS, n).astype(np.int64)) << 22)
    return {
        "ids": moments + rng.integers(1 << 22, size=n),
        "channels": 1 + np.where(is_at_home, homes[topics], rng.choice(N_CHANNELS, n, p=shares)),
        "authors": 1 + rng.integers(N_AUTHORS, size=n),
    }


def _unit(halves: Halves) -> Vectors:
    """Widened to float32 and brought to unit length again, which half precision has left a little off."""
    rows = halves.astype(np.float32)
    rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return rows
