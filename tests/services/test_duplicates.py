"""Marking duplicates as far as the one who marks may see."""

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, message

from bot.askers import Audience, Member
from bot.errors import DuplicateOfItself, MessageNotFound, MessageNotKept
from bot.messages import StoredMessage
from bot.services.duplicates import MOST_OFFERED

BOTH = Member(GUILD, 1, frozenset({CHANNEL, OTHER_CHANNEL}))
HERE = Member(GUILD, 1, frozenset({CHANNEL}))
ALL_HERE, ALL_IN_BOTH = Audience(GUILD, frozenset({CHANNEL})), Audience(GUILD, frozenset({CHANNEL, OTHER_CHANNEL}))


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """Four questions that are alike, the second one in the other channel; the ids are those of their texts."""
    texts = {1: "red fish swims", 2: "red fish sleeps", 3: "red fish eats", 4: "red fish jumps", 5: "blue bird"}
    here = {2: OTHER_CHANNEL}
    await rooms.ingest.saved(GUILD, [message(i, text, channel_id=here.get(i, CHANNEL)) for i, text in texts.items()])
    await rooms.settle()
    return rooms


def ids(stored: tuple[StoredMessage, ...]) -> list[int]:
    return [one.message.message_id for one in stored]


async def test_earlier_messages_are_offered_first(town: Rooms) -> None:
    """What was written before comes before what was written later, and the message itself is not among them."""
    offered = ids(await town.duplicates.candidates(BOTH, 3))

    assert sorted(offered[:2]) == [1, 2]
    assert offered[2] == 4
    assert 3 not in offered


async def test_what_the_asker_may_not_read_is_not_offered(town: Rooms) -> None:
    """Nor is what leads to it by way of a mark."""
    assert 2 not in ids(await town.duplicates.candidates(HERE, 3))

    await town.duplicates.mark(BOTH, 1, 2)
    assert ids(await town.duplicates.candidates(HERE, 3))[:1] == [4]


async def test_an_original_is_offered_for_its_duplicates(town: Rooms) -> None:
    """Once, and what is a duplicate of the message itself not at all."""
    await town.duplicates.mark(BOTH, 2, 1)
    assert ids(await town.duplicates.candidates(BOTH, 3))[:2] == [1, 4]

    assert set(ids(await town.duplicates.candidates(BOTH, 1))) & {1, 2} == set()


async def test_of_what_says_the_same_the_first_is_offered(town: Rooms) -> None:
    """Thirty that say the same are one, which is the oldest; no more are offered than a menu holds."""
    await town.ingest.saved(GUILD, [message(i, "red fish") for i in range(10, 40)])
    await town.ingest.saved(GUILD, [message(i, f"red fish number {i}") for i in range(40, 80)])
    await town.settle()

    offered = ids(await town.duplicates.candidates(BOTH, 90 - 11))
    assert [i for i in offered if 10 <= i < 40] in ([], [10])
    assert len(offered) == MOST_OFFERED


async def test_marking_follows_to_the_first(town: Rooms) -> None:
    """A duplicate of a duplicate is one of the original, and both are handed out."""
    await town.duplicates.mark(BOTH, 3, 1)
    marked = await town.duplicates.mark(HERE, 4, 3)

    assert ids((marked.message, marked.original)) == [4, 1]
    original = await town.duplicates.original_of(HERE, 4)
    assert original is not None
    assert original.message.message_id == 1


async def test_nothing_is_marked_that_the_asker_may_not_see(town: Rooms) -> None:
    """A hidden original is told as one that is not there, also at the end of a mark; a hidden duplicate is not kept."""
    for original_id in (2, 99):
        with pytest.raises(MessageNotFound):
            await town.duplicates.mark(HERE, 3, original_id)
    await town.duplicates.mark(BOTH, 1, 2)
    with pytest.raises(MessageNotFound):
        await town.duplicates.mark(HERE, 3, 1)
    with pytest.raises(MessageNotKept):
        await town.duplicates.mark(HERE, 2, 1)
    with pytest.raises(DuplicateOfItself):
        await town.duplicates.mark(BOTH, 2, 1)

    assert await town.duplicates.original_of(HERE, 1) is None
    assert [link.duplicate.message_id for link in await town.marks.links(GUILD)] == [1]


async def test_how_often_something_was_asked_counts_what_is_seen(town: Rooms) -> None:
    """Duplicates in a channel that the asker may not read are not counted, nor is a hidden original led to."""
    for i in (2, 3, 4):
        await town.duplicates.mark(BOTH, i, 1)
    marks = await town.duplicates.marks_of(GUILD, [1, 3, 5])

    assert marks.channel_ids == {CHANNEL, OTHER_CHANNEL}
    assert [marks.seen_by(asker).n_asked(1) for asker in (BOTH, HERE)] == [4, 3]
    assert marks.seen_by(HERE).n_asked(5) == 1
    assert marks.seen_by(HERE).original_url(3) == f"https://discord.com/channels/{GUILD}/{CHANNEL}/1"
    assert marks.seen_by(Member(GUILD, 1, frozenset({OTHER_CHANNEL}))).links == ()


async def test_a_mark_is_shown_to_those_alone_who_see_both(town: Rooms) -> None:
    """Who may no longer read one of the two is told that there is no such message."""
    marked = await town.duplicates.mark(BOTH, 3, 2)

    assert marked.seen_by(BOTH) == marked
    with pytest.raises(MessageNotFound):
        marked.seen_by(HERE)
    assert [await town.duplicates.is_open_to(audience, marked) for audience in (ALL_HERE, ALL_IN_BOTH)] == [False, True]


async def test_a_reply_is_looked_at_when_permissions_change(town: Rooms) -> None:
    """It is stale where not all who see it may read what it leads to, and no other is."""
    for i, original_id in ((3, 2), (4, 1)):
        marked = await town.duplicates.mark(BOTH, i, original_id)
        assert not await town.duplicates.has_reply(marked)
        await town.duplicates.replied(marked, reply_id=900 + i, language="en")
        assert await town.duplicates.has_reply(marked)
    town.answers.may_be_stale.clear()
    town.duplicates.permissions_changed(GUILD)
    assert town.answers.may_be_stale.is_set()

    replies = await town.duplicates.turned_replies()
    assert [reply.reply_id for reply in replies] == [903, 904]
    assert await town.duplicates.turned_replies() == []
    for reply in replies:
        await town.duplicates.narrow(reply, ALL_HERE)
    [reply] = await town.duplicates.stale_replies()
    assert reply.reply_id == 903
    assert await town.duplicates.led_to(reply, ALL_HERE) is None
    original = await town.duplicates.led_to(reply, ALL_IN_BOTH)
    assert original is not None
    await town.duplicates.redrawn(reply, original)
    assert await town.duplicates.stale_replies() == []


async def test_taking_a_mark_off_wakes_who_keeps_replies_true(town: Rooms) -> None:
    """The reply is stale and leads nowhere; once it is gone it is forgotten."""
    marked = await town.duplicates.mark(BOTH, 3, 1)
    await town.duplicates.replied(marked, reply_id=900, language="en")
    town.answers.may_be_stale.clear()
    assert await town.duplicates.unmark(GUILD, 3)
    assert town.answers.may_be_stale.is_set()
    assert not await town.duplicates.unmark(GUILD, 3)

    [reply] = await town.duplicates.stale_replies()
    assert await town.duplicates.led_to(reply, ALL_IN_BOTH) is None
    await town.duplicates.unreplied(reply)
    assert await town.duplicates.stale_replies() == []


async def judged(town: Rooms) -> list[tuple[int, str]]:
    return await town.database.fetch("SELECT percent, verdict FROM verdicts WHERE subject = 'duplicates'")


async def test_a_mark_is_a_verdict(town: Rooms) -> None:
    """It has how near the two messages lie; marked once more the same, it is none."""
    for _ in range(2):
        await town.duplicates.mark(BOTH, 3, 1)
    likeness = await town.search.likeness(GUILD, 3, 1)

    assert likeness is not None
    assert await judged(town) == [(round(100 * likeness), "duplicate")]


async def test_a_mark_that_is_taken_off_is_another_verdict(town: Rooms) -> None:
    """In place of that which made it; taking it off once more is none."""
    await town.duplicates.mark(BOTH, 2, 1)
    await town.duplicates.mark(BOTH, 3, 1)
    for _ in range(2):
        await town.duplicates.unmark(GUILD, 3)

    assert [verdict for _, verdict in await judged(town)] == ["duplicate", "not_duplicate"]


async def test_a_mark_that_is_moved_takes_the_former_one_back(town: Rooms) -> None:
    """One that follows its original to another one does not: nobody said so of it."""
    await town.duplicates.mark(BOTH, 4, 1)
    await town.duplicates.mark(BOTH, 4, 5)
    assert [verdict for _, verdict in await judged(town)] == ["duplicate", "not_duplicate"]

    await town.duplicates.mark(BOTH, 5, 2)
    assert [verdict for _, verdict in await judged(town)] == ["duplicate", "not_duplicate", "duplicate"]


async def test_a_mark_is_taken_back_as_it_was_made(town: Rooms) -> None:
    """Though the original has become a duplicate of another one since, which lies elsewhere."""
    await town.duplicates.mark(BOTH, 4, 1)
    [(percent, _)] = await judged(town)
    await town.duplicates.mark(BOTH, 1, 5)
    await town.duplicates.unmark(GUILD, 4)

    assert (percent, "not_duplicate") in await judged(town)
    assert (percent, "duplicate") not in await judged(town)


async def test_of_a_mark_that_no_verdict_was_kept_of_none_is_taken_back(town: Rooms) -> None:
    """Marks from before there were verdicts go without a word."""
    await town.marks.mark(GUILD, 4, 1)
    await town.duplicates.unmark(GUILD, 4)

    assert await judged(town) == []


async def test_a_mark_without_vectors_is_no_verdict(town: Rooms) -> None:
    """What waits for its vector can be marked; nothing is known of how near it is."""
    await town.ingest.saved(GUILD, [message(6, "red fish waits")])
    await town.duplicates.mark(BOTH, 6, 1)

    assert await judged(town) == []
