"""`make bench`: store, embed, mirror and search chat, then serve it on a local Discord; a table, and build/bench.json.

`make bench ARGS="--size 20000"` for less; `--data PATH...` names exports to use instead of the sample.
`make bench ARGS="--only engines"` compares vector engines instead, with build/bench-engines.json; with
`rebuild` it tells how much making such an index slows the answers, with build/bench-rebuild.json; with `groups`
how long finding groups of alike messages takes, with build/bench-groups.json; with `waves` how soon a wave is told and
how often one that is none, with build/bench-waves.json.
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.contenders import NAMES
from bench.engines import compare_engines
from bench.exports import ROOT, default_data, written
from bench.figures import Figure, show
from bench.groups import group_figures
from bench.live import discord_figures
from bench.rebuild import rebuild_figures
from bench.storage import storage_figures
from bench.waves import wave_figures

_APART = {"rebuild": rebuild_figures, "groups": group_figures, "waves": wave_figures}


def main() -> None:
    options = _options()
    if options.only == "engines":
        compare_engines(options)
        return
    figures = _APART.get(options.only, _of_the_bot)(options)
    show(figures)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")


def _of_the_bot(options: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        print(f"messages from {', '.join(map(str, options.data))}")
        exports = list(written(Path(folder) / "exports", options.size, options.data))
        if options.only != "discord":
            figures += asyncio.run(storage_figures(Path(folder), exports))
        if options.only != "storage":
            figures += asyncio.run(discord_figures(Path(folder) / "live", exports, seconds=options.seconds))
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=100_000, help="how many messages (default 100,000)")
    parser.add_argument("--data", type=Path, nargs="*", help="exports or folders of exports")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    parser.add_argument(
        "--only",
        choices=("storage", "discord", "engines", "rebuild", "groups", "waves"),
        help="one part of it; the last four only when asked for",
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long messages pour in (default 60)")
    engines = parser.add_argument_group("engines")
    engines.add_argument("--dim", type=int, default=3_072, help="numbers a generated vector (default 3,072)")
    engines.add_argument("--seed", type=int, default=7, help="of the generated vectors (default 7)")
    engines.add_argument("--quick", action="store_true", help="20,000 vectors and fewer queries")
    engines.add_argument(
        "--vectors", help="an .npy file of vectors [n, dim], or `local` for the local model's of the exports"
    )
    engines.add_argument("--contenders", type=_names, default=NAMES, help=f"of {','.join(NAMES)}")
    options = parser.parse_args()
    options.data = options.data or default_data()
    name = f"bench-{options.only}.json" if options.only in ("engines", *_APART) else "bench.json"
    options.out = options.out or ROOT / "build" / name
    return options


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main()
