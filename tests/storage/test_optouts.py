"""What people want to be kept of them is what every write keeps to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from conftest import Rooms
from make import ADA, BOB, CHANNEL, GUILD, OTHER_GUILD, message, server

from bot.messages import Channel, ChannelKind, Origin
from bot.storage.optouts import OptOutStore, Wish
from bot.storage.servers import Marks

LATE = datetime(2031, 1, 1, tzinfo=UTC)
ADAS_ID = 500_000_000_000_000_001  # long enough to be mentioned
MENTION = f"ask <@{ADAS_ID}> about the ferry"


async def stored(rooms: Rooms, guild_id: int = GUILD) -> dict[int, str]:
    rows = await rooms.database.fetch("SELECT message_id, content FROM messages WHERE guild_id = ?", (guild_id,))
    return dict(rows)


async def names(rooms: Rooms, message_id: int) -> str | None:
    [(told,)] = await rooms.database.fetch("SELECT names FROM messages WHERE message_id = ?", (message_id,))
    return None if told is None else str(told)


async def test_nothing_of_who_opted_out_is_written(rooms: Rooms) -> None:
    """Neither live nor from an export, in their server alone; others' messages of the same save are."""
    await OptOutStore(rooms.database).opt_out(GUILD, ADA)
    for origin in Origin:
        saved = await rooms.messages.save(GUILD, [message(1, origin=origin), message(2, author_id=BOB, origin=origin)])
        assert (saved.opted_out, saved.new | saved.changed) == ({1}, {2})
    await rooms.messages.save(OTHER_GUILD, [message(3, guild_id=OTHER_GUILD)])

    assert (await stored(rooms)).keys() == {2}
    assert (await stored(rooms, OTHER_GUILD)).keys() == {3}
    assert await rooms.database.fetch("SELECT author_id FROM authors WHERE guild_id = ?", (GUILD,)) == [(BOB,)]


async def test_an_edit_by_who_opted_out_is_not_written(rooms: Rooms) -> None:
    """What is still stored of them when they say so takes no new text, be it told live or found by a comparison."""
    await rooms.messages.save(GUILD, [message(1, "before")])
    await OptOutStore(rooms.database).opt_out(GUILD, ADA)
    edited = message(1, "after", edited_at=LATE)

    assert (await rooms.messages.save(GUILD, [edited])).opted_out == {1}
    assert (await rooms.messages.renew(GUILD, [edited])).opted_out == {1}
    assert await stored(rooms) == {1: "before"}


async def test_what_is_left_out_still_counts_as_read(rooms: Rooms) -> None:
    """A page of somebody's messages moves the marks, so that it is not asked for again and again."""
    await OptOutStore(rooms.database).opt_out(GUILD, ADA)
    await rooms.messages.save(GUILD, [message(50), message(40)], reached=Marks(CHANNEL, 50, 40))

    assert await rooms.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 50, 40)
    assert await stored(rooms) == {}


async def test_what_is_left_out_is_counted_by_its_reason(rooms: Rooms) -> None:
    """A tally tells how many messages were skipped since their authors do not want them kept."""
    await OptOutStore(rooms.database).opt_out(GUILD, ADA)
    tally = await rooms.ingest.saved(GUILD, [message(1), message(2), message(3, author_id=BOB)])

    assert (tally.new, tally.unchanged, dict(tally.skipped)) == (1, 0, {"opted_out": 2})


async def test_what_was_written_up_to_a_moment_stays_out(rooms: Rooms) -> None:
    """Who was forgotten is kept from then on: older messages do not come in, whichever way, and newer ones do."""
    await OptOutStore(rooms.database).forget(GUILD, ADA, up_to_id=10)

    saved = await rooms.messages.save(GUILD, [message(9), message(10), message(11), message(8, author_id=BOB)])
    assert (saved.opted_out, saved.new) == ({9, 10}, {11, 8})


async def test_who_comes_back_is_kept_from_then_on(rooms: Rooms) -> None:
    """What they wrote while nothing was to be kept stays out, and what they write afterwards is kept."""
    optouts = OptOutStore(rooms.database)
    await optouts.opt_out(GUILD, ADA)
    await optouts.opt_in(GUILD, ADA, up_to_id=10)

    assert (await rooms.messages.save(GUILD, [message(9), message(11)])).opted_out == {9}
    assert await optouts.of(GUILD, ADA) == Wish(forgotten_to_id=10)


async def test_who_never_left_comes_back_without_a_trace(rooms: Rooms) -> None:
    """To be kept again without having opted out shuts nothing out."""
    optouts = OptOutStore(rooms.database)
    await optouts.opt_in(GUILD, ADA, up_to_id=10)

    assert await optouts.of(GUILD, ADA) == Wish()
    assert (await rooms.messages.save(GUILD, [message(9)])).new == {9}


async def test_the_first_word_stands(rooms: Rooms) -> None:
    """Opting out again changes nothing, and to be forgotten up to an older id does not undo a newer one."""
    optouts = OptOutStore(rooms.database)
    await optouts.opt_out(GUILD, ADA)
    since = (await optouts.of(GUILD, ADA)).opted_out_at
    assert since is not None
    assert abs(since - datetime.now(UTC)) < timedelta(minutes=5)
    await rooms.database._writer.execute("UPDATE optouts SET since = 5")
    await optouts.opt_out(GUILD, ADA)
    for last_id in (10, 5):
        await optouts.forget(GUILD, ADA, up_to_id=last_id)

    assert await rooms.database.fetch("SELECT since FROM optouts") == [(5,)]
    assert (await optouts.of(GUILD, ADA)).forgotten_to_id == 10


async def test_wishes_outlive_the_server(rooms: Rooms) -> None:
    """When all that is stored of a server goes, and comes again later, who opted out is not in it."""
    optouts = OptOutStore(rooms.database)
    await rooms.messages.save(GUILD, [message(1), message(2, author_id=BOB)])
    await optouts.opt_out(GUILD, ADA)
    await optouts.forget(GUILD, BOB, up_to_id=2)
    await rooms.ingest.server_gone(GUILD)

    saved = await rooms.messages.save(GUILD, [message(1), message(2, author_id=BOB), message(3, author_id=BOB)])
    assert (saved.opted_out, saved.new) == ({1, 2}, {3})


async def test_who_opted_out_is_not_named_by_others(rooms: Rooms) -> None:
    """A mention of them is stored without their name, in what is embedded as well; other names stay."""
    mentioning = message(1, f"{MENTION}, or <@{ADAS_ID + 1}>", names=((ADAS_ID, "Ada"), (ADAS_ID + 1, "Bo")))
    await OptOutStore(rooms.database).opt_out(GUILD, ADAS_ID)
    await rooms.messages.save(GUILD, [mentioning])
    await rooms.settle()

    assert await names(rooms, 1) == f'{{"{ADAS_ID}": "", "{ADAS_ID + 1}": "Bo"}}'
    assert rooms.embedder.texts == ["ask @someone about the ferry, or @Bo"]


async def test_a_name_that_was_left_out_is_not_told_later(rooms: Rooms) -> None:
    """Not even when they are kept again and the message is compared with Discord."""
    optouts = OptOutStore(rooms.database)
    await optouts.opt_out(GUILD, ADAS_ID)
    mentioning = message(1, MENTION, names=((ADAS_ID, "Ada"),))
    await rooms.messages.save(GUILD, [mentioning])
    await optouts.opt_in(GUILD, ADAS_ID, up_to_id=10)

    assert (await rooms.messages.renew(GUILD, [mentioning])).unchanged == {1}
    assert await names(rooms, 1) == f'{{"{ADAS_ID}": ""}}'


async def test_an_edit_names_who_opted_out_no_more(rooms: Rooms) -> None:
    """A message that named them before they opted out loses the name when it is told anew."""
    await rooms.messages.save(GUILD, [message(1, MENTION, names=((ADAS_ID, "Ada"),))])
    await OptOutStore(rooms.database).opt_out(GUILD, ADAS_ID)
    edited = message(1, f"{MENTION}!", edited_at=LATE, names=((ADAS_ID, "Ada"),))
    saved = await rooms.messages.save(GUILD, [edited])

    assert (saved.changed, saved.stale) == ({1}, {1})
    assert await names(rooms, 1) == f'{{"{ADAS_ID}": ""}}'


async def test_a_wish_is_done_when_that_is_told(rooms: Rooms) -> None:
    """Until then it is among those that are not, by server and person; being forgotten anew begins anew."""
    optouts = OptOutStore(rooms.database)
    await optouts.opt_out(GUILD, ADA)
    await optouts.forget(GUILD, BOB, up_to_id=5)
    await optouts.forget(OTHER_GUILD, BOB, up_to_id=5)
    assert await optouts.undone() == [(GUILD, ADA), (GUILD, BOB), (OTHER_GUILD, BOB)]

    await optouts.done(GUILD, ADA)
    await optouts.done(GUILD, BOB)
    await optouts.opt_out(GUILD, ADA)
    assert await optouts.undone() == [(OTHER_GUILD, BOB)]
    await optouts.forget(GUILD, BOB, up_to_id=6)
    assert await optouts.undone() == [(GUILD, BOB), (OTHER_GUILD, BOB)]


async def test_who_comes_back_leaves_done_what_was_done(rooms: Rooms) -> None:
    """What is kept of them from then on is not taken for what was to go, and what was to go still is."""
    optouts = OptOutStore(rooms.database)
    for author_id in (ADA, BOB):
        await optouts.opt_out(GUILD, author_id)
    await optouts.done(GUILD, ADA)
    for author_id in (ADA, BOB):
        await optouts.opt_in(GUILD, author_id, up_to_id=5)

    assert await optouts.undone() == [(GUILD, BOB)]


async def test_the_post_of_who_opted_out_has_no_title(rooms: Rooms) -> None:
    """What they call what they open is theirs too: it goes when its first message is left out, and out of vectors."""
    await OptOutStore(rooms.database).opt_out(GUILD, ADA)
    post = Channel(GUILD, 77, "Lost keys", ChannelKind.THREAD, parent_id=CHANNEL)
    await rooms.ingest.met(server(), post)
    await rooms.ingest.saved(GUILD, [message(78, "where did you last see them", author_id=BOB, channel_id=77)])
    await rooms.settle()
    assert rooms.embedder.texts == ["Lost keys where did you last see them"]

    await rooms.ingest.saved(GUILD, [message(77, channel_id=77)])
    await rooms.ingest.met(server(), post)
    assert rooms.mirror.ids(GUILD).tolist() == []
    await rooms.settle()
    assert rooms.embedder.texts[1:] == ["where did you last see them"]
    assert [one.name for one in await rooms.servers.channels(GUILD) if one.channel_id == 77] == [""]


async def test_a_thread_of_who_opted_out_has_no_title(rooms: Rooms) -> None:
    """From the first word of it on, whether or not its first message is ever read; nor is it known who opened it."""
    await OptOutStore(rooms.database).opt_out(GUILD, ADA)
    for thread_id, owner_id, guild_id in ((77, ADA, GUILD), (87, BOB, GUILD), (97, ADA, OTHER_GUILD)):
        thread = Channel(guild_id, thread_id, "Lost keys", ChannelKind.THREAD, CHANNEL, owner_id=owner_id)
        await rooms.ingest.met(server(guild_id), thread)
    for i in (78, 88):
        await rooms.ingest.saved(GUILD, [message(i, "still?", author_id=BOB, channel_id=i - i % 10 + 7)])
    await rooms.settle()

    assert rooms.embedder.texts == ["Lost keys still?", "still?"]
    threads = "SELECT channel_id, name, owner_id FROM channels WHERE kind = 'thread' ORDER BY 1"
    told = [(77, "", None), (87, "Lost keys", BOB), (97, "Lost keys", ADA)]
    assert await rooms.database.fetch(threads) == told


async def test_a_thread_from_before_somebody_was_forgotten_has_no_title(rooms: Rooms) -> None:
    """Also where its title was not known before; what they open afterwards has one."""
    await OptOutStore(rooms.database).forget(GUILD, ADA, up_to_id=80)
    for thread_id in (79, 81):
        thread = Channel(GUILD, thread_id, "Lost keys", ChannelKind.THREAD, CHANNEL, owner_id=ADA)
        await rooms.ingest.met(server(), thread)

    names = {one.channel_id: one.name for one in await rooms.ingest.channels(GUILD)}
    assert (names[79], names[81]) == ("", "Lost keys")


async def test_a_title_goes_once_it_is_told_whose_it_is(rooms: Rooms) -> None:
    """An export does not tell who opened a thread: vectors that were made of the title are made anew without it."""
    await OptOutStore(rooms.database).opt_out(GUILD, ADA)
    post = Channel(GUILD, 77, "Lost keys", ChannelKind.THREAD, CHANNEL)
    await rooms.ingest.met(server(), post)
    await rooms.ingest.saved(GUILD, [message(78, "still?", author_id=BOB, channel_id=77)])
    await rooms.settle()
    assert rooms.embedder.texts == ["Lost keys still?"]

    await rooms.ingest.met(server(), replace(post, owner_id=ADA))
    assert rooms.mirror.ids(GUILD).tolist() == []
    for again in (post, replace(post, owner_id=ADA)):
        await rooms.ingest.met(server(), again)
    await rooms.settle()
    assert rooms.embedder.texts[1:] == ["still?"]
    assert [one.name for one in await rooms.servers.channels(GUILD) if one.channel_id == 77] == [""]
