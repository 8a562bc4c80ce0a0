"""What comes in, and what is shut out."""

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, message

from bot.askers import Operator
from bot.messages import Query
from bot.services.ingest import refusal
from bot.storage.servers import Marks


async def found(rooms: Rooms, text: str) -> list[int]:
    return [hit.message.message_id for hit in await rooms.search.similar(Operator(), Query(text=text))]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param({"is_bot": True}, "bot", id="b26-bot"),
        pytest.param({"is_notice": True}, "notice", id="b27-notice"),
        pytest.param({"is_notice": True, "is_bot": True}, "notice", id="notice-of-a-bot"),
        pytest.param({}, None, id="person"),
        pytest.param({"content": ""}, None, id="b2-no-text"),
    ],
)
async def test_policy_decides_by_reason(rooms: Rooms, values: dict, reason: str | None) -> None:
    """Bots and notices are counted and not kept; what people wrote is kept, with or without text."""
    tally = await rooms.ingest.saved(GUILD, [message(1, **values)])

    assert refusal(message(1, **values)) == reason
    assert tally.new == (reason is None)
    assert dict(tally.skipped) == ({} if reason is None else {reason: 1})
    assert await rooms.messages.count() == tally.new


async def test_every_message_is_counted_once(rooms: Rooms) -> None:
    """New, changed, unchanged and skipped add up to what came in."""
    await rooms.ingest.saved(GUILD, [message(1, "a"), message(2, "b"), message(3, "c")])
    await rooms.ingest.deleted(GUILD, [3])
    batch = [message(1, "a"), message(2, "B"), message(3, "c"), message(4, "d"), message(5, is_bot=True)]
    tally = await rooms.ingest.saved(GUILD, batch)

    assert (tally.new, tally.changed, tally.unchanged) == (1, 1, 1)
    assert dict(tally.skipped) == {"deleted": 1, "bot": 1}
    assert tally.total == 5


async def test_an_edit_changes_what_is_found(rooms: Rooms) -> None:
    """From the edit on the old text finds nothing, and once embedded the new text finds the message."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "green tree")])
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(1, "blue bird")])

    assert await found(rooms, "red fish") == [2]
    await rooms.settle()
    assert (await found(rooms, "blue bird"))[0] == 1


async def test_a_deleted_message_is_gone_from_the_next_answer(rooms: Rooms) -> None:
    """Row, vector and mirror go in one call."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "red bird")])
    await rooms.settle()

    assert await rooms.ingest.deleted(GUILD, [1, 99]) == 1
    assert await found(rooms, "red fish") == [2]
    assert rooms.mirror.ids(GUILD).tolist() == [2]


async def test_a_page_moves_the_marks_with_its_messages(rooms: Rooms) -> None:
    """A page of history is stored together with how far it was read."""
    await rooms.ingest.saved(GUILD, [message(5), message(6)], reached=Marks(CHANNEL, 6, 5))

    assert await rooms.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 6, 5)
