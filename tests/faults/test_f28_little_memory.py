"""F28: memory is short, and what is too large for it is read in pieces or bounded before it is asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from make import export, exported_message, write_export

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits on memory hold on Linux only")

TESTS = Path(__file__).parents[1]
MIB = 2**20
FILE_MIB, SPARE_MIB = 64, 80  # a thread more or less at once takes 8 MiB

# Does what is named first with so many bytes of memory, 0 for all there are, and tells at the end how many it took.
BOUNDED = """
import resource, sys

what, limit, *arguments = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
import json
import bot.cli, bot.embedding.local

def import_():
    sys.argv = ["bot", "import", "--no-embed", *arguments]
    try:
        bot.cli.main()
    except SystemExit as end:
        assert not end.code, end.code

def read_whole():
    with open(arguments[0]) as file:
        json.load(file)

def search():
    from make import embedded, random_vectors
    from bot.index.faiss import EXACT, FaissIndex

    vectors = random_vectors(5_000, 64)
    index = FaissIndex(64, EXACT)
    index.upsert(embedded(vectors))
    assert len(index.search(vectors[0], 10**9)) == 5_000

{"import": import_, "read whole": read_whole, "search": search}[what]()
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmPeak")]
print(int(peak.split()[1]) * 1024)
"""


def bounded(what: str, *arguments: Path, limit: int = 0) -> subprocess.CompletedProcess[str]:
    """What came of doing something in a process of its own with so many bytes of memory."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (TESTS.parent, TESTS))),
        "EMBEDDER": "local",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",  # or each thread sets 64 MiB aside, which makes the limit a vague one
    }
    command = [sys.executable, "-c", BOUNDED, what, str(limit), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)


def export_of(path: Path, mib: int) -> int:
    """Write an export of about so many MiB, texts of some 1,800 characters; how many messages it has."""
    head, _, tail = json.dumps(export(["@@"])).partition('"@@"')
    n, size = 0, 0
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        while size < mib * MIB:
            n += 1
            size += file.write(("," if n > 1 else "") + json.dumps(exported_message(n, f"word{n} " * 250)))
        file.write(tail)
    return n


def taken(done: subprocess.CompletedProcess[str]) -> int:
    """The most bytes that a process has taken."""
    assert done.returncode == 0, done.stderr[-2_000:]
    return int(done.stdout.split()[-1])


def test_f28_an_export_that_is_larger_than_the_memory_is_imported(tmp_path: Path) -> None:
    """With little more memory than an import of one message takes, an export that cannot be read as a whole there is
    imported to its last message."""
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    n = export_of(large, FILE_MIB)
    write_export(small, [exported_message(1)])
    limit = taken(bounded("import", small)) + SPARE_MIB * MIB

    as_a_whole = bounded("read whole", large, limit=limit)
    done = bounded("import", large, limit=limit)
    print(f"{limit / MIB:.0f} MiB for a file of {large.stat().st_size / MIB:.0f}, {taken(done) / MIB:.0f} were taken")
    assert "MemoryError" in as_a_whole.stderr
    assert f"{n - 1:,} new" in done.stdout


def test_f28_b17_a_search_for_more_than_there_is_takes_no_more_memory() -> None:
    """A thousand million neighbours are asked for where 1 GiB of memory and 5,000 vectors are; those are the answer."""
    needed = taken(bounded("search"))
    done = bounded("search", limit=max(needed + 64 * MIB, 2**30))

    assert taken(done) < 2**30 or needed >= 2**30
