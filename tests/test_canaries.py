"""What watches the logs of all tests does find what must not be there."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from canaries import Canaries, LogWatch, check_log

TEXT = "meet me behind the old lighthouse at nine"
log = logging.getLogger("bot.somewhere")
elsewhere = logging.getLogger("elsewhere")


def failure_about(text: str) -> ValueError:
    """An error with a text, caused by another one."""
    error = ValueError(text)
    error.__cause__ = KeyError(1)
    return error


def wrapped(text: str) -> RuntimeError:
    """An error that says nothing, caused by one that does."""
    error = RuntimeError("it failed")
    error.__cause__ = failure_about(text)
    return error


@pytest.mark.parametrize(
    "tell",
    [
        pytest.param(lambda: log.debug("saved %d: %s", 1, TEXT), id="a value"),
        pytest.param(lambda: log.info("saved %(text)r", {"text": TEXT}), id="a named value"),
        pytest.param(lambda: log.warning("saved %s", [TEXT[:20]]), id="an excerpt in a list"),
        pytest.param(lambda: log.warning(f"saved {TEXT}"), id="the template"),  # noqa: G004
        pytest.param(lambda: log.error("failed", exc_info=failure_about(TEXT)), id="an error"),
        pytest.param(lambda: log.error("failed", exc_info=wrapped(TEXT)), id="an error's cause"),
        pytest.param(lambda: elsewhere.warning("told %s", TEXT), id="another logger"),
        pytest.param(lambda: log.info("asked with %s", "sk-proj-1234"), id="a key"),
        pytest.param(lambda: log.info("began as %s", "MTE.standin.a-token-of-the-stand-in"), id="a token"),
        pytest.param(lambda: log.info("began as %s", f"{'M' * 24}.{'a' * 6}.{'b' * 27}"), id="any token of Discord's"),
        pytest.param(lambda: log.info("opened %s", "the password"), id="a secret that was named"),
    ],
)
def test_i10_what_is_private_is_found_in_a_record(tell):
    """At every level, in values, template and errors, and the logger is named; once told it is not told again."""
    with LogWatch(Canaries([TEXT], ["the password"])) as watch:
        tell()
        with pytest.raises(AssertionError) as found:
            watch.check()
        watch.check()

    assert "bot.somewhere" in str(found.value) or "elsewhere" in str(found.value)
    assert not any(private in str(found.value) for private in (TEXT[:20], "sk-", "MTE", "password", "MMM"))


@pytest.mark.parametrize(
    "tell",
    [
        pytest.param(lambda: log.info("message %d of channel %d is gone", 12, 34), id="ids"),
        pytest.param(lambda: log.info("%d messages saved in %.1f s", 12, 3.4), id="counts"),
        pytest.param(lambda: log.error("failed", exc_info=KeyError(12)), id="an error that says nothing"),
        pytest.param(lambda: log.info("meet me"), id="too little to tell"),
    ],
)
def test_i10_ids_and_counts_may_be_logged(tell):
    """What a template says by itself is no text, though texts of tests may be like it."""
    with LogWatch(Canaries([TEXT, "message 12", "message 12 of channel 34 is gone"])) as watch:
        tell()
        watch.check()


def test_i10_what_is_no_longer_held_is_not_looked_for():
    """The texts of one test do not count in the next, its secrets do."""
    canaries = Canaries([TEXT], ["the password"])
    canaries.forget()

    assert not canaries.are_in(TEXT)
    assert canaries.are_in("the password")


def test_i10_the_watch_ends_as_it_began():
    """Afterwards records and levels are made as before."""
    before = (logging.getLogRecordFactory(), logging.getLogger("bot").level)
    with LogWatch(Canaries()):
        assert logging.getLogger("bot.somewhere").isEnabledFor(logging.DEBUG)

    assert (logging.getLogRecordFactory(), logging.getLogger("bot").level) == before


def test_i10_what_a_process_has_logged_is_looked_at(tmp_path: Path):
    """The log of a bot is searched for texts, excerpts and secrets when it has ended."""
    for line, is_private in (
        ("12:00 INFO bot: 3 messages saved", False),
        (f"12:00 INFO bot: {TEXT[5:30]}", True),
        ("12:00 INFO bot: key of-the-house", True),
        ("12:00 INFO bot: message 123456", False),
        ("12:00 INFO bot: server 1575586563667007032", False),
    ):
        log_of_bot = tmp_path / "bot.log"
        log_of_bot.write_text(f"12:00 INFO bot: ready\n{line}\n", "utf-8")
        if not is_private:
            check_log(
                log_of_bot,
                [TEXT, "message 123456", "https://discord.com/channels/1575586563667007032/2"],
                ["of-the-house"],
            )
            continue
        with pytest.raises(AssertionError, match=r"bot\.log"):
            check_log(log_of_bot, [TEXT], ["of-the-house"])


TESTS = """
import logging
from make import message

def test_that_is_quiet():
    logging.getLogger("bot.ingest").info("saved %d", message(1, "a text that nobody may read").message_id)

def test_that_tells():
    logging.getLogger("bot.ingest").debug("saved %s", message(1, "a text that nobody may read").content)
"""


def test_i10_a_run_fails_in_which_a_text_is_logged(tmp_path: Path):
    """The test that had it logged fails, also where several processes share the tests; the others pass."""
    (tmp_path / "conftest.py").write_text("from canaries import nothing_private_is_logged, watched_logs\n")
    (tmp_path / "test_telling.py").write_text(TESTS)
    here = Path(__file__).parent
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-n",
            "2",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(here), str(here.parent)))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 passed, 1 error" in done.stdout
    assert "a secret or a text is in the log of bot.ingest ('saved %s')" in done.stdout
