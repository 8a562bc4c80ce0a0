"""The one row that tells why nothing gets its vector."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from make import utc

from bot.storage.database import Database, open_to_read
from bot.storage.outage import OutageStore

SOON, LATER = utc("2025-03-01T12:00:00"), utc("2025-03-01T12:05:00")


async def test_f20_an_outage_keeps_its_beginning_while_it_goes_on(database: Database, tmp_path: Path) -> None:
    """Another try that fails changes reason and next try alone, and other processes can read it."""
    outages = OutageStore(database)
    assert await outages.get() is None
    await outages.put("unreachable", "ConnectError", next_try_at=SOON)
    first = await outages.get()
    await outages.put("key_refused", "HTTP 401", next_try_at=LATER)

    async with open_to_read(tmp_path) as reader:
        second = await OutageStore(reader).get()
    assert (first.code, first.detail, first.next_try_at) == ("unreachable", "ConnectError", SOON)
    assert timedelta() <= datetime.now(UTC) - first.began_at < timedelta(minutes=5)
    assert (second.code, second.detail, second.next_try_at) == ("key_refused", "HTTP 401", LATER)
    assert second.began_at == first.began_at


async def test_f20_an_outage_that_is_over_is_gone(database: Database) -> None:
    """Ending it tells what there was, once."""
    outages = OutageStore(database)
    assert await outages.end() is None
    await outages.put("unreachable", "ConnectError", next_try_at=SOON)

    assert (await outages.end()).code == "unreachable"
    assert await outages.end() is await outages.get() is None
