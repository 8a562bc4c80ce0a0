"""What several verbs have in common: their beginning, and the arguments that they understand."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from bot.errors import BotError
from bot.settings import Settings, read_settings, set_up_logging
from bot.terminal import Terminal, utc_now
from bot.times import moment, snowflake
from bot.words import words_for_terminal

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def ready() -> tuple[Settings, Terminal]:
    settings = read_settings()
    set_up_logging(settings.log_level)
    return settings, Terminal(words_for_terminal())


def _told(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser for an option whose BotError is wrong usage."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except BotError as error:
            raise typer.BadParameter(words_for_terminal().error(error)) from error

    return parsed


def _moment(text: str) -> datetime:
    return moment(text, now=utc_now())


def path_of(text: str) -> Path:
    """A path that was written out: an unset variable in a script does not mean the folder one stands in."""
    if not text:
        raise typer.BadParameter("a PATH is empty; write . for this folder")
    return Path(text)


def id_argument(metavar: str, help_text: str) -> Any:  # noqa: ANN401  # as below
    return typer.Argument(metavar=metavar, parser=_told(snowflake), help=help_text)


def id_option(help_text: str) -> Any:  # noqa: ANN401  # what typer.Option returns is an Any too
    return typer.Option(metavar="ID", parser=_told(snowflake), help=help_text)


def moment_option(help_text: str) -> Any:  # noqa: ANN401
    return typer.Option(metavar="DAY|AGE", parser=_told(_moment), help=help_text)
