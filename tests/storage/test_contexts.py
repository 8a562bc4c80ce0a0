"""What goes into vectors beside a message's own text, and when they are made anew."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, server, utc

from bot.askers import Operator
from bot.messages import Channel, ChannelKind, Origin, Query
from bot.storage.contexts import ANSWERING, BELOW

LATER = utc("2030-01-01T00:00:00")
THREAD = 77
LONG = "the old printer in the hall has been jammed since Monday"


def thread(name: str, channel_id: int = THREAD) -> Channel:
    return Channel(GUILD, channel_id, name, ChannelKind.THREAD, CHANNEL)


async def embedded(rooms: Rooms) -> list[str]:
    """The texts that are embedded now because they wait, the newest message first."""
    return [text.text for text in await rooms.embeddings.pending(100)]


async def vector_ids(rooms: Rooms) -> list[int]:
    return (await rooms.embeddings.ids(GUILD)).tolist()


@pytest.fixture
async def answered(rooms: Rooms) -> Rooms:
    """A question, a short answer to it, and a long one, all with their vectors."""
    long = "no, it was mended by the people who brought the new one yesterday"
    await rooms.ingest.saved(GUILD, [message(1, LONG), message(2, "still?", reply_to=1), message(3, long, reply_to=1)])
    await rooms.settle()
    return rooms


async def test_a_short_answer_is_embedded_with_what_it_answers(answered: Rooms) -> None:
    """Where a message says little alone; a long one stands for itself."""
    assert answered.embedder.texts.count(f"{LONG} still?") == 1
    assert len(answered.embedder.texts) == 3


async def test_an_answer_that_comes_first_is_made_anew_with_its_question(rooms: Rooms) -> None:
    """History is read newest first: the vector is made again when the question is stored."""
    await rooms.ingest.saved(GUILD, [message(2, "still?", reply_to=1)])
    await rooms.settle()
    saved = await rooms.messages.save(GUILD, [message(1, LONG)])

    assert saved.stale == {2}
    assert await embedded(rooms) == [f"{LONG} still?", LONG]


async def test_an_edited_question_makes_its_short_answers_anew(answered: Rooms) -> None:
    """The vector goes in the same transaction, from the mirror in the same step, and comes back with the new text."""
    await answered.ingest.saved(GUILD, [message(1, "where is the key?", edited_at=LATER)])

    assert await vector_ids(answered) == answered.mirror.ids(GUILD).tolist() == [3]
    assert await embedded(answered) == ["where is the key? still?", "where is the key?"]
    assert answered.ingest.has_pending.is_set()


Removal = Callable[[Rooms], Any]


@pytest.mark.parametrize(
    "remove",
    [
        lambda rooms: rooms.ingest.deleted(GUILD, [1]),
        lambda rooms: rooms.ingest.channels_closed(GUILD, [CHANNEL]),
    ],
    ids=["deleted", "withdrawn"],
)
async def test_nothing_of_a_question_that_is_gone_stays_in_a_vector(rooms: Rooms, remove: Removal) -> None:
    """The answer loses its vector with the question and waits for one of its own, in the mirror too."""
    await rooms.ingest.saved(GUILD, [message(1, LONG), message(2, "still?", reply_to=1, origin=Origin.EXPORT)])
    await rooms.settle()
    assert rooms.mirror.ids(GUILD).tolist() == [1, 2]
    rooms.ingest.has_pending.clear()
    await remove(rooms)

    assert await vector_ids(rooms) == rooms.mirror.ids(GUILD).tolist() == []
    assert await embedded(rooms) == ["still?"]
    assert rooms.ingest.has_pending.is_set()


async def test_a_question_that_goes_while_its_answer_is_embedded_leaves_nothing(rooms: Rooms) -> None:
    """A vector that was made of a text which is gone by now is not stored."""
    await rooms.ingest.saved(GUILD, [message(1, LONG), message(2, "still?", reply_to=1)])
    texts = await rooms.embeddings.pending(10)
    vectors = await rooms.embedder.embed([text.text for text in texts])
    await rooms.messages.delete(GUILD, [1])

    assert await rooms.embeddings.put_many(texts, vectors) == []
    assert await embedded(rooms) == ["still?"]


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(message(1, LONG, channel_id=OTHER_CHANNEL), id="of another channel"),
        pytest.param(message(1, LONG, guild_id=OTHER_GUILD), id="of another server"),
        pytest.param(message(1, "ok"), id="that says nothing"),
    ],
)
async def test_what_may_not_or_cannot_tell_anything_is_left_out(rooms: Rooms, question: Any) -> None:
    """Who may read an answer may read its channel, and no other; what says nothing helps nobody."""
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL, name="market"))
    await rooms.ingest.saved(question.guild_id, [question])
    await rooms.ingest.saved(GUILD, [message(2, "still?", reply_to=1)])

    assert "still?" in await embedded(rooms)


async def test_texts_of_an_answer_alone_cost_nothing_twice(rooms: Rooms) -> None:
    """Equal texts with equal questions share a vector, with others they do not."""
    several = [message(1, LONG), message(2, LONG), message(3, "still?", reply_to=1), message(4, "still?", reply_to=2)]
    await rooms.ingest.saved(GUILD, [*several, message(5, "still?")])
    await rooms.settle()

    assert sorted(rooms.embedder.texts) == sorted(["still?", f"{LONG} still?", LONG])


async def test_a_thread_gives_its_title_to_what_opens_it(rooms: Rooms) -> None:
    """A forum's post and the message that a thread was made from have the thread's id."""
    await rooms.ingest.met(server(), thread("Printers"))
    await rooms.ingest.met(server(), thread("Keys", 78))
    await rooms.ingest.saved(GUILD, [message(THREAD, LONG, channel_id=THREAD), message(78, LONG)])

    assert await embedded(rooms) == [f"Keys {LONG}", f"Printers {LONG}"]


async def test_a_picture_is_found_by_the_title_that_it_was_posted_under(rooms: Rooms) -> None:
    """What opens a thread and says nothing itself has its title."""
    await rooms.ingest.met(server(), thread("Printers"))
    await rooms.ingest.saved(GUILD, [message(THREAD, "", channel_id=THREAD)])

    assert await embedded(rooms) == ["Printers"]


async def test_in_a_thread_what_says_little_has_its_title(rooms: Rooms) -> None:
    """But what answers a message has that, and what is long stands for itself; names of channels are no titles."""
    await rooms.ingest.met(server(), thread("Printers"))
    in_thread = [message(101, LONG), message(102, "jammed"), message(103, "still?", reply_to=101)]
    in_thread = [replace(one, channel_id=THREAD) for one in in_thread]
    await rooms.ingest.saved(GUILD, [*in_thread, message(104, "jammed")])

    assert await embedded(rooms) == ["jammed", f"{LONG} still?", "Printers jammed", LONG]


async def test_another_title_makes_vectors_and_words_anew(rooms: Rooms) -> None:
    """Of what opens the thread and of what has its title, in the database and in the mirror; once."""
    await rooms.ingest.met(server(), thread("Printers"))
    below = [message(101, LONG), message(102, "jammed"), message(103, "still?", reply_to=101)]
    below = [replace(one, channel_id=THREAD) for one in below]
    await rooms.ingest.saved(GUILD, [message(THREAD, LONG), *below])
    await rooms.settle()
    await rooms.ingest.met(server(), thread("Scanners"))

    assert await vector_ids(rooms) == rooms.mirror.ids(GUILD).tolist() == [101, 103]
    assert await embedded(rooms) == ["Scanners jammed", f"Scanners {LONG}"]
    await rooms.settle()
    assert await rooms.servers.put(server(), thread("Scanners")) == []


async def test_a_former_title_goes_out_of_a_vector_that_should_not_have_it(rooms: Rooms) -> None:
    """As that of an answer to a text that was damaged when the vector was made, and that is whole again."""
    await rooms.ingest.met(server(), thread("Printers"))
    below = [message(101, LONG, channel_id=THREAD), message(102, "still?", channel_id=THREAD, reply_to=101)]
    await rooms.ingest.saved(GUILD, below)
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE messages SET content = 'garbled' WHERE message_id = 101")
    await rooms.settle()
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE messages SET content = ? WHERE message_id = 101", (LONG,))
    assert rooms.embedder.texts == ["Printers still?"]
    await rooms.ingest.met(server(), thread("Scanners"))

    assert f"{LONG} still?" in await embedded(rooms)


async def test_what_could_not_be_embedded_is_tried_with_another_title(rooms: Rooms) -> None:
    """What says little and was refused waits again."""
    await rooms.ingest.met(server(), thread("Printers"))
    await rooms.ingest.saved(GUILD, [message(102, "jammed", channel_id=THREAD)])
    rooms.embedder.poison = {"Printers jammed"}
    await rooms.settle()
    assert (await rooms.embeddings.counts()).parked == 1
    await rooms.ingest.met(server(), thread("Scanners"))

    assert await embedded(rooms) == ["Scanners jammed"]


async def test_a_deleted_thread_leaves_its_title_nowhere(rooms: Rooms) -> None:
    """The message that it was made from stays, without it."""
    await rooms.ingest.met(server(), thread("Printers"))
    await rooms.ingest.saved(GUILD, [message(THREAD, LONG)])
    await rooms.settle()
    assert await rooms.ingest.channels_deleted(GUILD, [THREAD]) == 0

    assert rooms.mirror.ids(GUILD).tolist() == []
    assert await embedded(rooms) == [LONG]


async def test_a_title_is_found_by_its_words(rooms: Rooms) -> None:
    """By way of the message that opens the thread, and by the words that it has now."""
    await rooms.ingest.met(server(), thread("Printers"))
    await rooms.ingest.saved(GUILD, [message(THREAD, "see the title", channel_id=THREAD)])
    await rooms.settle()
    assert await rooms.database.fetch("SELECT terms FROM lexicon") == [("printers see the title",)]

    await rooms.ingest.met(server(), thread("Scanners"))
    await rooms.settle()
    assert await rooms.database.fetch("SELECT terms FROM lexicon") == [("scanners see the title",)]


@pytest.mark.parametrize("question", [ANSWERING, BELOW], ids=["answers", "threads"])
async def test_no_server_is_gone_through_for_what_depends_on_a_message(rooms: Rooms, question: str) -> None:
    """It is asked with every message that is stored or deleted, so an index answers."""
    [row] = (await rooms.database.fetch(f"EXPLAIN QUERY PLAN {question}", (GUILD, "[1]")))[:1]

    assert "USING INDEX messages_by_" in row[3]
    assert "AND " in row[3]


async def test_a_damaged_question_goes_into_no_vector(rooms: Rooms) -> None:
    """Its answer stands for itself until it is mended."""
    await rooms.ingest.saved(GUILD, [message(1, LONG), message(2, "still?", reply_to=1)])
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE messages SET content = 'garbled' WHERE message_id = 1")

    assert await embedded(rooms) == ["still?"]


@pytest.mark.parametrize("names", ["no JSON", "[]", '{"a": "b"}'])
async def test_damaged_names_hold_nothing_up(rooms: Rooms, names: str) -> None:
    """A message whose names cannot be read is embedded and worded with those that it needs no names for."""
    await rooms.ingest.saved(GUILD, [message(1, "plain words"), message(2, LONG)])
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE messages SET names = ? WHERE message_id = 1", (names,))
    await rooms.settle()

    assert (await rooms.messages.get_many(GUILD, [1]))[1].message.names == ()
    assert await vector_ids(rooms) == [1, 2]


async def test_a_post_without_a_readable_title_is_set_aside(rooms: Rooms) -> None:
    """There is nothing to embed, and the others go on."""
    await rooms.ingest.met(server(), thread("\u200b"))
    await rooms.ingest.saved(GUILD, [message(THREAD, "", channel_id=THREAD), message(1, LONG)])
    await rooms.settle()

    assert rooms.embedder.texts == [LONG]
    assert await rooms.embeddings.parked_reasons() == {"empty": 1}
    await rooms.ingest.met(server(), thread("Printers"))
    assert await embedded(rooms) == ["Printers"]


async def test_an_answer_to_a_picture_has_the_title_above(rooms: Rooms) -> None:
    """What is answered says nothing itself."""
    await rooms.ingest.met(server(), thread("Printers"))
    answer = message(102, "jammed", channel_id=THREAD, reply_to=THREAD)
    await rooms.ingest.saved(GUILD, [message(THREAD, "", channel_id=THREAD), answer])

    assert sorted(await embedded(rooms)) == ["Printers", "Printers jammed"]


async def test_what_a_message_answers_may_be_told_later(answered: Rooms) -> None:
    """An export knows nothing of it, the next page of history does: the vector is made anew."""
    await answered.ingest.saved(GUILD, [message(4, "when?", origin=Origin.EXPORT)])
    await answered.settle()
    tally = await answered.ingest.saved(GUILD, [message(4, "when?", reply_to=1)])

    assert tally.changed == 1
    assert await embedded(answered) == [f"{LONG} when?"]
    assert (await answered.ingest.saved(GUILD, [message(4, "when?", reply_to=1)])).unchanged == 1


async def test_a_post_is_asked_about_by_its_title(rooms: Rooms) -> None:
    """It has a vector, though it says nothing itself."""
    await rooms.ingest.met(server(), thread("Printers"))
    await rooms.ingest.saved(GUILD, [message(THREAD, "", channel_id=THREAD), message(1, "Printers")])
    await rooms.settle()
    hits = await rooms.search.similar(Operator(), Query(message_id=THREAD))

    assert [hit.message.message_id for hit in hits] == [1]


async def test_a_title_that_repeats_the_text_counts_once_among_its_words(rooms: Rooms) -> None:
    """As Discord proposes titles."""
    await rooms.ingest.met(server(), thread("red fish swim"))
    await rooms.ingest.saved(GUILD, [message(THREAD, "red fish swim in the sea", channel_id=THREAD)])
    await rooms.settle()

    assert await rooms.database.fetch("SELECT terms FROM lexicon") == [("red fish swim in the sea",)]


async def test_words_of_a_damaged_text_go_when_it_is_mended(rooms: Rooms) -> None:
    """Although the hash is that of the mended text all the time."""
    await rooms.ingest.saved(GUILD, [message(1, LONG)])
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE messages SET content = 'garbled' WHERE message_id = 1")
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(1, LONG)])
    await rooms.settle()

    [(terms,)] = await rooms.database.fetch("SELECT terms FROM lexicon")
    assert "printer" in terms
    assert "garbled" not in terms
