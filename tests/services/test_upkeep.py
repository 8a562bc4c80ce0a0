"""The database's log kept small."""

import asyncio

import pytest
from make import beside

from bot.errors import StorageFailed
from bot.services.upkeep import Upkeep


class CheckpointedDatabase:
    """A log that can be emptied, or not while somebody reads; told how often it was tried."""

    def __init__(self, *answers: bool | StorageFailed) -> None:
        self._answers = list(answers)
        self.was_tried = asyncio.Event()
        self.n_tries = 0

    async def checkpoint(self) -> bool:
        self.n_tries += 1
        if not self._answers:
            self.was_tried.set()
            return True
        answer = self._answers.pop(0)
        if isinstance(answer, StorageFailed):
            raise answer
        return answer

    async def log_size(self) -> int:
        return 300 * 2**20


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.upkeep._EVERY_S", 0.001)
    monkeypatch.setattr("bot.services.upkeep._AGAIN_S", 0.001)


async def tried(*answers: bool | StorageFailed) -> CheckpointedDatabase:
    """A database that was kept up until it has given all its answers and one more."""
    database = CheckpointedDatabase(*answers)
    async with asyncio.timeout(5), beside(Upkeep(database).run()):
        await database.was_tried.wait()
    return database


async def test_the_log_is_emptied_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    """What goes well is not told."""
    database = await tried(True, True, True)

    assert database.n_tries >= 4
    assert caplog.messages == []


async def test_f6_whoever_hinders_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A reader that begins to hinder it is a warning with the size of the log, and the next one that does so again."""
    await tried(False, False, True, False, False)

    assert [message for message in caplog.messages if "300 MiB" in message] == caplog.messages
    assert len(caplog.messages) == 2


async def test_a_log_that_could_not_be_emptied_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was deleted is not to wait for a whole round more because somebody was reading."""
    monkeypatch.setattr("bot.services.upkeep._AGAIN_S", 0.001)
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("bot.services.upkeep._EVERY_S", 7.0)
    monkeypatch.setattr("bot.services.upkeep.asyncio.sleep", noted)
    await tried(True, False, False, True)

    assert pauses[:5] == [7.0, 7.0, 0.001, 0.001, 7.0]


async def test_f3_a_disk_that_fails_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is told, and the next try is made all the same."""
    database = await tried(StorageFailed("disk I/O error"), True)

    assert database.n_tries >= 3
    assert len(caplog.messages) == 1
    assert "disk I/O error" in caplog.text
