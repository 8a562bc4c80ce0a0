"""Waves: what is one, what is none, and how one goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from conftest import Rooms
from make import BOB, beside
from watching import HARBOUR, MARKET, PEOPLE, SQUARE, WATCH, Watched, watched_server

from bot.messages import Origin

SPAM = [f"free nitro for all of you at gift dot example {word}" for word in ("now", "soon", "here", "today", "please")]


@pytest.fixture
async def town(rooms: Rooms) -> Watched:
    return await watched_server(rooms)


async def test_alike_messages_of_several_people_are_a_wave(town: Watched) -> None:
    """The fifth of five alike messages by three people makes one, of all five; what else is said does not belong."""
    ids = await town.say(SPAM[:4])
    await town.say(["the ferry leaves at noon"])
    assert await town.found() == []

    ids += await town.say(SPAM[4:])
    assert await town.found() == [("open", ids)]
    assert town.waves.has_news.is_set()


async def test_all_at_once_is_the_same_as_one_by_one(town: Watched) -> None:
    """Two waves that come in one batch are found as two, each with all of its messages."""
    others = [f"sell your account to me for fifty coins {n}" for n in range(5)]
    ids = await town.say([text for pair in zip(SPAM, others, strict=True) for text in pair], by=PEOPLE[:3])

    assert sorted(members for _, members in await town.found()) == sorted([ids[::2], ids[1::2]])


async def test_too_few_people_are_no_wave(town: Watched) -> None:
    """Two people may say the same as often as they like."""
    await town.say(2 * SPAM, by=PEOPLE[:2])

    assert await town.found() == []


async def test_one_account_across_channels_is_a_wave(town: Watched) -> None:
    """The same in three channels by one person is one, in two it is none."""
    await town.say(SPAM[:2], by=[BOB], where=(SQUARE, MARKET))
    assert await town.found() == []

    await town.say(SPAM[2:3], by=[BOB], where=(HARBOUR,))
    assert [len(members) for _, members in await town.found()] == [3]


async def test_what_was_said_longer_ago_does_not_count(town: Watched) -> None:
    """Four and, after eleven minutes, four more are no wave of eight."""
    await town.say(SPAM[:4])
    await town.pass_by(minutes=11)
    await town.say(SPAM[:4])

    assert await town.found() == []


async def test_a_wave_grows_and_ends(town: Watched) -> None:
    """What comes later belongs to the same wave, until nothing does for ten minutes; then another one may begin."""
    ids = await town.say(SPAM)
    await town.pass_by(minutes=9)
    ids += await town.say(SPAM[:2], by=[600])
    await town.pass_by(minutes=9)
    assert await town.found() == [("open", ids)]

    await town.pass_by(minutes=2)
    assert await town.found() == [("over", ids)]
    again = await town.say(SPAM)
    assert await town.found() == [("over", ids), ("open", again)]


async def test_waves_go_on_after_a_restart(town: Watched) -> None:
    """What was found is not found anew, and what was said before counts."""
    ids = await town.say(SPAM)
    others = [f"sell your account to me for fifty coins {n}" for n in range(5)]
    early = await town.say(others[:4])
    town.begin()
    await town.pass_by(minutes=1)
    ids += await town.say(SPAM[:3])
    late = await town.say(others[4:])

    assert await town.found() == [("open", ids), ("open", early + late)]


async def test_usual_phrases_do_not_count(town: Watched) -> None:
    """What three people said on three days before is no wave; what was said so on one day, or by one, is."""
    greetings = [f"good morning everybody in this town {word}" for word in ("now", "soon", "here", "today", "please")]
    for days in (4, 3, 2):
        await town.say(greetings[:1], by=[PEOPLE[days - 2]], at=town.now - timedelta(days=days))
        await town.say(SPAM[:1], by=[BOB], at=town.now - timedelta(days=days))
    assert len(town.rooms.mirror.ids(WATCH.guild_id)) == 6

    await town.say(greetings)
    assert await town.found() == []
    ids = await town.say(SPAM)
    assert await town.found() == [("open", ids)]


async def test_an_earlier_wave_is_nothing_usual(town: Watched) -> None:
    """The same wave on each of four days is found on each of them."""
    for _ in range(4):
        await town.say(SPAM)
        await town.pass_by(days=1.5)

    assert [state for state, _ in await town.found()] == 4 * ["over"]


async def test_what_is_too_old_is_history(town: Watched) -> None:
    """Messages that were written before count as little when they are read as when they were written."""
    await town.say(SPAM, at=town.now - timedelta(minutes=11))
    await town.say(SPAM, at=town.now - timedelta(days=30), origin=Origin.EXPORT)

    assert await town.found() == []


@pytest.mark.parametrize("what", ["deleted", "rewritten"])
async def test_what_is_gone_does_not_count(town: Watched, what) -> None:
    """Of five alike messages one is gone before the fifth comes: there is no wave."""
    ids = await town.say(SPAM[:4])
    if what == "deleted":
        await town.rooms.ingest.deleted(WATCH.guild_id, ids[:1])
    else:
        town.n_said -= 4
        await town.say(["the ferry leaves at noon"], edited_at=town.now)
        town.n_said += 3
    await town.say(SPAM[4:])

    assert await town.found() == []


async def test_answers_that_say_little_do_not_count(town: Watched) -> None:
    """Short answers to one message are alike by what they answer, and are no wave."""
    [asked] = await town.say(["who comes along to the lighthouse on sunday evening after the market"])
    await town.say([f"me too {n}" for n in range(8)], reply_to=asked)

    assert await town.found() == []


async def test_the_shortest_texts_do_not_count(town: Watched) -> None:
    """They are alike by chance."""
    await town.say(8 * ["hello you there"])
    assert await town.found() == []
    await town.say(5 * ["hello you there!"])
    assert [len(members) for _, members in await town.found()] == [5]


async def test_bots_do_not_count(town: Watched) -> None:
    """What bots write is always alike."""
    ids = await town.say(SPAM[:4])
    async with town.rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE messages SET is_bot = 1 WHERE message_id = ?", (ids[0],))
    await town.say(SPAM[4:])

    assert await town.found() == []


async def test_nothing_is_looked_for_unless_it_is_wanted(rooms: Rooms) -> None:
    """Without a watch nothing is found, and after it is turned off nothing more."""
    town = await watched_server(rooms, None)
    await town.say(SPAM)
    assert await town.found() == []

    await town.waves.watch(replace(WATCH, n_messages=3))
    await town.say(SPAM[:1])
    assert [len(members) for _, members in await town.found()] == [6]
    assert await town.waves.unwatch(WATCH.guild_id)
    await town.say(SPAM)
    assert [(state, len(members)) for state, members in await town.found()] == [("over", 6)]
    assert not await town.waves.unwatch(WATCH.guild_id)


async def test_a_kind_that_is_ignored_is_not_told_again(town: Watched) -> None:
    """What is like an ignored wave is no wave later, until the watch is turned off; other things are."""
    ids = await town.say(SPAM)
    [wave] = await town.store.of_server(WATCH.guild_id)
    await town.notices.ignore(WATCH.guild_id, wave.wave_id)
    await town.pass_by(minutes=20)
    await town.say(SPAM)
    assert await town.found() == [("ignored", ids)]

    await town.waves.unwatch(WATCH.guild_id)
    await town.waves.watch(WATCH)
    await town.say(SPAM[:1])
    assert [state for state, _ in await town.found()] == ["ignored", "open"]


async def test_a_wave_that_is_dismissed_is_not_found_anew(town: Watched) -> None:
    """While it goes on there is no other one."""
    ids = await town.say(SPAM)
    [wave] = await town.store.of_server(WATCH.guild_id)
    await town.notices.dismiss(WATCH.guild_id, wave.wave_id)
    ids += await town.say(SPAM)

    assert await town.found() == [("dismissed", ids)]


async def test_it_looks_by_itself(town: Watched) -> None:
    """While it runs, what gets its vector is looked at."""
    async with beside(town.waves.run()):
        town.waves.has_news.clear()
        await town.rooms.ingest.saved(WATCH.guild_id, [])
        await town.say(SPAM)
        await town.waves.has_news.wait()

    assert [state for state, _ in await town.found()] == ["open"]
