"""The verb that measures how good the answers are."""

import asyncio
import dataclasses
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bot.app import open_app
from bot.cli._arguments import AsJson, path_of, ready
from bot.services.evaluation.datasets import Pairs, Retrieval, datasets_in
from bot.services.evaluation.evaluation import Evaluation, some_of
from bot.services.evaluation.metrics import Figure
from bot.settings import Settings
from bot.terminal import Terminal


def evaluate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", parser=path_of, help="Folders with docs, queries, qrels, pairs.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Measure the search on questions whose answers are known; what is stored is not touched."""
    settings, terminal = ready()
    for dataset in datasets_in(paths):
        figures = asyncio.run(_evaluate(settings, terminal, dataset))
        if as_json:
            for figure in figures:
                terminal.json(dataclasses.asdict(figure))
        else:
            terminal.figures(figures)


async def _evaluate(settings: Settings, terminal: Terminal, dataset: Retrieval | Pairs) -> list[Figure]:
    if isinstance(dataset, Pairs):
        dataset = some_of(dataset)
        texts = [pair.other for pair in dataset.pairs]
    else:
        texts = list(dataset.texts.values())
    with tempfile.TemporaryDirectory() as folder:
        async with open_app(settings.model_copy(update={"data_dir": Path(folder)}), "eval") as app:
            evaluation = Evaluation(app.ingest, app.indexer, app.search)
            await terminal.draining(evaluation.store(texts), len(texts))
            with terminal.asking() as on_step:
                if isinstance(dataset, Pairs):
                    return await evaluation.pairs(dataset, on_step)
                return await evaluation.ranking(dataset, on_step)
