"""Servers and channels by their newest names."""

from conftest import Rooms
from make import GUILD, OTHER_GUILD, server

from bot.messages import Channel, ChannelKind


async def test_the_newest_name_stands(rooms: Rooms) -> None:
    """A channel that was renamed, moved or turned into another kind is known as it is now."""
    await rooms.servers.put(server(name="Old"), Channel(GUILD, 77, "old", ChannelKind.TEXT))
    newest = Channel(GUILD, 77, "new", ChannelKind.THREAD, parent_id=10)
    await rooms.servers.put(server(name="New"), newest)

    assert newest in await rooms.servers.channels(GUILD)
    assert [one.name for one in await rooms.servers.servers()] == ["New", "Town"]


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
