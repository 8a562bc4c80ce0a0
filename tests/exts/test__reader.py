"""When histories are read again, and how far reading one has come, in words."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from live import eventually
from make import GUILD

from bot.errors import HistoryDelayed, StorageFailed
from bot.exts import _reader
from bot.exts._reader import Reader, _told
from bot.services.backfill import Progress
from bot.services.coverage import WHOLE_SERVER, Past
from bot.services.events import Event
from bot.services.ingest import Tally
from bot.services.keeping import Kind
from bot.words import LANGUAGES, Words


def progress(**values: object) -> Progress:
    """1,234 messages of five channels, of which three are finished."""
    return Progress(**{"tally": Tally(new=1_200, unchanged=34), "n_channels": 5, "n_finished": 3, **values})


EN = "Reading the history: 1,234 messages so far, 57 a second; 3 of 5 channels and threads are finished."
JA = "これまでに 1,234 件(毎秒 57 件)、5 個のチャンネルとスレッドのうち 3 個が完了しました。"


@pytest.mark.parametrize(
    ("language", "so_far", "left"),
    [("en", EN, "Some 9,876 messages are left"), ("ja", JA, "残りはおよそ 9,876 件です。")],
)
def test_what_is_being_read_is_told_with_its_rate_and_what_is_left(language: str, so_far: str, left: str) -> None:
    """How much, how fast, how many channels, and an estimate of the rest."""
    first, second = _told(progress(n_left=9_876), 56.7, Words(language), past=Past.WANTED).splitlines()

    assert so_far in first
    assert left in second


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_nothing_can_be_estimated_nothing_is_said_of_it(language: str) -> None:
    """Without an estimate there is one sentence."""
    assert len(_told(progress(), 0.0, Words(language), past=Past.WANTED).splitlines()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("n_unavailable", [0, 2])
def test_the_end_says_what_becomes_of_the_rest(language: str, n_unavailable: int) -> None:
    """Read, paused and cancelled are told apart, each with what was read and what could not be."""
    words = Words(language)
    done = progress(is_done=True, n_unavailable=n_unavailable)
    told = {past: _told(done, 56.7, words, past=past).splitlines() for past in Past}

    assert len({lines[0] for lines in told.values()}) == 3
    for lines in told.values():
        assert "1,234" in lines[0]
        assert "5" in lines[0]
        assert lines[1:] == ([words("index.unavailable", n=2)] if n_unavailable else [])


class Failing:
    """All that a reader needs: servers whose reading fails as `failure` says, having read `n_more` messages.

    Remembers when each reading began, and which servers were looked up.
    """

    def __init__(self) -> None:
        self.failure: Exception | None = HistoryDelayed("later")
        self.n_more = 0
        self.began: list[float] = []
        self.looked_up: set[int] = set()
        self.channels: tuple[object, ...] = ()

    async def read(self, history: object, tally: Tally) -> AsyncIterator[Progress]:
        self.began.append(time.monotonic())
        tally += Tally(new=self.n_more)
        yield Progress(tally)
        if self.failure is not None:
            raise self.failure

    def get_guild(self, guild_id: int) -> "Failing":
        self.looked_up.add(guild_id)
        return self

    def is_indexed(self, guild_id: int) -> bool:
        return True

    def told(self, guild_id: int) -> dict[int, bool]:
        return {WHOLE_SERVER: True}

    def includes(self, guild_id: int, kind: Kind) -> bool:
        return False

    async def put(self, event: Event) -> None:
        pass


def reader_of(failing: Failing) -> Reader:
    return Reader(client=failing, backfill=failing, coverage=failing, keeping=failing, inbox=failing)


def waits(caplog: pytest.LogCaptureFixture) -> list[float]:
    """How long the reader was going to wait, each time."""
    return [record.args[1] for record in caplog.records if "goes on in" in record.msg]


@pytest.mark.parametrize("failure", [HistoryDelayed("later"), StorageFailed("full"), KeyError("author")], ids=repr)
async def test_the_wait_doubles_while_nothing_can_be_read(caplog, monkeypatch, failure) -> None:
    """What fails again and again is tried less and less often, and as at first once something was read."""
    monkeypatch.setattr(_reader, "_APART_S", 0.0)
    monkeypatch.setattr(_reader, "_RETRY_S", 0.01)
    monkeypatch.setattr(_reader, "_LONGEST_RETRY_S", 0.05)
    failing = Failing()
    failing.failure = failure
    reader = reader_of(failing)
    reader.start(GUILD)
    await eventually(lambda: len(waits(caplog)) >= 5)
    assert waits(caplog)[:5] == [0.01, 0.02, 0.04, 0.05, 0.05]

    failing.n_more = 1
    await eventually(lambda: waits(caplog)[-1] == 0.01)
    failing.n_more = 0
    await eventually(lambda: waits(caplog)[-1] == 0.05)
    await reader.close()


async def test_discord_may_ask_for_more_patience_than_that(caplog) -> None:
    """The wait is as long as Discord asks for, but within reason."""
    for seconds, expected in ((1.0, 10.0), (77.0, 77.0), (18_000.0, 600.0)):
        failing = Failing()
        failing.failure = HistoryDelayed("later", seconds=seconds)
        reader = reader_of(failing)
        reader.start(GUILD)
        await eventually(lambda expected=expected: waits(caplog)[-1:] == [expected])
        await reader.close()

    assert waits(caplog) == [10.0, 77.0, 600.0]


@pytest.mark.parametrize("failure", [None, HistoryDelayed("later")], ids=repr)
async def test_what_asks_again_and_again_makes_no_reading_without_a_pause(monkeypatch, failure) -> None:
    """However often a reading is asked for, during one, between two or after the last, they begin well apart."""
    monkeypatch.setattr(_reader, "_APART_S", 0.1)
    failing = Failing()
    failing.failure = failure
    reader = reader_of(failing)
    while len(failing.began) < 4:
        reader.start(GUILD)
        await asyncio.sleep(0.005)
    await reader.close()

    assert all(later - earlier > 0.09 for earlier, later in pairwise(failing.began))


async def test_one_server_waits_for_no_other(monkeypatch) -> None:
    """The pause between two readings is each server's own, and the first reading has none."""
    monkeypatch.setattr(_reader, "_APART_S", 60.0)
    failing = Failing()
    reader = reader_of(failing)
    reader.start(GUILD)
    reader.start(GUILD + 1)
    await eventually(lambda: len(failing.began) == 2)
    await reader.close()

    assert failing.looked_up == {GUILD, GUILD + 1}
    assert len(failing.began) == 2
