"""Events: in order, none lost, none that holds up the others."""

import asyncio
import itertools
import random
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from conftest import Rooms, rooms_over
from fakes import AsStored, KnownSurroundings
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, beside, channel, location, message, server, utc

from bot.askers import Member, Operator
from bot.messages import Channel, ChannelKind, Location, Message, Origin, Query
from bot.services.events import (
    ChannelClosed,
    ChannelDeleted,
    Event,
    HistoryRead,
    MessageSaved,
    MessagesDeleted,
    NamesChanged,
    ReachChanged,
    ServerJoined,
    ServerLeft,
)
from bot.services.inbox import Inbox
from bot.storage.database import Database
from bot.storage.servers import Marks

SQUARE = location(CHANNEL)
NOWHERE = KnownSurroundings()
START = utc("2024-01-01T00:00:00")
REFUSING = "CREATE TRIGGER refusing BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'no space'); END"


@pytest.fixture
async def town(rooms: Rooms) -> Rooms:
    """The first server wants to be indexed as a whole; the second said nothing."""
    await rooms.coverage.start(server())
    await rooms.indexer.reconcile()
    return rooms


def saved(message_id: int, content: str = "hello", *, at: Location | None = SQUARE, **values: object) -> MessageSaved:
    if at is not None:
        values = {"channel_id": at.channel.channel_id, "guild_id": at.guild_id} | values
    return MessageSaved(message(message_id, content, **values), at)


def deleted(*message_ids: int) -> MessagesDeleted:
    return MessagesDeleted(GUILD, message_ids)


def edited(message_id: int, content: str, second: int, **values: object) -> MessageSaved:
    return saved(message_id, content, edited_at=START + timedelta(seconds=second), **values)


def running(inbox: Inbox, surroundings: KnownSurroundings = NOWHERE) -> AbstractAsyncContextManager[None]:
    """The one task that empties an inbox."""
    return beside(inbox.run(surroundings))


async def deal_with(rooms: Rooms, *events: Event, surroundings: KnownSurroundings = NOWHERE) -> None:
    """Put events and wait until they were dealt with, together."""
    for event in events:
        await rooms.inbox.put(event)
    async with running(rooms.inbox, surroundings):
        await rooms.inbox.emptied()


async def contents(rooms: Rooms, guild_id: int = GUILD) -> dict[int, str]:
    rows = await rooms.database.fetch(
        "SELECT message_id, content FROM messages WHERE guild_id = ? ORDER BY message_id", (guild_id,)
    )
    return dict(rows)


async def refuse(database: Database, *, refuses: bool = True) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(REFUSING if refuses else "DROP TRIGGER refusing")


async def test_what_happened_is_put_down(town: Rooms) -> None:
    """A message is stored, an edit moves it, a deletion takes it away, and the mirror follows."""
    await deal_with(town, saved(1, "one"), saved(2, "two"), edited(2, "deux", 1), saved(3), deleted(3))
    await town.settle()
    assert await contents(town) == {1: "one", 2: "deux"}

    await deal_with(town, deleted(1))
    assert town.mirror.ids(GUILD).tolist() == [2]
    assert [stored.name for stored in await town.ingest.channels(GUILD)] == ["square"]


@pytest.mark.parametrize("n_together", [1, 2, 500])
async def test_f15_any_order_of_a_messages_events_ends_alike(
    town: Rooms, monkeypatch: pytest.MonkeyPatch, n_together: int
) -> None:
    """Create, two edits and a deletion, in every order, leave nothing; without the deletion, the last text."""
    monkeypatch.setattr("bot.services.inbox._BATCH", n_together)
    events: list[Event] = []
    for message_id, order in enumerate(itertools.permutations(range(4)), start=1):
        kept, gone = message_id, message_id + 100
        history = [
            (saved(kept, "first"), saved(gone, "first")),
            (edited(kept, "second", 1), edited(gone, "second", 1)),
            (edited(kept, "last", 2), edited(gone, "last", 2)),
            (saved(kept, "first"), deleted(gone)),
        ]
        events += [event for step in order for event in history[step]]
    await deal_with(town, *events)

    assert await contents(town) == dict.fromkeys(range(1, 25), "last")
    assert await town.database.fetch("SELECT message_id FROM tombstones") == [(i,) for i in range(101, 125)]


@pytest.mark.parametrize("seed", range(6))
async def test_f15_doubled_late_and_out_of_order_events_end_in_the_truth(
    town: Rooms, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whatever a connection does to the order of events, what is stored is what Discord holds."""
    dice = random.Random(seed)
    monkeypatch.setattr("bot.services.inbox._BATCH", dice.choice((1, 7, 500)))
    events: list[Event] = []
    truth: dict[int, str] = {}
    for i in range(1, 41):
        truth[i] = f"text {i}"
        events.append(saved(i, truth[i]))
        for second in range(1, dice.randrange(1, 5)):
            truth[i] = f"edit {second} of {i}"
            events.append(edited(i, truth[i], second))
        if dice.random() < 0.3:
            del truth[i]
            events.append(deleted(i))
    dice.shuffle(doubled := events * 2)
    await deal_with(town, *doubled)
    await town.settle()

    assert await contents(town) == truth
    assert town.mirror.ids(GUILD).tolist() == (await town.embeddings.ids(GUILD)).tolist() == list(truth)
    assert await town.indexer.reconcile() == 0


async def test_of_two_texts_of_one_age_the_later_arrival_stands(town: Rooms) -> None:
    """Within one batch as over several, order decides where times do not."""
    await deal_with(town, *(saved(1, str(n)) for n in range(20)))
    assert await contents(town) == {1: "19"}
    await deal_with(town, saved(1, "20"))
    await deal_with(town, saved(1, "21"))

    assert await contents(town) == {1: "21"}


async def test_a_full_inbox_makes_everyone_wait_in_order(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is dropped, memory is bounded, and a late comer is dealt with last."""
    monkeypatch.setattr("bot.services.inbox.SIZE", 3)
    monkeypatch.setattr("bot.services.inbox._BATCH", 2)
    rooms = await rooms_over(database)
    await rooms.coverage.start(server())
    arrived: list[int] = []
    save = rooms.ingest.saved

    async def watched(guild_id: int, messages: list[Message], **marks: object) -> object:
        assert len(rooms.inbox) <= 3
        arrived.extend(one.message_id for one in messages)
        return await save(guild_id, messages, **marks)

    monkeypatch.setattr(rooms.ingest, "saved", watched)
    putting = [asyncio.create_task(rooms.inbox.put(saved(i))) for i in range(1, 31)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (len(rooms.inbox), sum(task.done() for task in putting)) == (3, 3)

    async with running(rooms.inbox):
        # Begun in the very turn in which room is made, before those who wait for it have woken.
        await asyncio.create_task(rooms.inbox.put(saved(31)))
        assert all(task.done() for task in putting)
        await rooms.inbox.emptied()
    assert arrived == list(range(1, 32))
    assert len(await contents(rooms)) == 31


async def test_a_putter_that_gives_up_holds_up_nobody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one who waits for room is cancelled, the next one gets in."""
    monkeypatch.setattr("bot.services.inbox.SIZE", 1)
    rooms = await rooms_over(database)
    await rooms.coverage.start(server())
    putting = [asyncio.create_task(rooms.inbox.put(saved(i))) for i in range(1, 5)]
    await asyncio.sleep(0)
    putting[1].cancel()
    async with running(rooms.inbox):
        await asyncio.wait(putting)
        await rooms.inbox.emptied()

    assert list(await contents(rooms)) == [1, 3, 4]


async def test_f4_while_the_database_refuses_events_wait(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events stay in order until the database takes them again; those that come meanwhile wait behind them."""
    monkeypatch.setattr("bot.services.inbox._RETRY_S", 0.001)
    await refuse(town.database)
    async with running(town.inbox):
        await town.inbox.put(saved(1, "one"))
        await town.inbox.put(edited(1, "two", 1))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(town.inbox.emptied(), 0.05)
        await town.inbox.put(deleted(2))
        await town.inbox.put(saved(2))
        assert await contents(town) == {}

        await refuse(town.database, refuses=False)
        await town.inbox.emptied()
    assert await contents(town) == {1: "two"}


async def test_f23_a_poison_event_is_left_out_and_the_others_go_on(
    town: Rooms, caplog: pytest.LogCaptureFixture
) -> None:
    """An event that nobody can apply costs itself alone, whether it stands before, between or after others."""
    poison = saved(2**64, "do not log me")
    await deal_with(town, poison, saved(1), poison, saved(2), deleted(2), edited(1, "new", 1), poison)
    await deal_with(town, saved(3))

    assert await contents(town) == {1: "new", 3: "hello"}
    assert caplog.text.count("left out a MessageSaved") == 3
    assert "do not log me" not in caplog.text


async def test_a_poison_event_of_another_kind_is_left_out(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what a server looks like cannot be told, its messages are dealt with all the same."""

    def broken(guild_id: int, channels: list[Channel]) -> set[int]:
        raise KeyError(guild_id)

    surroundings = KnownSurroundings()
    monkeypatch.setattr(surroundings, "closed", broken)
    await deal_with(town, saved(1), ReachChanged(GUILD), saved(2), surroundings=surroundings)

    assert list(await contents(town)) == [1, 2]


async def test_what_is_not_covered_is_not_stored(town: Rooms) -> None:
    """Messages of a stopped channel, a private thread and a silent server leave no trace."""
    await town.coverage.stop(server(), OTHER_CHANNEL)
    secret = location(77, kind=ChannelKind.PRIVATE_THREAD, parent_id=CHANNEL)
    abroad = location(30, guild_id=OTHER_GUILD)
    await deal_with(
        town, saved(1, at=location(OTHER_CHANNEL)), saved(2, at=secret), saved(3, at=abroad), saved(4), saved(5)
    )

    assert list(await contents(town)) == [4, 5]
    assert await contents(town, OTHER_GUILD) == {}
    assert {stored.channel_id for stored in await town.ingest.channels(GUILD)} == {CHANNEL}


async def test_edits_and_deletions_of_what_is_stored_count_where_nothing_is_covered(town: Rooms) -> None:
    """After a stop nothing new comes in, but what was stored before stays true."""
    await deal_with(town, saved(1, "one"), saved(2, "two"))
    await town.coverage.stop(server())
    await deal_with(town, edited(1, "uno", 1), deleted(2), saved(3), edited(4, "new", 1), saved(1, "uno", at=None))

    assert await contents(town) == {1: "uno"}


async def test_an_imported_message_is_kept_true_without_coverage(rooms: Rooms) -> None:
    """A message that an operator imported follows its edits although its server never said a word."""
    await rooms.ingest.saved(GUILD, [message(1, "one", origin=Origin.EXPORT)])
    await deal_with(rooms, edited(1, "uno", 1), edited(2, "dos", 1))

    assert await contents(rooms) == {1: "uno"}


async def test_b21_an_edit_without_another_text_embeds_nothing(town: Rooms) -> None:
    """A resolved link costs no embedding and leaves the message where it is found."""
    await deal_with(town, saved(1, "red fish"))
    await town.settle()
    n_before = len(town.embedder.batches)
    await deal_with(town, edited(1, "red fish", 1), saved(1, "red fish"))
    await town.settle()

    assert len(town.embedder.batches) == n_before
    assert town.mirror.ids(GUILD).tolist() == [1]


async def test_b22_an_edit_of_an_unknown_message_stores_it_unless_it_was_deleted(town: Rooms) -> None:
    """An edit brings the whole message, so one that was missed comes in by it."""
    await deal_with(town, deleted(2), edited(1, "new", 1), edited(2, "gone", 1))

    assert await contents(town) == {1: "new"}


async def test_b24_a_bulk_deletion_takes_all_and_keeps_out_what_comes_late(town: Rooms) -> None:
    """A hundred messages go at once, the unknown ones among them do not come back either."""
    await deal_with(town, *(saved(i) for i in range(1, 61)))
    await town.settle()
    await deal_with(town, deleted(*range(2, 102)))
    await deal_with(town, *(saved(i) for i in range(1, 103)))

    assert list(await contents(town)) == [1, 102]
    assert town.mirror.ids(GUILD).tolist() == [1]


async def test_b26_b27_bots_and_notices_are_not_stored(town: Rooms) -> None:
    """The bot's own answers, other bots and system messages are left out; forwards and replies are texts."""
    await deal_with(town, saved(1, is_bot=True), saved(2, is_notice=True), saved(3, "forwarded"), saved(4, ""))

    assert await contents(town) == {3: "forwarded", 4: ""}


async def test_b28_an_unknown_channel_is_located(town: Rooms) -> None:
    """A message in a thread that the connection did not know is stored once its place was asked for."""
    thread = location(77, name="help", kind=ChannelKind.THREAD, parent_id=CHANNEL)
    surroundings = KnownSurroundings(thread)
    await deal_with(town, saved(1, at=None, channel_id=77), surroundings=surroundings)

    assert surroundings.located == [77]
    assert await contents(town) == {1: "hello"}
    assert thread.channel in await town.ingest.channels(GUILD)


async def test_b28_a_place_is_judged_after_it_was_located(town: Rooms) -> None:
    """A private thread, a stopped one, and one that nobody knows are not stored."""
    await town.coverage.stop(server(), 78)
    surroundings = KnownSurroundings(
        location(77, kind=ChannelKind.PRIVATE_THREAD, parent_id=CHANNEL),
        location(78, kind=ChannelKind.THREAD, parent_id=CHANNEL),
    )
    await deal_with(town, *(saved(i, at=None, channel_id=i) for i in (77, 78, 79)), surroundings=surroundings)

    assert (surroundings.located, await contents(town)) == ([77, 78, 79], {})


async def test_b28_nobody_is_asked_for_a_server_that_indexes_nothing(rooms: Rooms) -> None:
    """An unknown channel of a silent server costs Discord no question."""
    surroundings = KnownSurroundings(location(77))
    await deal_with(rooms, saved(1, at=None, channel_id=77), surroundings=surroundings)

    assert (surroundings.located, await contents(rooms)) == ([], {})


async def test_an_edit_without_a_place_reaches_a_message_of_the_same_batch(town: Rooms) -> None:
    """Whether an edit comes together with its message, before or after it, it counts."""
    await deal_with(town, saved(1, "old"), edited(1, "new", 1, at=None))
    await deal_with(town, edited(2, "new", 1, at=None), saved(2, "old"))

    assert await contents(town) == {1: "new", 2: "new"}


async def test_a_channel_is_known_by_its_newest_name(town: Rooms) -> None:
    """A rename is learned from the next message."""
    await deal_with(town, saved(1), saved(2, at=location(CHANNEL, name="plaza")))
    await deal_with(town, saved(3))

    assert await town.ingest.channels(GUILD) == [channel(name="square")]
    await deal_with(town, saved(4, at=location(CHANNEL, name="plaza")))
    assert await town.ingest.channels(GUILD) == [channel(name="plaza")]


async def test_f32_a_deleted_channel_goes_with_its_threads(town: Rooms) -> None:
    """Messages, names, marks and words of the channel and its threads go; what comes late stays buried."""
    thread = location(77, kind=ChannelKind.THREAD, parent_id=CHANNEL)
    await town.coverage.stop(server(), CHANNEL)
    await town.coverage.start(server(), 77)
    await town.coverage.start(server(), CHANNEL)
    await deal_with(town, saved(1, "red"), saved(2, "red", at=thread), saved(3, "red", at=location(OTHER_CHANNEL)))
    await town.ingest.saved(GUILD, [], reached=Marks(CHANNEL, 1, 0))
    await town.settle()
    await deal_with(town, ChannelDeleted(GUILD, CHANNEL))

    assert await contents(town) == {3: "red"}
    assert [hit.message.message_id for hit in await town.search.similar(Operator(), Query(text="red"))] == [3]
    assert [stored.channel_id for stored in await town.ingest.channels(GUILD)] == [OTHER_CHANNEL]
    assert await town.servers.marks(GUILD, CHANNEL) is None
    assert town.coverage.told(GUILD) == {0: True}

    await deal_with(town, saved(1, "red"), edited(2, "red", 9, at=thread))
    assert await contents(town) == {3: "red"}


async def test_f32_a_deleted_category_takes_no_channel_with_it(town: Rooms) -> None:
    """When Discord deletes a category its channels live on, and so does what is stored of them."""
    in_category = location(CHANNEL, parent_id=5)
    await town.coverage.stop(server(), 5)
    await town.coverage.start(server(), CHANNEL)
    await deal_with(town, saved(1, at=in_category))
    await deal_with(town, ChannelDeleted(GUILD, 5))

    assert list(await contents(town)) == [1]
    assert [stored.channel_id for stored in await town.ingest.channels(GUILD)] == [CHANNEL]
    assert town.coverage.told(GUILD) == {0: True, CHANNEL: True}


async def test_f19_what_the_bot_may_no_longer_read_is_withdrawn(town: Rooms) -> None:
    """Of a closed channel and its threads nothing read live stays, and their histories are read anew some day."""
    thread = location(77, kind=ChannelKind.THREAD, parent_id=CHANNEL)
    await town.ingest.saved(GUILD, [message(9, "imported", origin=Origin.EXPORT)], reached=Marks(CHANNEL, 9, 0))
    await deal_with(town, saved(1), saved(2, at=thread), saved(3, at=location(OTHER_CHANNEL)))
    await town.settle()
    await deal_with(town, ReachChanged(GUILD), surroundings=KnownSurroundings(closed=[CHANNEL]))

    assert await contents(town) == {3: "hello", 9: "imported"}
    assert town.mirror.ids(GUILD).tolist() == [3, 9]
    assert await town.servers.marks(GUILD, CHANNEL) is None

    await deal_with(town, saved(1), saved(2, at=thread))
    assert list(await contents(town)) == [1, 2, 3, 9]


async def test_f31_a_change_that_closes_nothing_takes_nothing(town: Rooms) -> None:
    """An outage, or a change of rights that leaves all channels open, removes nothing."""
    await deal_with(town, saved(1))
    await deal_with(town, ReachChanged(GUILD), ReachChanged(OTHER_GUILD), ReachChanged(999))

    assert list(await contents(town)) == [1]


async def test_events_of_all_kinds_keep_their_order(town: Rooms) -> None:
    """What comes after a channel was closed or deleted is not taken away with it."""
    closing = KnownSurroundings(closed=[CHANNEL])
    await deal_with(town, saved(1), ReachChanged(GUILD), saved(2), surroundings=closing)
    assert list(await contents(town)) == [2]

    await deal_with(town, ChannelDeleted(GUILD, CHANNEL), saved(3))
    assert list(await contents(town)) == [3]
    assert [stored.channel_id for stored in await town.ingest.channels(GUILD)] == [CHANNEL]


async def test_servers_in_one_batch_stay_apart(town: Rooms) -> None:
    """Messages of several servers come in together, each under its own; a deletion reaches one of them."""
    await town.coverage.start(server(OTHER_GUILD))
    abroad = location(30, guild_id=OTHER_GUILD)
    await deal_with(town, saved(1), saved(1, "theirs", at=abroad), saved(2), deleted(1))

    assert (await contents(town), await contents(town, OTHER_GUILD)) == ({2: "hello"}, {1: "theirs"})


async def test_f32_leaving_and_joining_are_put_down_in_order(town: Rooms) -> None:
    """A removal starts the grace and wakes whoever sweeps, a return ends it, and nothing is deleted by either."""
    await deal_with(town, saved(1), ServerLeft(GUILD))
    assert town.coverage.has_left.is_set()
    assert await town.coverage.left_for(timedelta(seconds=-1)) == [GUILD]

    await deal_with(town, ServerLeft(GUILD), ServerJoined(GUILD), ServerLeft(OTHER_GUILD))
    assert await town.coverage.left_for(timedelta(seconds=-1)) == [OTHER_GUILD]
    assert list(await contents(town)) == [1]


async def test_a_server_that_comes_back_after_its_grace_is_met_anew(town: Rooms) -> None:
    """Channels are known again from their first message on, although they were known before."""
    await deal_with(town, saved(1), ServerLeft(GUILD))
    await town.ingest.server_gone(GUILD)
    await town.coverage.load()
    await deal_with(town, saved(2), ServerJoined(GUILD))
    assert await contents(town) == {}

    await town.coverage.start(server())
    await deal_with(town, saved(3))
    assert await contents(town) == {3: "hello"}
    assert await town.ingest.channels(GUILD) == [channel()]


async def test_a_deleted_share_is_forgotten(town: Rooms) -> None:
    """When the bot's message goes, so does what it showed; a share whose source goes is announced as stale."""
    await deal_with(town, saved(1, "red"), saved(2, "red"))
    await town.settle()
    page = await town.answers.ask(
        Member(GUILD, 1, frozenset({CHANNEL})), Query(text="red"), history=AsStored(town.messages)
    )
    for message_id in (900, 901):
        await town.answers.shared(channel_id=CHANNEL, message_id=message_id, language="en", hits=page.hits)
    town.answers.may_be_stale.clear()
    await deal_with(town, deleted(1, 900))

    assert town.answers.may_be_stale.is_set()
    assert [share.message_id for share in await town.answers.stale_shares()] == [901]


async def test_emptied_waits_for_what_is_being_dealt_with(town: Rooms) -> None:
    """An inbox is empty when the last event is stored, not when it was taken out of the queue."""
    await town.inbox.emptied()
    async with running(town.inbox):
        await town.inbox.put(saved(1))
        await town.inbox.emptied()
        assert (len(town.inbox), await contents(town)) == (0, {1: "hello"})


async def test_f30_a_stop_loses_nothing_that_is_still_queued(town: Rooms) -> None:
    """An inbox whose task was cancelled while it had nothing in hand goes on with the next task."""
    async with running(town.inbox):
        await town.inbox.put(saved(1))
        await town.inbox.emptied()
    await town.inbox.put(saved(2))
    await deal_with(town, saved(3))

    assert list(await contents(town)) == [1, 2, 3]


# --- what was missed, and what only looks different


@pytest.mark.parametrize("event", [NamesChanged(GUILD), HistoryRead(GUILD)], ids=["names", "read"])
async def test_new_names_are_no_reason_to_compare(town: Rooms, event: Event) -> None:
    """A renamed or moved channel is known as it is now, and what was compared stays so."""
    await deal_with(town, saved(1))
    town.up_to_date.compared(GUILD, CHANNEL, down_to=0, at=town.up_to_date.now())
    plaza = location(CHANNEL, name="plaza", parent_id=5)
    await deal_with(town, event, surroundings=KnownSurroundings(plaza))

    assert await town.ingest.channels(GUILD) == [plaza.channel]
    assert town.up_to_date.is_true(GUILD, CHANNEL, 0)


async def test_a_channel_that_went_unheard_takes_what_was_read_with_it(town: Rooms) -> None:
    """Whoever looks around and does not find a channel drops it for good, with its threads and what was said of it."""
    thread = location(77, kind=ChannelKind.THREAD, parent_id=CHANNEL)
    await town.coverage.start(server(), CHANNEL)
    await deal_with(town, saved(1), saved(2, at=thread), saved(3, at=location(OTHER_CHANNEL)))
    await town.ingest.saved(GUILD, [], reached=Marks(CHANNEL, 1, 0))
    await deal_with(town, ReachChanged(GUILD), surroundings=KnownSurroundings(gone=[CHANNEL], closed=[CHANNEL]))

    assert await contents(town) == {3: "hello"}
    assert town.coverage.told(GUILD) == {0: True}
    await deal_with(town, saved(1))
    assert await contents(town) == {3: "hello"}


async def test_an_import_of_a_channel_that_is_no_more_stays(town: Rooms) -> None:
    """What was never read live is not taken for deleted where Discord does not have its channel."""
    await town.ingest.met(server(), channel(99))
    await town.ingest.saved(GUILD, [message(1, channel_id=99, origin=Origin.EXPORT)])
    await deal_with(town, ReachChanged(GUILD), surroundings=KnownSurroundings(gone=[99], closed=[99]))

    assert list(await contents(town)) == [1]


async def test_nobody_tells_of_deletions_in_a_closed_thread(town: Rooms) -> None:
    """What was imported of a private thread that closes may be gone when it opens again, so it is asked about."""
    secret = location(77, kind=ChannelKind.PRIVATE_THREAD, parent_id=CHANNEL)
    await town.coverage.start(server(), 77)
    await town.ingest.met(secret.server, secret.channel)
    await town.ingest.saved(GUILD, [message(1, channel_id=77, origin=Origin.EXPORT)])
    town.up_to_date.compared(GUILD, 77, down_to=0, at=town.up_to_date.now())
    await deal_with(town, ChannelClosed(GUILD, 77))

    assert list(await contents(town)) == [1]
    assert not town.up_to_date.is_true(GUILD, 77, 1)


async def test_f23_what_was_left_out_may_have_been_a_deletion(town: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an event that nobody could apply, what is stored of its server counts as compared no longer."""
    await deal_with(town, saved(1))
    for guild_id in (GUILD, OTHER_GUILD):
        town.up_to_date.compared(guild_id, guild_id, down_to=0, at=town.up_to_date.now())

    async def broken(guild_id: int, ids: list[int]) -> int:
        raise KeyError(ids)

    monkeypatch.setattr(town.ingest, "deleted", broken)
    await deal_with(town, deleted(1))
    assert [town.up_to_date.is_true(guild_id, guild_id, 0) for guild_id in (GUILD, OTHER_GUILD)] == [False, True]
