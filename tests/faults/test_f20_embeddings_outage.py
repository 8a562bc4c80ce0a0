"""F20: the embeddings API is out for a while, and the bot lives on with what it has."""

import asyncio

from faults.invariants import hold
from faults.paid_town import paid_town

STORED = ["the harbour freezes in January", "the ferry sails at noon", "soup is served at one"]
MEANWHILE = [f"written during the outage, part {n}" for n in range(5)]


async def test_f20_an_outage_costs_nothing_and_ends_by_itself(tmp_path):
    """Messages are stored and wait, what has a vector is compared, a question is answered by words, a restart keeps it
    so; when the outage is over everything gets its vector without anybody's help."""
    async with paid_town() as town:
        async with town.running(tmp_path / "data"):
            await town.index()
            await town.say(*STORED)
            await town.paid()
            town.api.fails("503")
            await town.say(*MEANWHILE)
            by_words, like, linked = await asyncio.gather(
                town.asked("ice in the port"), town.asked_like(STORED[0]), town.asked(town.message(STORED[0]).url)
            )
            assert "same words" in by_words
            assert "%" not in by_words
            assert STORED[1] in like
            assert STORED[1] in linked
            assert town.n_embedded == len(STORED)
        assert town.bot.n_waiting() == len(MEANWHILE)

        async with town.running(tmp_path / "data"):
            assert town.bot.n_waiting() == len(MEANWHILE)
            assert STORED[1] in await town.asked_like(STORED[0])
            n_asked = len(town.api.requests)
            town.api.recovers()
            await town.paid()
            assert sorted(town.bought(since=n_asked)) == sorted(MEANWHILE)
            assert MEANWHILE[2] in await town.asked(MEANWHILE[2])
            await hold(town.discord, tmp_path / "data")
        assert "Traceback" not in town.bot.said
