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


async def test_an_older_audit_loses_what_it_need_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The update leaves one line a day of what members did, and of servers that are not known that they went."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[: MIGRATIONS.index(acts.STATEMENTS)])
        async with open_to_write(tmp_path) as old, old.transaction() as transaction:
            await transaction.execute("INSERT INTO servers (guild_id, name) VALUES (?, 'Town')", (GUILD,))
            of_members = [(GUILD, 1, act) for act in ("exported", "exported", "forgot")]
            of_managers = [(GUILD, 0, act) for act in ("paused", "paused")]
            of_unknown = [(OTHER_GUILD, 1, "exported"), (OTHER_GUILD, 0, "purged"), (12345, 0, "left")]
            await transaction.execute_many(
                "INSERT INTO audit (guild_id, at, is_own, act, detail) VALUES (?, 0, ?, ?, '{}')",
                [*of_members, *of_managers, *of_unknown],
            )
    async with open_to_write(tmp_path) as new:
        store = AuditStore(new)
        kept = {
            guild_id: [line.act for line in await store.all_of(guild_id)] for guild_id in (GUILD, OTHER_GUILD, 12345)
        }

    assert kept == {
        GUILD: [Act.PAUSED, Act.PAUSED, Act.EXPORTED, Act.FORGOT],
        OTHER_GUILD: [Act.PURGED],
        12345: [Act.LEFT],
    }
