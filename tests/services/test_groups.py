"""Pages of groups: what may be shown and counted is decided anew each time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Rooms
from fakes import AsStored, PagedHistory
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, location, message, utc

from bot.askers import Member
from bot.errors import AnswerExpired, AnswerOfAnother, StorageFailed
from bot.services import groups
from bot.services.answers import KEPT
from bot.services.gathering import Wanted
from bot.services.groups import Group, GroupPage
from bot.storage.answers import AnswerStore, Found, StoredAnswer
from bot.storage.lexicon import Place
from bot.times import made_at

TEXTS = ("red fish", "a blue bird", "green trees", "white snow", "black coffee", "grey clouds", "pink shoes")
WANTED = Wanted(min_size=2)


def member(*channel_ids: int, guild_id: int = GUILD, user_id: int = 1) -> Member:
    return Member(guild_id, user_id, frozenset(channel_ids))


BOTH = member(CHANNEL, OTHER_CHANNEL)


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """Seven groups of three: Ada and Bob in one channel, and Ada in the other one; the newest comes first."""
    for number, text in enumerate(TEXTS):
        first = 10 * number + 1
        await rooms.ingest.saved(
            GUILD,
            [
                message(first, text),
                message(first + 1, text, author_id=BOB),
                message(first + 2, text, channel_id=OTHER_CHANNEL),
            ],
        )
    await rooms.settle()
    return rooms


async def look(town: Rooms, asker: Member = BOTH, *, on_share: Callable[[float], None] = lambda _: None) -> GroupPage:
    return await town.groups.look(asker, WANTED, history=AsStored(town.messages), on_share=on_share)


async def turn(town: Rooms, page: GroupPage, start: int, asker: Member = BOTH) -> GroupPage:
    return await town.groups.turn(asker, page.answer_id, start, history=AsStored(town.messages))


def texts(page: GroupPage) -> list[str]:
    return [group.example.message.content for group in page.groups if group.example]


async def test_groups_are_shown_page_by_page(town: Rooms) -> None:
    """Five a page, to and fro, each with its size, authors, channels, first, last and an example."""
    first = await look(town)
    second = await turn(town, first, first.next)

    assert texts(first) == list(TEXTS[:1:-1])
    assert texts(second) == ["a blue bird", "red fish"]
    assert [(page.start, page.n_more) for page in (first, second)] == [(0, 2), (5, 0)]
    assert await turn(town, first, second.previous) == first
    group = second.groups[-1]
    assert (len(group.places), group.n_authors, group.channel_ids) == (3, 2, [CHANNEL, OTHER_CHANNEL])
    assert (group.first_at, group.last_at, group.is_cut) == (made_at(1), made_at(3), False)


async def test_a_group_opens_to_its_messages(town: Rooms) -> None:
    """Its place is that of an answer, which lists what stands there, the newest first."""
    page = await look(town)
    copies = await town.answers.opened(BOTH, page.answer_id, page.groups[1].position, history=AsStored(town.messages))

    assert [one.message.message_id for one in copies.shown] == [53, 52, 51]


async def test_b47_a_channel_that_was_revoked_is_counted_nowhere(town: Rooms) -> None:
    """Sizes, channels and authors are those that the asker may see at the press; what is too small then goes."""
    page = await look(town)
    after = await turn(town, page, 0, member(CHANNEL))
    alone = await turn(town, page, 0, member(OTHER_CHANNEL))
    seen = page.seen_by(member(CHANNEL))

    for shown in (after, seen):
        assert [(len(group.places), group.channel_ids) for group in shown.groups] == [(2, [CHANNEL])] * 5
    assert after.n_more == 2
    assert (alone.groups, alone.n_more) == ((), 0)
    assert page.seen_by(member()).groups == ()
    assert page.channel_ids == {CHANNEL, OTHER_CHANNEL}


async def test_an_example_is_one_that_the_asker_may_see(town: Rooms) -> None:
    """Of what is hidden nothing is quoted, whichever of the messages leads."""
    page = await look(town)
    hidden = GroupPage(1, GUILD, 0, tuple(page.groups), 0).seen_by(member(CHANNEL))

    assert all(g.example is None or g.example.message.channel_id == CHANNEL for g in hidden.groups)
    assert texts(await turn(town, page, 5, member(CHANNEL))) == ["a blue bird", "red fish"]


async def test_b47_what_was_deleted_or_rewritten_is_in_no_group(town: Rooms) -> None:
    """A message that is gone or says another thing is neither counted nor shown, on every page."""
    page = await look(town)
    await town.ingest.deleted(GUILD, [63])
    await town.ingest.saved(
        GUILD, [message(53, "a secret", channel_id=OTHER_CHANNEL, edited_at=utc("2024-01-01T00:00:00"))]
    )
    again = await turn(town, page, 0)

    assert [len(group.places) for group in again.groups] == [2, 2, 3, 3, 3]
    assert "a secret" not in texts(again)


async def test_b47_what_is_gone_on_discord_is_no_example(town: Rooms) -> None:
    """Before an example is shown Discord is asked; a group that it no longer has goes, as far as it was asked about."""
    history = PagedHistory(location(), location(OTHER_CHANNEL))
    town.up_to_date.lost_sight(GUILD)
    history.write([message(i, TEXTS[6], author_id=BOB if i == 62 else ADA) for i in (61, 62)])
    page = await town.groups.look(BOTH, WANTED, history=history, on_share=lambda _: None)

    assert texts(page) == [TEXTS[6]]
    assert await town.messages.stored_ids(GUILD, [51, 52, 53, 61, 62, 63]) == {61, 62}


async def test_groups_are_for_who_asked_and_for_fifteen_minutes(town: Rooms) -> None:
    """Another member is refused, and so is a press that comes too late."""
    page = await look(town)
    for other in (member(CHANNEL, user_id=2), member(CHANNEL, guild_id=OTHER_GUILD)):
        with pytest.raises(AnswerOfAnother):
            await turn(town, page, 0, other)
    await AnswerStore(town.database).put(
        StoredAnswer(7, GUILD, BOTH.user_id, datetime.now(UTC) - KEPT - timedelta(seconds=1), (Found(0, 1, None),))
    )
    with pytest.raises(AnswerExpired):
        await town.groups.turn(BOTH, 7, 0, history=AsStored(town.messages))


async def test_a_large_group_says_that_there_are_more(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a very large group so many messages are remembered, and no more groups than the largest."""
    monkeypatch.setattr(groups, "MOST_OF_ONE", 2)
    monkeypatch.setattr(groups, "MOST_GROUPS", 3)
    page = await look(town)

    assert [(len(group.places), group.is_cut) for group in page.groups] == [(2, True)] * 3
    assert page.n_more == 0
    assert await town.database.fetch("SELECT count(*) FROM answer_hits") == [(6,)]


async def test_nothing_is_kept_of_no_groups(rooms: Rooms) -> None:
    """Where nothing repeats there is a page without groups, and no row."""
    page = await look(rooms)

    assert (page.groups, page.n_more, page.is_kept) == ((), 0, False)
    assert await rooms.database.fetch("SELECT * FROM answers") == []


async def test_a_page_is_shown_where_it_cannot_be_kept(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database takes no more, the first page is there all the same, without buttons."""

    async def refuse(*_: object) -> None:
        raise StorageFailed("disk full")

    monkeypatch.setattr(AnswerStore, "put", refuse)
    page = await look(town)

    assert (len(page.groups), page.is_kept) == (5, False)


async def test_how_far_it_is_is_told_in_the_event_loop(town: Rooms) -> None:
    """Shares arrive one after another and come to the whole."""
    shares: list[float] = []
    await look(town, on_share=shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_group_is_one_authors_or_severals() -> None:
    """Authors are counted once each, channels come by how much stands in them."""
    group = Group(0, (Place(1, 5, 10), Place(2, 5, 11), Place(2, 5, 12)))

    assert (group.n_authors, group.channel_ids) == (1, [2, 1])
