"""The audit through the end of a server."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import Rooms
from make import ADA, GUILD, OTHER_GUILD, message

from bot.storage import database as module
from bot.storage.audit import Act, AuditLine, AuditStore
from bot.storage.database import open_to_write
from bot.storage.schema import MIGRATIONS, acts


@pytest.mark.parametrize("act", [Act.PURGED, Act.LEFT])
async def test_of_a_server_that_is_gone_one_line_is_left(rooms: Rooms, act: Act) -> None:
    """That it went, and how; what was done there before goes with the rest."""
    store = AuditStore(rooms.database)
    for guild_id in (GUILD, OTHER_GUILD):
        await store.put(AuditLine(guild_id, datetime.now(UTC), ADA, is_own=False, act=Act.STARTED, detail={}))
    await rooms.ingest.saved(GUILD, [message(1)])
    await rooms.servers.forget(GUILD, act=act)
    await rooms.servers.forget(GUILD, act=act)

    [line] = await store.all_of(GUILD)
    assert (line.act, line.actor_id, line.is_own, line.detail) == (act, None, False, {})
    assert [line.act for line in await store.all_of(OTHER_GUILD)] == [Act.STARTED]


async def test_nothing_is_told_of_a_server_that_was_never_known(rooms: Rooms) -> None:
    """A wrong number leaves no line."""
    await rooms.servers.forget(12345)

    assert await AuditStore(rooms.database).all() == []


async def test_an_older_audit_is_brought_to_a_line_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what members did on a day the update leaves one line of a kind; what was done for a whole server all stays."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[: MIGRATIONS.index(acts.STATEMENTS)])
        async with open_to_write(tmp_path) as old, old.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (?, 'Town')", (GUILD,))
            for act, is_own in (("exported", 1), ("exported", 1), ("forgot", 1), ("paused", 0), ("paused", 0)):
                await transaction.execute(
                    "INSERT INTO audit (guild_id, at, is_own, act, detail) VALUES (?, 0, ?, ?, '{}')",
                    (GUILD, is_own, act),
                )
    async with open_to_write(tmp_path) as new:
        lines = await AuditStore(new).all_of(GUILD)

    assert [line.act for line in lines] == [Act.PAUSED, Act.PAUSED, Act.EXPORTED, Act.FORGOT]
