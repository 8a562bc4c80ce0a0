"""Ten minutes of real messages, kills and faults, then two hundred kills of a process that only stores.

From the root of the checkout: `python -m tests.soak`, or `make soak ARGS="--minutes 2 --seed 7"`.
"""

import argparse
import asyncio
import dataclasses
import json
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own rooms, which are no package

from soak.run import Plan, Report, Soak
from soak.spoken import texts_of

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample"
SHARED = ROOT.parent / "shared" / "data"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long messages come (10)")
    parser.add_argument("--rate", type=float, default=200, help="how many a second (200)")
    parser.add_argument("--kills", type=int, default=20, help="how often the bot is killed meanwhile (20)")
    parser.add_argument("--rounds", type=int, default=200, help="kills of a process that only stores (200)")
    parser.add_argument("--history", type=int, default=2_000, help="messages that are there before (2,000)")
    parser.add_argument("--seed", type=int, help="where chance begins; another one each time unless given")
    parser.add_argument("--texts", type=Path, help="exports to take the texts from")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--keep", type=Path, help="an empty folder for database and log, which is kept")
    return parser.parse_args()


async def soak(plan: Plan, texts: list[str], folder: Path, console: Console) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=plan.seconds)
        test = Soak(plan, texts, folder)
        running = asyncio.create_task(test.run())
        while not running.done():
            progress.update(task, completed=test.seconds, description=test.told())
            await asyncio.wait([running], timeout=0.5)
        return await running


def shown(report: Report, console: Console) -> None:
    table = Table(title=f"soak, seed {report.seed}", show_header=False)
    for name, value in report.figures().items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else f"{value:,.1f}")
    console.print(table)
    memory = Table("process", "lived, s", "MiB first quarter", "MiB last quarter", "descriptors first", "last")
    for number, life in enumerate(report.lives, start=1):
        cells = (life.seconds, life.mib_first, life.mib_last, life.fds_first, life.fds_last)
        memory.add_row(str(number), *(f"{cell:,.0f}" for cell in cells))
    console.print(memory)
    for breach in report.breaches:
        console.print(f"[red]{breach}[/]", soft_wrap=True)


def main() -> int:
    given, console = options(), Console()
    seed = random.randrange(2**32) if given.seed is None else given.seed
    plan = Plan(
        seconds=60 * given.minutes,
        rate=given.rate,
        kills=given.kills,
        rounds=given.rounds,
        n_history=given.history,
        seed=seed,
    )
    exports = given.texts or (SHARED if SHARED.is_dir() else SAMPLE)
    texts = texts_of(exports)
    console.print(f"seed {seed}; {len(texts):,} texts of {exports.name}; {plan.seconds:.0f} s at {plan.rate:,.0f}/s")
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        report = asyncio.run(soak(plan, texts, given.keep or Path(temporary), console))
    shown(report, console)
    if given.json is not None:
        given.json.write_text(json.dumps(dataclasses.asdict(report), indent=2), "utf-8")
    return 0 if report.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
