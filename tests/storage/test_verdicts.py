"""Verdicts and thresholds in their tables."""

from pathlib import Path

import pytest
from make import GUILD, OTHER_GUILD, utc

from bot.messages import Nearness
from bot.storage import database as module
from bot.storage.database import Database, open_to_write
from bot.storage.schema import MIGRATIONS, subjects
from bot.storage.verdicts import Judged, Subject, Verdict, VerdictStore

NOW = utc("2025-06-15T00:00:00")
RELATED = Subject.RELATED


async def test_verdicts_come_back_by_server_and_generation(database: Database) -> None:
    """Each has its percentage and its word; a nearness may be missing."""
    store = VerdictStore(database)
    for verdict in Verdict:
        await store.put(GUILD, RELATED, Judged(50, verdict), at=NOW, nearness=None, generation="one")
    await store.put(GUILD, RELATED, Judged(70, Verdict.HELPED), at=NOW, nearness=Nearness.CLOSE, generation="two")

    assert await store.of(GUILD, RELATED, "one") == [Judged(50, verdict) for verdict in Verdict]
    assert await store.of(GUILD, RELATED, "two") == [Judged(70, Verdict.HELPED)]
    assert await store.of(OTHER_GUILD, RELATED, "one") == []
    assert await store.of(GUILD, Subject.WAVES, "one") == []


async def test_a_verdict_that_is_taken_back_gives_its_place_to_another(database: Database) -> None:
    """One of those on what was as much alike, of the same subject; where none stands there is nothing to take back."""
    store = VerdictStore(database)

    async def put(percent: int, verdict: Verdict, *, instead_of: Verdict | None = None) -> None:
        judged = Judged(percent, verdict)
        await store.put(
            GUILD, Subject.DUPLICATES, judged, at=NOW, nearness=None, generation="one", instead_of=instead_of
        )

    for percent in (50, 50, 60):
        await put(percent, Verdict.DUPLICATE)
    for percent in (50, 70):
        await put(percent, Verdict.NOT_DUPLICATE, instead_of=Verdict.DUPLICATE)

    assert await store.of(GUILD, Subject.DUPLICATES, "one") == [
        Judged(50, Verdict.DUPLICATE),
        Judged(60, Verdict.DUPLICATE),
        Judged(50, Verdict.NOT_DUPLICATE),
    ]


def test_two_verdicts_are_good() -> None:
    """What helped and what was marked as a duplicate was alike; what was dismissed was not worth showing."""
    assert [verdict for verdict in Verdict if verdict.is_good] == [Verdict.HELPED, Verdict.DUPLICATE]


async def test_a_server_has_one_threshold_for_each_subject(database: Database) -> None:
    """The last one counts, for the generation that it was set for."""
    store = VerdictStore(database)
    await store.put_threshold(GUILD, RELATED, 40, generation="one")
    await store.put_threshold(GUILD, RELATED, 60, generation="two")
    await store.put_threshold(GUILD, Subject.WAVES, 80, generation="two")
    assert [await store.threshold(GUILD, RELATED, generation) for generation in ("one", "two")] == [None, 60]

    await store.drop_threshold(GUILD, RELATED)
    assert await store.threshold(GUILD, RELATED, "two") is None
    assert await store.threshold(GUILD, Subject.WAVES, "two") == 80


async def test_what_was_said_and_set_before_was_of_related_posts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The update keeps verdicts and thresholds, as those of related posts."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[: MIGRATIONS.index(subjects.STATEMENTS)])
        async with open_to_write(tmp_path) as old, old.transaction() as transaction:
            await transaction.execute(
                """INSERT INTO verdicts (guild_id, at, percent, nearness, generation, verdict)
                   VALUES (?, 0, 61, NULL, 'one', 'helped')""",
                (GUILD,),
            )
            await transaction.execute("INSERT INTO thresholds VALUES (?, 55, 'one')", (GUILD,))
    async with open_to_write(tmp_path) as new:
        store = VerdictStore(new)
        assert await store.of(GUILD, RELATED, "one") == [Judged(61, Verdict.HELPED)]
        assert await store.threshold(GUILD, RELATED, "one") == 55
        assert await store.threshold(GUILD, Subject.WAVES, "one") is None
