"""What is stored about related posts."""

from datetime import timedelta

import pytest
from conftest import Rooms
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, message, utc

from bot.storage.answers import Found, Share, ShareStore
from bot.storage.related import Due, RelatedStore

NOW = utc("2025-06-15T12:00:00.123")
THREAD = 30


@pytest.fixture
def store(rooms: Rooms) -> RelatedStore:
    return RelatedStore(rooms.database)


async def test_a_server_chooses_channels_with_their_delays(store: RelatedStore) -> None:
    """The last delay counts, and a channel that was not chosen cannot be left."""
    await store.choose(GUILD, CHANNEL, timedelta(seconds=60))
    await store.choose(GUILD, CHANNEL, timedelta(seconds=90))
    await store.choose(OTHER_GUILD, OTHER_CHANNEL, timedelta(seconds=5))
    assert await store.chosen(GUILD) == {CHANNEL: timedelta(seconds=90)}

    assert await store.leave(GUILD, CHANNEL)
    assert not await store.leave(GUILD, CHANNEL)
    assert await store.chosen(GUILD) == {}
    assert await store.chosen(OTHER_GUILD) == {OTHER_CHANNEL: timedelta(seconds=5)}


async def test_what_is_known_of_a_deleted_channel_goes_with_it(rooms: Rooms, store: RelatedStore) -> None:
    """A channel is chosen no longer, and a thread neither waits nor counts as helped; others are as they were."""
    for channel_id in (CHANNEL, OTHER_CHANNEL):
        await store.choose(GUILD, channel_id, timedelta(seconds=60))
        await store.put_due(Due(GUILD, channel_id, NOW, NOW))
        await store.helped(GUILD, channel_id)
    await rooms.ingest.channels_deleted(GUILD, [CHANNEL])

    assert list(await store.chosen(GUILD)) == [OTHER_CHANNEL]
    assert [due.thread_id for due in await store.due()] == [OTHER_CHANNEL]
    assert await store.helped_among(GUILD, [CHANNEL, OTHER_CHANNEL]) == {OTHER_CHANNEL}


async def test_threads_wait_in_the_order_of_their_moments(store: RelatedStore) -> None:
    """A thread waits once, its moments to the millisecond, until it is dropped."""
    late, early = Due(GUILD, 1, NOW, NOW + timedelta(minutes=2)), Due(OTHER_GUILD, 2, NOW, NOW)
    for due in (Due(GUILD, 1, NOW, NOW), late, early):
        await store.put_due(due)
    assert await store.due() == [early, late]

    await store.drop_due(early)
    assert await store.due() == [late]


async def test_that_a_thread_was_helped_is_news_once(store: RelatedStore) -> None:
    """It is remembered by server and thread."""
    assert await store.helped(GUILD, THREAD)
    assert not await store.helped(GUILD, THREAD)
    assert await store.helped_among(GUILD, {THREAD, 31}) == {THREAD}
    assert await store.helped_among(OTHER_GUILD, {THREAD}) == set()


async def test_who_wrote_in_a_thread_is_known_from_what_is_stored(rooms: Rooms, store: RelatedStore) -> None:
    """Each person once; what opened the thread counts as written by its author, wherever it stands."""
    inside = {"channel_id": THREAD}
    opener, others = message(THREAD, "a"), [message(31, "b", **inside), message(32, "c", author_id=BOB, **inside)]
    await rooms.ingest.saved(GUILD, [opener, *others, message(33, "d", **inside)])

    assert await store.voices(GUILD, [THREAD, 99]) == {THREAD: {ADA, BOB}}
    assert await store.written_by(GUILD, THREAD, ADA, limit=9) == [30, 31, 33]
    assert await store.written_by(GUILD, THREAD, ADA, limit=2) == [30, 31]
    assert await store.written_by(OTHER_GUILD, THREAD, ADA, limit=9) == []


@pytest.mark.parametrize("found_by", ["words", None], ids=["a suggestion", "a share"])
async def test_a_suggestion_goes_with_what_opened_its_thread(rooms: Rooms, found_by: str | None) -> None:
    """When the opener is deleted nothing is left to suggest; what somebody shared there stays."""
    await rooms.ingest.saved(GUILD, [message(THREAD, "question"), message(2, "answer"), message(3, "aside")])
    shares = ShareStore(rooms.database)
    await shares.put(Share(GUILD, THREAD, 900, "en", (Found(0, 2, 60),), found_by), ["answer"])
    await rooms.ingest.deleted(GUILD, [3])
    assert await shares.stale() == []

    await rooms.ingest.deleted(GUILD, [THREAD])
    stale = await shares.stale()
    assert [(one.message_id, one.found, one.is_suggestion) for one in stale] == ([(900, (), True)] if found_by else [])


async def test_a_suggestion_is_emptied_once(rooms: Rooms) -> None:
    """It is stale from then on, and emptying it again is no news."""
    await rooms.ingest.saved(GUILD, [message(2, "answer")])
    shares = ShareStore(rooms.database)
    await shares.put(Share(GUILD, THREAD, 900, "en", (Found(0, 2, 60),), "words"), ["answer"])
    assert await shares.stale() == []

    assert await shares.empty(GUILD, 900)
    assert not await shares.empty(GUILD, 900)
    assert await shares.get(GUILD, 900) == Share(GUILD, THREAD, 900, "en", (), "words")
    assert [one.message_id for one in await shares.stale()] == [900]
    assert await shares.get(GUILD, 901) is None
