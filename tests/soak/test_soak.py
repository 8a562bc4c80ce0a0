"""The soak test in short: half a minute of it, with five kills."""

from pathlib import Path

from soak.run import Plan, Soak
from soak.spoken import texts_of

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


async def test_half_a_minute_of_kills_and_faults_loses_nothing(tmp_path, seed) -> None:
    """Through five kills and a fault each second nothing is lost, doubled, stale, or shown once it is gone."""
    plan = Plan(seconds=20, rate=40, kills=5, rounds=0, n_history=600, seed=seed, fault_every_s=1.0)
    soak = Soak(plan, texts_of(SAMPLE), tmp_path)
    report = await soak.run()

    assert report.breaches == []
    assert report.counts == {"lost": 0, "doubled": 0, "stale": 0, "ghosts": 0}
    assert report.deeds["kills"] == 5
    assert report.deeds["deleted"] > 0
