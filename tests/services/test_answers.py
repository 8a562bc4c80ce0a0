"""Answers that are paged and shared: what may be shown is decided anew each time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from conftest import Rooms, rooms_over
from fakes import AsStored, PagedHistory, WordEmbedder
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, location, message, utc

from bot.askers import Audience, Member
from bot.errors import (
    AnswerExpired,
    AnswerOfAnother,
    BudgetSpent,
    EmbeddingError,
    HistoryDelayed,
    MessageNotFound,
    NothingToShare,
    StorageFailed,
)
from bot.messages import Hit, Message, Mode, Query, StoredMessage, WordsOnly
from bot.services.answers import KEPT, Page
from bot.storage.answers import AnswerStore, Found, Share, StoredAnswer
from bot.storage.database import open_to_write
from bot.vectors import Vectors

RED_FISH = Query(text="red fish", limit=50)
SHARED_AS = 900


def member(*channel_ids: int, guild_id: int = GUILD, user_id: int = 1) -> Member:
    return Member(guild_id, user_id, frozenset(channel_ids))


def audience(*channel_ids: int) -> Audience:
    return Audience(GUILD, frozenset(channel_ids))


BOTH = member(CHANNEL, OTHER_CHANNEL)


def ids(hits: tuple[Hit, ...]) -> list[int]:
    return [hit.message.message_id for hit in hits]


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """Twelve messages that say what is asked, the even ones in the other channel; the newest comes first."""
    channels = (CHANNEL, OTHER_CHANNEL)
    messages = [message(i, "red fish", channel_id=channels[i % 2 == 0]) for i in range(1, 13)]
    await rooms.ingest.saved(GUILD, messages)
    await rooms.ingest.saved(OTHER_GUILD, [message(20, "red fish", guild_id=OTHER_GUILD)])
    await rooms.settle()
    return rooms


async def test_an_answer_is_turned_page_by_page(town: Rooms) -> None:
    """Five hits a page, each hit on one page, forward and back, without asking again."""
    first = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    n_asked = len(town.embedder.batches)
    second = await town.answers.turn(BOTH, first.answer_id, first.next, history=AsStored(town.messages))
    third = await town.answers.turn(BOTH, first.answer_id, second.next, history=AsStored(town.messages))

    assert [ids(page.hits) for page in (first, second, third)] == [[12, 11, 10, 9, 8], [7, 6, 5, 4, 3], [2, 1]]
    assert [(page.start, page.n_more) for page in (first, second, third)] == [(0, 7), (5, 2), (10, 0)]
    assert await town.answers.turn(BOTH, first.answer_id, third.previous, history=AsStored(town.messages)) == second
    assert len(town.embedder.batches) == n_asked


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (EmbeddingError("unreachable", "no route", retryable=True), WordsOnly.OUTAGE),
        (BudgetSpent(), WordsOnly.BUDGET),
        (None, None),
    ],
)
async def test_every_page_says_that_words_alone_were_looked_for(
    town: Rooms, failure: EmbeddingError | None, why: WordsOnly | None
) -> None:
    """And why: a later page is no answer to another question."""
    town.embedder.failure = failure
    first = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    second = await town.answers.turn(BOTH, first.answer_id, first.next, history=AsStored(town.messages))

    assert (len(first.hits), len(second.hits)) == (5, 5)
    assert first.words_only == second.words_only == why


async def test_only_what_the_asker_may_see_is_counted(town: Rooms) -> None:
    """What follows a page is counted without what is hidden from the asker."""
    page = await town.answers.ask(member(OTHER_CHANNEL), RED_FISH, history=AsStored(town.messages))

    assert (ids(page.hits), page.n_more) == ([12, 10, 8, 6, 4], 1)


async def test_b47_a_channel_that_was_revoked_is_gone_from_the_next_page(town: Rooms) -> None:
    """Rights are looked at with every press: neither a hit nor the count tells of a channel that was lost."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    after = await town.answers.turn(member(CHANNEL), page.answer_id, 5, history=AsStored(town.messages))
    again = await town.answers.turn(member(CHANNEL), page.answer_id, 0, history=AsStored(town.messages))
    nothing = await town.answers.turn(member(), page.answer_id, 0, history=AsStored(town.messages))

    assert (ids(after.hits), after.n_more) == ([7, 5, 3], 1)
    assert (ids(again.hits), again.n_more) == ([11, 9], 4)
    assert (nothing.hits, nothing.n_more) == ((), 0)


async def test_b47_what_was_deleted_or_rewritten_is_gone_from_every_page(town: Rooms) -> None:
    """A hit that no longer exists, or no longer says what was found, is not shown and not counted."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    await town.ingest.deleted(GUILD, [12])
    await town.ingest.saved(
        GUILD, [message(11, "a secret", edited_at=utc("2024-01-01T00:00:00")), message(1, "secret")]
    )
    await town.settle()
    again = await town.answers.turn(BOTH, page.answer_id, 0, history=AsStored(town.messages))

    assert (ids(again.hits), again.n_more) == ([10, 9, 8], 6)
    assert ids((await town.answers.turn(BOTH, page.answer_id, 10, history=AsStored(town.messages))).hits) == [2]


async def test_b21_an_edit_without_another_text_leaves_the_answer(town: Rooms) -> None:
    """A pin or a resolved link takes no hit away."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    await town.ingest.saved(
        GUILD, [message(12, "red fish", channel_id=OTHER_CHANNEL, edited_at=utc("2024-01-01T00:00:00"))]
    )

    assert ids((await town.answers.turn(BOTH, page.answer_id, 0, history=AsStored(town.messages))).hits) == ids(
        page.hits
    )


async def test_f32_a_deleted_channel_is_gone_from_every_page(town: Rooms) -> None:
    """Where a channel was deleted its hits are gone, even for one who is believed to read it."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    await town.ingest.channels_deleted(GUILD, [OTHER_CHANNEL])

    assert ids((await town.answers.turn(BOTH, page.answer_id, 0, history=AsStored(town.messages))).hits) == [11, 9]


async def test_b47_an_answer_is_for_the_member_who_asked(town: Rooms) -> None:
    """Another member is refused, and so is the same person in another server."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    for other in (member(CHANNEL, OTHER_CHANNEL, user_id=2), member(CHANNEL, guild_id=OTHER_GUILD)):
        with pytest.raises(AnswerOfAnother):
            await town.answers.turn(other, page.answer_id, 0, history=AsStored(town.messages))
        with pytest.raises(AnswerOfAnother):
            await town.answers.to_share(other, audience(CHANNEL), page.answer_id, 0, history=AsStored(town.messages))


@pytest.mark.parametrize(
    ("age", "is_there"), [(timedelta(), True), (KEPT - timedelta(seconds=30), True), (KEPT, False), (2 * KEPT, False)]
)
async def test_b47_an_answer_expires_after_fifteen_minutes(town: Rooms, age: timedelta, is_there: bool) -> None:
    """An old answer is refused, whether or not its rows are still there."""
    old = StoredAnswer(7, GUILD, BOTH.user_id, datetime.now(UTC) - age, (Found(0, 12, 100),))
    await AnswerStore(town.database).put(old)

    if is_there:
        assert ids((await town.answers.turn(BOTH, 7, 0, history=AsStored(town.messages))).hits) == [12]
    else:
        with pytest.raises(AnswerExpired):
            await town.answers.turn(BOTH, 7, 0, history=AsStored(town.messages))


async def test_what_has_expired_is_forgotten(town: Rooms) -> None:
    """Old answers do not pile up."""
    old = StoredAnswer(7, GUILD, BOTH.user_id, datetime.now(UTC) - 2 * KEPT, (Found(0, 12, 100),))
    await AnswerStore(town.database).put(old)
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    await town.answers.forget_expired()

    assert await town.database.fetch("SELECT answer_id FROM answers") == [(page.answer_id,)]
    assert await town.database.fetch("SELECT DISTINCT answer_id FROM answer_hits") == [(page.answer_id,)]


async def test_an_unknown_answer_reads_as_an_expired_one(town: Rooms) -> None:
    """An id that never was is told like one that is too old."""
    with pytest.raises(AnswerExpired):
        await town.answers.turn(BOTH, 12345, 0, history=AsStored(town.messages))


async def test_an_answer_without_hits_is_not_stored(town: Rooms) -> None:
    """Where nothing was found there is no page to turn to."""
    page = await town.answers.ask(member(), RED_FISH, history=AsStored(town.messages))

    assert page == Page(page.answer_id, 0, (), 0, is_kept=False)
    assert await town.database.fetch("SELECT * FROM answers") == []


async def test_a_failing_question_leaves_nothing(town: Rooms) -> None:
    """When the embedder fails and meaning alone was asked for there is no answer and no row."""
    town.embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)
    with pytest.raises(EmbeddingError):
        await town.answers.ask(BOTH, replace(RED_FISH, mode=Mode.MEANING), history=AsStored(town.messages))

    assert await town.database.fetch("SELECT * FROM answers") == []


async def test_i10_neither_question_nor_vector_is_stored(town: Rooms) -> None:
    """The file holds ids, places and rounded scores of an answer, and not a byte of what was asked."""
    question = "quokka wombat numbat bilby"
    page = await town.answers.ask(BOTH, Query(text=question), history=AsStored(town.messages))
    await town.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=page.hits)
    files = b"".join(path.read_bytes() for path in town.database.path.parent.glob("bot.db*"))
    vector = (await town.embedder.embed([question]))[0]

    assert b"red fish" in files
    assert b"quokka" not in files
    assert not any(vector.astype(kind).tobytes() in files for kind in (np.float16, np.float32, np.float64))
    columns = "SELECT m.name, group_concat(p.name, ' ') FROM sqlite_schema m, pragma_table_info(m.name) p"
    assert dict(await town.database.fetch(f"{columns} WHERE m.name IN ('answers', 'answer_hits') GROUP BY 1")) == {
        "answers": "answer_id guild_id user_id made_at words_only",
        "answer_hits": "answer_id position rank guild_id message_id percent nearness quoted_from",
    }


async def test_a_page_shows_scores_in_whole_percent(rooms: Rooms) -> None:
    """Nobody can read more from a score than its percent."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish blue"), message(2, "green")])
    await rooms.settle()
    page = await rooms.answers.ask(member(CHANNEL), Query(text="red"), history=AsStored(rooms.messages))

    assert [hit.score for hit in page.hits] == [0.58, 0]


async def test_an_answer_outlives_a_restart(town: Rooms) -> None:
    """A page can be turned by another process over the same folder."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    async with open_to_write(town.database.path.parent) as database:
        again = await rooms_over(database, town.embedder)

        assert ids((await again.answers.turn(BOTH, page.answer_id, 5, history=AsStored(again.messages))).hits) == [
            7,
            6,
            5,
            4,
            3,
        ]


async def test_an_answer_to_a_message_stores_only_others(town: Rooms) -> None:
    """Asking by message gives pages without the message itself."""
    page = await town.answers.ask(BOTH, Query(message_id=12, limit=50), history=AsStored(town.messages))

    assert (ids(page.hits), page.n_more) == ([11, 10, 9, 8, 7], 6)


async def test_a_long_text_is_quoted_from_the_same_place_wherever_it_is_shown(town: Rooms) -> None:
    """On the page that was asked for, when it is turned to again, and shared with others."""
    bees, taxes = "The bees have swarmed again into the pear tree. ", "The tax office wants the form by Friday. "
    await town.ingest.saved(GUILD, [message(13, bees * 6 + taxes * 6)])
    await town.settle()
    query, history = Query(text="tax office form", limit=1), AsStored(town.messages)
    page = await town.answers.ask(BOTH, query, history=history)
    turned = await town.answers.turn(BOTH, page.answer_id, 0, history=history)
    hits = await town.answers.to_share(BOTH, audience(CHANNEL), page.answer_id, 0, history=history)
    await town.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=hits)
    async with town.answers.turned_shares() as [share]:
        [shared_hit] = await town.answers.hits_of(share, audience(CHANNEL))

    places = [hit.quoted_from for hit in (*page.hits, *turned.hits, *hits, shared_hit)]
    assert places == [len(bees * 6)] * 4


async def test_what_is_shared_may_be_read_by_everyone(town: Rooms) -> None:
    """Of the page, only what both the asker and all of the audience may see."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))

    assert ids(
        await town.answers.to_share(BOTH, audience(CHANNEL), page.answer_id, 0, history=AsStored(town.messages))
    ) == [11, 9]
    assert ids(
        await town.answers.to_share(
            BOTH, audience(CHANNEL, OTHER_CHANNEL), page.answer_id, 5, history=AsStored(town.messages)
        )
    ) == [
        7,
        6,
        5,
        4,
        3,
    ]
    narrower = member(OTHER_CHANNEL)
    with pytest.raises(NothingToShare):
        await town.answers.to_share(narrower, audience(CHANNEL), page.answer_id, 0, history=AsStored(town.messages))


async def test_nothing_is_shared_that_the_audience_may_not_read(town: Rooms) -> None:
    """A page of hidden hits only is refused, and so is a page that holds nothing any more."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    with pytest.raises(NothingToShare):
        await town.answers.to_share(BOTH, audience(), page.answer_id, 0, history=AsStored(town.messages))

    await town.ingest.deleted(GUILD, range(1, 13))
    with pytest.raises(NothingToShare):
        await town.answers.to_share(
            BOTH, audience(CHANNEL, OTHER_CHANNEL), page.answer_id, 0, history=AsStored(town.messages)
        )


async def shared(rooms: Rooms) -> tuple[Hit, ...]:
    """The first page, shown to everyone: 12, 11, 10, 9, 8."""
    page = await rooms.answers.ask(BOTH, RED_FISH, history=AsStored(rooms.messages))
    await rooms.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="ja", hits=page.hits)
    return page.hits


async def stale(rooms: Rooms) -> Share:
    [share] = await rooms.answers.stale_shares()
    return share


async def test_a_share_is_stale_once_what_it_shows_is_gone(town: Rooms) -> None:
    """A fresh share is true; a deletion makes it stale, with all it needs to be drawn again."""
    hits = await shared(town)
    assert await town.answers.stale_shares() == []

    await town.ingest.deleted(GUILD, [11, 1])
    share = await stale(town)
    assert (share.guild_id, share.channel_id, share.message_id, share.language) == (GUILD, CHANNEL, SHARED_AS, "ja")
    again = await town.answers.hits_of(share, audience(CHANNEL, OTHER_CHANNEL))
    assert ids(again) == [12, 10, 9, 8]
    assert [hit.score for hit in again] == [round(hit.score, 2) for hit in hits if hit.message.message_id != 11]


async def test_a_rewritten_message_is_taken_out_of_a_share(town: Rooms) -> None:
    """The new text was never shared, and the old one is not to be seen any more."""
    await shared(town)
    await town.ingest.saved(GUILD, [message(11, "red fish!")])

    assert ids(await town.answers.hits_of(await stale(town), audience(CHANNEL))) == [9]


async def test_b21_an_edit_without_another_text_leaves_a_share_true(town: Rooms) -> None:
    """Nothing is drawn again for a pin, nor when a message that is not shown goes."""
    await shared(town)
    await town.ingest.saved(GUILD, [message(11, "red fish", edited_at=utc("2024-01-01T00:00:00"))])
    await town.ingest.deleted(GUILD, [1])

    assert await town.answers.stale_shares() == []


@pytest.mark.parametrize("closing", ["channels_deleted", "channels_closed"])
async def test_f32_a_share_loses_what_comes_from_a_channel_that_is_gone(town: Rooms, closing: str) -> None:
    """A channel that was deleted, or closed to the bot, goes out of what is shown."""
    await shared(town)
    await getattr(town.ingest, closing)(GUILD, [OTHER_CHANNEL])

    assert [found.message_id for found in (await stale(town)).found] == [11, 9]


async def test_a_stale_share_shows_what_its_audience_may_read_now(town: Rooms) -> None:
    """Rights that changed since the sharing count when it is drawn again."""
    await shared(town)
    await town.ingest.deleted(GUILD, [9])

    assert ids(await town.answers.hits_of(await stale(town), audience(CHANNEL))) == [11]
    assert await town.answers.hits_of(await stale(town), audience()) == ()


async def turned(rooms: Rooms) -> list[Share]:
    async with rooms.answers.turned_shares() as shares:
        return shares


async def test_a_share_forgets_what_its_audience_may_read_no_longer(town: Rooms) -> None:
    """Once permissions changed, what not all may see is taken out for good, though it may be opened again later."""
    await shared(town)
    town.answers.permissions_changed(GUILD)
    [share] = await turned(town)
    await town.answers.narrow(share, audience(CHANNEL))
    assert ids(await town.answers.hits_of(await stale(town), audience(CHANNEL, OTHER_CHANNEL))) == [11, 9]

    await town.answers.redrawn(await stale(town))
    assert await town.answers.stale_shares() == []
    assert await turned(town) == []


async def test_a_share_that_everyone_may_still_read_stays_as_it_is(town: Rooms) -> None:
    """Permissions that changed without any effect on a share, or in another server, have nothing drawn again."""
    await shared(town)
    [share] = await turned(town)  # it is looked at once after it was sent
    await town.answers.narrow(share, audience(CHANNEL, OTHER_CHANNEL))
    assert await town.answers.stale_shares() == []

    town.answers.permissions_changed(OTHER_GUILD)
    assert await turned(town) == []


@pytest.mark.parametrize("failure", [StorageFailed("busy"), asyncio.CancelledError()], ids=repr)
async def test_shares_that_were_not_gone_through_are_told_again(town: Rooms, failure: BaseException) -> None:
    """Whatever ended it in the middle; what changed meanwhile is told as well."""
    await shared(town)
    with pytest.raises(type(failure)):
        async with town.answers.turned_shares():
            town.answers.permissions_changed(OTHER_GUILD)
            raise failure

    assert [share.guild_id for share in await turned(town)] == [GUILD]
    assert await turned(town) == []


async def test_the_last_look_leaves_out_what_was_closed_since_the_search(town: Rooms) -> None:
    """A page keeps the places of the hits that are left, and counts only those copies that may be seen."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    narrowed = page.seen_by(member(CHANNEL))
    assert ids(narrowed.hits) == [11, 9]
    assert narrowed.positions == (1, 3)
    assert page.channel_ids == {CHANNEL, OTHER_CHANNEL}
    assert page.seen_by(member(CHANNEL, guild_id=OTHER_GUILD)).hits == ()

    folded = await town.answers.ask(BOTH, replace(RED_FISH, is_folded=True), history=AsStored(town.messages))
    [hit] = folded.seen_by(member(OTHER_CHANNEL)).hits
    assert [one.message.message_id for one in (hit.stored, *hit.copies)] == [12, 10, 8, 6, 4, 2]
    copies = await town.answers.opened(BOTH, folded.answer_id, 0, history=AsStored(town.messages))
    assert [one.message.message_id for one in copies.seen_by(member(CHANNEL)).shown] == [11, 9, 7, 5, 3, 1]


async def test_a_share_is_true_again_unless_another_source_went_meanwhile(town: Rooms) -> None:
    """What was deleted while the message was being edited makes it be drawn once more."""
    await shared(town)
    await town.ingest.deleted(GUILD, [12])
    drawn = await stale(town)
    await town.ingest.deleted(GUILD, [10])
    await town.answers.redrawn(drawn)
    again = await stale(town)
    await town.answers.redrawn(again)

    assert [found.message_id for found in again.found] == [11, 9, 8]
    assert await town.answers.stale_shares() == []


async def test_a_share_whose_source_was_deleted_while_it_was_sent_is_stale_at_once(town: Rooms) -> None:
    """A hit that went between the press and the message is taken out."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    await town.ingest.deleted(GUILD, [12])
    await town.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=page.hits)

    assert [found.message_id for found in (await stale(town)).found] == [11, 10, 9, 8]


async def test_a_share_whose_source_was_rewritten_while_it_was_sent_is_stale_at_once(town: Rooms) -> None:
    """A text that was edited between the press and the message does not stay in sight."""
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))
    await town.ingest.saved(GUILD, [message(11, "nothing")])
    await town.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=page.hits)

    assert [found.message_id for found in (await stale(town)).found] == [12, 10, 9, 8]


async def test_a_share_that_is_gone_is_forgotten(town: Rooms) -> None:
    """Once the bot's message was deleted nothing is left of it, and other shares stay."""
    hits = await shared(town)
    await town.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS + 1, language="en", hits=hits)
    await town.answers.unshared(GUILD, [SHARED_AS, 12345])
    await town.answers.unshared(OTHER_GUILD, [SHARED_AS + 1])

    assert await town.database.fetch("SELECT message_id FROM shares") == [(SHARED_AS + 1,)]
    assert await town.database.fetch("SELECT DISTINCT share_id FROM share_sources") == [(SHARED_AS + 1,)]


async def test_hits_keep_their_order_in_a_share(rooms: Rooms) -> None:
    """The nearest stays the first, whatever the ids are."""
    await rooms.ingest.saved(GUILD, [message(3, "red"), message(1, "red fish"), message(2, "red bird tree")])
    await rooms.settle()
    page = await rooms.answers.ask(member(CHANNEL), Query(text="red fish"), history=AsStored(rooms.messages))
    await rooms.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=page.hits)
    await rooms.ingest.deleted(GUILD, [3])

    assert ids(page.hits) == [1, 3, 2]
    assert ids(await rooms.answers.hits_of(await stale(rooms), audience(CHANNEL))) == [1, 2]
    assert all(isinstance(hit.stored, StoredMessage) for hit in page.hits)


# --- what may have changed unheard


def as_it_was() -> PagedHistory:
    """Discord with the twelve messages of the town, in both channels."""
    history = PagedHistory(location(CHANNEL), location(OTHER_CHANNEL))
    channels = (CHANNEL, OTHER_CHANNEL)
    history.write(message(i, "red fish", channel_id=channels[i % 2 == 0]) for i in range(1, 13))
    return history


async def stored(rooms: Rooms) -> list[int]:
    rows = await rooms.database.fetch("SELECT message_id FROM messages WHERE guild_id = ? ORDER BY 1", (GUILD,))
    return [row[0] for row in rows]


async def test_others_take_the_place_of_what_is_gone(town: Rooms) -> None:
    """A page is full although some of its hits were deleted or rewritten unheard; the question is embedded once."""
    history = as_it_was()
    history.delete(12, 10, 7)
    history.write([message(11, "a secret", edited_at=utc("2024-01-01T00:00:00"))])
    n_before = len(town.embedder.batches)
    page = await town.answers.ask(BOTH, RED_FISH, history=history)

    assert (ids(page.hits), page.n_more, page.n_unknown, page.is_kept) == ([9, 8, 6, 5, 4], 3, 0, True)
    assert town.embedder.batches[n_before:] == [["red fish"]]
    assert await stored(town) == [1, 2, 3, 4, 5, 6, 8, 9, 11]
    assert sorted(history.asked_about) == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    second = await town.answers.turn(BOTH, page.answer_id, page.next, history=history)
    assert (ids(second.hits), second.n_more) == ([3, 2, 1], 0)


async def test_nothing_is_found_where_all_is_gone(town: Rooms) -> None:
    """When every hit was deleted unheard the answer is that there is nothing."""
    history = as_it_was()
    history.delete(*range(1, 13))
    page = await town.answers.ask(BOTH, RED_FISH, history=history)

    assert page == Page(page.answer_id, 0, (), 0, is_kept=False)
    assert await stored(town) == []


async def test_a_later_page_leaves_out_what_is_gone(town: Rooms) -> None:
    """Turning a page asks about the hits of that page; those before and after keep their places."""
    history = as_it_was()
    page = await town.answers.ask(BOTH, RED_FISH, history=history)
    history.delete(6, 4)
    second = await town.answers.turn(BOTH, page.answer_id, page.next, history=history)

    assert (ids(second.hits), second.n_more, second.n_unknown) == ([7, 5, 3], 2, 0)
    assert await stored(town) == [1, 2, 3, 5, 7, 8, 9, 10, 11, 12]


@pytest.mark.parametrize("is_late", [False, True], ids=["failing", "late"])
async def test_what_cannot_be_confirmed_is_counted_and_not_shown(
    town: Rooms, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    """When Discord does not answer, or not in time, the page says how many hits it leaves out; later they are there."""
    monkeypatch.setattr("bot.services.answers.CHECKED_FOR_S", 0.2)
    history = as_it_was()
    history.hanging = set(range(1, 13)) if is_late else set()
    history.broken = {} if is_late else dict.fromkeys((CHANNEL, OTHER_CHANNEL), HistoryDelayed("HTTP 503"))
    async with asyncio.timeout(20):
        page = await town.answers.ask(BOTH, RED_FISH, history=history)
    assert (page.hits, page.n_more, page.n_unknown, page.is_kept) == ((), 7, 5, True)
    assert len(await stored(town)) == 12

    history.hanging, history.broken = set(), {}
    monkeypatch.setattr("bot.services.answers.CHECKED_FOR_S", 20.0)
    again = await town.answers.turn(BOTH, page.answer_id, 0, history=history)
    assert (ids(again.hits), again.n_unknown) == ([12, 11, 10, 9, 8], 0)


async def test_what_is_known_is_shown_beside_what_is_not(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that Discord tells nothing of takes only its own hits off the page."""
    history = as_it_was()
    history.broken = {CHANNEL: HistoryDelayed("HTTP 503")}
    page = await town.answers.ask(BOTH, RED_FISH, history=history)

    assert (ids(page.hits), page.n_unknown) == ([12, 10, 8], 2)


async def test_a_question_that_takes_long_leaves_discord_its_time(database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the question takes to be embedded, its hits are asked about for as long as ever."""
    monkeypatch.setattr("bot.services.answers.CHECKED_FOR_S", 0.5)

    class Slow(WordEmbedder):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            await asyncio.sleep(0.6)
            return await super().embed(texts)

    rooms = await rooms_over(database, Slow())
    await rooms.ingest.saved(GUILD, [message(1, "red fish")])
    await rooms.settle()
    page = await rooms.answers.ask(member(CHANNEL), RED_FISH, history=Thinking(location(CHANNEL)))

    assert (ids(page.hits), page.n_unknown) == ([1], 0)


class Thinking(PagedHistory):
    """Takes a moment to tell of a message, which is always the same."""

    async def message(self, channel_id: int, message_id: int) -> Message | None:
        await asyncio.sleep(0.02)
        return message(message_id, "red fish")


async def test_f4_what_cannot_be_put_down_is_asked_about_twice_at_most(town: Rooms) -> None:
    """While the database refuses, a hit that is gone is left out, and Discord is not asked over and over."""
    history = as_it_was()
    history.delete(12)
    async with town.database.transaction() as transaction:
        await transaction.execute(
            "CREATE TRIGGER full BEFORE DELETE ON messages BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )
    page = await town.answers.ask(BOTH, RED_FISH, history=history)

    assert ids(page.hits) == [11, 10, 9, 8]
    assert history.asked_about.count(12) <= 2


async def test_f4_an_answer_that_cannot_be_kept_is_shown_without_buttons(town: Rooms) -> None:
    """While the database refuses, the first page is there all the same, and cannot be turned."""
    async with town.database.transaction() as transaction:
        await transaction.execute(
            "CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )
    page = await town.answers.ask(BOTH, RED_FISH, history=AsStored(town.messages))

    assert (ids(page.hits), page.n_more, page.is_kept) == ([12, 11, 10, 9, 8], 7, False)
    with pytest.raises(AnswerExpired):
        await town.answers.turn(BOTH, page.answer_id, 0, history=AsStored(town.messages))


async def test_a_question_about_a_message_that_is_gone_finds_no_message(town: Rooms) -> None:
    """Whoever asks about a message that was deleted unheard is told as if it had never been there."""
    history = as_it_was()
    history.delete(12)
    with pytest.raises(MessageNotFound):
        await town.answers.ask(BOTH, Query(message_id=12), history=history)

    assert 12 not in await stored(town)
    assert await town.database.fetch("SELECT * FROM answers") == []


async def test_a_message_that_the_asker_may_not_see_costs_no_request(town: Rooms) -> None:
    """Discord is not asked about what a question names and its asker may not read."""
    history = as_it_was()
    with pytest.raises(MessageNotFound):
        await town.answers.ask(member(CHANNEL), Query(message_id=12), history=history)

    assert history.asked_about == []


async def test_nothing_is_shared_that_is_gone(town: Rooms) -> None:
    """What went unheard since the page was shown does not get into a shared answer, nor what cannot be confirmed."""
    history = as_it_was()
    page = await town.answers.ask(BOTH, RED_FISH, history=history)
    town.up_to_date.session_began()
    history.delete(12)
    history.broken = {CHANNEL: HistoryDelayed("HTTP 503")}

    everyone = audience(CHANNEL, OTHER_CHANNEL)
    assert ids(await town.answers.to_share(BOTH, everyone, page.answer_id, 0, history=history)) == [10, 8]


FOLDED = replace(RED_FISH, is_folded=True)


async def test_what_says_the_same_is_one_hit(town: Rooms) -> None:
    """With all that the asker may see of it, to be opened; an answer without folding has each by itself."""
    await town.ingest.saved(GUILD, [message(13, "a red fish"), message(14, "Red fish!", channel_id=OTHER_CHANNEL)])
    await town.settle()
    history = AsStored(town.messages)
    page = await town.answers.ask(member(CHANNEL), FOLDED, history=history)
    copies = await town.answers.opened(member(CHANNEL), page.answer_id, 0, history=history)

    assert ids(page.hits) == [11, 13]
    assert [stored.message.message_id for stored in page.hits[0].copies] == [9, 7, 5, 3, 1]
    assert page.positions == (0, 1)
    assert [stored.message.message_id for stored in copies.shown] == [11, 9, 7, 5, 3, 1]
    assert (copies.n_more, copies.n_unknown) == (0, 0)


async def test_b47_of_copies_only_those_count_that_may_be_seen_now(town: Rooms) -> None:
    """A channel that was lost is gone from the count and from the list; another one of the same stands in."""
    history = AsStored(town.messages)
    page = await town.answers.ask(BOTH, FOLDED, history=history)
    assert (ids(page.hits), len(page.hits[0].copies)) == ([12], 11)

    again = await town.answers.turn(member(CHANNEL), page.answer_id, 0, history=history)
    copies = await town.answers.opened(member(CHANNEL), page.answer_id, 0, history=history)
    assert (ids(again.hits), len(again.hits[0].copies), again.positions) == ([11], 5, (0,))
    assert [stored.message.message_id for stored in copies.shown] == [11, 9, 7, 5, 3, 1]
    with pytest.raises(AnswerOfAnother):
        await town.answers.opened(member(CHANNEL, user_id=2), page.answer_id, 0, history=history)


async def test_many_copies_are_listed_in_part(town: Rooms) -> None:
    """The newest ones, with how many are older."""
    await town.ingest.saved(GUILD, [message(i, "red fish") for i in range(100, 140)])
    await town.settle()
    history = AsStored(town.messages)
    page = await town.answers.ask(BOTH, FOLDED, history=history)
    copies = await town.answers.opened(BOTH, page.answer_id, 0, history=history)

    assert [stored.message.message_id for stored in copies.shown] == list(range(139, 124, -1))
    assert copies.n_more == 37


async def test_a_flood_hides_nothing(town: Rooms) -> None:
    """However many say the same, what else is related has its place."""
    await town.ingest.saved(GUILD, [message(i, "red fish") for i in range(1_000, 1_500)])
    await town.ingest.saved(GUILD, [message(30, "one red fish"), message(31, "two red fish")])
    await town.settle()
    page = await town.answers.ask(BOTH, replace(FOLDED, limit=3), history=AsStored(town.messages))

    assert ids(page.hits) == [1_499, 31, 30]


async def test_a_share_shows_each_thing_once(town: Rooms) -> None:
    """Copies are not shared with it."""
    history = AsStored(town.messages)
    page = await town.answers.ask(BOTH, FOLDED, history=history)
    hits = await town.answers.to_share(BOTH, audience(CHANNEL, OTHER_CHANNEL), page.answer_id, 0, history=history)
    await town.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=hits)

    assert [(hit.message.message_id, hit.copies) for hit in hits] == [(12, ())]
    assert await town.database.fetch("SELECT source_id FROM share_sources") == [(12,)]


async def test_copies_are_counted_beyond_the_first_candidates(town: Rooms) -> None:
    """Behind nearer hits, too: as often as it was said, not as often as was looked at first."""
    nearer = [message(i, f"red fish {word}") for i, word in enumerate(("swims", "sleeps", "eats"), 3_000)]
    await town.ingest.saved(GUILD, [*nearer, *(message(i, "red fish and something else") for i in range(4_000, 4_080))])
    await town.settle()
    page = await town.answers.ask(BOTH, replace(FOLDED, limit=5), history=AsStored(town.messages))

    assert [len(hit.copies) for hit in page.hits if hit.message.content.endswith("else")] == [79]


async def test_what_comes_with_a_text_later_takes_no_source_from_a_share(town: Rooms) -> None:
    """An unfurled link changes nothing of what is shown; a file's name that is shown does."""
    await town.ingest.saved(GUILD, [message(50, "", attached="tide.pdf")])
    hits = tuple(Hit(stored, 1.0) for stored in (await town.messages.get_many(GUILD, [1, 50])).values())
    await town.answers.shared(channel_id=CHANNEL, message_id=SHARED_AS, language="en", hits=hits)

    await town.ingest.saved(GUILD, [message(1, "red fish", attached="A title")])
    assert await town.answers.stale_shares() == []
    await town.ingest.saved(GUILD, [message(50, "", attached="menu.pdf")])
    [share] = await town.answers.stale_shares()
    assert [one.message_id for one in share.found] == [1]
