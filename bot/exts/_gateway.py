"""Keeps an event that discord.py cannot read from ending the bot."""

import logging
import traceback
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

Parser = Callable[[Any], Any]
_LOST = "lost an event %s that cannot be read, number %d of its kind: %s at %s"


def survive_parsers(parsers: MutableMapping[str, Parser], on_lost: Callable[[str, int | None], None]) -> None:
    """Have an exception in a parser of events logged and counted instead of raised, which would end the client.

    `on_lost` is told the event and its server, None where it names none. READY still raises: nothing works without.
    """
    counts: dict[str, int] = {}

    def surviving(event: str, parse: Parser) -> Parser:
        def parse_or_log(data: Any) -> Any:  # noqa: ANN401  # whatever the gateway sends
            try:
                return parse(data)
            except Exception as error:  # noqa: BLE001  # an event that nobody foresaw is not the end
                counts[event] = counts.get(event, 0) + 1
                # No traceback: it would show what people wrote.
                log.error(_LOST, event, counts[event], type(error).__name__, _where(error))  # noqa: TRY400
                on_lost(event, _guild_id(event, data))

        return parse_or_log

    for event, parse in list(parsers.items()):
        if event != "READY":
            parsers[event] = surviving(event, parse)


def _where(error: Exception) -> str:
    """Where it happened; the error's own text may quote what people wrote."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _guild_id(event: str, data: Any) -> int | None:  # noqa: ANN401
    try:
        return int(data["id" if event.startswith("GUILD_") and "guild_id" not in data else "guild_id"])
    except (KeyError, TypeError, ValueError):
        return None
