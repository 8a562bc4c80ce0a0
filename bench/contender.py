"""A child process of `make bench`: measures one contender over a corpus and leaves what it found as JSON.

python -m bench.contender STEP NAME CORPUS FOLDER REPORT ..., by bench.engines.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from bench.contenders import contender
from bench.contenders.base import Contender
from bench.corpus import Corpus, opened
from bench.measure import Effort, Trial, seconds_for
from bench.truth import K

MEASURE, START = "measure", "start"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=(MEASURE, START))
    parser.add_argument("name")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path, help="the contender's own")
    parser.add_argument("report", type=Path, help="the file that is written")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    corpus = opened(options.corpus)
    one = contender(options.name)(corpus, options.folder)
    try:
        if options.step == MEASURE:
            trial = Trial(one, corpus, Effort(options.queries, options.seconds))
            trial.run()
            report = asdict(trial.measured)
        else:
            report = {"cold_start_s": seconds_for(lambda: _first_answer(one, corpus))}
    finally:
        one.close()
    options.report.write_text(json.dumps(report), "utf-8")


def _first_answer(one: Contender, corpus: Corpus) -> None:
    """From what is on disk, the libraries being loaded."""
    one.open()
    one.search(corpus.queries[0], K)


if __name__ == "__main__":
    main()
