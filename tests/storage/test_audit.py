"""The audit through the end of a server."""

from datetime import UTC, datetime

import pytest
from conftest import Rooms
from make import ADA, GUILD, OTHER_GUILD, message

from bot.storage.audit import Act, AuditLine, AuditStore


@pytest.mark.parametrize("act", [Act.PURGED, Act.LEFT])
async def test_of_a_server_that_is_gone_one_line_is_left(rooms: Rooms, act: Act) -> None:
    """That it went, and how; what was done there before goes with the rest."""
    store = AuditStore(rooms.database)
    for guild_id in (GUILD, OTHER_GUILD):
        await store.put(AuditLine(guild_id, datetime.now(UTC), ADA, is_own=False, act=Act.STARTED, detail={}))
    await rooms.ingest.saved(GUILD, [message(1)])
    await rooms.servers.forget(GUILD, act=act)
    await rooms.servers.forget(GUILD, act=act)

    [line] = await store.latest(GUILD)
    assert (line.act, line.actor_id, line.is_own, line.detail) == (act, None, False, {})
    assert [line.act for line in await store.latest(OTHER_GUILD)] == [Act.STARTED]


async def test_nothing_is_told_of_a_server_that_was_never_known(rooms: Rooms) -> None:
    """A wrong number leaves no line."""
    await rooms.servers.forget(12345)

    assert await AuditStore(rooms.database).latest() == []
