"""The terminal door: `python -m bot VERB`."""

import gc
import io
import logging
import os
import sys
from typing import NoReturn

import typer

from bot.cli.asking import similar
from bot.cli.copies import backup, restore
from bot.cli.drawing import map_, trends
from bot.cli.erasing import forget, purge
from bot.cli.evaluating import evaluate
from bot.cli.grouping import groups
from bot.cli.keys import decrypt, encrypt
from bot.cli.looking import audit, doctor, status
from bot.cli.repeating import duplicates
from bot.cli.running import console, run
from bot.cli.storing import import_, rebuild, retry
from bot.errors import BotError
from bot.terminal import Terminal
from bot.words import words_for_terminal

log = logging.getLogger(__name__)

cli = typer.Typer(
    help="Finds what was said before, by meaning. Settings come from the environment and .env.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli.command()(run)
cli.command()(console)
cli.command("import")(import_)
cli.command()(similar)
cli.command()(trends)
cli.command("map")(map_)
cli.command()(duplicates)
cli.command()(groups)
cli.command()(status)
cli.command()(doctor)
cli.command("eval")(evaluate)
cli.command()(retry)
cli.command()(rebuild)
cli.command()(forget)
cli.command()(purge)
cli.command()(audit)
cli.command()(backup)
cli.command()(restore)
cli.command()(encrypt)
cli.command()(decrypt)


def main() -> NoReturn:
    """Run one verb; exit 0 when done, 1 after a problem told in one sentence, 2 on wrong usage."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A terminal may know fewer characters than people write: show their codes rather than fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream is sys.stdin else "backslashreplace")
    gc.freeze()  # what is loaded by now stays to the end: no need to go through it again and again
    os.umask(0o077)  # what this program writes is for its owner alone
    terminal = Terminal(words_for_terminal())
    try:
        cli(standalone_mode=True)
    except BotError as error:
        terminal.err.print(terminal.words.error(error))
    except BrokenPipeError:
        # Whoever read our output has read enough; what is left in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        log.debug("unexpected", exc_info=True)
        terminal.remark("errors.Unexpected", name=type(error).__name__)
    sys.exit(1)
