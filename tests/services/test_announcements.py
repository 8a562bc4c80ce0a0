"""Whether Discord is to be told the commands again."""

from pathlib import Path

from conftest import Rooms

from bot.services.announcements import Announcements
from bot.storage.database import open_to_write
from bot.storage.servers import ServerStore

BOT, OTHER_BOT = 1, 2
COMMANDS: list[dict[str, object]] = [{"name": "similar", "options": [{"name": "text", "type": 3}]}]


async def test_commands_are_news_until_they_were_told(rooms: Rooms) -> None:
    """Discord is told once, and again when something is different."""
    announcements = Announcements(rooms.servers)
    assert await announcements.is_news(BOT, COMMANDS)
    assert await announcements.is_news(BOT, [])

    await announcements.made(BOT, COMMANDS)
    assert not await announcements.is_news(BOT, COMMANDS)
    assert await announcements.is_news(BOT, [{**COMMANDS[0], "name": "alike"}])
    assert await announcements.is_news(BOT, COMMANDS + COMMANDS)


async def test_the_newest_announcement_counts(rooms: Rooms) -> None:
    """Commands that were replaced are news again."""
    announcements = Announcements(rooms.servers)
    await announcements.made(BOT, COMMANDS)
    await announcements.made(BOT, [])

    assert not await announcements.is_news(BOT, [])
    assert await announcements.is_news(BOT, COMMANDS)


async def test_the_order_of_keys_is_no_news(rooms: Rooms) -> None:
    """The same command written in another order of its fields is the same command."""
    announcements = Announcements(rooms.servers)
    await announcements.made(BOT, COMMANDS)

    assert not await announcements.is_news(BOT, [dict(reversed(COMMANDS[0].items()))])


async def test_each_application_is_told_for_itself(rooms: Rooms) -> None:
    """With the token of another bot everything is news."""
    announcements = Announcements(rooms.servers)
    await announcements.made(BOT, COMMANDS)

    assert await announcements.is_news(OTHER_BOT, COMMANDS)


async def test_what_was_told_survives_a_restart(tmp_path: Path) -> None:
    """A restart tells nothing again."""
    async with open_to_write(tmp_path) as database:
        await Announcements(ServerStore(database)).made(BOT, COMMANDS)
    async with open_to_write(tmp_path) as database:
        assert not await Announcements(ServerStore(database)).is_news(BOT, COMMANDS)
