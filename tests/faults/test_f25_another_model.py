"""F25: the model is changed in the settings while half of the messages have a vector of the old one."""

from faults.invariants import hold
from faults.paid_town import paid_town
from live import eventually

FIRST = [f"said with the old model, part {n}" for n in range(6)]
LATER = [f"said before the change, part {n}" for n in range(6)]
OTHER = {"EMBEDDING_MODEL": "text-embedding-3-large"}  # of equal length, so that nothing else would tell them apart


def lengths(bot) -> dict[str, tuple[int, int]]:
    """How many vectors there are of each model, and how many bytes the shortest and the longest of them have."""
    rows = bot.rows(
        """SELECT model_key, count(*), min(length(vector)), max(length(vector))
           FROM embeddings JOIN generations USING (generation_id) GROUP BY model_key"""
    )
    assert all(shortest == longest for *_, shortest, longest in rows)
    return {key.rsplit(":", 1)[1]: (n, shortest) for key, n, shortest, _ in rows}


async def test_f25_models_are_never_mixed_and_nothing_is_bought_twice(tmp_path):
    """With half of the vectors made the model is changed: all are made anew beside the old ones, until then an honest
    sentence is the answer; changed back, the old ones are there still and only what they lack is bought."""
    async with paid_town() as town:
        async with town.running(tmp_path / "data") as bot:
            await town.index()
            await town.say(*FIRST)
            await town.paid()
            town.api.fails("429_insufficient_quota")
            await town.say(*LATER)

        async with town.running(tmp_path / "data", **OTHER) as bot:
            assert bot.n_waiting() == len(FIRST + LATER)
            assert "please try again" in await town.asked_like(FIRST[0])
            town.api.recovers()
            await town.paid()
            assert lengths(bot) == {"text-embedding-3-small": (6, 128), "text-embedding-3-large": (12, 128)}
            assert FIRST[3] in await town.asked(FIRST[3])

        n_asked = len(town.api.requests)
        async with town.running(tmp_path / "data") as bot:
            await eventually(lambda: bot.n_waiting() == 0)
            assert sorted(town.bought(since=n_asked)) == sorted(LATER)
            assert lengths(bot) == {"text-embedding-3-small": (12, 128), "text-embedding-3-large": (12, 128)}
            assert LATER[3] in await town.asked(LATER[3])
            await hold(town.discord, tmp_path / "data")
