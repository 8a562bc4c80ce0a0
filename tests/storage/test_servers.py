"""Servers and channels by their newest names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from conftest import Rooms
from make import ADA, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, message, server

from bot.messages import Channel, ChannelKind
from bot.storage.servers import Marks, Notice


async def test_the_newest_name_stands(rooms: Rooms) -> None:
    """A channel that was renamed, moved or turned into another kind is known as it is now."""
    await rooms.servers.put(server(name="Old"), Channel(GUILD, 77, "old", ChannelKind.TEXT))
    newest = Channel(GUILD, 77, "new", ChannelKind.THREAD, parent_id=10)
    await rooms.servers.put(server(name="New"), newest)

    assert newest in await rooms.servers.channels(GUILD)
    assert [one.name for one in await rooms.servers.servers()] == ["New", "Town"]


async def test_who_opened_a_thread_stays_known(rooms: Rooms) -> None:
    """Whoever does not know it, as an export, takes it from nobody; whoever does tells it of a known thread as well."""
    thread = Channel(GUILD, 77, "old", ChannelKind.THREAD, parent_id=10)
    for owner_id, name in ((None, "old"), (ADA, "old"), (None, "new")):
        await rooms.servers.put(server(), replace(thread, name=name, owner_id=owner_id))

    assert replace(thread, name="new", owner_id=ADA) in await rooms.servers.channels(GUILD)


async def test_b35_a_channel_of_the_same_name_is_another_channel(rooms: Rooms) -> None:
    """Channels are kept apart by id and server, never merged by name."""
    for guild_id, channel_id in ((GUILD, 31), (GUILD, 32), (OTHER_GUILD, 31)):
        await rooms.servers.put(server(guild_id), Channel(guild_id, channel_id, "help"))

    def helps(channels: list[Channel]) -> list[int]:
        return [one.channel_id for one in channels if one.name == "help"]

    assert helps(await rooms.servers.channels(GUILD)) == [31, 32]
    assert helps(await rooms.servers.channels(OTHER_GUILD)) == [31]


async def test_an_empty_name_tells_nothing(rooms: Rooms) -> None:
    """An export without names leaves the names that are known."""
    await rooms.servers.put(server(name="Town"), Channel(GUILD, 77, "help"))
    await rooms.servers.put(server(name=""), Channel(GUILD, 77, ""))

    assert "help" in [one.name for one in await rooms.servers.channels(GUILD)]
    assert [one.name for one in await rooms.servers.servers()] == ["Town", "Town"]


async def test_coverage_is_replaced_as_a_whole(rooms: Rooms) -> None:
    """What a server said last is all that it says; others keep their words."""
    await rooms.servers.cover(server(), {0: True, CHANNEL: False})
    await rooms.servers.cover(server(OTHER_GUILD), {CHANNEL: True})
    await rooms.servers.cover(server(), {OTHER_CHANNEL: True})

    assert await rooms.servers.coverage() == {GUILD: {OTHER_CHANNEL: True}, OTHER_GUILD: {CHANNEL: True}}
    await rooms.servers.cover(server(), {})
    assert await rooms.servers.coverage() == {OTHER_GUILD: {CHANNEL: True}}


async def test_a_server_is_known_from_its_first_word_on(rooms: Rooms) -> None:
    """A server that says something before any message came is known by name."""
    await rooms.servers.cover(server(3000, "Village"), {0: True})

    assert server(3000, "Village") in await rooms.servers.servers()


async def test_f32_a_removal_counts_from_the_first_time_it_was_noticed(rooms: Rooms) -> None:
    """Noticing again does not prolong the grace; coming back ends it."""
    before = datetime.now(UTC)
    await rooms.servers.left(GUILD)
    rows = await rooms.database.fetch("SELECT left_at FROM servers")
    await rooms.servers.left(GUILD)
    await rooms.servers.left(999)

    assert await rooms.database.fetch("SELECT left_at FROM servers") == rows
    assert await rooms.servers.left_before(before - timedelta(seconds=1)) == []
    assert await rooms.servers.left_before(datetime.now(UTC) + timedelta(seconds=1)) == [GUILD]
    await rooms.servers.joined(GUILD)
    assert await rooms.servers.left_before(datetime.now(UTC) + timedelta(seconds=1)) == []


async def test_f31_nothing_of_a_server_goes_because_it_was_left(rooms: Rooms) -> None:
    """Until its grace is over everything stays, so that a mistaken removal can be undone."""
    await rooms.messages.save(GUILD, [message(1)])
    await rooms.servers.left(GUILD)

    assert (await rooms.messages.count(GUILD), len(await rooms.servers.channels(GUILD))) == (1, 1)


async def test_forgotten_channels_leave_no_name_mark_or_word(rooms: Rooms) -> None:
    """The other channels, and the same id in another server, stay."""
    for guild_id in (GUILD, OTHER_GUILD):
        for channel_id in (CHANNEL, OTHER_CHANNEL):
            await rooms.servers.put(server(guild_id), Channel(guild_id, channel_id, "one"))
            await rooms.messages.save(guild_id, [], reached=Marks(channel_id, 9, 1))
        await rooms.servers.cover(server(guild_id), {CHANNEL: True, OTHER_CHANNEL: True})
    await rooms.messages.delete_channels(GUILD, [CHANNEL, 999])

    async def known(guild_id: int) -> tuple[list[int], list[int], list[int]]:
        names = [channel.channel_id for channel in await rooms.servers.channels(guild_id)]
        marks = [i for i in (CHANNEL, OTHER_CHANNEL) if await rooms.servers.marks(guild_id, i)]
        return names, marks, sorted((await rooms.servers.coverage())[guild_id])

    assert await known(GUILD) == ([OTHER_CHANNEL],) * 3
    assert await known(OTHER_GUILD) == ([CHANNEL, OTHER_CHANNEL],) * 3


async def test_forgotten_marks_are_not_set_again_by_a_page_in_between(rooms: Rooms) -> None:
    """Marks that were dropped while a history is read come back with a first page only."""
    await rooms.messages.save(GUILD, [], reached=Marks(CHANNEL, 9, 5))
    marks = await rooms.servers.marks(GUILD, CHANNEL)
    assert marks is not None
    assert not marks.are_first
    await rooms.messages.withdraw_channels(GUILD, [CHANNEL])
    await rooms.messages.save(GUILD, [], reached=marks)
    assert await rooms.servers.marks(GUILD, CHANNEL) is None

    await rooms.messages.save(GUILD, [], reached=Marks(CHANNEL, 8, 2))
    assert await rooms.servers.marks(GUILD, CHANNEL) == Marks(CHANNEL, 8, 2)


async def test_a_server_has_one_notice(rooms: Rooms) -> None:
    """The last message that shows progress is the one to be edited."""
    for guild_id, message_id in ((GUILD, 1), (OTHER_GUILD, 2), (GUILD, 3)):
        await rooms.servers.put_notice(Notice(guild_id, CHANNEL, message_id, "en"))
    await rooms.servers.drop_notice(Notice(OTHER_GUILD, CHANNEL, 2, "en"))
    await rooms.servers.drop_notice(Notice(GUILD, CHANNEL, 1, "en"))

    assert await rooms.servers.notice(GUILD) == Notice(GUILD, CHANNEL, 3, "en")
    assert await rooms.servers.notice(OTHER_GUILD) is None


async def test_told_commands_are_kept_by_application(rooms: Rooms) -> None:
    """The newest hash stands, none is none, and another application has its own."""
    for payload_hash in (b"one", b"two"):
        await rooms.servers.put_told_commands(1, payload_hash)

    assert (await rooms.servers.told_commands(1), await rooms.servers.told_commands(2)) == (b"two", None)
