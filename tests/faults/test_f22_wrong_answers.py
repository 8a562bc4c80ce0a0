"""F22: the embeddings API answers something that is no set of vectors, and none of it is stored."""

import numpy as np
import pytest
from conftest import Rooms, rooms_over
from faults.invariants import hold
from faults.paid_town import DIM, MODEL, paid_town
from make import GUILD, message
from openai_server import FAULTS, KEY, EmbeddingsServer, Spoiled

from bot.embedding.openai import open_openai
from bot.errors import EmbeddingError

TEXTS = [f"text {n}" for n in range(1, 9)]
# What comes with status 200 and is no answer; "shuffled" and "ignores_base64" are answers.
WRONG = [name for name in FAULTS if name in {"html", "cut", "redirect"} or isinstance(FAULTS[name], Spoiled)]
WRONG = [name for name in WRONG if name not in {"shuffled", "ignores_base64"}]


@pytest.fixture
async def api(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with EmbeddingsServer() as api:
        yield api


@pytest.fixture
async def paying(database, api):
    """The services over the real client of the local server."""
    async with open_openai(api_key=KEY, base_url=api.base_url, model=MODEL, dimensions=DIM) as embedder:
        rooms = await rooms_over(database, embedder)
        await rooms.indexer.reconcile()
        await rooms.ingest.saved(GUILD, [message(n, text) for n, text in enumerate(TEXTS, 1)])
        yield rooms


async def assert_all_is_true(rooms: Rooms, api: EmbeddingsServer, texts: list[str]) -> None:
    """Every text has its own vector, in the database and in the mirror."""
    stored = await rooms.embeddings.get_many(GUILD, range(1, len(texts) + 1))
    assert stored.vectors == pytest.approx(api.vectors(texts, MODEL, DIM), abs=1e-3)
    assert rooms.mirror.ids(GUILD).tolist() == stored.message_ids.tolist() == list(range(1, len(texts) + 1))


@pytest.mark.parametrize("fault", WRONG)
async def test_f22_while_answers_are_wrong_nothing_is_stored_or_parked(paying, api, fault):
    """As long as every answer is wrong all texts wait, and the right answers afterwards are stored for them."""
    api.fails(fault)
    with pytest.raises(EmbeddingError):
        await paying.settle()
    counts = await paying.embeddings.counts()
    assert (counts.embedded, counts.pending, counts.parked, len(paying.mirror)) == (0, len(TEXTS), 0, 0)
    assert len(api.requests) < 20

    api.recovers()
    await paying.settle()
    await assert_all_is_true(paying, api, TEXTS)


@pytest.mark.parametrize("fault", WRONG)
async def test_f22_one_wrong_answer_costs_no_text_its_vector(paying, api, fault):
    """After a single wrong answer to many texts each of them has its own vector, at the latest with the next try."""
    api.fails(fault, times=1)
    for _ in range(2):
        try:
            await paying.settle()
        except EmbeddingError:
            continue
        break

    await assert_all_is_true(paying, api, TEXTS)


@pytest.mark.parametrize("fault", ["nan", "zero"])
async def test_f22_one_wrong_answer_to_a_lone_text_costs_it_nothing(paying, api, fault):
    """A text that waits alone, as most do that are written live, gets its vector at the next try too."""
    await paying.settle()
    api.fails(fault, times=1)
    await paying.ingest.saved(GUILD, [message(len(TEXTS) + 1, "alone")])
    await paying.settle()

    await assert_all_is_true(paying, api, [*TEXTS, "alone"])


async def test_f22_the_bot_gets_over_wrong_answers_by_itself(tmp_path):
    """NaN, a list that is too short, a page of HTML and vectors that are too short, one after the other: in the end
    each message has the vector of its text."""
    texts = [f"said meanwhile, part {n}" for n in range(20)]
    async with paid_town() as town, town.running(tmp_path / "data") as bot:
        await town.index()
        town.api.fails("html", times=1)
        town.api.fails("one_short", times=1)
        town.api.fails("wrong_dimension", times=1)
        town.api.fails("empty", times=1)
        await town.say(*texts)
        await town.paid()

        rows = bot.rows("SELECT content, vector FROM embeddings JOIN messages USING (guild_id, message_id)")
        true = dict(zip(texts, town.api.vectors(texts, MODEL, DIM), strict=True))
        assert sorted(text for text, _ in rows) == sorted(texts)
        for text, blob in rows:
            assert np.frombuffer(blob, "<f2") == pytest.approx(true[text], abs=1e-3)
        assert texts[7] in await town.asked(texts[7])
        await hold(town.discord, tmp_path / "data")
        assert "Traceback" not in bot.said
