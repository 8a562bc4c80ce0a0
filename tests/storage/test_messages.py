"""Messages: saved once, moved forward, deleted for good."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from conftest import Rooms
from keys import plain_and_encrypted
from make import BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, message, utc

from bot.messages import Message, Origin
from bot.storage.servers import Marks

EARLY, LATE = utc("2024-01-01T00:00:00"), utc("2024-02-01T00:00:00")


async def contents(rooms: Rooms, guild_id: int = GUILD) -> dict[int, str]:
    rows = await rooms.database.fetch("SELECT message_id, content FROM messages WHERE guild_id = ?", (guild_id,))
    return dict(rows)


async def everything(rooms: Rooms) -> list[Any]:
    """All rows of the tables that messages reach, but for the times of deletion."""
    queries = (
        "SELECT * FROM messages ORDER BY guild_id, message_id",
        "SELECT * FROM pending ORDER BY message_id",
        "SELECT * FROM authors ORDER BY guild_id, author_id",
        "SELECT guild_id, message_id FROM tombstones ORDER BY message_id",
        "SELECT guild_id, message_id, content_hash, vector FROM embeddings ORDER BY message_id",
    )
    return [await rooms.database.fetch(query) for query in queries]


async def wipe(rooms: Rooms) -> None:
    async with rooms.database.transaction() as transaction:
        for table in ("messages", "pending", "authors", "tombstones"):
            await transaction.execute(f"DELETE FROM {table}")


@plain_and_encrypted
async def test_a_saved_message_comes_back_as_it_was(rooms: Rooms) -> None:
    """Every field of a message survives, with the names of its channel and server."""
    given = message(7, "hello 世界", author_id=BOB, author_name="Bob", edited_at=EARLY, origin=Origin.EXPORT)
    await rooms.messages.save(GUILD, [given])

    found = await rooms.messages.get_many(GUILD, [7, 8])
    assert {i: stored.message for i, stored in found.items()} == {7: given}
    assert (found[7].channel_name, found[7].server_name) == ("square", "Town")


async def test_b28_a_message_of_an_unknown_channel_is_kept(rooms: Rooms) -> None:
    """A message may come before its channel is known; its name is then empty."""
    await rooms.messages.save(GUILD, [message(7, channel_id=999)])

    assert (await rooms.messages.get_many(GUILD, [7]))[7].channel_name == ""


async def test_one_by_one_and_in_a_batch_leave_equal_databases(rooms: Rooms) -> None:
    """Saving is one path: a single message is a batch of one."""
    messages = [message(i, f"text {i % 3}", author_id=i % 2 + 1) for i in range(1, 20)]
    await rooms.messages.save(GUILD, messages)
    in_a_batch = await everything(rooms)
    await wipe(rooms)
    for one in messages:
        await rooms.messages.save(GUILD, [one])

    assert await everything(rooms) == in_a_batch


async def test_two_messages_with_one_text_are_two_messages(rooms: Rooms) -> None:
    """Equal texts are never merged."""
    saved = await rooms.messages.save(GUILD, [message(1, "thanks!"), message(2, "thanks!")])

    assert saved.new == {1, 2}
    assert await contents(rooms) == {1: "thanks!", 2: "thanks!"}


@plain_and_encrypted
async def test_an_edit_moves_the_text_forward_and_makes_it_pending(rooms: Rooms) -> None:
    """An edited text loses its vector in the same transaction and waits for a new one."""
    await rooms.messages.save(GUILD, [message(1, "before")])
    await rooms.settle()
    saved = await rooms.messages.save(GUILD, [message(1, "after", edited_at=EARLY)])

    assert (saved.changed, saved.stale) == ({1}, {1})
    assert (await contents(rooms), len(await rooms.embeddings.ids(GUILD))) == ({1: "after"}, 0)
    assert [text.text for text in await rooms.embeddings.pending(10)] == ["after"]


async def test_b21_an_edit_without_another_text_keeps_the_vector(rooms: Rooms) -> None:
    """A resolved link or a pin sends an edit: nothing is embedded again."""
    await rooms.messages.save(GUILD, [message(1, "red bird")])
    await rooms.settle()
    saved = await rooms.messages.save(GUILD, [message(1, "red bird", edited_at=EARLY)])

    assert (saved.changed, saved.stale) == ({1}, frozenset())
    assert (await rooms.embeddings.ids(GUILD)).tolist() == [1]
    assert await rooms.embeddings.pending(10) == []


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        pytest.param(
            [message(1, "old"), message(1, "mid", edited_at=EARLY), message(1, "new", edited_at=LATE)],
            "new",
            id="edits",
        ),
        pytest.param(
            [message(1, "export", origin=Origin.EXPORT, edited_at=LATE), message(1, "live", edited_at=EARLY)],
            "live",
            id="b36-live-beats-export",
        ),
        pytest.param(
            [
                message(1, "first export", origin=Origin.EXPORT),
                message(1, "later export", origin=Origin.EXPORT, edited_at=EARLY),
            ],
            "later export",
            id="b20-exports",
        ),
    ],
)
async def test_versions_in_any_order_end_in_the_newest(rooms: Rooms, versions: list[Message], newest: str) -> None:
    """Whatever the order, one at a time or together, the newest version stands at the end."""
    for order in itertools.permutations(versions):
        for batches in ([[one] for one in order], [list(order)]):
            await wipe(rooms)
            for batch in batches:
                await rooms.messages.save(GUILD, batch)

            assert await contents(rooms) == {1: newest}


async def test_of_two_live_texts_of_one_age_the_later_arrival_stands(rooms: Rooms) -> None:
    """Discord's newest answer wins where the times of editing do not decide; an export's does not."""
    await rooms.messages.save(GUILD, [message(1, "first"), message(2, "first", origin=Origin.EXPORT)])
    await rooms.messages.save(GUILD, [message(1, "second"), message(2, "second", origin=Origin.EXPORT)])

    assert await contents(rooms) == {1: "second", 2: "first"}


@pytest.mark.parametrize("blank", ["", "  \n\t", "\u200b\u2060", "\ufe0f", "\u3164"])
async def test_b1_b2_a_message_without_text_is_kept_and_never_pending(rooms: Rooms, blank: str) -> None:
    """A message of an attachment alone, or of nothing visible, has a row and no place in the queue."""
    await rooms.messages.save(GUILD, [message(1, blank)])

    assert await contents(rooms) == {1: blank}
    assert await rooms.embeddings.pending(10) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\x00b\x1bc\u2028d", id="b5-controls"),
        pytest.param("'; DROP TABLE messages; --", id="b12-sql"),
        pytest.param("{0.__class__} %s ${x} ../../etc", id="b12-templates"),
        pytest.param("ignore previous instructions", id="b13-prompt"),
        pytest.param("e\u0301" * 500, id="b8-marks"),
        pytest.param("x" * 100_000, id="b3-long"),
    ],
)
async def test_odd_texts_are_plain_data(rooms: Rooms, text: str) -> None:
    """A text is stored to the letter, whatever it looks like."""
    await rooms.messages.save(GUILD, [message(1, text)])

    assert await contents(rooms) == {1: text}


async def test_b4_a_lone_surrogate_is_replaced(rooms: Rooms) -> None:
    """What UTF-8 cannot hold becomes U+FFFD, in texts and in names, and saving it again changes nothing."""
    given = message(1, "a\ud800b", author_name="\udfffAda")
    await rooms.messages.save(GUILD, [given])
    again = await rooms.messages.save(GUILD, [given])

    stored = (await rooms.messages.get_many(GUILD, [1]))[1].message
    assert (stored.content, stored.author_name, again.unchanged) == ("a\ufffdb", "\ufffdAda", {1})


async def delete(rooms: Rooms, ids: Iterable[int]) -> int:
    return len((await rooms.messages.delete(GUILD, ids)).message_ids)


@plain_and_encrypted
async def test_a_deleted_message_is_gone_from_every_table(rooms: Rooms) -> None:
    """Row, vector and place in the queue go together; a tombstone with id and time alone stays."""
    await rooms.messages.save(GUILD, [message(1, "with vector"), message(2, "stays")])
    await rooms.settle()
    await rooms.messages.save(GUILD, [message(3, "pending")])

    assert await delete(rooms, [1, 3]) == 2
    assert list(await contents(rooms)) == [2]
    assert (await rooms.embeddings.ids(GUILD)).tolist() == [2]
    assert await rooms.embeddings.pending(10) == []
    rows = await rooms.database.fetch("SELECT * FROM tombstones ORDER BY message_id")
    assert [(row[0], row[1], len(row)) for row in rows] == [(GUILD, 1, 3), (GUILD, 3, 3)]


async def test_a_deleted_message_does_not_come_back(rooms: Rooms) -> None:
    """A late create, an edit or an import of a deleted message is buried."""
    await rooms.messages.save(GUILD, [message(1)])
    await delete(rooms, [1])
    for origin in Origin:
        saved = await rooms.messages.save(GUILD, [message(1, "again", origin=origin, edited_at=LATE)])

        assert (saved.buried, saved.new) == ({1}, frozenset())
    assert await contents(rooms) == {}


async def test_b24_unknown_ids_are_buried_too_and_many_go_at_once(rooms: Rooms) -> None:
    """A delete that comes before its create wins; a bulk delete of 100 is one step."""
    await rooms.messages.save(GUILD, [message(i) for i in range(1, 151)])

    assert await delete(rooms, range(101, 201)) == 50
    saved = await rooms.messages.save(GUILD, [message(i) for i in range(1, 201)])
    assert (len(saved.unchanged), len(saved.buried)) == (100, 100)


async def test_servers_do_not_touch_each_other(rooms: Rooms) -> None:
    """A message of one server is neither found nor deleted under another's id."""
    await rooms.messages.save(GUILD, [message(1, "ours")])
    await rooms.messages.save(OTHER_GUILD, [message(2, "theirs", guild_id=OTHER_GUILD)])

    assert await rooms.messages.get_many(OTHER_GUILD, [1]) == {}
    assert (await rooms.messages.delete(OTHER_GUILD, [1])).message_ids == ()
    assert [await rooms.messages.guild_of(i) for i in (1, 2, 3)] == [GUILD, OTHER_GUILD, None]
    assert await rooms.messages.count() == 2


async def test_marks_only_move_outwards_and_with_their_page(rooms: Rooms) -> None:
    """The high mark never falls and the low one never rises; a page that fails moves neither."""
    for high, low in ((50, 40), (45, 45), (60, 30)):
        await rooms.messages.save(GUILD, [message(high)], reached=Marks(CHANNEL, high, low))
    assert await rooms.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 60, 30)

    with pytest.raises(OverflowError):
        await rooms.messages.save(GUILD, [message(2**64)], reached=Marks(CHANNEL, 99, 1))
    assert await rooms.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 60, 30)
    assert await rooms.servers.marks(GUILD, 999) is None


async def test_f32_a_deleted_channel_does_not_come_back(rooms: Rooms) -> None:
    """What was stored of it goes from every table and is buried; other channels and servers stay."""
    await rooms.messages.save(GUILD, [message(1), message(2), message(3, channel_id=OTHER_CHANNEL)])
    await rooms.settle()
    await rooms.messages.save(GUILD, [message(4, "pending"), message(5, origin=Origin.EXPORT)])
    await rooms.messages.save(OTHER_GUILD, [message(6, guild_id=OTHER_GUILD)])

    removed = await rooms.messages.delete_channels(GUILD, [CHANNEL, 999])
    assert sorted(removed.message_ids) == [1, 2, 4, 5]
    assert (await contents(rooms), await contents(rooms, OTHER_GUILD)) == ({3: "hello"}, {6: "hello"})
    assert (await rooms.embeddings.ids(GUILD)).tolist() == [3]
    assert [text.message_id for text in await rooms.embeddings.pending(10)] == [6]
    assert (await rooms.messages.save(GUILD, [message(i) for i in (1, 2, 4, 5)])).buried == {1, 2, 4, 5}
    assert (await rooms.messages.delete_channels(GUILD, [CHANNEL])).message_ids == ()


async def test_a_withdrawn_channel_may_come_back(rooms: Rooms) -> None:
    """What was read live goes with its vectors and no tombstone; what was imported stays."""
    await rooms.messages.save(
        GUILD, [message(1), message(2, origin=Origin.EXPORT), message(3, channel_id=OTHER_CHANNEL)]
    )
    await rooms.settle()

    assert (await rooms.messages.withdraw_channels(GUILD, [CHANNEL])).message_ids == (1,)
    assert list(await contents(rooms)) == [2, 3]
    assert (await rooms.embeddings.ids(GUILD)).tolist() == [2, 3]
    assert (await rooms.messages.save(GUILD, [message(1)])).new == {1}


async def test_an_imported_message_that_was_read_live_is_withdrawn(rooms: Rooms) -> None:
    """Once Discord has told of a message, its version is live, whoever brought it in first."""
    await rooms.messages.save(GUILD, [message(1, origin=Origin.EXPORT)])
    await rooms.messages.save(GUILD, [message(1)])

    assert (await rooms.messages.withdraw_channels(GUILD, [CHANNEL])).message_ids == (1,)


async def test_b24_nothing_is_kept_of_a_server_that_is_not_known(rooms: Rooms) -> None:
    """A deletion in a server that never wanted to be indexed leaves no tombstone."""
    assert (await rooms.messages.delete(3000, [1, 2])).message_ids == ()
    assert (await rooms.messages.delete_channels(3000, [CHANNEL])).message_ids == ()

    assert await rooms.database.fetch("SELECT * FROM tombstones") == []
    await rooms.messages.delete(GUILD, [1, 2])
    await rooms.messages.delete(GUILD, [2, 3])
    rows = await rooms.database.fetch("SELECT guild_id, message_id FROM tombstones")
    assert rows == [(GUILD, 1), (GUILD, 2), (GUILD, 3)]


async def test_stored_ids_leave_out_what_is_unknown_foreign_or_deleted(rooms: Rooms) -> None:
    """Only what is stored in the server counts."""
    await rooms.messages.save(GUILD, [message(1), message(2)])
    await rooms.messages.save(OTHER_GUILD, [message(3, guild_id=OTHER_GUILD)])
    await rooms.messages.delete(GUILD, [2])

    assert await rooms.messages.stored_ids(GUILD, range(5)) == {1}
    assert await rooms.messages.stored_ids(OTHER_GUILD, range(5)) == {3}


async def test_messages_are_counted_by_server(rooms: Rooms) -> None:
    """One server's number is its own, without a server it is everybody's."""
    await rooms.messages.save(GUILD, [message(1), message(2)])
    await rooms.messages.save(OTHER_GUILD, [message(3, guild_id=OTHER_GUILD)])

    assert [await rooms.messages.count(i) for i in (GUILD, OTHER_GUILD, 3000, None)] == [2, 1, 0, 3]


TEXT_FLIPPED = "UPDATE messages SET content = 'hexlo ' || message_id WHERE message_id = ?"
NO_TEXT_ANY_MORE = "UPDATE messages SET content = CAST(x'6865ec6c6f' AS TEXT) WHERE message_id = ?"
HASH_FLIPPED = "UPDATE messages SET content_hash = zeroblob(16) WHERE message_id = ?"
DAMAGES = [
    pytest.param(TEXT_FLIPPED, id="text"),
    pytest.param(NO_TEXT_ANY_MORE, id="utf-8"),
    pytest.param(HASH_FLIPPED, id="hash"),
]


async def damage(rooms: Rooms, how: str, *message_ids: int) -> None:
    async with rooms.database.transaction() as transaction:
        for i in message_ids:
            await transaction.execute(how, (i,))


async def damaged(rooms: Rooms, guild_id: int | None = None) -> list[int]:
    return [i async for i in rooms.messages.damaged_ids(guild_id)]


@pytest.mark.parametrize("how", DAMAGES)
async def test_f7_a_damaged_text_is_never_served(rooms: Rooms, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """A message whose text and hash do not belong together is left out and logged by its id, the others come."""
    await rooms.messages.save(GUILD, [message(i, f"hello {i}") for i in (1, 2, 3)])
    await damage(rooms, how, 2)

    assert list(await rooms.messages.get_many(GUILD, [1, 2, 3])) == [1, 3]
    assert "message 2 is damaged" in caplog.text
    assert "xlo" not in caplog.text


@pytest.mark.parametrize("how", DAMAGES)
async def test_f7_damaged_texts_are_found_by_a_look_at_all(
    rooms: Rooms, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one server or in all, in batches of any size, those and no others are found."""
    monkeypatch.setattr("bot.storage.messages._CHECKED_AT_ONCE", 2)
    await rooms.messages.save(GUILD, [message(i, f"hello {i}") for i in range(1, 8)])
    await rooms.messages.save(GUILD, [message(8, ""), message(9, "\u200b")])
    await rooms.messages.save(OTHER_GUILD, [message(i, f"hello {i}", guild_id=OTHER_GUILD) for i in (10, 11)])
    assert await damaged(rooms) == []
    await damage(rooms, how, 1, 4, 7, 11)

    assert (await damaged(rooms), await damaged(rooms, GUILD)) == ([1, 4, 7, 11], [1, 4, 7])
    assert (await damaged(rooms, OTHER_GUILD), await damaged(rooms, 3000)) == ([11], [])


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("has_vector", [True, False])
async def test_f7_whoever_brings_a_damaged_text_again_mends_it(
    rooms: Rooms, how: str, origin: Origin, has_vector
) -> None:
    """A page of history or an import, older than what is stored, restores the text, and its vector is made anew."""
    await rooms.messages.save(GUILD, [message(i, f"hello {i}", edited_at=LATE) for i in (1, 2)])
    if has_vector:
        await rooms.settle()
    await damage(rooms, how, 1)
    if not has_vector:
        await rooms.settle()
    saved = await rooms.messages.save(GUILD, [message(i, f"hello {i}", origin=origin) for i in (1, 2)])

    assert (saved.changed, saved.stale, saved.unchanged) == ({1}, {1}, {2})
    assert await contents(rooms) == {1: "hello 1", 2: "hello 2"}
    assert await damaged(rooms) == []
    assert [text.text for text in await rooms.embeddings.pending(10)] == ["hello 1"]
    await rooms.settle()
    assert (await rooms.embeddings.ids(GUILD)).tolist() == [1, 2]


async def test_f7_a_damaged_text_is_not_mended_by_an_empty_one(rooms: Rooms) -> None:
    """Discord may have stopped showing texts to the bot: half a text is more than none."""
    await rooms.messages.save(GUILD, [message(1, "hello 1")])
    await damage(rooms, TEXT_FLIPPED, 1)
    saved = await rooms.messages.save(GUILD, [message(1, "")])

    assert saved.unchanged == {1}
    assert await damaged(rooms) == [1]
    assert (await rooms.messages.save(GUILD, [message(1, "", edited_at=EARLY)])).changed == {1}
    assert await damaged(rooms) == []


async def test_a_sound_text_is_not_mended_by_an_older_one(rooms: Rooms) -> None:
    """Only damage lets an older version win."""
    await rooms.messages.save(GUILD, [message(1, "newer", edited_at=LATE)])
    saved = await rooms.messages.save(GUILD, [message(1, "older", edited_at=EARLY)])

    assert (saved.unchanged, await contents(rooms)) == ({1}, {1: "newer"})


async def test_texts_are_hashed_only_where_they_differ(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing the same file again does not look at what is stored but for comparing it."""
    messages = [message(i, f"hello {i}", origin=Origin.EXPORT) for i in range(1, 20)]
    await rooms.messages.save(GUILD, messages)
    looked_at = []
    monkeypatch.setattr("bot.storage.versions.is_damaged", lambda said, *_, **__: looked_at.append(said.content))
    await rooms.messages.save(GUILD, messages)
    assert looked_at == []

    await rooms.messages.save(GUILD, [message(1, "another text", origin=Origin.EXPORT)])
    assert looked_at == ["hello 1"]


@pytest.mark.parametrize("origin", list(Origin))
async def test_b23_a_message_that_comes_empty_without_an_edit_empties_nothing(rooms: Rooms, origin: Origin) -> None:
    """Where Discord no longer shows the bot what is written, what is stored stays, an import too."""
    await rooms.messages.save(GUILD, [message(7, "hello", origin=origin)])
    await rooms.messages.renew(GUILD, [message(7, "")])
    assert await contents(rooms) == {7: "hello"}

    await rooms.messages.renew(GUILD, [message(7, "", edited_at=LATE)])
    assert await contents(rooms) == {7: ""}


@pytest.mark.parametrize("origin", list(Origin))
async def test_b23_what_came_with_a_message_is_not_emptied_without_an_edit(rooms: Rooms, origin: Origin) -> None:
    """Where Discord no longer shows the bot anything, a file's name stays as a text does."""
    await rooms.messages.save(GUILD, [message(7, "", attached="tide.pdf", origin=origin)])
    await rooms.messages.renew(GUILD, [message(7, "")])
    assert (await rooms.messages.get_many(GUILD, [7]))[7].message.attached == "tide.pdf"

    await rooms.messages.renew(GUILD, [message(7, "", edited_at=LATE)])
    assert (await rooms.messages.get_many(GUILD, [7]))[7].message.attached is None
