"""Marks of duplicates, and the bot's replies, in their tables."""

import dataclasses

import pytest
from conftest import Rooms
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, message

from bot.errors import DuplicateOfItself, MessageNotFound
from bot.storage.duplicates import Asking, DuplicateStore, Reply

REPLY = Reply(GUILD, CHANNEL, 900, 2, "ja")


@pytest.fixture
async def marks(rooms: Rooms) -> DuplicateStore:
    """Five messages, and as many in another server by the same ids."""
    for guild_id in (GUILD, OTHER_GUILD):
        await rooms.messages.save(guild_id, [message(i, f"text {i}", guild_id=guild_id) for i in range(1, 6)])
    return rooms.marks


async def marked(marks: DuplicateStore, guild_id: int = GUILD) -> dict[int, int]:
    """What is a duplicate of what."""
    return {link.duplicate.message_id: link.original.message_id for link in await marks.links(guild_id)}


async def stale(marks: DuplicateStore) -> list[int]:
    return [reply.reply_id for reply in await marks.stale_replies()]


async def test_a_mark_comes_back_with_where_both_messages_stand(rooms: Rooms, marks: DuplicateStore) -> None:
    """It connects two messages, and knows their channels and authors."""
    await rooms.messages.save(GUILD, [message(7, "text 7", channel_id=OTHER_CHANNEL, author_id=BOB)])
    assert await marks.mark(GUILD, 7, 1) == 1

    [link] = await marks.links(GUILD)
    assert link.duplicate == Asking(GUILD, 7, OTHER_CHANNEL, BOB)
    assert link.original == Asking(GUILD, 1, CHANNEL, ADA)
    assert await marks.links(OTHER_GUILD) == []
    assert await marks.guild_ids() == [GUILD]


async def test_a_duplicate_of_a_duplicate_is_one_of_the_first(marks: DuplicateStore) -> None:
    """Whichever of the two is marked first, both lead to the message that is no duplicate itself."""
    await marks.mark(GUILD, 2, 1)
    assert await marks.mark(GUILD, 3, 2) == 1
    assert await marks.mark(GUILD, 5, 4) == 4
    assert await marks.mark(GUILD, 4, 3) == 1

    assert await marked(marks) == {2: 1, 3: 1, 4: 1, 5: 1}


@pytest.mark.parametrize("original_id", [1, 2])
async def test_no_mark_goes_in_a_circle(marks: DuplicateStore, original_id: int) -> None:
    """A message is no duplicate of itself, nor of what is a duplicate of it."""
    await marks.mark(GUILD, 2, 1)
    with pytest.raises(DuplicateOfItself):
        await marks.mark(GUILD, 1, original_id)

    assert await marked(marks) == {2: 1}


async def test_marking_again_moves_the_mark(marks: DuplicateStore) -> None:
    """A message is a duplicate of one message at a time; the same mark once more changes nothing."""
    await marks.mark(GUILD, 3, 1)
    before = await marks.links(GUILD)
    await marks.mark(GUILD, 3, 1)
    assert await marks.links(GUILD) == before

    await marks.mark(GUILD, 3, 2)
    assert await marked(marks) == {3: 2}


async def test_a_mark_is_taken_off_once(marks: DuplicateStore) -> None:
    """Only the server's own mark goes, and it is told whether there was one."""
    await marks.mark(GUILD, 2, 1)
    await marks.mark(OTHER_GUILD, 2, 1)

    assert await marks.unmark(GUILD, 2)
    assert not await marks.unmark(GUILD, 2)
    assert await marked(marks) == {}
    assert await marked(marks, OTHER_GUILD) == {2: 1}


@pytest.mark.parametrize(("message_id", "original_id"), [(1, 99), (99, 1)])
async def test_what_is_not_stored_cannot_be_marked(marks: DuplicateStore, message_id: int, original_id: int) -> None:
    """Nor can anything be a duplicate of it."""
    with pytest.raises(MessageNotFound):
        await marks.mark(GUILD, message_id, original_id)

    assert await marked(marks) == {}


@pytest.mark.parametrize("gone_id", [1, 2])
async def test_a_mark_goes_with_either_of_its_messages(rooms: Rooms, marks: DuplicateStore, gone_id: int) -> None:
    """Deleted, taken out or rewritten, a message is no duplicate and has none any more."""
    gone = {
        "deleted": lambda: rooms.messages.delete(GUILD, [gone_id]),
        "withdrawn": lambda: rooms.messages.withdraw(GUILD, [gone_id]),
        "rewritten": lambda: rooms.messages.save(GUILD, [message(gone_id, "something else")]),
    }
    for happens in ("rewritten", "withdrawn", "deleted"):
        await rooms.messages.save(GUILD, [message(i, f"text {i}") for i in (1, 2)])
        await marks.mark(GUILD, 2, 1)
        await marks.mark(OTHER_GUILD, 2, 1)
        await gone[happens]()
        assert await marked(marks) == {}, happens
        assert await marked(marks, OTHER_GUILD) == {2: 1}


async def test_marks_are_found_from_both_ends(marks: DuplicateStore) -> None:
    """By the duplicate and by the original, each once."""
    for i in (2, 3):
        await marks.mark(GUILD, i, 1)
    await marks.mark(GUILD, 5, 4)

    async def found(*ids: int) -> list[int]:
        return [link.duplicate.message_id for link in await marks.links_of(GUILD, ids)]

    assert await found(1) == [2, 3]
    assert await found(3) == [3]
    assert await found(1, 2, 4) == [2, 3, 5]
    assert await found(99) == await found() == []


async def test_the_first_answer_is_the_first_reply_of_somebody_else(rooms: Rooms, marks: DuplicateStore) -> None:
    """What the person adds themselves is no answer, nor is what another channel's message answers."""
    asked = Asking(GUILD, 1, CHANNEL, ADA)
    assert await marks.first_reply(GUILD, asked) is None

    replies = [
        message(10, "me too", reply_to=1),
        message(11, "elsewhere", reply_to=1, channel_id=OTHER_CHANNEL, author_id=BOB),
        message(12, "at noon", reply_to=1, author_id=BOB),
        message(13, "no, at one", reply_to=1, author_id=BOB),
    ]
    await rooms.messages.save(GUILD, replies)
    assert await marks.first_reply(GUILD, asked) == 12
    assert await marks.first_reply(OTHER_GUILD, Asking(OTHER_GUILD, 1, CHANNEL, ADA)) is None


# --- replies


async def test_a_reply_is_stale_once_its_mark_is_gone_or_leads_elsewhere(rooms: Rooms, marks: DuplicateStore) -> None:
    """Moved, taken off, or gone with a message; and true again when it was seen to."""
    await marks.mark(GUILD, 2, 1)
    await marks.put_reply(REPLY, original_id=1)
    assert await marks.replies_to(GUILD, 2) == await marks.replies_in(GUILD) == [REPLY]
    assert await stale(marks) == []

    await marks.mark(GUILD, 2, 3)
    assert await stale(marks) == [900]
    await marks.redrawn(REPLY, original_id=3)
    assert await stale(marks) == []
    await marks.mark(GUILD, 3, 4)
    assert await stale(marks) == [900]
    await marks.redrawn(REPLY, original_id=4)

    await rooms.messages.delete(GUILD, [4])
    assert await stale(marks) == [900]
    await marks.drop_reply(REPLY)
    assert await marks.replies_in(GUILD) == []


async def test_what_changes_while_a_reply_is_sent_or_edited_makes_it_stale(marks: DuplicateStore) -> None:
    """A reply that leads to what is marked no longer stays to be seen to, and one without a mark knows no message."""
    await marks.mark(GUILD, 2, 3)
    await marks.put_reply(REPLY, original_id=1)
    assert await stale(marks) == [900]

    await marks.redrawn(REPLY, original_id=1)
    assert await stale(marks) == [900]
    await marks.redrawn(REPLY, original_id=3)
    assert await stale(marks) == []
    await marks.doubt(REPLY)
    assert await stale(marks) == [900]

    unmarked = dataclasses.replace(REPLY, reply_id=901, message_id=4)
    await marks.put_reply(unmarked, original_id=1)
    assert dataclasses.replace(unmarked, message_id=None) in await marks.stale_replies()


async def test_a_reply_outlives_the_message_that_it_is_below_but_not_the_channel(
    rooms: Rooms, marks: DuplicateStore
) -> None:
    """It is to be deleted on Discord first; whose message it was below is forgotten."""
    await marks.mark(GUILD, 2, 1)
    await marks.put_reply(REPLY, original_id=1)
    await rooms.messages.delete(GUILD, [2])
    assert await marks.stale_replies() == [dataclasses.replace(REPLY, message_id=None)]

    await rooms.messages.delete_channels(GUILD, [CHANNEL])
    assert await marks.replies_in(GUILD) == []
