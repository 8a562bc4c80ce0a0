"""Which earlier threads are related to a new one, and when it is looked at."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Rooms
from fakes import AsStored
from make import ADA, BOB, GUILD, location, message, server

from bot.askers import Audience
from bot.errors import EmbeddingError
from bot.messages import Channel, ChannelKind
from bot.services.related import LOOKED_AT, Due, NewThread, Related
from bot.services.verdicts import Subject, Verdicts
from bot.storage.answers import ShareStore
from bot.storage.related import RelatedStore
from bot.storage.verdicts import VerdictStore
from bot.times import snowflake_at

FORUM, CATEGORY = 70, 7
NOW = datetime.now(UTC)
NEW = snowflake_at(NOW)
QUESTION = "printer is offline since update"


@pytest.fixture
def verdicts(rooms: Rooms) -> Verdicts:
    return Verdicts(VerdictStore(rooms.database), rooms.spaces)


@pytest.fixture
async def related(rooms: Rooms, verdicts: Verdicts) -> Related:
    """Related posts are suggested in the forum."""
    shares = ShareStore(rooms.database)
    made = Related(RelatedStore(rooms.database), shares, rooms.search, rooms.reconcile, verdicts)
    await rooms.ingest.met(server(), Channel(GUILD, FORUM, "help", ChannelKind.FORUM, CATEGORY))
    await made.choose(GUILD, FORUM, timedelta(seconds=60))
    return made


async def posted(rooms: Rooms, thread_id: int, *texts: str, title: str = "", author_id: int = ADA) -> None:
    """A thread in the forum with what its author wrote; the first message has the thread's id."""
    await rooms.ingest.met(server(), Channel(GUILD, thread_id, title, ChannelKind.THREAD, FORUM))
    ids = range(thread_id, thread_id + len(texts))
    said = [message(i, text, channel_id=thread_id, author_id=author_id) for i, text in zip(ids, texts, strict=True)]
    await rooms.ingest.saved(GUILD, said)


def new_thread(thread_id: int = NEW, *, title: str = "") -> NewThread:
    return NewThread(Due(GUILD, thread_id, NOW + timedelta(seconds=1), NOW), title, ADA, frozenset({FORUM}))


async def found(rooms: Rooms, related: Related, *, hidden: frozenset[int] = frozenset(), title: str = "") -> list[int]:
    """The threads that are related to the new one, the nearest first."""
    await rooms.settle()
    ids = {channel.channel_id for channel in await rooms.search.channels(GUILD)} - hidden
    leads = await related.leads(Audience(GUILD, frozenset(ids)), new_thread(title=title))
    return [lead.channel.channel_id for lead in leads]


# --- which


async def test_the_nearest_threads_are_found_and_never_the_new_one_itself(rooms: Rooms, related: Related) -> None:
    """What is far away is not among them, nor what is written outside of the chosen channels."""
    await posted(rooms, 100, "printer is offline")
    await posted(rooms, 200, "printer is offline since update again")
    await posted(rooms, 300, "how long does bread bake")
    await rooms.ingest.saved(GUILD, [message(400, QUESTION)])
    await posted(rooms, NEW, QUESTION)

    assert await found(rooms, related) == [200, 100]


async def test_a_thread_is_found_once_however_much_in_it_is_near(rooms: Rooms, related: Related) -> None:
    """Several messages of one thread are one lead, by the nearest of them."""
    await posted(rooms, 100, "printer is offline", "printer is offline since", QUESTION)
    await posted(rooms, 200, "printer is offline")
    await posted(rooms, NEW, QUESTION)
    await rooms.settle()

    leads = await related.leads(Audience(GUILD, frozenset({100, 200, FORUM, NEW})), new_thread())
    assert [lead.hit.message.message_id for lead in leads] == [102, 200]


async def test_what_opens_a_thread_outside_of_it_stands_for_it(rooms: Rooms, related: Related) -> None:
    """In a text channel the first message lies above the thread; other messages there are no thread."""
    await posted(rooms, 100, title="help")
    await rooms.ingest.saved(GUILD, [message(i, "printer is offline", channel_id=FORUM) for i in (99, 100)])
    await posted(rooms, NEW, QUESTION)

    assert await found(rooms, related) == [100]


async def test_title_and_what_the_author_added_are_asked_about(rooms: Rooms, related: Related) -> None:
    """A title and a later message of the author's lead to what the first one alone does not; others' words do not."""
    await posted(rooms, 100, "printer offline update")
    await posted(rooms, 200, "sourdough bread oven")
    await posted(rooms, NEW, "hello everyone", "printer offline")
    await rooms.ingest.saved(GUILD, [message(NEW + 9, "sourdough bread oven" * 9, channel_id=NEW, author_id=BOB)])

    assert await found(rooms, related, title="update printer offline") == [100]


async def test_where_nothing_of_the_author_is_stored_nothing_is_suggested(rooms: Rooms, related: Related) -> None:
    """A title alone is no question: who is not indexed, or wants nothing kept, is left in peace."""
    await posted(rooms, 100, QUESTION)
    await posted(rooms, NEW, title=QUESTION)

    assert await found(rooms, related, title=QUESTION) == []


async def test_only_what_all_of_the_audience_may_see_is_suggested(rooms: Rooms, related: Related) -> None:
    """A thread that is hidden from some is not found for all."""
    await posted(rooms, 100, QUESTION)
    await posted(rooms, 200, "printer is offline since")
    await posted(rooms, NEW, QUESTION)

    assert await found(rooms, related, hidden=frozenset({100})) == [200]


async def test_what_came_later_is_not_earlier(rooms: Rooms, related: Related) -> None:
    """A thread that was opened while the author was writing is not suggested."""
    later = snowflake_at(NOW + timedelta(minutes=1))
    await posted(rooms, later, QUESTION)
    await posted(rooms, NEW, QUESTION)

    assert await found(rooms, related) == []


async def test_an_applied_threshold_counts(rooms: Rooms, related: Related, verdicts: Verdicts) -> None:
    """Nothing below the percentage is suggested, and what would otherwise be too far away is, above a low one."""
    await posted(rooms, 100, "printer is offline since update")
    await posted(rooms, 200, "printer is offline")
    await posted(rooms, 300, "printer stands in hall four")
    await posted(rooms, NEW, QUESTION)
    assert await found(rooms, related) == [100, 200]

    await verdicts.put_threshold(GUILD, Subject.RELATED, 95)
    assert await found(rooms, related) == [100]
    await verdicts.put_threshold(GUILD, Subject.RELATED, 10)
    assert await found(rooms, related) == [100, 200, 300]


async def test_not_more_threads_than_can_be_asked_about_are_found(rooms: Rooms, related: Related) -> None:
    """Discord is asked about each of them."""
    for n in range(LOOKED_AT + 3):
        await posted(rooms, 100 * (n + 1), QUESTION)
    await posted(rooms, NEW, QUESTION)

    assert len(await found(rooms, related)) == LOOKED_AT


async def test_without_the_embedder_nothing_is_suggested_by_words(rooms: Rooms, related: Related) -> None:
    """Nobody asked, so it can wait until meanings can be compared."""
    await posted(rooms, 100, QUESTION)
    await posted(rooms, NEW, QUESTION)
    await rooms.settle()
    rooms.embedder.failure = EmbeddingError("timeout", "")

    with pytest.raises(EmbeddingError):
        await found(rooms, related, title="another text")


async def test_what_is_gone_from_discord_is_not_suggested(rooms: Rooms, related: Related) -> None:
    """Each hit is looked at as Discord has it, where something may have changed unheard."""
    await posted(rooms, 100, QUESTION)
    await posted(rooms, NEW, QUESTION)
    await rooms.settle()
    leads = await related.leads(Audience(GUILD, frozenset({100, FORUM, NEW})), new_thread())
    history = AsStored(rooms.messages)
    assert len(await related.confirmed([leads[0].hit], history)) == 1

    await rooms.ingest.deleted(GUILD, [100])
    assert await related.confirmed([leads[0].hit], history) == ()


# --- when


async def test_a_thread_is_looked_at_after_its_delay(rooms: Rooms, related: Related) -> None:
    """The nearest word counts, that on the channel before that on its category; elsewhere nothing waits."""
    await related.choose(GUILD, CATEGORY, timedelta(seconds=5))
    places = [
        location(1, kind=ChannelKind.THREAD, parent_id=FORUM, category_id=CATEGORY),
        location(2, kind=ChannelKind.THREAD, parent_id=71, category_id=CATEGORY),
        location(3, kind=ChannelKind.THREAD, parent_id=72),
        location(4, kind=ChannelKind.PRIVATE_THREAD, parent_id=FORUM),
    ]
    for place in places:
        await related.opened(place)

    waiting = await RelatedStore(rooms.database).due()
    assert [(due.thread_id, (due.due_at - due.opened_at).total_seconds()) for due in waiting] == [(2, 5), (1, 60)]


async def test_who_waits_for_a_thread_is_told_when_one_is_due(rooms: Rooms, related: Related) -> None:
    """Waiting ends with the first thread whose moment has come, not with one that comes later."""
    waiter = asyncio.create_task(related.due())
    await related.opened(location(1, kind=ChannelKind.THREAD, parent_id=FORUM))
    await related.choose(GUILD, FORUM, timedelta(0))
    await related.opened(location(2, kind=ChannelKind.THREAD, parent_id=FORUM))

    due = await asyncio.wait_for(waiter, 10)
    assert [one.thread_id for one in due] == [2]
    await related.done(due[0])
    assert [one.thread_id for one in await RelatedStore(rooms.database).due()] == [1]


async def test_what_cannot_be_looked_at_is_tried_again_but_not_for_ever(rooms: Rooms, related: Related) -> None:
    """It is put off, and given up once nobody waits for it any more."""
    store = RelatedStore(rooms.database)
    now = datetime.now(UTC)
    recent, old = (Due(GUILD, n, now - timedelta(hours=hours), now) for n, hours in ((1, 1), (2, 7)))
    for due in (recent, old):
        await store.put_due(due)
        await related.postpone(due)

    [waiting] = await store.due()
    assert (waiting.thread_id, waiting.due_at > now) == (1, True)


# --- what is said of it


async def suggestion(rooms: Rooms, related: Related) -> Due:
    """A suggestion of one thread, which stands in message 900."""
    await posted(rooms, 100, QUESTION)
    await posted(rooms, NEW, QUESTION)
    await rooms.settle()
    thread = new_thread()
    leads = await related.leads(Audience(GUILD, frozenset({100, FORUM, NEW})), thread)
    await related.suggested(thread.due, message_id=900, language="en", hits=[lead.hit for lead in leads])
    return thread.due


async def kept(rooms: Rooms) -> list[tuple[int, str]]:
    return [tuple(row) for row in await rooms.database.fetch("SELECT percent, verdict FROM verdicts")]


async def test_what_is_suggested_of_a_long_post_is_the_part_that_is_related(rooms: Rooms, related: Related) -> None:
    """It is kept with it, so that what is drawn again quotes the same."""
    other = "The bees have swarmed again into the old pear tree. "
    long = other * 6 + f"{QUESTION}. " * 12
    await posted(rooms, 100, long)
    await posted(rooms, NEW, QUESTION)
    await rooms.settle()
    thread = new_thread()
    [lead] = await related.leads(Audience(GUILD, frozenset({100, FORUM, NEW})), thread)
    await related.suggested(thread.due, message_id=900, language="en", hits=[lead.hit])

    assert long[lead.hit.quoted_from :].startswith(QUESTION)
    assert await rooms.database.fetch("SELECT quoted_from FROM share_sources") == [(lead.hit.quoted_from,)]


async def test_that_it_helped_is_counted_once_and_makes_the_thread_solved(rooms: Rooms, related: Related) -> None:
    """The best score is kept with the verdict; what is suggested stays, and the thread has been helped."""
    due = await suggestion(rooms, related)
    for _ in range(2):
        await related.helped(GUILD, due.thread_id, 900)

    assert await kept(rooms) == [(100, "helped")]
    assert await RelatedStore(rooms.database).helped_among(GUILD, [due.thread_id]) == {due.thread_id}
    assert await ShareStore(rooms.database).stale() == []


async def test_that_it_is_not_related_is_counted_once_and_takes_it_away(rooms: Rooms, related: Related) -> None:
    """Nothing is left of what was suggested."""
    await suggestion(rooms, related)
    for _ in range(2):
        await related.rejected(GUILD, 900)

    assert await kept(rooms) == [(100, "not_related")]
    assert [share.found for share in await ShareStore(rooms.database).stale()] == [()]


async def test_what_the_bot_knows_nothing_of_is_not_counted(rooms: Rooms, related: Related) -> None:
    """A message without a suggestion leaves no verdict."""
    await related.helped(GUILD, NEW, 901)
    await related.rejected(GUILD, 901)

    assert await kept(rooms) == []
