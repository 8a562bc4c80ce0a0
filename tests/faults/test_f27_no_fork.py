"""F27: a forked copy of a process that has searched hangs in Faiss, so nothing here forks; a new process searches."""

import ast
import subprocess
import sys
from pathlib import Path

from make import embedded, random_vectors

from bot.index.faiss import EXACT, MAX_ROWS_ONE_BY_ONE, FaissIndex

BOT = Path(__file__).parents[2] / "bot"
FORKING_MODULES = {"multiprocessing", "subprocess", "pty"}
FORKING_CALLS = {
    "fork",
    "forkpty",
    "system",
    "popen",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "ProcessPoolExecutor",
}
DIM = 16

SEARCHING = f"""
from make import embedded, random_vectors
from bot.index.faiss import EXACT, FaissIndex

vectors = random_vectors({MAX_ROWS_ONE_BY_ONE + 500}, {DIM})
index = FaissIndex({DIM}, EXACT)
index.upsert(embedded(vectors))
print(index.search(vectors[6], 1)[0].message_id)
"""


def test_f27_nothing_in_the_bot_forks() -> None:
    """No module of the bot imports or calls anything that makes a second process of the one that runs."""
    forking = []
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if called in FORKING_CALLS or FORKING_MODULES & {name.split(".")[0] for name in names}:
                forking.append(f"{path.name}:{node.lineno}")

    assert forking == []


def test_f27_a_new_process_searches_while_this_one_has_searched() -> None:
    """A process that is started anew, by one that has searched, finds what it looks for in bounded time."""
    vectors = random_vectors(MAX_ROWS_ONE_BY_ONE + 500, DIM)
    index = FaissIndex(DIM, EXACT)
    index.upsert(embedded(vectors))
    assert index.search(vectors[6], 1)[0].message_id == 7

    path = {"PYTHONPATH": f"{BOT.parent}:{BOT.parent / 'tests'}"}
    done = subprocess.run([sys.executable, "-c", SEARCHING], env=path, capture_output=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.returncode) == (b"7", 0), done.stderr.decode()
