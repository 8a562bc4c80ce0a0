"""Forgetting people: nothing of theirs is left, and nothing of it comes back."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from conftest import Rooms
from fakes import AsStored
from make import BOB, CHANNEL, GUILD, OTHER_GUILD, channel, server
from make import message as any_message

from bot.askers import Member
from bot.messages import Channel, ChannelKind, Hit, Message, Origin, Query
from bot.storage.answers import Found, Share, ShareStore

ADA = 501_000_000_000_000_001  # which is what Discord takes for an id in a text
THREAD = 77
LONG = "the old printer in the hall has been jammed since Monday"
OF_MESSAGES = ("messages", "embeddings", "pending", "worded", "unworded", "answer_hits")


def message(message_id: int, content: str, **values: Any) -> Message:
    return any_message(message_id, content, **{"author_id": ADA, **values})


async def embedded(rooms: Rooms) -> list[str]:
    """The texts that are embedded now because they wait, the newest message first."""
    return [text.text for text in await rooms.embeddings.pending(100)]


async def ids_in(rooms: Rooms, table: str, guild_id: int = GUILD) -> list[int]:
    rows = await rooms.database.fetch(f"SELECT message_id FROM {table} WHERE guild_id = ? ORDER BY 1", (guild_id,))
    return [row[0] for row in rows]


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """Ada has two messages and Bob two in one server, and Ada one in another, all with words and vectors."""
    bob = {"author_id": BOB, "author_name": "Bob"}
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "blue fish"), message(3, "red bird", **bob)])
    await rooms.ingest.saved(GUILD, [message(4, f"ask <@{ADA}> about it", names=((ADA, "Ada"), (9, "x")), **bob)])
    await rooms.ingest.saved(OTHER_GUILD, [message(5, "red fish", guild_id=OTHER_GUILD)])
    await rooms.settle()
    return rooms


async def test_everything_of_a_person_goes(town: Rooms) -> None:
    """Messages with vectors, words and places in answers, in the database and the mirror; others keep theirs."""
    asker = Member(GUILD, BOB, frozenset({CHANNEL}))
    page = await town.answers.ask(asker, Query(text="red fish"), history=AsStored(town.messages))
    assert {hit.message.message_id for hit in page.hits} >= {1, 2, 3}

    assert await town.erasure.forget_author(ADA) == 3
    await town.settle()
    for table in OF_MESSAGES:
        assert set(await ids_in(town, table)) <= {3, 4}, table
        assert await ids_in(town, table, OTHER_GUILD) == [], table
    assert town.mirror.ids(GUILD).tolist() == [3, 4]
    assert town.mirror.ids(OTHER_GUILD).tolist() == []
    assert await town.database.fetch("SELECT author_id FROM authors") == [(BOB,)]


async def test_only_the_servers_that_are_named_forget(town: Rooms) -> None:
    """What the same person wrote elsewhere stays there."""
    assert await town.erasure.forget_author(ADA, guild_ids=[OTHER_GUILD]) == 1

    assert await ids_in(town, "messages") == [1, 2, 3, 4]
    assert await ids_in(town, "messages", OTHER_GUILD) == []
    assert await town.erasure.forget_author(ADA, guild_ids=[]) == 0


async def test_what_was_forgotten_does_not_come_back(town: Rooms) -> None:
    """Neither history nor an import brings it back; what is written afterwards is kept."""
    await town.erasure.forget_author(ADA)
    again = [message(1, "red fish"), message(2, "blue fish", origin=Origin.EXPORT), message(6, "later")]
    tally = await town.ingest.saved(GUILD, again)

    assert (tally.new, tally.skipped) == (1, {"deleted": 2})
    assert await ids_in(town, "messages") == [3, 4, 6]


async def test_a_name_goes_out_of_what_others_wrote(town: Rooms) -> None:
    """Words and vector of a message that mentions them are made anew without it; other names stay."""
    await town.erasure.forget_author(ADA)

    assert await town.database.fetch("SELECT names FROM messages WHERE message_id = 4") == [
        (f'{{"{ADA}": "", "9": "x"}}',)
    ]
    assert town.mirror.ids(GUILD).tolist() == [3]
    assert await embedded(town) == ["ask @someone about it"]
    assert await ids_in(town, "unworded") == [4]
    assert town.ingest.has_pending.is_set()
    await town.settle()
    assert [row async for row in town.messages.damaged_ids()] == []


async def test_a_name_is_not_completed_again(town: Rooms) -> None:
    """The same message as Discord has it does not bring the name back."""
    await town.erasure.forget_author(ADA)
    told = message(4, f"ask <@{ADA}> about it", names=((ADA, "Ada"), (9, "x")), author_id=BOB, author_name="Bob")
    tally = await town.ingest.saved(GUILD, [told])

    assert tally.unchanged == 1
    assert await embedded(town) == ["ask @someone about it"]


async def test_answers_to_a_person_lose_their_vectors(rooms: Rooms) -> None:
    """A short reply of somebody else was embedded with what it answers, and is made anew alone."""
    await rooms.ingest.saved(GUILD, [message(1, LONG), message(2, "still?", reply_to=1, author_id=BOB)])
    await rooms.settle()
    await rooms.erasure.forget_author(ADA)

    assert await ids_in(rooms, "embeddings") == rooms.mirror.ids(GUILD).tolist() == []
    assert await embedded(rooms) == ["still?"]


async def test_answers_to_who_named_a_person_are_made_anew(rooms: Rooms) -> None:
    """The name is in the vector of a reply to the message that has it."""
    asked = message(1, f"did anybody tell <@{ADA}> about it?", author_id=BOB, names=((ADA, "Ada"),))
    await rooms.ingest.saved(GUILD, [asked, message(2, "still not", reply_to=1, author_id=BOB)])
    await rooms.settle()
    await rooms.erasure.forget_author(ADA)

    assert await embedded(rooms) == [
        "did anybody tell @someone about it? still not",
        "did anybody tell @someone about it?",
    ]


async def test_the_title_of_a_thread_goes_with_who_began_it(rooms: Rooms) -> None:
    """It goes out of the vectors of what others wrote below it, and Discord does not bring it back."""
    thread = Channel(GUILD, THREAD, "the jammed printer", ChannelKind.THREAD, CHANNEL)
    await rooms.ingest.met(server(), thread)
    said = [message(THREAD, LONG, channel_id=THREAD), message(78, "still?", channel_id=THREAD, author_id=BOB)]
    await rooms.ingest.saved(GUILD, said)
    await rooms.settle()
    assert "the jammed printer still?" in rooms.embedder.texts

    await rooms.erasure.forget_author(ADA)
    await rooms.ingest.met(server(), thread)
    assert [each.name for each in await rooms.ingest.channels(GUILD)] == ["square", ""]
    assert rooms.mirror.ids(GUILD).tolist() == []
    assert await embedded(rooms) == ["still?"]


async def test_a_thread_that_another_began_keeps_its_title(rooms: Rooms) -> None:
    """Who only wrote in it takes nothing of it along."""
    thread = Channel(GUILD, THREAD, "the jammed printer", ChannelKind.THREAD, CHANNEL)
    await rooms.ingest.met(server(), thread)
    said = [message(THREAD, LONG, channel_id=THREAD, author_id=BOB), message(78, "still?", channel_id=THREAD)]
    await rooms.ingest.saved(GUILD, said)
    await rooms.erasure.forget_author(ADA)

    assert [each.name for each in await rooms.ingest.channels(GUILD)] == ["square", "the jammed printer"]


async def test_a_title_goes_though_what_the_thread_began_with_went_before(rooms: Rooms) -> None:
    """What was too old took the first message out: the title goes with who opened the thread all the same."""
    thread = Channel(GUILD, THREAD, "the jammed printer", ChannelKind.THREAD, CHANNEL, owner_id=ADA)
    await rooms.ingest.met(server(), thread)
    said = [message(THREAD, LONG, channel_id=THREAD), message(78, "still?", channel_id=THREAD, author_id=BOB)]
    await rooms.ingest.saved(GUILD, said)
    await rooms.ingest.withdrawn(GUILD, [THREAD])
    await rooms.settle()
    assert rooms.embedder.texts[-1] == "the jammed printer still?"

    await rooms.erasure.forget_author(ADA)
    await rooms.ingest.met(server(), replace(thread, owner_id=None))
    assert [(each.name, each.owner_id) for each in await rooms.ingest.channels(GUILD)] == [("square", None), ("", None)]
    assert rooms.mirror.ids(GUILD).tolist() == []
    assert await embedded(rooms) == ["still?"]


async def test_threads_of_others_keep_their_titles(rooms: Rooms) -> None:
    """And so does the same person's in a server that does not forget them."""
    for guild_id, owner_id in ((GUILD, BOB), (OTHER_GUILD, ADA)):
        thread = Channel(guild_id, THREAD, "the jammed printer", ChannelKind.THREAD, CHANNEL, owner_id=owner_id)
        await rooms.ingest.met(server(guild_id), thread)
    await rooms.erasure.forget_author(ADA, guild_ids=[GUILD])

    names = await rooms.database.fetch("SELECT name, owner_id FROM channels WHERE kind = 'thread' ORDER BY guild_id")
    assert names == [("the jammed printer", BOB), ("the jammed printer", ADA)]


@pytest.mark.parametrize("source", [1, 4], ids=["what they wrote", "what names them"])
async def test_shared_answers_are_edited(town: Rooms, source: int) -> None:
    """One that shows what a person wrote, or that names them, is stale and told of."""
    said = (await town.messages.get_many(GUILD, [source]))[source]
    share = Share(GUILD, CHANNEL, 900, "en", (Found(0, source, 90),))
    await ShareStore(town.database).put(share, [Hit(said, 0.9).message.shown])
    assert await town.answers.stale_shares() == []

    town.answers.may_be_stale.clear()
    await town.erasure.forget_author(ADA)
    assert [each.message_id for each in await town.answers.stale_shares()] == [900]
    assert town.answers.may_be_stale.is_set()


async def test_what_a_person_asked_goes(town: Rooms) -> None:
    """Their own answers cannot be turned any more; those of others can."""
    mine, theirs = [
        await town.answers.ask(
            Member(GUILD, who, frozenset({CHANNEL})), Query(text="bird"), history=AsStored(town.messages)
        )
        for who in (ADA, BOB)
    ]
    await town.erasure.forget_author(ADA)

    assert await town.database.fetch("SELECT answer_id FROM answers") == [(theirs.answer_id,)]
    assert mine.is_kept


async def test_many_messages_go_some_at_a_time(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two commits others write; what goes is whole at the end, whatever the batches are."""
    monkeypatch.setattr("bot.services.erasure._AT_ONCE", 7)
    monkeypatch.setattr("bot.storage.erasure._STRETCH", 10)
    said = [message(i, f"text {i}", author_id=(ADA, BOB)[i % 2]) for i in range(1, 101)]
    ask_ada = f"ask <@{ADA}> about it"
    naming = [message(1_000 + i, ask_ada, author_id=BOB, names=((ADA, "Ada"),)) for i in range(25)]
    await rooms.ingest.saved(GUILD, [*said, *naming])
    await rooms.settle()
    forgetting = asyncio.create_task(rooms.erasure.forget_author(ADA))
    n_others = 0
    while not forgetting.done():
        n_others += 1
        await rooms.ingest.saved(GUILD, [message(200 + n_others, "from another", author_id=BOB)])

    assert await forgetting == 50
    assert n_others >= 8
    assert await ids_in(rooms, "messages") == [*range(1, 101, 2), *range(201, 201 + n_others), *range(1_000, 1_025)]
    names = "SELECT DISTINCT names FROM messages WHERE message_id >= 1000"
    assert await rooms.database.fetch(names) == [(f'{{"{ADA}": ""}}',)]
    assert await ids_in(rooms, "tombstones") == [*range(2, 101, 2)]


async def test_a_damaged_text_stays_one_that_is_known_to_be_damaged(town: Rooms) -> None:
    """Taking a name out of it does not make it pass for sound."""
    async with town.database.transaction() as transaction:
        await transaction.execute(f"UPDATE messages SET content = 'ask <@{ADA}> abXut it' WHERE message_id = 4")
    assert [i async for i in town.messages.damaged_ids()] == [4]
    await town.erasure.forget_author(ADA)

    assert [i async for i in town.messages.damaged_ids()] == [4]


async def test_nothing_is_kept_of_who_was_never_there(town: Rooms) -> None:
    """A stranger costs a look and changes nothing."""
    before = await town.database.fetch("SELECT * FROM messages")
    await town.ingest.met(server(), channel())
    assert await town.erasure.forget_author(12345) == 0

    assert await town.database.fetch("SELECT * FROM messages") == before
    assert await ids_in(town, "tombstones") == []
