"""The verbs that copy the database, and put a copy in its place."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli._arguments import path_of, ready
from bot.copying import make_backup, restore_backup


def backup(
    path: Annotated[Path, typer.Argument(metavar="PATH", parser=path_of, help="A new file, or a folder for one.")],
) -> None:
    """Copy the database, also while the bot is running; nothing is overwritten."""
    settings, terminal = ready()
    with terminal.steps("backup.copying") as on_progress:
        made = make_backup(settings, path, on_progress)
    terminal.say("backup.made", path=made.path, n=made.n_messages, mib=made.n_bytes / 2**20)


def restore(
    path: Annotated[Path, typer.Argument(metavar="PATH", parser=path_of, help="A file that `backup` made.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Give up the messages that are stored now.")] = False,
) -> None:
    """Put a backup in the place of the database."""
    settings, terminal = ready()
    with terminal.steps("backup.copying") as on_progress:
        restored = restore_backup(settings, path, on_progress, replace=replace)
    terminal.say("restore.done", path=restored.path, n=restored.n_messages, mib=restored.n_bytes / 2**20)
    terminal.say("restore.next")
