"""What was there of a person is found before they are forgotten, and nowhere afterwards."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from faults.scattering import ScatteringEmbedder
from make import BOB, CHANNEL, GUILD, OTHER_GUILD, message, server

from bot.messages import Channel, ChannelKind
from bot.services.proof import Proof, Sight
from bot.services.spaces import Spaces
from bot.services.traces import Traces, Tracker
from bot.storage.connections import _PRAGMAS
from bot.storage.database import open_to_write
from bot.storage.evidence import EvidenceStore
from bot.storage.sessions import begin_session

ADA = 501_000_000_000_000_001
THREAD, N = 10_000, 60
LONG_WORD = "antidisestablishmentarianistically"
TITLE = "the printer in the hall is jammed again"


@pytest.fixture(autouse=True)
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few messages there are, they are kept as codes, in a file."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)


def of_ada(message_id: int, content: str, **values: object) -> object:
    name = "Ada Augusta King of Lovelace"
    return message(message_id, content, **{"author_id": ADA, "author_name": name, **values})


async def filled(rooms: Rooms) -> Rooms:
    """Ada wrote sixty messages, began a thread, was answered and named; Bob wrote as much without her."""
    bob = {"author_id": BOB, "author_name": "Bob"}
    await rooms.ingest.met(server(), Channel(GUILD, THREAD, TITLE, ChannelKind.THREAD, CHANNEL))
    for n in range(0, N, 20):  # in several parts of the full-text index
        said = [of_ada(i, f"what Ada has to say about matter number {i}") for i in range(n + 1, n + 21)]
        others = [
            message(1_000 + i, f"what Bob has to say about thing number {i}", **bob) for i in range(n + 1, n + 21)
        ]
        await rooms.ingest.saved(GUILD, [*said, *others])
        await rooms.settle()
    long = " ".join(f"This is the {n}th sentence of what she has to tell about it all." for n in range(20))
    await rooms.ingest.saved(GUILD, [of_ada(107, long)])
    word = of_ada(101, f"is that {LONG_WORD} or what is it, says she", channel_id=CHANNEL)
    opening = of_ada(THREAD, "it happened once more this very morning", channel_id=THREAD)
    under = message(THREAD + 1, "still?", channel_id=THREAD, **bob)
    later = message(THREAD + 2, "it was mended by those who brought the new one yesterday", channel_id=THREAD, **bob)
    without_title = message(THREAD + 3, "by whom?", channel_id=THREAD, reply_to=THREAD + 2, **bob)
    naming = message(103, f"have you asked <@{ADA}> about this or not", names=((ADA, "Ada Augusta King"),), **bob)
    reply, both = (
        message(102, "and why?", reply_to=101, **bob),
        message(104, "the same text that both of them say", **bob),
    )
    mine = [of_ada(105, "the same text that both of them say"), of_ada(106, "so long")]
    await rooms.ingest.saved(GUILD, [word, opening, under, later, without_title, naming, reply, both, *mine])
    await rooms.settle()
    for guild_id in rooms.mirror.guild_ids():
        rooms.mirror._indexes[guild_id]._save()
    return rooms


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Rooms]:
    data = tmp_path / "data"
    data.mkdir()
    async with open_to_write(data) as database:
        await begin_session(database)
        yield await filled(await rooms_over(database, ScatteringEmbedder(), folder=data / "mirror" / "x"))


async def traces_of(rooms: Rooms, **values: object) -> Traces:
    return await Tracker(EvidenceStore(rooms.database), rooms.servers, rooms.spaces).traces(ADA, **values)


async def sights(rooms: Rooms, traces: Traces) -> list[Sight]:
    return await Proof(EvidenceStore(rooms.database), rooms.database, rooms.spaces).sights(traces)


def found(sights: list[Sight]) -> set[tuple[str, str]]:
    """Where something was found."""
    return {(sight.subject, sight.place) for sight in sights if sight.found}


EVERYWHERE = {
    *(("messages", table) for table in ("messages", "embeddings", "parts", "worded")),
    ("made_of", "embeddings"),
    *(("person", table) for table in ("messages", "worded", "authors", "messages.names")),
    ("terms", "lexicon"),
    ("codes", "memory"),
    ("codes", "cache"),
    *((kind, "bot.db") for kind in ("texts", "terms", "hashes", "vectors")),
    ("codes", f"{GUILD}.mirror"),
}


async def test_before_it_is_all_found_and_afterwards_nothing(town: Rooms) -> None:
    """The same look at the same places: rows, memory, the database, its log and the index's file."""
    traces = await traces_of(town)
    before = await sights(town, traces)
    await town.erasure.forget_author(ADA)
    after = await sights(town, traces)

    assert found(before) == EVERYWHERE
    assert found(after) == set()
    assert {sight.place for sight in after} >= {"bot.db", "bot.db-wal", f"{GUILD}.mirror"}
    assert [(sight.subject, sight.place, sight.n) for sight in before] == [
        (sight.subject, sight.place, sight.n) for sight in after
    ]


async def test_a_thread_is_theirs_though_its_first_message_went_before(town: Rooms) -> None:
    """Its title is looked for, the vectors below it, and that it is theirs."""
    thread = Channel(GUILD, THREAD, TITLE, ChannelKind.THREAD, CHANNEL, owner_id=ADA)
    await town.ingest.met(server(), thread)
    await town.ingest.withdrawn(GUILD, [THREAD])
    await town.settle()
    traces = await traces_of(town)
    assert THREAD + 1 in traces.stale[GUILD]
    assert TITLE.encode()[:32] in traces.pieces["texts"]
    assert ("person", "channels") in found(await sights(town, traces))

    await town.erasure.forget_author(ADA)
    assert found(await sights(town, traces)) == set()


async def test_what_others_say_too_is_left_out_and_counted(town: Rooms) -> None:
    """Their texts stay where they are, and so do their vectors, and short ones prove nothing."""
    traces = await traces_of(town)

    assert (traces.n_shared, traces.n_short) == (1, 1)
    assert traces.stale[GUILD] == {102, 103, THREAD + 1}
    assert LONG_WORD in traces.terms
    assert not traces.terms & {"what", "has", "to", "say", "the", "same"}
    assert b"the same text that both of them say"[:32] not in traces.pieces["texts"]
    assert TITLE.encode()[:32] in traces.pieces["texts"]


async def test_one_server_is_proven_where_another_says_the_same(town: Rooms) -> None:
    """What the person wrote elsewhere stays there, and is no trace of here."""
    await town.ingest.saved(
        OTHER_GUILD, [of_ada(2_000, "what Ada has to say about matter number 7", guild_id=OTHER_GUILD)]
    )
    await town.settle()
    traces = await traces_of(town, guild_ids=[GUILD])
    await town.erasure.forget_author(ADA, guild_ids=[GUILD])

    assert traces.n_shared == 3  # that, what Bob says as well, and the name
    assert found(await sights(town, traces)) == set()


async def test_a_text_that_is_left_anywhere_is_found(town: Rooms) -> None:
    """In a table that nobody thought of."""
    traces = await traces_of(town)
    await town.erasure.forget_author(ADA)
    async with town.database.transaction() as transaction:
        sql = "INSERT INTO outage VALUES (1, 'x', 'failed: what Ada has to say about matter number 7', 0, 0)"
        await transaction.execute(sql)

    assert found(await sights(town, traces)) == {("texts", "bot.db"), ("terms", "bot.db")}


async def test_the_words_are_looked_for_as_the_index_keeps_them(town: Rooms) -> None:
    """The full-text index leaves out how a word begins where the one before begins alike."""
    kept = "SELECT count(*) FROM lexicon_data WHERE instr(block, ?)"
    piece = LONG_WORD[4:].encode()
    traces = await traces_of(town)
    assert piece in traces.pieces["terms"]
    assert await town.database.fetch(kept, (piece,)) == [(1,)]

    await town.erasure.forget_author(ADA)
    assert await town.database.fetch(kept, (LONG_WORD[-10:].encode(),)) == [(0,)]


async def test_what_is_left_in_free_pages_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where deleting only gives the room free, the bytes are still there."""
    monkeypatch.setattr(
        "bot.storage.connections._PRAGMAS", tuple(each for each in _PRAGMAS if "secure_delete" not in each)
    )
    async with open_to_write(tmp_path) as database:
        rooms = await filled(await rooms_over(database, ScatteringEmbedder()))
        traces = await traces_of(rooms)
        await rooms.erasure.forget_author(ADA)
        left = found(await sights(rooms, traces))

    assert left >= {("texts", "bot.db"), ("vectors", "bot.db")}
    assert not {subject for subject, place in left if place != "bot.db"}


async def test_an_index_that_did_not_follow_is_found(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes in memory and in the file, by their ids and by their bytes."""

    async def nothing(*_: object) -> None:
        pass

    traces = await traces_of(town)
    monkeypatch.setattr(Spaces, "remove", nothing)
    await town.erasure.forget_author(ADA)

    assert found(await sights(town, traces)) == {
        ("codes", "memory"),
        ("codes", "cache"),
        ("codes", f"{GUILD}.mirror"),
    }


async def test_a_vector_that_was_made_of_it_is_found(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply's and one below a title, where nobody makes them anew."""

    async def nothing(*_: object) -> list[int]:
        return []

    traces = await traces_of(town)
    for name in ("removing.answering", "erasure.answering", "channels.titled"):
        monkeypatch.setattr(f"bot.storage.{name}", nothing)
    await town.erasure.forget_author(ADA)

    assert found(await sights(town, traces)) >= {("made_of", "embeddings"), ("vectors", "bot.db")}
