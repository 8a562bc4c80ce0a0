"""Other processes at the database: one that holds the lock of writers, one whose reading never ends."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from faults.storing import FORKING


@contextmanager
def another(work: str, folder: Path, *arguments: float) -> Iterator[Connection]:
    """Another process that works on the folder's database, at it when the block begins; told to end, or killed."""
    ours, theirs = FORKING.Pipe()
    process = FORKING.Process(target=_WORK[work], args=(folder, theirs, *arguments))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "at it"
        yield ours
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _write(folder: Path, connection: Connection, seconds: float) -> None:
    """Hold the lock of writers for so long, then say so and end."""
    with closing(sqlite3.connect(folder / "bot.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        connection.send("at it")
        time.sleep(seconds)
        database.execute("ROLLBACK")
        connection.send("done")


def _read(folder: Path, connection: Connection) -> None:
    """Stand in the middle of a table until told otherwise; then say how many rows there were."""
    with closing(sqlite3.connect(folder / "bot.db", isolation_level=None)) as database:
        rows = database.execute("SELECT message_id FROM messages")
        rows.fetchone()
        connection.send("at it")
        connection.recv()
        connection.send(1 + sum(1 for _ in rows))


_WORK = {"writing": _write, "reading": _read}
