"""Vector engines side by side: each in a process of its own, over one corpus, against the exact answers."""

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.contender import MEASURE, START
from bench.contenders import OURS
from bench.corpus import Corpus, Source, made
from bench.exports import ROOT
from bench.measure import Effort, seconds_for
from bench.results import Measured, Run, read_runs, write_runs
from bench.tables import show_run
from bench.truth import truth_of

KEPT = ROOT / "build" / "bench"
_EFFORT = Effort(n_queries=200, seconds=20)
_QUICK_SIZE, _QUICK_EFFORT = 20_000, Effort(n_queries=50, seconds=3)


def compare_engines(options: argparse.Namespace) -> None:
    effort = _QUICK_EFFORT if options.quick else _EFFORT
    corpus = made(source_of(options), KEPT)
    print(f"{len(corpus):,} vectors of {corpus.dim:,} numbers in {corpus.folder}\n{corpus.about}")
    print(f"exact answers: {seconds_for(lambda: truth_of(corpus)):.1f} s")
    if OURS in options.contenders:
        build = [sys.executable, "-m", "bench.database", str(corpus.folder)]
        print(f"our database: {seconds_for(lambda: subprocess.run(build, cwd=ROOT, check=True)):.1f} s")
    run = Run(corpus.folder.name, corpus.kind, corpus.dim, len(corpus), corpus.about)
    runs = [*read_runs(options.out), run]
    for name in options.contenders:
        print(f"{name}: ", end="", flush=True)
        print(f"{seconds_for(partial(_take_in, run, name, corpus, effort)):.0f} s")
        write_runs(options.out, runs)  # a run may take hours, and what it has so far is worth keeping
    show_run(runs)


def source_of(options: argparse.Namespace) -> Source:
    # Imported when wanted: one loads a model, and children import this package as well.
    size = min(options.size, _QUICK_SIZE) if options.quick else options.size
    if options.vectors is None:
        from bench.vectors import Generated  # noqa: PLC0415

        return Generated(size, dim=options.dim, seed=options.seed)
    from bench.sources import Embedded, Saved  # noqa: PLC0415

    return Embedded(options.data, size=size) if options.vectors == "local" else Saved(Path(options.vectors), size=size)


def _take_in(run: Run, name: str, corpus: Corpus, effort: Effort) -> None:
    with tempfile.TemporaryDirectory(dir=KEPT, prefix=f"{name}-") as folder:
        run.contenders[name] = _measured(name, corpus, Path(folder), effort)


def _measured(name: str, corpus: Corpus, folder: Path, effort: Effort) -> Measured:
    """What a child process finds, and another one that starts from what the first has saved."""
    own = folder / "own"
    own.mkdir()
    report = folder / "report.json"

    def child(step: str) -> int:
        limits = ["--queries", str(effort.n_queries), "--seconds", str(effort.seconds)]
        command = [sys.executable, "-m", "bench.contender", step, name, str(corpus.folder), str(own), str(report)]
        return subprocess.run([*command, *limits], cwd=ROOT, check=False).returncode

    if status := child(MEASURE):
        return Measured(len(corpus), lacks=[f"its process ended with {status}"])
    measured = Measured.read(json.loads(report.read_text("utf-8")))
    if measured.build_s is not None and child(START) == 0:
        measured.cold_start_s = json.loads(report.read_text("utf-8"))["cold_start_s"]
    return measured
