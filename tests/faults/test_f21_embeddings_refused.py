"""F21: the embeddings API refuses for a reason that only a person can mend, and is left in peace until then."""

import asyncio
from pathlib import Path
from types import MappingProxyType

from faults.invariants import hold
from faults.paid_town import paid_town
from live import eventually
from openai_server import FAULTS, Refusal

REFUSALS = MappingProxyType(
    {
        "key revoked": Refusal(401, "Incorrect API key provided.", code="invalid_api_key"),
        "quota gone": FAULTS["429_insufficient_quota"],
        "model unknown": Refusal(404, "The model does not exist.", code="model_not_found"),
    }
)
LOOKED_AT_S = 3.5  # shorter than the indexer's first pause, longer than a hasty client's retries would take


async def test_f21_a_refusal_is_met_by_waiting_and_work_goes_on_without_a_restart(tmp_path):
    """Key revoked, quota gone, model unknown: the bot asks once and then waits, however much is written; nothing is
    parked; once the cause is mended the queue drains while the same process runs."""
    # Three towns at once, since all that each of them does is wait.
    async with asyncio.TaskGroup() as group:
        outlasting = [group.create_task(outlast(refusal, tmp_path / name)) for name, refusal in REFUSALS.items()]
    assert [task.result() for task in outlasting] == [32, 32, 32]


async def outlast(refusal: Refusal, folder: Path) -> int:
    """How many messages have their vectors in the end."""
    async with paid_town() as town, town.running(folder) as bot:
        await town.index()
        await town.say("before")
        await town.paid()
        town.api.fails(refusal)
        n_asked = len(town.api.requests)
        await town.square.post(town.bob, "the first to be refused")
        await eventually(lambda: len(town.api.requests) > n_asked)
        await asyncio.gather(asyncio.sleep(LOOKED_AT_S), town.say(*(f"more of it, part {n}" for n in range(30))))
        assert len(town.api.requests) == n_asked + 1
        assert bot.rows("SELECT count(*), count(parked) FROM pending") == [(31, 0)]

        town.api.recovers()
        await town.paid()
        await hold(town.discord, folder)
        assert len(town.api.requests) <= n_asked + 3
        assert "Traceback" not in bot.said
        return town.n_embedded
