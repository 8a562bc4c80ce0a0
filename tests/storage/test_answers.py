"""Answers and shares in their tables."""

import dataclasses
from datetime import timedelta

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_GUILD, message, utc

from bot.errors import StorageFailed
from bot.storage.answers import AnswerStore, Found, Share, ShareStore, StoredAnswer

NOW = utc("2025-06-15T12:00:00.123")
ALL = (Found(0, 3, 99, quoted_from=700), Found(1, 1, 50), Found(2, 2, -7))
ANSWER = StoredAnswer(2**63 - 1, GUILD, 501, NOW, ALL)
SHARE = Share(GUILD, CHANNEL, 900, "ja", ALL)
TEXTS = ["three", "one", "two"]


@pytest.fixture
async def answers(rooms: Rooms) -> AnswerStore:
    """Three messages are stored, and one of another server with the id of the first."""
    await rooms.messages.save(GUILD, [message(1, "one"), message(2, "two"), message(3, "three")])
    await rooms.messages.save(OTHER_GUILD, [message(1, "one", guild_id=OTHER_GUILD)])
    return AnswerStore(rooms.database)


@pytest.fixture
def shares(rooms: Rooms, answers: AnswerStore) -> ShareStore:
    return ShareStore(rooms.database)


async def found(shares: ShareStore) -> list[tuple[int, list[int]]]:
    """The stale shares with the ids that they may still show."""
    return [(share.message_id, [one.message_id for one in share.found]) for share in await shares.stale()]


async def test_an_answer_comes_back_as_it_was(answers: AnswerStore) -> None:
    """Every field survives, the order of the hits and the millisecond too, with the largest id there is."""
    await answers.put(ANSWER)

    assert await answers.get(ANSWER.answer_id) == ANSWER
    assert await answers.get(1) is None


async def test_a_hit_that_was_deleted_or_rewritten_is_dropped_with_it(rooms: Rooms, answers: AnswerStore) -> None:
    """Whichever way a message goes or changes, the answer no longer names it; another server's does not matter."""
    await answers.put(ANSWER)
    await rooms.messages.delete(OTHER_GUILD, [1])
    assert await answers.get(ANSWER.answer_id) == ANSWER

    await rooms.messages.save(GUILD, [message(1, "other")])
    await rooms.messages.delete(GUILD, [3])
    answer = await answers.get(ANSWER.answer_id)
    assert answer == dataclasses.replace(ANSWER, found=(Found(2, 2, -7),))


async def test_a_hit_that_is_gone_before_the_answer_is_stored_is_left_out(rooms: Rooms, answers: AnswerStore) -> None:
    """A message that was deleted while the search ran does not fail the answer."""
    await rooms.messages.delete(GUILD, [1])
    await answers.put(ANSWER)

    answer = await answers.get(ANSWER.answer_id)
    assert answer is not None
    assert [one.message_id for one in answer.found] == [3, 2]


async def test_older_answers_are_dropped(rooms: Rooms, answers: AnswerStore) -> None:
    """What was made before a moment is dropped with its hits, what was made at it stays."""
    for answer_id, seconds in ((1, 2), (2, 1), (3, 0)):
        made_at = NOW - timedelta(seconds=seconds)
        answer = StoredAnswer(answer_id, GUILD, 501, made_at, ALL)
        await answers.put(answer)
    await answers.drop_made_before(NOW - timedelta(seconds=1))

    assert await rooms.database.fetch("SELECT answer_id FROM answers ORDER BY 1") == [(2,), (3,)]
    assert await rooms.database.fetch("SELECT DISTINCT answer_id FROM answer_hits ORDER BY 1") == [(2,), (3,)]


async def test_two_answers_of_one_id_are_refused(answers: AnswerStore) -> None:
    """An id is never given to a second answer, and the first one stays."""
    await answers.put(ANSWER)
    with pytest.raises(StorageFailed):
        await answers.put(dataclasses.replace(ANSWER, user_id=502))

    assert await answers.get(ANSWER.answer_id) == ANSWER


async def test_a_share_is_stale_after_any_of_its_sources_went(rooms: Rooms, shares: ShareStore) -> None:
    """Only a stale share is told, with what is left of it; the rest comes back as it was."""
    await shares.put(SHARE, TEXTS)
    await shares.put(dataclasses.replace(SHARE, message_id=901, found=ALL[1:]), TEXTS[1:])
    assert await shares.stale() == []

    await rooms.messages.delete(GUILD, [3])
    assert await shares.stale() == [dataclasses.replace(SHARE, found=ALL[1:])]


async def test_each_way_to_lose_a_source_leaves_its_share_stale(rooms: Rooms, shares: ShareStore) -> None:
    """A deletion, a deleted channel, a withdrawn one and an edit, in whichever transaction, all mark it."""
    ways = {
        910: lambda i: rooms.messages.delete(GUILD, [i]),
        911: lambda i: rooms.messages.save(GUILD, [message(i, "other", channel_id=i)]),
        912: lambda i: rooms.messages.delete_channels(GUILD, [i]),
        913: lambda i: rooms.messages.withdraw_channels(GUILD, [i]),
    }
    for share_id, lose in ways.items():
        source_id = share_id - 800
        await rooms.messages.save(GUILD, [message(source_id, "text", channel_id=source_id)])
        await shares.put(Share(GUILD, CHANNEL, share_id, "en", (Found(0, source_id, 9), ALL[1])), ["text", "one"])
        assert await found(shares) == []
        await lose(source_id)

        assert await found(shares) == [(share_id, [1])]
        await shares.drop(GUILD, [share_id])


async def test_the_same_text_again_leaves_a_share_true(rooms: Rooms, shares: ShareStore) -> None:
    """Only another text is another text; a source of another server with the same id does not matter."""
    await shares.put(SHARE, TEXTS)
    await rooms.messages.save(GUILD, [message(1, "one", edited_at=NOW)])
    await rooms.messages.delete(OTHER_GUILD, [1])

    assert await shares.stale() == []


async def test_a_share_of_what_is_gone_already_is_stale_from_the_start(rooms: Rooms, shares: ShareStore) -> None:
    """Deleted or rewritten while it was being sent, a hit is not among what may be shown."""
    await rooms.messages.delete(GUILD, [3])
    await rooms.messages.save(GUILD, [message(2, "rewritten")])
    await shares.put(SHARE, TEXTS)

    assert await found(shares) == [(900, [1])]


async def test_redrawing_counts_only_if_nothing_else_went(rooms: Rooms, shares: ShareStore) -> None:
    """A share that lost another source while it was edited stays stale."""
    await shares.put(SHARE, TEXTS)
    await rooms.messages.delete(GUILD, [3])
    [drawn] = await shares.stale()
    await rooms.messages.delete(GUILD, [2])
    await shares.redrawn(drawn)
    assert await found(shares) == [(900, [1])]

    [drawn] = await shares.stale()
    await shares.redrawn(drawn)
    assert await shares.stale() == []


async def test_a_share_of_nothing_can_be_redrawn(rooms: Rooms, shares: ShareStore) -> None:
    """When all sources are gone, the emptied share is drawn once and then true."""
    await shares.put(SHARE, TEXTS)
    await rooms.messages.delete(GUILD, [1, 2, 3])
    [drawn] = await shares.stale()
    assert drawn.found == ()

    await shares.redrawn(drawn)
    assert await shares.stale() == []


async def test_dropped_shares_leave_nothing(rooms: Rooms, shares: ShareStore) -> None:
    """A dropped share goes with its sources, an unknown one is fine, another server's is left."""
    await shares.put(SHARE, TEXTS)
    await shares.drop(OTHER_GUILD, [900])
    assert await rooms.database.fetch("SELECT count(*) FROM share_sources") == [(3,)]

    await shares.drop(GUILD, [900, 12345])
    assert await rooms.database.fetch("SELECT * FROM shares") == []
    assert await rooms.database.fetch("SELECT * FROM share_sources") == []


async def test_a_share_that_is_put_again_is_as_it_was_put_last(rooms: Rooms, shares: ShareStore) -> None:
    """Putting a share a second time replaces it and does not make it stale."""
    await shares.put(SHARE, TEXTS)
    await shares.put(dataclasses.replace(SHARE, found=ALL[:1]), TEXTS[:1])

    assert await shares.stale() == []
    assert await rooms.database.fetch("SELECT source_id FROM share_sources") == [(3,)]


async def test_no_hit_of_another_server_gets_in(rooms: Rooms, shares: ShareStore) -> None:
    """The ids of a share are those of its own server's messages."""
    await shares.put(Share(OTHER_GUILD, CHANNEL, 950, "en", ALL), TEXTS)

    assert await found(shares) == [(950, [1])]
