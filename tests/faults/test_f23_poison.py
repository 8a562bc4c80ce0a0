"""F23: one text always fails, and is set aside alone."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from faults.invariants import hold
from faults.paid_town import paid_town, paying
from live import eventually
from make import exported_message, write_export
from openai_server import EmbeddingsServer
from test_cli import bot

POISON = "the words that no model takes"
OTHERS = [f"an ordinary sentence, number {n}" for n in range(60)]


async def test_f23_a_poison_text_is_found_by_halving_and_the_others_go_on(tmp_path):
    """Among sixty texts the one that is refused is parked with its reason after a few requests; the others get their
    vectors, what is written later too, and an edit of the refused message gives it another chance."""
    async with paid_town() as town:
        town.api.poison.add(POISON)
        texts = [*OTHERS[:23], POISON, *OTHERS[23:]]
        town.square.seed(town.bob, texts)
        async with town.running(tmp_path / "data") as running:
            await town.begin()
            sql = "SELECT message_id, parked FROM pending WHERE parked NOT NULL"
            assert await eventually(lambda: running.rows(sql)) == [
                (town.message(POISON).id, "refused: HTTP 400 invalid_request_error")
            ]
            await eventually(lambda: town.n_embedded == len(OTHERS))
            assert len(town.api.requests) < 20

            await town.say("written after the poison")
            await eventually(lambda: town.n_embedded == len(OTHERS) + 1)
            assert OTHERS[5] in await town.asked(OTHERS[5])
            assert POISON not in running.said

            await town.message(POISON).edit("the words that every model takes")
            await eventually(lambda: town.n_embedded == len(OTHERS) + 2)
            await hold(town.discord, tmp_path / "data")
            assert running.n_waiting() == 0


async def test_f23_what_was_set_aside_is_tried_again_by_hand(tmp_path):
    """`retry` asks once more about what is set aside and nothing else: refused again it stays so, with the reason; when
    the server takes it, it has its vector."""
    path = write_export(tmp_path / "export.json", [exported_message(n, t) for n, t in enumerate([*OTHERS, POISON], 1)])
    async with EmbeddingsServer() as api:
        api.poison.add(POISON)

        async def do(*arguments: str) -> None:
            done = await asyncio.to_thread(bot, *arguments, **paying(api))
            assert done.returncode == 0, done.stderr

        await do("import", str(path))
        n_asked = len(api.requests)
        await do("retry")
        assert counts(tmp_path) == (len(OTHERS), 1)
        assert not any(text in OTHERS for asked in api.requests[n_asked:] for text in asked.texts)
        api.poison.clear()
        await do("retry")
        assert counts(tmp_path) == (len(OTHERS) + 1, 0)


def counts(folder: Path) -> tuple[int, int]:
    """How many messages have a vector, and how many are set aside."""
    with closing(sqlite3.connect(folder / "data" / "bot.db")) as connection:
        return connection.execute(
            "SELECT (SELECT count(*) FROM embeddings), (SELECT count(*) FROM pending WHERE parked NOT NULL)"
        ).fetchone()
