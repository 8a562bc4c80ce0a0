"""F1: the process is killed at any moment."""

import shutil
from pathlib import Path
from typing import Any

from faults.dying import die_everywhere, life, n_done, truth
from faults.storing import kill_rounds, opened
from make import GUILD

from bot.app import App
from bot.storage.database import Database, open_to_read


async def test_f1_a_kill_at_a_random_moment_loses_nothing(quick_folder: Path, seed: int) -> None:
    """After each of 20 kills what was acknowledged is there once and newest, and at most one operation beyond."""
    survival = await kill_rounds(quick_folder / "data", rounds=20, seed=seed)

    assert (survival.rounds, survival.lost, survival.doubled) == (20, 0, 0)
    assert survival.acknowledged > 100


async def lived(app: App, database: Database) -> list[Any]:
    """What is held after each step of an undisturbed life."""
    steps = []

    async def has_done() -> None:
        steps.append(await truth(database))

    await life(app, has_done)
    return steps


async def mirrors_what_is_held(app: App, database: Database) -> bool:
    """Whether, once all is embedded, the mirror holds the messages that are stored and no others."""
    await app.indexer.reconcile()
    async for _ in app.indexer.drain():
        pass
    held = [row[0] for row in await database.fetch("SELECT message_id FROM messages ORDER BY message_id")]
    return app.indexer._mirror.ids(GUILD).tolist() == held


async def test_f1_an_exit_at_any_await_leaves_a_step_done_or_not_done(quick_folder: Path) -> None:
    """Ended at its first, second, third ... await, the folder holds a step or the next, and the mirror follows it."""
    new, whole, dead = (quick_folder / name for name in ("new", "whole", "dead"))
    async with opened(new):
        pass
    shutil.copytree(new, whole)
    async with opened(whole) as app, open_to_read(whole) as database:
        steps = [await truth(database), *await lived(app, database)]

    *folders, survivor = die_everywhere("live", new, dead)
    assert n_done(survivor) == len(steps) - 1
    assert len(folders) > 100
    for folder in folders:
        async with opened(folder) as app, open_to_read(folder) as database:
            assert await truth(database) in steps[n_done(folder) : n_done(folder) + 2], folder.name
            assert await database.problems() == []
            assert await mirrors_what_is_held(app, database), folder.name
