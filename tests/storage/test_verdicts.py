"""Verdicts and thresholds in their tables."""

from make import GUILD, OTHER_GUILD, utc

from bot.messages import Nearness
from bot.storage.database import Database
from bot.storage.verdicts import Judged, Verdict, VerdictStore

NOW = utc("2025-06-15T00:00:00")


async def test_verdicts_come_back_by_server_and_generation(database: Database) -> None:
    """Each has its percentage and its word; a nearness may be missing."""
    store = VerdictStore(database)
    for verdict in Verdict:
        await store.put(GUILD, Judged(50, verdict), at=NOW, nearness=None, generation="one")
    await store.put(GUILD, Judged(70, Verdict.HELPED), at=NOW, nearness=Nearness.CLOSE, generation="two")

    assert await store.of(GUILD, "one") == [Judged(50, verdict) for verdict in Verdict]
    assert await store.of(GUILD, "two") == [Judged(70, Verdict.HELPED)]
    assert await store.of(OTHER_GUILD, "one") == []


def test_two_verdicts_are_good() -> None:
    """What helped and what was marked as a duplicate was alike; what was dismissed was not worth showing."""
    assert [verdict for verdict in Verdict if verdict.is_good] == [Verdict.HELPED, Verdict.DUPLICATE]


async def test_a_server_has_one_threshold(database: Database) -> None:
    """The last one counts, for the generation that it was set for."""
    store = VerdictStore(database)
    await store.put_threshold(GUILD, 40, "one")
    await store.put_threshold(GUILD, 60, "two")
    assert (await store.threshold(GUILD, "one"), await store.threshold(GUILD, "two")) == (None, 60)

    await store.drop_threshold(GUILD)
    assert await store.threshold(GUILD, "two") is None
