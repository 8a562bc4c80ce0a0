"""Shared answers that are kept true although Discord or the database fails."""

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from conftest import Rooms
from fakes import AsStored
from live import eventually
from make import CHANNEL, GUILD, OTHER_CHANNEL, beside, message

from bot.askers import Audience, Member
from bot.errors import StorageFailed
from bot.exts import _shares
from bot.exts._shares import keep_shares_true
from bot.messages import Query

SHARED_AS = 900


async def nothing() -> None:
    """Nothing else is kept true beside shares."""


class Square(discord.TextChannel):
    """Where an answer was shared, with the texts that it shows each time it is edited."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.failures: list[Exception] = []

    def get_partial_message(self, message_id: int, /) -> Any:
        assert message_id == SHARED_AS
        return SimpleNamespace(edit=self._edit)

    async def _edit(self, *, embed: discord.Embed) -> None:
        if self.failures:
            raise self.failures.pop()
        self.shown.append(embed.description or "")


class OneServer:
    """A client in one server with one channel."""

    def __init__(self, square: Square) -> None:
        self._guild = SimpleNamespace(unavailable=False, get_channel_or_thread=lambda _: square)

    async def wait_until_ready(self) -> None:
        pass

    def get_guild(self, guild_id: int) -> Any:
        return self._guild if guild_id == GUILD else None


class Readers:
    """Who reads the channel, once all failures have been told; at first everyone there reads everything."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures = failures
        self.channel_ids = frozenset({CHANNEL, OTHER_CHANNEL})

    async def __call__(self, _: object) -> Audience:
        if self.failures:
            raise self.failures.pop()
        return Audience(GUILD, self.channel_ids)


@pytest.fixture
async def shared(rooms: Rooms) -> Rooms:
    """Two messages of two channels, shown to everyone in one of them."""
    said = [message(1, "red fish"), message(2, "red bird", channel_id=OTHER_CHANNEL)]
    await rooms.ingest.saved(GUILD, said)
    await rooms.settle()
    asker = Member(GUILD, 1, frozenset({CHANNEL, OTHER_CHANNEL}))
    page = await rooms.answers.ask(asker, Query(text="red"), history=AsStored(rooms.messages))
    assert len(page.hits) == 2
    await rooms.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=page.hits)
    return rooms


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again without a wait."""
    monkeypatch.setattr(_shares, "_RETRY_S", 0.0)


async def test_what_was_closed_is_taken_out_after_discord_failed(shared: Rooms) -> None:
    """Who reads a channel could not be told, twice: the share is narrowed later, though nothing else happens."""
    square, readers = Square(), Readers([OSError("503"), TimeoutError("slow")])
    readers.channel_ids = frozenset({CHANNEL})
    async with beside(keep_shares_true(OneServer(square), shared.answers, readers, also=nothing)):  # type: ignore[arg-type]
        await eventually(lambda: square.shown)

    assert readers.failures == []
    [shown] = square.shown
    assert "red fish" in shown
    assert "red bird" not in shown


async def test_what_was_closed_is_taken_out_after_the_database_failed(
    shared: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work ends with the failure; begun anew, it still knows which permissions changed."""

    async def busy(*_: object) -> None:
        raise StorageFailed("database is locked")

    square, readers = Square(), Readers([])
    readers.channel_ids = frozenset({CHANNEL})
    client: Any = OneServer(square)
    with monkeypatch.context() as patch:
        patch.setattr(shared.answers._shares, "take_out", busy)
        with pytest.raises(StorageFailed):
            await asyncio.wait_for(keep_shares_true(client, shared.answers, readers, also=nothing), 10)
    async with beside(keep_shares_true(client, shared.answers, readers, also=nothing)):
        await eventually(lambda: square.shown)

    assert "red bird" not in square.shown[0]


async def test_a_share_that_could_not_be_edited_is_edited_later(shared: Rooms) -> None:
    """Though nothing else happens."""
    square, readers = Square(), Readers([])
    square.failures.append(OSError("503"))
    await shared.ingest.deleted(GUILD, [2])
    client: Any = OneServer(square)
    async with beside(keep_shares_true(client, shared.answers, readers, also=nothing)):
        await eventually(lambda: square.shown)

    assert "red bird" not in square.shown[0]
