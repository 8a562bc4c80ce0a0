"""What comes in, and what is shut out."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from conftest import Rooms
from fakes import AsStored
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, server, utc

from bot.askers import Member, Operator
from bot.messages import Channel, ChannelKind, Origin, Query
from bot.services.audit import Act, Audit
from bot.storage.audit import AuditStore
from bot.storage.ledger import Ledger, Spent
from bot.storage.related import Due, RelatedStore
from bot.storage.servers import Marks
from bot.storage.verdicts import Judged, Subject, Verdict, VerdictStore
from bot.storage.waves import Watch, WaveStore

CATEGORY, THREAD = 5, 77


async def found(rooms: Rooms, text: str) -> list[int]:
    return [hit.message.message_id for hit in await rooms.search.similar(Operator(), Query(text=text))]


async def test_every_message_is_counted_once(rooms: Rooms) -> None:
    """New, changed, unchanged and skipped add up to what came in."""
    await rooms.ingest.saved(GUILD, [message(1, "a"), message(2, "b"), message(3, "c")])
    await rooms.ingest.deleted(GUILD, [3])
    batch = [message(1, "a"), message(2, "B"), message(3, "c"), message(4, "d"), message(5, is_bot=True)]
    tally = await rooms.ingest.saved(GUILD, batch)

    assert (tally.new, tally.changed, tally.unchanged) == (1, 1, 1)
    assert dict(tally.skipped) == {"deleted": 1, "bot": 1}
    assert tally.total == 5


async def test_an_edit_changes_what_is_found(rooms: Rooms) -> None:
    """From the edit on the old text finds nothing, and once embedded the new text finds the message."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "green tree")])
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(1, "blue bird")])

    assert await found(rooms, "red fish") == [2]
    await rooms.settle()
    assert (await found(rooms, "blue bird"))[0] == 1


async def test_a_deleted_message_is_gone_from_the_next_answer(rooms: Rooms) -> None:
    """Row, vector and mirror go in one call."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "red bird")])
    await rooms.settle()

    assert await rooms.ingest.deleted(GUILD, [1, 99]) == 1
    assert await found(rooms, "red fish") == [2]
    assert rooms.mirror.ids(GUILD).tolist() == [2]


async def test_a_page_moves_the_marks_with_its_messages(rooms: Rooms) -> None:
    """A page of history is stored together with how far it was read."""
    await rooms.ingest.saved(GUILD, [message(5), message(6)], reached=Marks(CHANNEL, 6, 5))

    assert await rooms.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 6, 5)


async def a_thread(rooms: Rooms, kind: ChannelKind = ChannelKind.THREAD) -> None:
    """A thread of the first channel with message 2 in it, beside message 1 there and message 3 elsewhere."""
    await rooms.ingest.met(server(), Channel(GUILD, THREAD, "help", kind, parent_id=CHANNEL))
    await rooms.ingest.met(server(), Channel(GUILD, OTHER_CHANNEL, "market", parent_id=CATEGORY))
    texts = [message(1, "red"), message(2, "red", channel_id=THREAD), message(3, "red", channel_id=OTHER_CHANNEL)]
    await rooms.ingest.saved(GUILD, texts, reached=Marks(CHANNEL, 1, 0))
    await rooms.ingest.saved(GUILD, [], reached=Marks(THREAD, 2, 0))
    await rooms.settle()


async def names(rooms: Rooms) -> list[str]:
    return [channel.name for channel in await rooms.ingest.channels(GUILD)]


@pytest.mark.parametrize("kind", [ChannelKind.THREAD, ChannelKind.PRIVATE_THREAD])
async def test_f32_a_channel_is_deleted_with_its_threads(rooms: Rooms, kind: ChannelKind) -> None:
    """Rows, vectors, names and marks go in the channel and its threads; nothing of them comes back."""
    await a_thread(rooms, kind)

    assert await rooms.ingest.channels_deleted(GUILD, [CHANNEL]) == 2
    assert await found(rooms, "red") == rooms.mirror.ids(GUILD).tolist() == [3]
    assert await names(rooms) == ["market"]
    assert await rooms.servers.marks(GUILD, THREAD) is None
    tally = await rooms.ingest.saved(GUILD, [message(1), message(2, channel_id=THREAD)])
    assert dict(tally.skipped) == {"deleted": 2}


async def test_f32_a_deleted_thread_leaves_its_channel(rooms: Rooms) -> None:
    """Only the thread goes."""
    await a_thread(rooms)

    assert await rooms.ingest.channels_deleted(GUILD, [THREAD]) == 1
    assert await found(rooms, "red") == [3, 1]
    assert await names(rooms) == ["square", "market"]


async def test_f32_a_deleted_category_leaves_its_channels(rooms: Rooms) -> None:
    """A category is no channel: what lies in it lives on, on Discord and here."""
    await a_thread(rooms)

    assert await rooms.ingest.channels_deleted(GUILD, [CATEGORY]) == 0
    assert sorted(await found(rooms, "red")) == [1, 2, 3]
    assert await names(rooms) == ["square", "market", "help"]


async def test_b24_deleting_an_unknown_channel_is_nothing(rooms: Rooms) -> None:
    """A channel that nothing is stored of, or of another server, takes nothing with it."""
    await a_thread(rooms)

    assert await rooms.ingest.channels_deleted(GUILD, [999]) == 0
    assert await rooms.ingest.channels_deleted(OTHER_GUILD, [OTHER_CHANNEL]) == 0
    assert await rooms.messages.count() == 3


async def test_f19_a_closed_channel_is_withdrawn_and_can_be_read_again(rooms: Rooms) -> None:
    """What was read live goes with its marks and leaves no tombstone; what was imported, and names, stay."""
    await a_thread(rooms)
    await rooms.ingest.saved(GUILD, [message(4, "red", origin=Origin.EXPORT)])
    await rooms.settle()

    assert await rooms.ingest.channels_closed(GUILD, [CHANNEL]) == 2
    assert await found(rooms, "red") == [4, 3]
    assert rooms.mirror.ids(GUILD).tolist() == [3, 4]
    assert [await rooms.servers.marks(GUILD, i) for i in (CHANNEL, THREAD)] == [None, None]
    assert await names(rooms) == ["square", "market", "help"]
    assert (await rooms.ingest.saved(GUILD, [message(1)])).new == 1


async def test_f31_nothing_closed_takes_nothing(rooms: Rooms) -> None:
    """No channel, or an unknown one, withdraws nothing."""
    await a_thread(rooms)

    assert await rooms.ingest.channels_closed(GUILD, []) == 0
    assert await rooms.ingest.channels_closed(GUILD, [999]) == 0
    assert await rooms.messages.count() == 3


async def test_f32_nothing_is_left_of_a_server_that_is_gone(rooms: Rooms) -> None:
    """No table but the audit and those of people's wishes and no index holds a row of it; the other is untouched."""
    for guild_id in (GUILD, OTHER_GUILD):
        await rooms.coverage.start(server(guild_id))
        in_parts = " ".join(f"This is the {n}th sentence about red." for n in range(20))
        here = [message(i, f"red {i}" if i > 1 else in_parts, guild_id=guild_id) for i in range(1, 6)]
        await rooms.ingest.saved(guild_id, here, reached=Marks(CHANNEL, 5, 1))
        await rooms.privacy.opt_out(guild_id, 1)
        await rooms.privacy.forget(guild_id, 1, up_to_id=1)
    await rooms.settle()
    for guild_id in (GUILD, OTHER_GUILD):
        await Audit(AuditStore(rooms.database)).note(guild_id, Act.STARTED, actor_id=1)
        ledger = Ledger(rooms.database)
        await ledger.add("2026-01", "words", {guild_id: Spent(1, 1, 1.0)})
        await ledger.put_budget(guild_id, 1.0)
        assert await ledger.warns_first(guild_id, "2026-01", 1.0, percent=80)
        await rooms.ingest.deleted(guild_id, [5])
        await rooms.ingest.saved(guild_id, [message(6, "waits", guild_id=guild_id)])
        page = await rooms.answers.ask(
            Member(guild_id, 1, frozenset({CHANNEL})),
            Query(text="red"),
            history=AsStored(rooms.messages, guild_id=guild_id),
        )
        await rooms.sweeps.went_on(guild_id, CHANNEL, reached_id=3, began_at=datetime.now(UTC))
        await rooms.answers.shared(channel_id=CHANNEL, message_id=900, language="en", hits=page.hits)
        await rooms.backfill.noted(guild_id, channel_id=CHANNEL, message_id=901, language="en")
        related, verdicts = RelatedStore(rooms.database), VerdictStore(rooms.database)
        await related.choose(guild_id, CHANNEL, timedelta(seconds=1))
        await related.put_due(Due(guild_id, 1, datetime.now(UTC), datetime.now(UTC)))
        await related.helped(guild_id, 1)
        judged = Judged(50, Verdict.HELPED)
        await verdicts.put(guild_id, Subject.RELATED, judged, at=datetime.now(UTC), nearness=None, generation="words")
        await verdicts.put_threshold(guild_id, Subject.RELATED, 50, generation="words")
        marked = await rooms.duplicates.mark(Member(guild_id, 1, frozenset({CHANNEL})), 3, 2)
        await rooms.duplicates.replied(marked, reply_id=902, language="en")
        waves, watch = WaveStore(rooms.database, rooms.embeddings.generation), Watch(guild_id, 1, 5, 3, 10, 3, "en")
        await waves.put_watch(watch)
        wave_id = await waves.begin(watch, [2, 3], last_at=datetime.now(UTC))
        await waves.ignore(guild_id, wave_id, np.ones(rooms.embedder.dim, np.float32))
    tables = await rooms.database.fetch(
        "SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table' AND p.name = 'guild_id'"
    )

    async def n_rows(guild_id: int) -> dict[str, int]:
        counts = {}
        for (table,) in tables:
            rows = await rooms.database.fetch(f"SELECT count(*) FROM {table} WHERE guild_id = ?", (guild_id,))
            counts[table] = rows[0][0]
        return counts

    before = await n_rows(OTHER_GUILD)
    assert await n_rows(GUILD) == before
    assert all(before.values())
    await rooms.ingest.server_gone(GUILD)

    left = await n_rows(GUILD)
    assert [left.pop(table) for table in ("optouts", "forgotten")] == [1, 1]
    assert left.pop("audit") == 1  # that it is gone
    assert set(left.values()) == {0}
    assert await n_rows(OTHER_GUILD) == before
    assert (rooms.mirror.ids(GUILD).tolist(), rooms.mirror.ids(OTHER_GUILD).tolist()) == ([], [1, 2, 3, 4])
    assert await rooms.answers.stale_shares() == []
    assert await rooms.database.problems() == []


async def test_a_server_that_is_gone_can_come_back(rooms: Rooms) -> None:
    """Nothing of the past stands in the way of a new beginning, not even tombstones."""
    await rooms.ingest.saved(GUILD, [message(1, "red")])
    await rooms.ingest.deleted(GUILD, [1])
    await rooms.ingest.server_gone(GUILD)
    await rooms.ingest.met(server(), channel())
    await rooms.ingest.saved(GUILD, [message(1, "red")])
    await rooms.settle()

    assert await found(rooms, "red") == [1]


async def test_what_waits_when_its_server_goes_is_not_embedded(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vector that comes back after its server is gone is stored nowhere."""
    await rooms.indexer.reconcile()
    await rooms.ingest.saved(GUILD, [message(1, "red")])
    embed = rooms.embedder.embed

    async def slow_embed(texts: list[str]) -> object:
        await rooms.ingest.server_gone(GUILD)
        return await embed(texts)

    monkeypatch.setattr(rooms.embedder, "embed", slow_embed)
    await rooms.settle()

    assert await rooms.database.fetch("SELECT * FROM embeddings") == []
    assert rooms.mirror.ids(GUILD).tolist() == []


async def test_stored_ids_are_those_of_one_server(rooms: Rooms) -> None:
    """Of the ids that are asked about, those that are stored here."""
    await rooms.ingest.saved(GUILD, [message(1), message(2)])
    await rooms.ingest.saved(OTHER_GUILD, [message(3, guild_id=OTHER_GUILD)])

    assert await rooms.ingest.stored_ids(GUILD, [1, 2, 3, 4]) == {1, 2}
    assert await rooms.ingest.stored_ids(GUILD, []) == set()


async def test_new_and_rewritten_texts_wake_the_indexer(rooms: Rooms) -> None:
    """Something to embed sets the event; a repetition does not."""
    for batch, wakes in (([message(1, "a")], True), ([message(1, "a")], False), ([message(1, "b")], True)):
        rooms.ingest.has_pending.clear()
        await rooms.ingest.saved(GUILD, batch)
        assert rooms.ingest.has_pending.is_set() == wakes


async def test_what_is_found_anew_renews_only_what_is_stored(rooms: Rooms) -> None:
    """A message that is not stored, or was deleted, stays out; a rewritten one loses its vector at once."""
    await rooms.ingest.saved(GUILD, [message(1, "red"), message(2, "blue"), message(3, "green")])
    await rooms.settle()
    await rooms.ingest.deleted(GUILD, [3])
    edited = message(2, "violet", edited_at=utc("2024-01-01T00:00:00"))
    n_changed = await rooms.ingest.renewed(GUILD, [message(1, "red"), edited, message(3, "green"), message(4, "new")])

    assert n_changed == 1
    assert await rooms.database.fetch("SELECT content FROM messages ORDER BY message_id") == [("red",), ("violet",)]
    assert rooms.mirror.ids(GUILD).tolist() == [1]
    assert rooms.ingest.has_pending.is_set()
