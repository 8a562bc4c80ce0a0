"""What is stored of one member of a server."""

from typing import Any

import pytest
from conftest import Rooms
from make import ADA, BOB, GUILD, OTHER_GUILD, message

from bot.storage import members as module
from bot.storage.erasure import ErasureStore
from bot.storage.members import MemberStore

ADAS_ID = 500_000_000_000_000_001  # long enough to be mentioned


async def test_messages_are_counted_and_found_page_by_page(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the member alone, in the server alone, in the order of their ids."""
    monkeypatch.setattr(module, "_PAGE", 2)
    await rooms.messages.save(GUILD, [message(i, author_id=BOB if i % 2 else ADA) for i in range(1, 8)])
    await rooms.messages.save(OTHER_GUILD, [message(8, guild_id=OTHER_GUILD)])
    members = MemberStore(rooms.database)

    assert (await members.count(GUILD, ADA), await members.count(OTHER_GUILD, ADA)) == (3, 1)
    assert [await members.page(GUILD, ADA, after_id=i) for i in (0, 4, 6)] == [[2, 4], [6], []]


async def test_no_look_at_a_member_goes_through_a_whole_server(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they wrote, and what names anybody, has an index of its own, which has all that is asked."""
    store = ErasureStore(rooms.database)
    plans: list[str] = []

    async def explained(statement: str, values: Any) -> list[Any]:
        plans.extend(row[3] for row in await fetch(f"EXPLAIN QUERY PLAN {statement}", values))
        return await fetch(statement, values)

    fetch = rooms.database.fetch
    monkeypatch.setattr(rooms.database, "fetch", explained)
    await rooms.messages.save(GUILD, [message(1, f"ask <@{ADA}>", author_id=BOB, names=((ADA, "Ada"),))])
    assert await MemberStore(rooms.database).names_told_by_others(GUILD, ADA) == ["Ada"]
    assert await store.written(GUILD, BOB, after_id=0, limit=10) == (1,)
    assert (await store.stretch(GUILD, ADA, after_id=0)).naming == (1,)

    looks = [plan for plan in plans if "messages" in plan]
    assert len(looks) >= 4
    for plan in looks:
        assert (
            "COVERING INDEX messages_naming" in plan or "INDEX messages_by_author (guild_id=? AND author_id=?" in plan
        )


async def test_the_name_is_that_under_which_they_wrote_last(rooms: Rooms) -> None:
    """Somebody who wrote nothing has none."""
    await rooms.messages.save(GUILD, [message(1, author_name="Old")])
    await rooms.messages.save(GUILD, [message(2, author_name="New")])
    members = MemberStore(rooms.database)

    assert [await members.name(GUILD, author_id) for author_id in (ADA, BOB)] == ["New", None]


async def test_the_names_that_others_tell_are_each_told_once(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many messages there are, those without the name and the member's own left out."""
    monkeypatch.setattr(module, "_STRETCH", 3)
    text = f"ask <@{ADAS_ID}>"
    told = ["Ada", "Addie", "Ada", "", "Ada"]
    await rooms.messages.save(
        GUILD, [message(i, text, author_id=BOB, names=((ADAS_ID, name),)) for i, name in enumerate(told, 1)]
    )
    await rooms.messages.save(GUILD, [message(9, text, author_id=ADAS_ID, names=((ADAS_ID, "Me"),)), message(10)])
    members = MemberStore(rooms.database)

    assert await members.names_told_by_others(GUILD, ADAS_ID) == ["Ada", "Addie"]
    assert await members.names_told_by_others(GUILD, ADA) == []
    assert await members.names_told_by_others(OTHER_GUILD, ADAS_ID) == []
