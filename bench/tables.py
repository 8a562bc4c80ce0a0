"""Runs as tables: what was measured, the same against ours, and how a query's cost grows."""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from bench.allowed import CHANNEL, LEVELS
from bench.contenders import OURS
from bench.corpus import N_CHANNELS
from bench.results import EVERYTHING, Growth, Latency, Measured, Run, growths
from bench.truth import K

_WIDTH = 160  # where it goes into a file
_NOTHING = "-"
_READING = (
    f"A query's cell: p50, p95 and, over all rows, p99 in ms; below recall@{K}. Queries come one at a time, as many as "
    "the time for it lets. Memory is what the process has grown by when it has answered, without what it maps of files "
    "and what the system keeps of them. 1, 10 and 50 % allowed: random rows, as the messages of some authors. Cold "
    "start: from disk, which the system may have in its cache, to the first answer."
)
_NAMES_OF_LEVELS = {EVERYTHING: "all rows", CHANNEL: f"a channel\nof {N_CHANNELS}"}
_COLUMNS: dict[str, Callable[[Measured], float | None]] = {
    "build\ns": lambda measured: measured.build_s,
    "memory\nB/vector": lambda measured: measured.memory,
    "at peak\nB/vector": lambda measured: measured.peak_memory,
    "disk\nB/vector": lambda measured: measured.disk,
}
_LAST_COLUMNS: dict[str, Callable[[Measured], float | None]] = {
    "deleted\n1/s": lambda measured: measured.deletions_per_s,
    "cold\nstart s": lambda measured: measured.cold_start_s,
}


def show_run(runs: list[Run]) -> None:
    """The last of the runs, with what the ones before it tell of its growth."""
    run = runs[-1]
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    console.print(_figures(run))
    for name, measured in run.contenders.items():
        console.print(f"{name}: {'; '.join(filter(None, [measured.about, *measured.lacks]))}")
    console.print(_READING)
    if OURS in run.contenders:
        console.print(_against_ours(run))
    if found := list(growths(runs)):
        console.print(_growths(found))


def _figures(run: Run) -> Table:
    headings = ["contender", *_COLUMNS, *map(_heading, LEVELS), *_LAST_COLUMNS]
    table = _table(f"{run.n:,} x {run.dim:,}, {run.kind}; {run.machine}, load {run.load:.1f} before", headings)
    for name, measured in run.contenders.items():
        table.add_row(
            name,
            *(_number(figure(measured)) for figure in _COLUMNS.values()),
            *(_latency(measured.latency.get(level), is_narrowed=level != EVERYTHING) for level in LEVELS),
            *(_number(figure(measured)) for figure in _LAST_COLUMNS.values()),
        )
    return table


def _against_ours(run: Run) -> Table:
    """Each figure divided by ours; of queries the median."""
    headings = ["contender", *_COLUMNS, *map(_heading, LEVELS), *_LAST_COLUMNS]
    table = _table("divided by ours", [heading.split("\n", 1)[0] for heading in headings])
    ours = _all_figures(run.contenders[OURS])
    for name, measured in run.contenders.items():
        ratios = zip(_all_figures(measured), ours, strict=True)
        table.add_row(name, *(_number(theirs / own if theirs and own else None) for theirs, own in ratios))
    return table


def _growths(found: list[Growth]) -> Table:
    table = _table("median of a query over all rows ~ n^x", ("contender", "from", "to", "x"))
    for growth in found:
        table.add_row(growth.name, f"{growth.n_from:,}", f"{growth.n_to:,}", f"{growth.exponent:.2f}")
    return table


def _all_figures(measured: Measured) -> list[float | None]:
    return [
        *(figure(measured) for figure in _COLUMNS.values()),
        *(measured.p50_ms(level) for level in LEVELS),
        *(figure(measured) for figure in _LAST_COLUMNS.values()),
    ]


def _table(title: str, headings: "list[str] | tuple[str, ...]") -> Table:
    table = Table(title=title, show_lines=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return table


def _heading(level: str) -> str:
    return _NAMES_OF_LEVELS.get(level, f"{level}\nallowed")


def _latency(latency: Latency | None, *, is_narrowed: bool) -> str:
    if latency is None:
        return _NOTHING
    times = [latency.p50_ms, latency.p95_ms] if is_narrowed else [latency.p50_ms, latency.p95_ms, latency.p99_ms]
    return f"{' '.join(map(_number, times))}\n{latency.recall:.3f}"


def _number(value: float | None) -> str:
    if value is None:
        return _NOTHING
    return f"{value:{',.0f' if abs(value) >= 100 else '.1f' if abs(value) >= 10 else '.2f'}}"
