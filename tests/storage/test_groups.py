"""What tells of groups, beside vectors."""

from collections import defaultdict

import pytest
from conftest import Rooms
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, server

from bot.askers import EVERYTHING, Scope
from bot.messages import Channel, ChannelKind
from bot.storage import groups
from bot.storage.groups import GroupStore
from bot.storage.lexicon import Place


async def texts(store: GroupStore, scope: Scope = EVERYTHING) -> list[list[int]]:
    """The messages by what they say."""
    same = defaultdict(list)
    async for ids, numbers in store.texts(GUILD, scope):
        for i, number in zip(ids.tolist(), numbers.tolist(), strict=True):
            same[number].append(i)
    return sorted(same.values())


@pytest.mark.parametrize("at_once", [1, 2, 100])
async def test_equal_texts_have_equal_numbers(rooms: Rooms, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Within a scope, read in batches: what says the same has the same number, and what says nothing has none."""
    monkeypatch.setattr(groups, "_AT_ONCE", at_once)
    here = [
        message(1, "red fish"),
        message(2, "red  fish"),
        message(3, "a bird"),
        message(4, "ok"),
        message(6, "a bird"),
    ]
    there = message(5, "red fish", channel_id=OTHER_CHANNEL, author_id=BOB)
    await rooms.ingest.saved(GUILD, [*here, there])
    await rooms.ingest.saved(OTHER_GUILD, [message(1, "red fish", guild_id=OTHER_GUILD)])
    store = GroupStore(rooms.database)

    assert await texts(store) == [[1, 2, 5], [3, 6]]
    assert await texts(store, Scope(channel_ids=frozenset({CHANNEL}))) == [[1, 2], [3, 6]]
    assert await texts(store, Scope(author_ids=frozenset({BOB}))) == [[5]]
    assert await texts(store, Scope(after_id=2, before_id=6)) == [[2, 5], [3]]
    assert await texts(store, Scope(channel_ids=frozenset())) == []


async def test_posts_of_pictures_alone_do_not_say_the_same(rooms: Rooms) -> None:
    """What opens a thread and says nothing itself is kept for its title, and is like no other by that."""
    for i in (1, 2):
        await rooms.ingest.met(server(), Channel(GUILD, i, f"title {i}", ChannelKind.THREAD, CHANNEL))
    await rooms.ingest.saved(GUILD, [message(i, "", channel_id=i) for i in (1, 2)])

    assert await rooms.messages.stored_ids(GUILD, [1, 2]) == {1, 2}
    assert await texts(GroupStore(rooms.database)) == []


async def test_what_leans_is_told_from_what_speaks_for_itself(rooms: Rooms) -> None:
    """A short answer has its vector from what it answers as well, a long one and one to nothing do not."""
    long = "a sentence that is long enough to be understood by whoever reads it"
    await rooms.ingest.saved(GUILD, [message(1, long), message(2, "red fish"), message(3, "red fish", reply_to=1)])
    await rooms.ingest.saved(GUILD, [message(4, f"{long}, too", reply_to=1)])
    await rooms.settle()

    assert await GroupStore(rooms.database).leaning(GUILD, [1, 2, 3, 4, 9]) == {3}


async def test_places_are_of_what_exists(rooms: Rooms) -> None:
    """Where messages stand and by whom; what is gone has no place."""
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL))
    await rooms.ingest.saved(GUILD, [message(1), message(2, channel_id=OTHER_CHANNEL, author_id=BOB), message(3)])
    await rooms.ingest.deleted(GUILD, [3])

    assert await GroupStore(rooms.database).places(GUILD, [1, 2, 3]) == {
        1: Place(CHANNEL, ADA, 1),
        2: Place(OTHER_CHANNEL, BOB, 2),
    }
