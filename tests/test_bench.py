"""`make bench`, on very little."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_it_measures_to_the_end(tmp_path: Path) -> None:
    """Whatever the figures are: what is measured can be built, as it is in the bot."""
    out = tmp_path / "figures.json"
    options = ["--only", "storage", "--size", "300", "--data", "data/sample", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *options], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr[-2_000:]
    figures = {figure["what"]: figure["value"] for figure in json.loads(out.read_text())}
    assert 200 < figures["messages"] <= 300
    assert figures["recall@10 against exact, auto"] == 1
