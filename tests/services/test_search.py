"""From a question to the hits that the asker may see."""

import math
import random
from dataclasses import replace

import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, server

from bot.askers import Asker, Audience, Member, Operator, Scope
from bot.embedding.base import Embedder
from bot.errors import EmbeddingError, MessageNotEmbedded, MessageNotFound, NothingToCompare, OtherGeneration
from bot.messages import Channel, ChannelKind, Mode, Nearness, Query
from bot.services.folding import MOST_COPIES
from bot.services.spaces import Space
from bot.storage.database import Database

OPERATOR = Operator()


def member(*channel_ids: int, guild_id: int = GUILD) -> Member:
    return Member(guild_id, user_id=1, channel_ids=frozenset(channel_ids))


async def ids(rooms: Rooms, asker: Asker, **query: object) -> list[int]:
    return [hit.message.message_id for hit in await rooms.search.similar(asker, Query(**query))]


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """Nine messages in a channel that say just what is asked, one elsewhere that says half of it."""
    near = [message(i, "red fish", channel_id=OTHER_CHANNEL, author_id=BOB) for i in range(1, 10)]
    await rooms.ingest.saved(GUILD, [*near, message(10, "red bird"), message(11, "green tree")])
    await rooms.ingest.saved(OTHER_GUILD, [message(12, "red fish", guild_id=OTHER_GUILD)])
    await rooms.settle()
    return rooms


async def test_the_nearest_message_comes_first_with_its_true_score(town: Rooms) -> None:
    """Scores are cosines: 1 for the same words, 1/2 for one word of two, 0 for none."""
    hits = await town.search.similar(OPERATOR, Query(text="red fish", limit=100))

    scores = {hit.message.message_id: hit.score for hit in hits}
    assert scores[12] == pytest.approx(1, abs=1e-6)
    assert scores[10] == pytest.approx(1 / 2, abs=1e-4)
    assert scores[11] == pytest.approx(0, abs=1e-6)


async def test_equal_scores_are_read_newest_first(town: Rooms) -> None:
    """Among equals the newer message comes first, over servers too."""
    assert await ids(town, OPERATOR, text="red fish") == [12, 9, 8, 7, 6, 5, 4, 3, 2, 1]


async def test_nine_hidden_messages_do_not_push_out_the_visible_one(town: Rooms) -> None:
    """A member who reads one channel gets its message although nine nearer ones are hidden."""
    assert await ids(town, member(CHANNEL), text="red fish", limit=1) == [10]


async def test_no_hit_crosses_from_one_server_to_another(town: Rooms) -> None:
    """A member of one server finds nothing of another, even where a channel's id is the same."""
    assert await ids(town, member(CHANNEL, guild_id=OTHER_GUILD), text="red fish") == [12]
    assert await ids(town, member(CHANNEL, OTHER_CHANNEL), text="red fish", limit=100) == [*range(9, 0, -1), 10, 11]


async def test_a_member_who_may_read_nothing_gets_nothing(town: Rooms) -> None:
    """An empty set of channels is no answer, not all answers."""
    assert await ids(town, member(), text="red fish") == []


async def test_a_revoked_channel_is_gone_from_the_next_answer(town: Rooms) -> None:
    """What may be read is decided anew at each question."""
    before = await ids(town, member(CHANNEL, OTHER_CHANNEL), text="red fish", limit=3)
    after = await ids(town, member(CHANNEL), text="red fish", limit=3)

    assert (before, after) == ([9, 8, 7], [10, 11])


async def test_a_filter_narrows_and_never_widens(town: Rooms) -> None:
    """Asking for a channel that one may not read finds nothing; filters add up."""
    hidden = Scope(channel_ids=frozenset({OTHER_CHANNEL}))
    by_bob = Scope(author_ids=frozenset({BOB}))
    period = Scope(after_id=3, before_id=5)

    assert await ids(town, member(CHANNEL), text="red fish", within=hidden) == []
    assert await ids(town, OPERATOR, text="red fish", within=hidden & period) == [4, 3]
    assert await ids(town, member(CHANNEL, OTHER_CHANNEL), text="red fish", within=by_bob, limit=2) == [9, 8]


async def test_a_stored_message_is_asked_about_without_an_embedding(town: Rooms) -> None:
    """The stored vector is used, and the message itself is no hit."""
    n_before = len(town.embedder.batches)
    town.embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)

    assert await ids(town, OPERATOR, message_id=10, limit=2) == [12, 9]
    assert 10 not in await ids(town, OPERATOR, message_id=10, limit=100)
    assert len(town.embedder.batches) == n_before


@pytest.mark.parametrize("asker", [OPERATOR, member(CHANNEL), member(CHANNEL, guild_id=OTHER_GUILD), member()])
async def test_b46_hidden_and_missing_messages_read_the_same(town: Rooms, asker: Asker) -> None:
    """A message that does not exist and one that the asker may not see give one and the same error."""
    questions = [999] if asker == OPERATOR else [999, 1]
    for message_id in questions:
        with pytest.raises(MessageNotFound) as caught:
            await ids(town, asker, message_id=message_id)
        assert caught.value.values == {"message_id": message_id}


@pytest.mark.parametrize("text", ["", "   ", "\u200b\u3164", "\n"])
async def test_b1_a_question_without_text_is_told(town: Rooms, text: str) -> None:
    """Nothing visible is no question, and nothing is sent to the embedder."""
    n_before = len(town.embedder.batches)
    with pytest.raises(NothingToCompare):
        await ids(town, OPERATOR, text=text)
    assert len(town.embedder.batches) == n_before


async def test_a_message_without_text_or_without_vector_is_told(town: Rooms) -> None:
    """A picture has nothing to compare; a message that still waits has nothing yet."""
    await town.ingest.saved(GUILD, [message(20, ""), message(21, "waits")])

    with pytest.raises(NothingToCompare):
        await ids(town, OPERATOR, message_id=20)
    with pytest.raises(MessageNotEmbedded):
        await ids(town, OPERATOR, message_id=21)


async def test_min_score_leaves_out_what_is_further(town: Rooms) -> None:
    """Without a threshold everything is shown, with one what reaches it."""
    assert len(await ids(town, OPERATOR, text="red fish", limit=100)) == 12
    assert len(await ids(town, OPERATOR, text="red fish", limit=100, min_score=0.4)) == 11
    assert len(await ids(town, OPERATOR, text="red fish", limit=100, min_score=0.9)) == 10


async def test_what_was_deleted_behind_the_mirror_is_dropped_and_replaced(town: Rooms) -> None:
    """A mirror that still holds deleted messages neither shows them nor shortens the answer."""
    await town.messages.delete(GUILD, range(1, 10))

    assert await ids(town, OPERATOR, text="red fish", limit=3) == [12, 10, 11]


async def test_many_deleted_behind_the_mirror_do_not_shorten_the_answer(rooms: Rooms) -> None:
    """Even when hundreds of nearer ones are gone, the k that exist are found."""
    await rooms.ingest.saved(GUILD, [message(i, "red fish") for i in range(1, 301)])
    await rooms.ingest.saved(GUILD, [message(i, "red bird") for i in range(301, 306)])
    await rooms.settle()
    await rooms.messages.delete(GUILD, range(1, 301))

    assert await ids(rooms, OPERATOR, text="red fish", limit=5) == [305, 304, 303, 302, 301]


async def test_hits_carry_their_row(town: Rooms) -> None:
    """A hit is the message with the names of where it stands and a link to it."""
    [hit] = await town.search.similar(member(CHANNEL), Query(text="red bird", limit=1))

    assert (hit.message.content, hit.message.author_id, hit.stored.channel_name) == ("red bird", ADA, "square")
    assert hit.message.url == f"https://discord.com/channels/{GUILD}/{CHANNEL}/10"
    assert not math.isclose(hit.score, round(hit.score, 6), abs_tol=0) or hit.score == 1


async def other_model(town: Rooms, former_embedder: Embedder | None) -> Rooms:
    """The same database after another model was set, while the former one's vectors still answer."""
    other = await rooms_over(town.database, WordEmbedder(32, model_key="other words"))
    other.spaces.former = Space(town.embeddings, former_embedder, town.mirror)
    return other


async def test_until_another_model_is_through_the_former_one_answers(town: Rooms) -> None:
    """A text is embedded by the former model and compared with its vectors, and the answer is as it was before."""
    other = await other_model(town, town.embedder)
    before = await ids(town, OPERATOR, text="red fish", limit=12)

    assert await ids(other, OPERATOR, text="red fish", limit=12) == before
    assert other.embedder.texts == []
    await other.settle()
    assert await ids(other, OPERATOR, text="red fish", limit=12) == before
    assert other.embedder.texts[-1] == "red fish"


async def test_a_former_model_that_cannot_be_had_is_told_and_answers_about_messages(town: Rooms) -> None:
    """Vectors of two models are never compared: a text is refused with both names, a stored message finds its like."""
    other = await other_model(town, None)

    with pytest.raises(OtherGeneration) as caught:
        await ids(other, OPERATOR, text="red fish")
    assert "words (64" in caught.value.stored[0]
    assert "other words (32" in caught.value.wanted
    assert await ids(other, OPERATOR, message_id=10, limit=2) == [12, 9]
    assert other.embedder.texts == []


async def test_f25_an_answer_under_way_while_the_model_changes_over_is_no_empty_one(town: Rooms) -> None:
    """A question that was put before the former vectors went is answered all the same after they have gone."""
    other = await other_model(town, town.embedder)
    question = await other.search.question(OPERATOR, Query(text="red fish", limit=3))
    await other.settle()
    assert other.spaces.former is None

    assert [hit.message.message_id for hit in await other.search.nearest(question)] == [12, 9, 8]


async def test_before_the_mirror_is_loaded_the_database_answers(town: Rooms) -> None:
    """A server that is known and not mirrored yet is read message by message, with the same answer and filters."""
    fresh = await rooms_over(town.database)
    for guild_id in (GUILD, OTHER_GUILD):
        fresh.mirror.remove(guild_id, [])
    assert not fresh.mirror._indexes[GUILD].is_whole

    period = Scope(after_id=3, before_id=6)
    for question in ({"text": "red fish"}, {"message_id": 10}, {"text": "red", "within": period}):
        assert await ids(fresh, OPERATOR, **question) == await ids(town, OPERATOR, **question)
    assert await ids(fresh, member(CHANNEL), text="red fish", limit=1) == [10]


async def test_an_empty_database_has_no_hits(rooms: Rooms) -> None:
    """Where nothing is stored nothing is found, without an error."""
    await rooms.indexer.reconcile()

    assert await ids(rooms, OPERATOR, text="red fish") == []


def test_a_query_is_a_text_or_a_message() -> None:
    """Asking with neither is a mistake of the caller."""
    with pytest.raises(ValueError, match="Query"):
        Query()


async def test_the_text_of_a_message_serves_where_it_is_not_stored(town: Rooms) -> None:
    """A message that is not stored is compared by its own text, as a question is; one that is costs no embedding."""
    before = len(town.embedder.batches)

    assert await ids(town, OPERATOR, message_id=999, text="red fish", limit=1) == await ids(
        town, OPERATOR, text="red fish", limit=1
    )
    assert len(town.embedder.batches) == before + 1
    await ids(town, OPERATOR, message_id=1, text="something else altogether")
    assert len(town.embedder.batches) == before + 1


async def test_b46_a_hidden_message_serves_by_its_text_only(town: Rooms) -> None:
    """With the text of a message that the asker may not see stored, the text is compared, not the stored vector."""
    n_before = len(town.embedder.batches)

    assert await ids(town, member(CHANNEL), message_id=1, text="green tree", limit=1) == [11]
    assert len(town.embedder.batches) == n_before + 1


async def test_the_message_itself_is_no_hit_although_its_text_was_asked(town: Rooms) -> None:
    """A message that waits for its vector is compared by its text and left out of its own answer."""
    await town.ingest.saved(GUILD, [message(30, "green tree")])

    assert await ids(town, OPERATOR, message_id=30, text="green tree", limit=1) == [11]
    await town.settle()
    assert await ids(town, OPERATOR, message_id=30, text="green tree", limit=1) == [11]


async def test_a_message_without_anything_to_compare_is_told(town: Rooms) -> None:
    """Neither a stored picture nor an unknown one is searched by."""
    await town.ingest.saved(GUILD, [message(30, "")])
    for message_id in (30, 999):
        with pytest.raises(NothingToCompare):
            await ids(town, OPERATOR, message_id=message_id, text="")


async def test_seen_are_the_messages_that_exist_and_that_the_asker_may_see(town: Rooms) -> None:
    """Hidden, deleted, unknown and foreign messages are simply not there."""
    await town.ingest.deleted(GUILD, [11])
    asked = [1, 10, 11, 12, 999]

    async def seen(asker: Asker, guild_id: int = GUILD) -> set[int]:
        return set(await town.search.seen(asker, guild_id, asked))

    assert await seen(OPERATOR) == {1, 10}
    assert await seen(member(CHANNEL)) == {10}
    assert await seen(Audience(GUILD, frozenset({OTHER_CHANNEL}))) == {1}
    assert await seen(member()) == set()
    assert await seen(member(CHANNEL), OTHER_GUILD) == set()
    assert await seen(member(CHANNEL, guild_id=OTHER_GUILD), OTHER_GUILD) == {12}


async def test_what_lies_in_a_category_is_its_channels_and_their_threads(rooms: Rooms) -> None:
    """A filter on a category, a channel or a thread holds all that is known below it, and itself."""
    for place in (
        Channel(GUILD, 11, "a", parent_id=5),
        Channel(GUILD, 12, "b", parent_id=5),
        Channel(GUILD, 13, "c", parent_id=6),
        Channel(GUILD, 111, "thread of a", ChannelKind.THREAD, parent_id=11),
        Channel(GUILD, 131, "thread of c", ChannelKind.THREAD, parent_id=13),
    ):
        await rooms.ingest.met(server(), place)
    await rooms.ingest.met(server(OTHER_GUILD), Channel(OTHER_GUILD, 14, "d", parent_id=5))

    assert await rooms.search.lying_in(GUILD, 5) == {5, 11, 12, 111}
    assert await rooms.search.lying_in(GUILD, 11) == {11, 111}
    assert await rooms.search.lying_in(GUILD, 111) == {111}
    assert await rooms.search.lying_in(GUILD, 999) == {999}
    assert [place.channel_id for place in await rooms.search.channels(GUILD)] == [CHANNEL, 11, 12, 13, 111, 131]


@pytest.fixture
async def large(database: Database) -> Rooms:
    """Twelve hundred messages of four words each, of three hundred words; every tenth one in the other channel."""
    rooms = await rooms_over(database, WordEmbedder(1_024))
    dice = random.Random(1)
    words = [f"word{number}" for number in range(300)]
    texts = [" ".join(dice.sample(words, 4)) for _ in range(1_200)]
    channels = (CHANNEL, OTHER_CHANNEL)
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL, name="market"))
    told = [message(i, text, channel_id=channels[i % 10 == 0]) for i, text in enumerate(texts, 1)]
    await rooms.ingest.saved(GUILD, told)
    await rooms.settle()
    return rooms


async def test_b14_mass_copies_of_a_text_leave_room_for_others(large: Rooms) -> None:
    """What was said four hundred times is one hit, and what is less related has the place behind it."""
    text = (await large.messages.get_many(GUILD, [7]))[7].message.content
    await large.ingest.saved(GUILD, [message(i, f"{text} word1", author_id=BOB) for i in range(2_000, 2_400)])
    await large.settle()

    hits = await large.search.similar(OPERATOR, Query(text=f"{text} word1", limit=3, is_folded=True))
    assert [len(hit.copies) for hit in hits] == [MOST_COPIES, 0, 0]
    assert hits[1].message.message_id == 7


async def test_b14_a_text_that_is_near_everything_is_not_first(large: Rooms) -> None:
    """A text of all words, which shares some with every question, stands behind what says the same as the question."""
    everything = " ".join(f"word{number}" for number in range(300))
    await large.ingest.saved(GUILD, [message(i, f"{everything} {i}", author_id=BOB) for i in range(2_000, 2_020)])
    await large.settle()

    for message_id in (7, 77, 777):
        text = (await large.messages.get_many(GUILD, [message_id]))[message_id].message.content
        hits = await large.search.similar(OPERATOR, Query(text=text, limit=3, least=Nearness.CLOSE))
        assert hits[0].message.message_id == message_id
        assert all(hit.message.message_id < 2_000 for hit in hits)


@pytest.mark.parametrize("mode", [Mode.BOTH, Mode.MEANING])
async def test_how_near_a_hit_is_comes_in_steps(large: Rooms, mode: Mode) -> None:
    """The same text is very close; a question that shares nothing finds what is hardly related, or nothing at all."""
    text = (await large.messages.get_many(GUILD, [7]))[7].message.content
    same = await large.search.similar(OPERATOR, Query(text=text, limit=1, mode=mode))
    question = Query(text="quokka numbat zebrafish aardvark", limit=5, mode=mode)
    strange = await large.search.similar(OPERATOR, question)

    assert [(hit.message.message_id, hit.nearness) for hit in same] == [(7, Nearness.VERY_CLOSE)]
    assert [hit.nearness for hit in strange] == [Nearness.UNRELATED] * 5
    assert await large.search.similar(OPERATOR, replace(question, least=Nearness.LOOSE)) == []
    related = await large.search.similar(OPERATOR, Query(text=text, limit=50, mode=mode, least=Nearness.LOOSE))
    assert 1 <= len(related) < 50
    assert {hit.nearness for hit in related} <= {Nearness.LOOSE, Nearness.CLOSE, Nearness.VERY_CLOSE}


async def test_steps_do_not_move_with_what_is_hidden(large: Rooms) -> None:
    """Whatever is said where the asker may not read: the same hits with the same steps, in the same order."""
    asker = Member(GUILD, user_id=1, channel_ids=frozenset({CHANNEL}))
    text = (await large.messages.get_many(GUILD, [7]))[7].message.content
    question = Query(text=f"{text} word1 word2", limit=50)
    before = await large.search.similar(asker, question)
    hidden = [message(i, f"{text} {i}", channel_id=OTHER_CHANNEL) for i in range(2_000, 3_000)]
    await large.ingest.saved(GUILD, hidden)
    await large.settle()

    after = await large.search.similar(asker, question)
    assert [(hit.message.message_id, hit.nearness, hit.relatedness) for hit in after] == [
        (hit.message.message_id, hit.nearness, hit.relatedness) for hit in before
    ]
    assert all(hit.nearness is not None for hit in after)


async def test_words_alone_have_no_steps(large: Rooms) -> None:
    """Nor has a small server, where there is too little to measure."""
    [hit] = await large.search.similar(OPERATOR, Query(text="word1 word2", limit=1, mode=Mode.WORDS))

    assert (hit.score, hit.nearness) == (None, None)


async def test_what_says_nothing_is_never_a_hit(rooms: Rooms) -> None:
    """It is stored, and found neither by its meaning nor by its words; to ask about it is no question."""
    await rooms.ingest.saved(GUILD, [message(1, "ok"), message(2, "lol 👍"), message(3, "ok, reboot it")])
    await rooms.settle()

    assert await rooms.messages.count(GUILD) == 3
    for mode in Mode:
        hits = await rooms.search.similar(OPERATOR, Query(text="ok lol", mode=mode))
        assert [hit.message.message_id for hit in hits] == [3]
    with pytest.raises(NothingToCompare):
        await rooms.search.similar(OPERATOR, Query(message_id=1))
