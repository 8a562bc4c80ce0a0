"""No secret and no text of a message or question may be in a log: every record of a test run is looked at."""

import logging
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

# Keys and tokens as they are written anywhere, and those of the tests.
_SECRET = re.compile(
    r"\bsk-[\w-]{2,}|\b[\w-]{20,}\.[\w-]{6}\.[\w-]{27,}|SECRET|a-token-of-the-stand-in|wrong\.token\.here"
)
_NUMBERED = re.compile(r"\w+ \d+")  # such as "message 12", which logs may say of an id
_SHORTEST = 12  # shorter texts may stand in a log by chance
_EXCERPT = 16  # so much of a text is as bad as all of it
_LOOKED_AT = 512  # characters of each text
_MOST = 20_000  # texts at a time


class Canaries:
    """Texts that nothing may show, whole or in part, and secrets that nothing may show at all."""

    def __init__(self, texts: Iterable[str] = (), secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)
        self._new: set[str] = set()
        self._excerpts: set[str] = set()
        self.hold(*texts)

    def hold(self, *texts: object) -> None:
        """Watch for texts from now on; too many are not watched all."""
        for text in texts:
            if isinstance(text, str) and len(text) >= _SHORTEST and len(self._new) < _MOST:
                self._new.add(text[:_LOOKED_AT])

    def are_in(self, shown: str) -> bool:
        """Whether a secret or a good part of a text can be read; ids are no such part."""
        for text in self._new:
            if not _NUMBERED.fullmatch(text):
                excerpts = [text] if len(text) < _EXCERPT else _windows(text, _EXCERPT)
                # A row of signs alone stands in many a log, below the lines of a traceback for one.
                self._excerpts.update(each for each in excerpts if any(map(str.isalpha, each)))
        self._new.clear()
        if _SECRET.search(shown) or any(secret in shown for secret in self._secrets):
            return True
        return any(not self._excerpts.isdisjoint(_windows(shown, n)) for n in range(_SHORTEST, _EXCERPT + 1))

    def forget(self) -> None:
        """Watch for secrets only."""
        self._new.clear()
        self._excerpts.clear()


HELD = Canaries()  # what the running test has had made, asked or embedded


class LogWatch:
    """Looks at every record that is made, whoever handles it, at all levels of the bot's own loggers.

    A text counts where it stands among a record's values, in the errors it tells of, or in its template: what a
    template says by itself of a message or a channel is no text of theirs.
    """

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        self._before = logging.getLogRecordFactory()
        self._levels: dict[str, int] = {}
        self._found: list[str] = []

    def __enter__(self) -> Self:
        logging.setLogRecordFactory(self._made)
        # Of Discord's library DEBUG is never on: there it writes whole events.
        for name, level in {"bot": logging.DEBUG, "discord": logging.INFO}.items():
            self._levels[name] = logging.getLogger(name).level
            logging.getLogger(name).setLevel(level)
        return self

    def __exit__(self, *error: object) -> None:
        logging.setLogRecordFactory(self._before)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    def check(self) -> None:
        """AssertionError with loggers and templates, if anything private was logged since the last time."""
        found, self._found = self._found, []
        assert not found, "a secret or a text is in the log of " + "; ".join(dict.fromkeys(found))

    def _made(self, *arguments: object, **values: object) -> logging.LogRecord:
        record = logging.LogRecord(*arguments, **values)
        if any(map(self._canaries.are_in, _told(record))):
            self._found.append(f"{record.name} ({record.msg!r})" if record.args else f"{record.name} (no values)")
        return record


def check_log(log: Path, texts: Iterable[str], secrets: Iterable[str]) -> None:
    """AssertionError with the lines' beginnings, if what a process has logged shows any of these."""
    canaries = Canaries(texts, secrets)
    found = [line for line in log.read_text("utf-8", "replace").splitlines() if canaries.are_in(line)]
    assert not found, f"a secret or a text is in {log.name}: {[line[:60] for line in found[:5]]}"


@pytest.fixture(scope="session", autouse=True)
def watched_logs() -> Iterator[LogWatch]:
    """Looks at what is logged, also between tests and after the last one."""
    with LogWatch(HELD) as watch:
        yield watch
    watch.check()


@pytest.fixture(autouse=True)
def nothing_private_is_logged(watched_logs: LogWatch) -> Iterator[None]:
    """A test that has a secret or a text logged fails, whatever it is about."""
    yield
    HELD.forget()
    watched_logs.check()


def _told(record: logging.LogRecord) -> Iterator[str]:
    yield str(record.msg)
    values = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    for value in values:
        yield from (str(value), repr(value))
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        yield "".join(traceback.format_exception_only(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _windows(text: str, length: int) -> Iterator[str]:
    return (text[at : at + length] for at in range(len(text) - length + 1))
