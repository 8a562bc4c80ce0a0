"""What is asked again and again, counted over what the asker may see."""

from datetime import date

import pytest
from conftest import Rooms
from fakes import AsStored, PagedHistory
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, location, message, utc

from bot.askers import Member, Operator, Scope
from bot.services.repeats import Repeat, RepeatsPage
from bot.times import snowflake_at

BOTH = Member(GUILD, 1, frozenset({CHANNEL, OTHER_CHANNEL}))
HERE = Member(GUILD, 1, frozenset({CHANNEL}))


def at(day: str) -> int:
    """A message id of a day."""
    return snowflake_at(utc(f"{day}T12:00:00"))


FERRY, BREAD, KEY = at("2026-03-02"), at("2026-03-03"), at("2026-03-04")
AGAIN = [at("2026-03-10"), at("2026-03-12"), at("2026-03-30")]


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """A question that was asked three times more, the last time in another channel, and one that was once more."""
    told = [message(FERRY, "when does the ferry leave"), message(BREAD, "who bakes"), message(KEY, "where is the key")]
    told += [message(i, f"ferry when {i}", author_id=BOB) for i in AGAIN[:2]]
    told.append(message(AGAIN[2], "and the ferry", channel_id=OTHER_CHANNEL))
    told.append(message(at("2026-04-01"), "bread, who"))
    await rooms.ingest.saved(GUILD, told)
    for i in AGAIN:
        await rooms.marks.mark(GUILD, i, FERRY)
    await rooms.marks.mark(GUILD, at("2026-04-01"), BREAD)
    return rooms


def counted(repeats: tuple[Repeat, ...]) -> list[tuple[int, int]]:
    """The originals with how often they were asked."""
    return [(repeat.original.message_id, repeat.n_asked) for repeat in repeats]


async def page_of(town: Rooms, asker: Member, start: int = 0) -> RepeatsPage:
    repeats = await town.repeats.of(asker, GUILD)
    return await town.repeats.page(asker, repeats, start, guild_id=GUILD, history=AsStored(town.messages))


async def test_the_most_frequent_comes_first(town: Rooms) -> None:
    """The original counts as one time; it is told when it was asked first and last."""
    repeats = await town.repeats.of(BOTH, GUILD)

    assert counted(repeats) == [(FERRY, 4), (BREAD, 2)]
    assert (repeats[0].first.message_id, repeats[0].last.message_id) == (FERRY, AGAIN[2])
    assert counted(await town.repeats.of(Operator(), GUILD)) == counted(repeats)
    assert await town.repeats.of(BOTH, OTHER_GUILD) == ()
    assert await town.repeats.guild_ids() == [GUILD]


async def test_hidden_messages_are_not_counted(town: Rooms) -> None:
    """Nor is anything told of an original that the asker may not read."""
    assert counted(await town.repeats.of(HERE, GUILD)) == [(FERRY, 3), (BREAD, 2)]
    assert await town.repeats.of(Member(GUILD, 1, frozenset({OTHER_CHANNEL})), GUILD) == ()
    assert await town.repeats.of(Member(OTHER_GUILD, 1, frozenset({CHANNEL})), GUILD) == ()


async def test_what_is_counted_can_be_narrowed(town: Rooms) -> None:
    """To a time and to channels; the original may lie outside of both."""
    since = await town.repeats.of(BOTH, GUILD, Scope(after_id=at("2026-03-11")))
    assert counted(since) == [(FERRY, 2), (BREAD, 1)]
    assert since[0].first.message_id == AGAIN[1]

    there = await town.repeats.of(BOTH, GUILD, Scope(channel_ids=frozenset({OTHER_CHANNEL})))
    assert counted(there) == [(FERRY, 1)]
    assert await town.repeats.of(BOTH, GUILD, Scope(after_id=at("2026-05-01"))) == ()


async def test_a_page_is_narrowed_once_more_before_it_is_shown(town: Rooms) -> None:
    """A channel that was closed meanwhile is neither counted nor told of, in the list and in the weeks."""
    page = await page_of(town, BOTH)
    assert page.channel_ids == {CHANNEL, OTHER_CHANNEL}
    assert sum(page.weekly.totals) == 4

    narrowed = page.seen_by(HERE)
    assert [one.repeat.n_asked for one in narrowed.told] == [3, 2]
    assert sum(narrowed.weekly.totals) == 3
    nothing = page.seen_by(Member(GUILD, 1, frozenset()))
    assert (nothing.told, nothing.every, nothing.weekly.weeks) == ((), (), ())


async def test_when_something_was_asked_again_is_counted_by_week(town: Rooms) -> None:
    """Originals are not among it."""
    weekly = (await page_of(town, BOTH)).weekly

    assert dict(weekly.counts) == {FERRY: (2, 0, 0, 1), BREAD: (0, 0, 0, 1)}
    assert weekly.weeks[0] == date(2026, 3, 9)


async def test_the_first_answer_is_that_to_the_earliest_that_has_one(town: Rooms) -> None:
    """A reply to the original goes before one to a duplicate, though it is later; without any there is none."""

    async def answers() -> list[int | None]:
        told = (await page_of(town, BOTH)).told
        return [one.answer and one.answer.message.message_id for one in told]

    assert await answers() == [None, None]
    late, later = at("2026-03-13"), at("2026-03-20")
    await town.ingest.saved(GUILD, [message(late, "at noon", author_id=ADA, reply_to=AGAIN[1])])
    assert await answers() == [late, None]
    await town.ingest.saved(GUILD, [message(later, "at noon", author_id=BOB, reply_to=FERRY)])
    assert await answers() == [later, None]


async def test_an_original_that_answers_something_is_the_answer_itself(town: Rooms) -> None:
    """Where nobody replied to it."""
    answer, again = at("2026-03-05"), at("2026-03-06")
    texts = [message(answer, "below the mat", reply_to=KEY, author_id=BOB), message(again, "key, where")]
    await town.ingest.saved(GUILD, texts)
    await town.marks.mark(GUILD, again, answer)

    [told] = await town.repeats.told(BOTH, GUILD, (await town.repeats.of(BOTH, GUILD))[2:])
    assert told.answer == told.stored
    assert told.stored.message.message_id == answer


async def test_what_discord_no_longer_has_is_not_shown(town: Rooms) -> None:
    """An original that is gone is left out of the page, and an answer that is gone is not led to."""
    reply = at("2026-03-13")
    await town.ingest.saved(GUILD, [message(reply, "at noon", author_id=BOB, reply_to=FERRY)])
    repeats = await town.repeats.of(BOTH, GUILD)
    stored = await town.messages.get_many(GUILD, [FERRY])
    history = PagedHistory(location())
    history.write([stored[FERRY].message])

    page = await town.repeats.page(BOTH, repeats, guild_id=GUILD, history=history)
    assert [(one.stored.message.message_id, one.answer) for one in page.told] == [(FERRY, None)]
    assert counted(await town.repeats.of(BOTH, GUILD)) == [(FERRY, 4)]


async def test_a_list_has_pages_of_five(town: Rooms) -> None:
    """Each question stands on one of them."""
    first = at("2026-05-01")
    await town.ingest.saved(GUILD, [message(first + i, f"question {i}") for i in range(10)])
    for i in range(5):
        await town.marks.mark(GUILD, first + 5 + i, first + i)
    pages = [await page_of(town, BOTH, start) for start in (0, 5)]

    assert [(len(page.told), page.n_more) for page in pages] == [(5, 2), (2, 0)]
    assert (pages[0].next, pages[1].previous) == (5, 0)
    shown = [one.stored.message.message_id for page in pages for one in page.told]
    assert len(set(shown)) == 7
