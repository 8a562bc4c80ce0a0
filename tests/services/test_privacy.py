"""What a member is told of what is kept of them, and that what they wish is done."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Rooms
from fakes import AsStored, PagedHistory
from make import BOB, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, exported_message, location, server, utc, write_export
from make import message as any_message

from bot.app import open_app
from bot.askers import Member
from bot.copying import restore_backup
from bot.messages import Channel, ChannelKind, Message, Origin, Query, Server
from bot.services import privacy as module
from bot.services.audit import Act
from bot.services.ingest import Tally
from bot.services.privacy import Practice, Standing
from bot.settings import Settings
from bot.storage.backup import back_up
from bot.storage.database import open_to_write
from bot.times import snowflake_at

ADA = 501_000_000_000_000_001  # which is what Discord takes for an id in a text
NOW_ID = snowflake_at(datetime(2026, 3, 1, tzinfo=UTC))
BOBS = {"author_id": BOB, "author_name": "Bob"}
SERVER, SQUARE = Server(GUILD, "Town"), channel()


def message(message_id: int, content: str = "hello", **values: Any) -> Message:
    return any_message(message_id, content, **{"author_id": ADA, **values})


async def stored(rooms: Rooms, guild_id: int = GUILD) -> list[int]:
    rows = await rooms.database.fetch("SELECT message_id FROM messages WHERE guild_id = ? ORDER BY 1", (guild_id,))
    return [row[0] for row in rows]


async def files(rooms: Rooms) -> list[dict[str, Any]]:
    return [json.loads(content) async for content in rooms.privacy.files(GUILD, ADA)]


# --- wishes


async def test_who_is_forgotten_stays_forgotten(rooms: Rooms) -> None:
    """Nothing of theirs is left in the server, nothing older comes in by any way, and what they write later does."""
    await rooms.ingest.saved(GUILD, [message(1), message(2), message(3, **BOBS)])
    await rooms.ingest.saved(OTHER_GUILD, [message(4, guild_id=OTHER_GUILD)])
    await rooms.settle()

    assert await rooms.privacy.forget(GUILD, ADA, up_to_id=NOW_ID) == 2
    tally = await rooms.ingest.saved(GUILD, [message(1), message(5), message(NOW_ID), message(NOW_ID + 1)])
    assert (tally.new, dict(tally.skipped)) == (1, {"opted_out": 3})
    assert (await stored(rooms), await stored(rooms, OTHER_GUILD)) == ([3, NOW_ID + 1], [4])
    assert await rooms.privacy.standing(GUILD, ADA) == Standing(1, None)


@pytest.mark.parametrize("wish", ["forget", "opt out"])
async def test_the_marks_of_who_is_forgotten_go(rooms: Rooms, wish: str) -> None:
    """That a message of theirs is a duplicate, and that others ask what they asked first; the marks of others stay."""
    texts = [message(1), message(2, **BOBS), message(3, **BOBS), message(4), message(5, **BOBS)]
    await rooms.ingest.saved(GUILD, texts)
    asker = Member(GUILD, BOB, frozenset({SQUARE.channel_id}))
    for message_id, original_id in ((2, 1), (4, 3), (5, 3)):
        await rooms.duplicates.mark(asker, message_id, original_id)
    [told] = await files(rooms)
    assert [one["marked_as_duplicate_at"] is not None for one in told["messages"]] == [False, True]

    if wish == "forget":
        await rooms.privacy.forget(GUILD, ADA, up_to_id=NOW_ID)
    else:
        await rooms.privacy.opt_out(GUILD, ADA)
    assert await rooms.database.fetch("SELECT message_id, original_id FROM duplicates") == [(5, 3)]


async def test_who_opts_out_is_not_kept_until_they_come_back(rooms: Rooms) -> None:
    """What there is goes, nothing more comes, and after they come back what they wrote meanwhile stays out."""
    await rooms.ingest.saved(GUILD, [message(1), message(3, **BOBS)])
    assert await rooms.privacy.opt_out(GUILD, ADA) == 1
    await rooms.ingest.saved(GUILD, [message(2)])
    standing = await rooms.privacy.standing(GUILD, ADA)
    assert standing.n_messages == 0
    assert standing.opted_out_at is not None
    assert abs(standing.opted_out_at - datetime.now(UTC)) < timedelta(minutes=5)

    await rooms.privacy.opt_in(GUILD, ADA, up_to_id=NOW_ID)
    await rooms.ingest.saved(GUILD, [message(2), message(NOW_ID + 1)])
    assert await stored(rooms) == [3, NOW_ID + 1]
    assert await rooms.privacy.standing(GUILD, ADA) == Standing(1, None)


async def test_who_opted_out_is_in_no_history_no_comparison_and_no_import(rooms: Rooms, tmp_path: Path) -> None:
    """Backfill, reconciliation and an export bring in others alone, each counting what it leaves out."""
    await rooms.privacy.opt_out(GUILD, ADA)
    await rooms.coverage.start(SERVER, 0)
    history = PagedHistory(location())
    history.write([message(11), message(12, **BOBS)])
    last = [progress async for progress in rooms.backfill.read(history, Tally())][-1]
    assert (last.tally.new, dict(last.tally.skipped)) == (1, {"opted_out": 1})

    history.write([message(13), message(14, **BOBS)])
    assert await rooms.reconcile.compare_newest(history, location()) == Tally(new=1)
    author = exported_message(0)["author"] | {"id": str(ADA)}
    export = write_export(tmp_path / "x.json", [exported_message(15, author=author), exported_message(16)])
    report = await rooms.importer.run([export])
    assert (report.tally.new, dict(report.tally.skipped)) == (1, {"opted_out": 1})
    assert await stored(rooms) == [12, 14, 16]


async def test_a_wish_is_put_down_before_it_is_acted_upon(rooms: Rooms, monkeypatch) -> None:
    """What is written when somebody is about to be erased finds their wish there already."""
    erase = rooms.erasure.forget_author

    async def written_meanwhile(*who: int, **where: Any) -> int:
        await rooms.ingest.saved(GUILD, [message(2)])
        return await erase(*who, **where)

    monkeypatch.setattr(rooms.erasure, "forget_author", written_meanwhile)
    for wish in (rooms.privacy.opt_out(GUILD, ADA), rooms.privacy.forget(GUILD, BOB, up_to_id=NOW_ID)):
        await wish
    assert await stored(rooms) == []


@pytest.mark.parametrize("wish", ["opt_out", "forget"])
async def test_f32_a_wish_that_was_broken_off_is_done_later(rooms: Rooms, monkeypatch, wish) -> None:
    """What was left when the process ended goes at the next start, once, and nobody else's."""
    await rooms.ingest.saved(GUILD, [message(1), message(2), message(3, **BOBS)])
    with monkeypatch.context() as patch:
        patch.setattr(rooms.erasure, "forget_author", _ended)
        with pytest.raises(asyncio.CancelledError):
            await (
                rooms.privacy.opt_out(GUILD, ADA)
                if wish == "opt_out"
                else rooms.privacy.forget(GUILD, ADA, up_to_id=NOW_ID)
            )
    assert await stored(rooms) == [1, 2, 3]

    await rooms.privacy.keep_promises()
    assert await stored(rooms) == [3]
    await rooms.ingest.saved(GUILD, [message(NOW_ID + 1)])
    n = len(await stored(rooms))
    await rooms.privacy.keep_promises()
    assert len(await stored(rooms)) == n


async def _ended(*_: object, **__: object) -> int:
    raise asyncio.CancelledError


async def test_f34_who_opted_out_is_erased_from_a_backup_that_is_restored(tmp_path: Path) -> None:
    """What a restore brings back of them, their name in others' messages too, goes before anything else is done."""
    settings = Settings(data_dir=tmp_path / "data", embedder="local")
    async with open_app(settings, "run") as app:
        await app.ingest.met(SERVER, SQUARE)
        mentioning = message(2, f"ask <@{ADA}>", names=((ADA, "Ada"),), **BOBS)
        await app.ingest.saved(GUILD, [message(1), mentioning])
    backup = back_up(
        settings.data_dir, tmp_path / "copy.db", now=utc("2026-03-01T00:00:00"), on_progress=lambda *_: None
    ).path
    async with open_app(settings, "run") as app:
        await app.privacy.opt_out(GUILD, ADA)

    restore_backup(settings, backup, lambda *_: None, replace=True)
    async with open_app(settings, "run") as app:
        assert (await app.privacy.standing(GUILD, ADA)).n_messages == 0
    async with open_to_write(settings.data_dir) as database:
        assert await database.fetch("SELECT message_id, names FROM messages") == [(2, f'{{"{ADA}": ""}}')]


# --- what is told


async def test_all_that_is_kept_of_somebody_is_in_their_file(rooms: Rooms) -> None:
    """Each message with all that is stored of it, the titles of threads they opened, names, answers and wishes."""
    thread = Channel(GUILD, 2, "Lost keys", ChannelKind.THREAD, SQUARE.channel_id, owner_id=ADA)
    for each in (thread, replace(thread, channel_id=5, owner_id=ADA + 1)):
        await rooms.ingest.met(SERVER, each)
    await rooms.ingest.saved(
        GUILD,
        [
            message(
                1,
                f"<@{ADA + 1}> left",
                names=((ADA + 1, "Bo"),),
                edited_at=utc("2026-01-02T00:00:00"),
                attached="a.txt",
            ),
            message(2, "where are the keys of the boat house?", reply_to=1, origin=Origin.EXPORT),
            message(3, f"ask <@{ADA}>", names=((ADA, "Ada the First"),), **BOBS),
        ],
    )
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(4, "the ferry leaves at noon")])
    asker = Member(GUILD, ADA, frozenset({SQUARE.channel_id}))
    await rooms.answers.ask(asker, Query(text="keys"), history=AsStored(rooms.messages))
    await rooms.privacy.opt_in(GUILD, ADA, up_to_id=NOW_ID)

    [told] = await files(rooms)
    assert (told["guild_id"], told["user_id"]) == (str(GUILD), str(ADA))
    assert (told["name"], told["names_in_messages_of_others"]) == ("Ada", ["Ada the First"])
    assert told["threads_opened"] == [{"channel_id": "2", "title": "Lost keys"}]
    assert len(told["answers_that_can_be_paged"]) == 1
    assert (told["opted_out_at"], told["forgotten_up_to"]) == (None, None)
    first, second, last = told["messages"]
    assert first == {
        "message_id": "1",
        "channel_id": str(SQUARE.channel_id),
        "created_at": "2015-01-01T00:00:00+00:00",
        "edited_at": "2026-01-02T00:00:00+00:00",
        "content": f"<@{ADA + 1}> left",
        "attached": "a.txt",
        "mentioned_names": {str(ADA + 1): "Bo"},
        "answers_message_id": None,
        "origin": "live",
        "url": f"https://discord.com/channels/{GUILD}/{SQUARE.channel_id}/1",
        "title_of_thread": None,
        "has_vector": True,
        "marked_as_duplicate_at": None,
    }
    assert (second["title_of_thread"], second["answers_message_id"], second["origin"]) == ("Lost keys", "1", "export")
    assert last["has_vector"] is False


async def test_the_wishes_of_somebody_are_in_their_file(rooms: Rooms) -> None:
    """Since when they are not kept, and up to when they were forgotten, also where nothing else is known of them."""
    await rooms.privacy.forget(GUILD, ADA, up_to_id=NOW_ID)
    await rooms.privacy.opt_out(GUILD, ADA)

    [told] = await files(rooms)
    assert told["forgotten_up_to"] == "2026-03-01T00:00:00+00:00"
    assert told["opted_out_at"].startswith(str(datetime.now(UTC).year))
    assert (told["name"], told["messages"]) == (None, [])


async def test_much_is_told_in_several_files(rooms: Rooms, monkeypatch) -> None:
    """Each is within what Discord takes, all messages are in one of them, and the first has the rest."""
    monkeypatch.setattr(module, "_FILE_BYTES", 5_000)
    await rooms.ingest.saved(GUILD, [message(i, "x" * 900, channel_id=OTHER_CHANNEL) for i in range(1, 1_203)])

    told = await files(rooms)
    assert [one["message_id"] for each in told for one in each["messages"]] == [str(i) for i in range(1, 1_203)]
    assert all(3_000 < len(json.dumps(each["messages"])) <= 5_000 for each in told[:-1])
    assert "name" in told[0]
    assert told[1].keys() == {"guild_id", "user_id", "made_at", "messages"}


async def test_one_message_is_never_too_much_for_a_file(rooms: Rooms, monkeypatch) -> None:
    """One that is longer than a file should be has one of its own."""
    monkeypatch.setattr(module, "_FILE_BYTES", 10)
    await rooms.ingest.saved(GUILD, [message(1), message(2)])

    assert [[one["message_id"] for one in each["messages"]] for each in await files(rooms)] == [["1"], ["2"]]


async def test_what_is_done_with_texts_is_what_was_set_up(rooms: Rooms) -> None:
    """Nobody gets the texts of the local model, and they are kept as long as the server said, if it did."""
    assert rooms.privacy.practice(GUILD) == Practice(service=None, removal_grace_hours=24, retention_days=None)
    await rooms.keeping.retain(server(), 30)
    assert rooms.privacy.practice(GUILD).retention_days == 30
    assert rooms.privacy.practice(OTHER_GUILD).retention_days is None


async def test_wishes_are_put_down_in_the_audit_without_whose_they_are(rooms: Rooms) -> None:
    """The act and the day, for whoever manages the server to read; neither a name nor a number."""
    await rooms.ingest.saved(GUILD, [message(1)])
    await files(rooms)
    await rooms.privacy.forget(GUILD, ADA, up_to_id=1)
    await rooms.privacy.opt_out(GUILD, ADA)
    await rooms.privacy.opt_in(GUILD, ADA, up_to_id=2)

    lines = await rooms.audit.latest_own(GUILD)
    assert [line.act for line in lines] == ["exported", "forgot", "opted_in", "opted_out"]
    assert {(line.actor_id, line.is_own, *line.detail) for line in lines} == {(None, True)}


async def test_the_operator_has_somebody_forgotten_everywhere(rooms: Rooms) -> None:
    """Also what was not read yet stays out; what they write from then on is kept, and others are untouched."""
    written = snowflake_at(datetime.now(UTC) - timedelta(days=1))
    for guild_id in (GUILD, OTHER_GUILD):
        await rooms.ingest.saved(guild_id, [message(written, guild_id=guild_id)])
        await rooms.ingest.saved(guild_id, [message(written + 1, guild_id=guild_id, author_id=BOB)])

    assert await rooms.privacy.forgotten(ADA) == {GUILD: 1, OTHER_GUILD: 1}
    later = snowflake_at(datetime.now(UTC) + timedelta(minutes=1))
    tally = await rooms.ingest.saved(GUILD, [message(written - 5), message(later)])
    assert (tally.new, tally.skipped.total()) == (1, 1)
    assert [line.detail for line in await rooms.audit.all()] == 2 * [{"messages": 1}]
    assert await rooms.privacy.forgotten(ADA, guild_ids=[OTHER_GUILD]) == {OTHER_GUILD: 0}


async def test_who_was_forgotten_is_not_named_in_what_was_said_before(rooms: Rooms) -> None:
    """Others' older messages come without the name however late they are read; newer ones have it."""
    old, new = (message(i, f"thanks <@{ADA}>", names=((ADA, "Ada"),), **BOBS) for i in (NOW_ID - 1, NOW_ID + 1))
    await rooms.privacy.forget(GUILD, ADA, up_to_id=NOW_ID)
    await rooms.ingest.saved(GUILD, [old, new])

    stored = await rooms.messages.get_many(GUILD, [NOW_ID - 1, NOW_ID + 1])
    assert [one.message.names for one in stored.values()] == [((ADA, ""),), ((ADA, "Ada"),)]


async def test_what_members_want_holds_for_questions_too(rooms: Rooms) -> None:
    """A message that is not stored is withheld where its author said so, from then on or up to then."""
    await rooms.privacy.forget(GUILD, ADA, up_to_id=NOW_ID)
    withheld = [await rooms.privacy.withholds(message(i)) for i in (NOW_ID, NOW_ID + 1)]
    await rooms.privacy.opt_out(GUILD, ADA)

    assert withheld == [True, False]
    assert await rooms.privacy.withholds(message(NOW_ID + 1))
    assert not await rooms.privacy.withholds(message(NOW_ID, **BOBS))
    assert not await rooms.privacy.withholds(message(NOW_ID, guild_id=OTHER_GUILD))


async def test_a_managers_acts_are_in_their_file(rooms: Rooms) -> None:
    """What somebody decided for a server is kept with their id, and so shown to them; that of others is not."""
    await rooms.audit.note(GUILD, Act.FRESHENED, actor_id=ADA, days=30)
    await rooms.audit.note(GUILD, Act.STOPPED, actor_id=BOB)
    await rooms.audit.note(OTHER_GUILD, Act.STOPPED, actor_id=ADA)
    [told] = await files(rooms)

    assert [(line["act"], line["detail"]) for line in told["acts"]] == [("freshened", {"days": 30})]
