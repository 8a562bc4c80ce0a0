"""Maps of what a server talks about."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from conftest import Rooms
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, server

from bot.askers import EVERYTHING, Member, Operator, Scope
from bot.errors import TooLittleToMap
from bot.messages import Message
from bot.services import landscapes
from bot.services.landscapes import Landscape, Landscapes
from bot.storage.lexicon import Lexicon
from bot.times import snowflake_at

BEGAN = datetime(2025, 3, 3, tzinfo=UTC)
TOPICS = (
    "the ferry leaves the harbour at noon number {}",
    "bake bread with butter and flour number {}",
    "my printer shows an error code number {}",
)


def at(hour: int) -> int:
    """The id of a message so many hours later."""
    return snowflake_at(BEGAN + timedelta(hours=hour))


def talk(n: int, *, first: int = 0, topics: tuple[str, ...] = TOPICS, **values: object) -> list[Message]:
    """Messages about some topics in turn, by two people in turn, one an hour."""
    return [
        message(at(i), topics[i % len(topics)].format(i), author_id=(ADA, BOB)[i // len(topics) % 2], **values)
        for i in range(first, first + n)
    ]


def maps(rooms: Rooms) -> Landscapes:
    return Landscapes(Lexicon(rooms.database), rooms.servers, rooms.spaces)


def all_words(landscape: Landscape) -> set[str]:
    return {word for name in landscape.names for word in name}


async def test_groups_are_topics_named_by_their_words(rooms: Rooms) -> None:
    """Each topic is the larger part of one group and gives it its name; numbers and common words name nothing."""
    await rooms.ingest.saved(GUILD, talk(90))
    await rooms.settle()
    found = await maps(rooms).of(Operator(), EVERYTHING)

    assert len(found) == found.n_texts == 90
    assert found.places.shape == (90, 2)
    assert sum(found.shares) == pytest.approx(1)
    assert list(found.shares) == sorted(found.shares, reverse=True)
    assert all_words(found) & {"ferry", "harbour", "leaves", "noon"}
    assert all_words(found) & {"bake", "bread", "butter", "flour"}
    assert all_words(found) & {"printer", "shows", "error", "code"}
    assert "number" not in all_words(found)
    assert found.first_at == BEGAN
    assert found.last_at == BEGAN + timedelta(hours=89)


async def test_what_the_asker_may_not_read_is_on_no_map(rooms: Rooms) -> None:
    """Whatever is said in a hidden channel, the map is the same to the last point."""
    asker = Member(GUILD, user_id=1, channel_ids=frozenset({CHANNEL}))
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL, name="vault"))
    await rooms.ingest.saved(GUILD, talk(60))
    await rooms.settle()
    before = await maps(rooms).of(asker, EVERYTHING)
    await rooms.ingest.saved(GUILD, talk(60, first=60, topics=("secret {}",), channel_id=OTHER_CHANNEL))
    await rooms.settle()
    after = await maps(rooms).of(asker, EVERYTHING)

    assert (before.places == after.places).all()
    assert (before.names, before.n_texts, before.channel_ids) == (after.names, after.n_texts, after.channel_ids)
    assert after.channel_ids == {CHANNEL}
    assert "secret" in all_words(await maps(rooms).of(Operator(), EVERYTHING))


async def test_a_map_can_be_narrowed(rooms: Rooms) -> None:
    """To a time and to channels."""
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL))
    await rooms.ingest.saved(GUILD, [*talk(60), *talk(60, first=60), *talk(60, first=120, channel_id=OTHER_CHANNEL)])
    await rooms.settle()
    found = await maps(rooms).of(Operator(), Scope(channel_ids=frozenset({CHANNEL}), after_id=at(60)))

    assert len(found) == 60
    assert (found.first_at, found.channel_ids) == (BEGAN + timedelta(hours=60), {CHANNEL})


async def test_of_many_messages_some_are_chosen_by_chance(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evenly over the time, always the same ones, and about how many there are is told."""
    monkeypatch.setattr(landscapes, "MOST", 100)
    await rooms.ingest.saved(GUILD, talk(600))
    await rooms.settle()
    one, other = [await maps(rooms).of(Operator(), EVERYTHING) for _ in range(2)]

    assert len(one) == 100
    assert 400 < one.n_texts < 850
    assert (one.places == other.places).all()
    assert one.last_at - one.first_at > timedelta(hours=500)


async def test_servers_have_their_share_of_a_map(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's map of two servers has of each as much as there is, and one of a single server nothing else."""
    monkeypatch.setattr(landscapes, "MOST", 100)
    await rooms.ingest.saved(GUILD, talk(90))
    await rooms.ingest.saved(OTHER_GUILD, talk(90, first=90, guild_id=OTHER_GUILD, channel_id=OTHER_CHANNEL))
    await rooms.settle()
    both = await maps(rooms).of(Operator(), EVERYTHING)
    one = await maps(rooms).of(Operator(), Scope(guild_ids=frozenset({OTHER_GUILD})))

    assert (len(both), both.n_texts, both.channel_ids) == (100, 180, {CHANNEL, OTHER_CHANNEL})
    assert (len(one), one.channel_ids) == (90, {OTHER_CHANNEL})


async def test_too_little_makes_no_map(rooms: Rooms) -> None:
    """With less than what makes groups, or nothing at all, that is said."""
    for scope in (EVERYTHING, Scope(guild_ids=frozenset({4_000}))):
        with pytest.raises(TooLittleToMap):
            await maps(rooms).of(Operator(), scope)
    await rooms.ingest.saved(GUILD, talk(landscapes.LEAST - 1))
    await rooms.settle()
    with pytest.raises(TooLittleToMap):
        await maps(rooms).of(Operator(), EVERYTHING)


async def test_a_topic_lies_in_one_place_in_two_languages(rooms: Rooms) -> None:
    """What all texts of a script have in common counts for nothing: groups go by what is said."""
    run = f"{'の' * 25} " * 3
    both = ("ferry harbour {}", "bread butter {}", f"{run}ferry harbour {{}}", f"{run}bread butter {{}}")
    await rooms.ingest.saved(GUILD, talk(160, topics=both))
    await rooms.settle()
    found = await maps(rooms).of(Operator(), EVERYTHING)
    topics = np.arange(160) % 4
    groups = [set(topics[found.groups == group].tolist()) for group in range(len(found.names))]

    assert all(group <= {0, 2} or group <= {1, 3} for group in groups)
    assert {0, 2} in groups
    assert {1, 3} in groups


async def test_deleted_messages_are_on_no_map(rooms: Rooms) -> None:
    """Nor are their words."""
    await rooms.ingest.saved(GUILD, [*talk(60), *talk(30, first=60, topics=("quokka {}",))])
    await rooms.settle()
    assert "quokka" in all_words(await maps(rooms).of(Operator(), EVERYTHING))
    await rooms.ingest.deleted(GUILD, [at(i) for i in range(60, 90)])
    found = await maps(rooms).of(Operator(), EVERYTHING)

    assert len(found) == 60
    assert "quokka" not in all_words(found)
