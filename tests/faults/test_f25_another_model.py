"""F25: the model is changed in the settings while half of the messages have a vector of the old one."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from faults.invariants import hold
from faults.paid_town import PaidTown, paid_town
from live import Bot, eventually
from make import GUILD, channel, message, server
from openai_server import KEY, EmbeddingsServer, Instead, Model, Refusal

from bot.app import App, open_app, open_reader
from bot.app.spaces import _former_embedder
from bot.askers import Operator
from bot.errors import OtherGeneration
from bot.messages import Generation, Query
from bot.settings import EmbedderKind, Settings
from bot.texts import TEXT_VERSION

OLD, NEW = "text-embedding-3-small", "text-embedding-3-large"
FIRST = [f"said with the old model, part {n}" for n in range(6)]
LATER = [f"said before the change, part {n}" for n in range(6)]
OTHER = {"EMBEDDING_MODEL": NEW}  # of equal length, so that nothing else would tell them apart


def lengths(bot: Bot) -> dict[str, tuple[int, int]]:
    """How many vectors there are of each model, and how many bytes the shortest and the longest of them have."""
    rows = bot.rows(
        """SELECT model_key, count(*), min(length(vector)), max(length(vector))
           FROM embeddings JOIN generations USING (generation_id) GROUP BY model_key"""
    )
    assert all(shortest == longest for *_, shortest, longest in rows)
    return {key.rsplit(":", 1)[1]: (n, shortest) for key, n, shortest, _ in rows}


async def refuse_the_new(server: EmbeddingsServer, request: web.Request) -> web.Response | None:
    """The model that was set last is out of money; the former one works."""
    if server.requests[-1].model != NEW:
        return None
    return Refusal(429, "You exceeded your current quota.", code="insufficient_quota").response()


def asked_of(town: PaidTown, model: str, *, since: int) -> list[str]:
    """Every text that one model was asked for, in requests after the first few."""
    return [text for asked in town.api.requests[since:] if asked.model == model for text in asked.texts]


def found(texts: Iterable[str], answer: str) -> set[str]:
    return {text for text in texts if text in answer}


async def test_f25_models_are_never_mixed_and_the_former_one_answers_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """With half of the vectors made the model is changed: the former one's go on answering by themselves, and go when
    the new ones are whole; changed back, everything is made anew."""
    async with paid_town() as town:
        async with town.running(tmp_path / "data") as bot:
            await town.index()
            await town.say(*FIRST)
            await town.paid()
            town.api.fails("429_insufficient_quota")
            await town.say(*LATER)

        town.api.recovers()
        town.api.fails(Instead(refuse_the_new))
        n_asked = len(town.api.requests)
        async with town.running(tmp_path / "data", **OTHER) as bot:
            assert bot.n_waiting() == len(FIRST + LATER)
            answer = await town.asked(FIRST[3])
            assert FIRST[3] in answer
            assert found(LATER, answer) == set()
            assert found(FIRST + LATER, await town.asked_like(FIRST[0])) == set(FIRST[1:])
            assert lengths(bot) == {OLD: (6, 128)}
            assert asked_of(town, OLD, since=n_asked) == [FIRST[3]]
            town.api.recovers()
            await town.paid()
            await eventually(lambda: lengths(bot) == {NEW: (12, 128)})
            n_asked = len(town.api.requests)
            assert LATER[3] in await town.asked(LATER[3])
            assert asked_of(town, OLD, since=n_asked) == []

        n_asked = len(town.api.requests)
        async with town.running(tmp_path / "data") as bot:
            await eventually(lambda: lengths(bot) == {OLD: (12, 128)})
            assert sorted(town.bought(since=n_asked)) == sorted(FIRST + LATER)
            assert LATER[3] in await town.asked(LATER[3])
            await hold(town.discord, tmp_path / "data")


def settings_for(api: EmbeddingsServer, folder: Path, **values: object) -> Settings:
    paid = {"embedder": "openai", "openai_api_key": KEY, "openai_base_url": api.base_url}
    return Settings(data_dir=folder, embedding_dimensions=64, **paid, **values)


async def embedded_by(app: App, *texts: str) -> None:
    """Store texts, if there are any, and have all that waits embedded, as `import` and `retry` do."""
    await app.ingest.met(server(), channel())
    if texts:
        await app.ingest.saved(GUILD, [message(n, text) for n, text in enumerate(texts, 1)])
    async for _ in app.indexer.drain():
        pass


@pytest.fixture
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few messages there are, they are kept as codes, in a file."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)


@pytest.mark.usefixtures("codes_for_all")
@pytest.mark.parametrize("is_loaded", [True, False], ids=["as-the-bot-runs", "as-an-import-does"])
async def test_f25_with_the_former_vectors_their_files_go(tmp_path: Path, *, is_loaded: bool) -> None:
    """Whoever finishes the new vectors, nothing of the old ones is left: no row, and no file beside the database."""
    async with EmbeddingsServer() as api:
        async with open_app(settings_for(api, tmp_path, embedding_model=OLD), "run") as app:
            await embedded_by(app, *FIRST)
            await app.indexer.reconcile()
        [old] = tmp_path.glob("mirror/*/*.mirror")

        async with open_app(settings_for(api, tmp_path, embedding_model=NEW), "run") as app:
            if is_loaded:
                await app.indexer.load()
            hits = await app.search.similar(Operator(), Query(text=FIRST[2], limit=1)) if is_loaded else []
            assert [hit.message.content for hit in hits] == FIRST[2:3] * is_loaded
            await embedded_by(app)
            if is_loaded:
                hits = await app.search.similar(Operator(), Query(text=FIRST[2], limit=1))
                assert [hit.message.content for hit in hits] == [FIRST[2]]
            assert (await app.inspector.status()).former is None
        assert not old.exists()


async def test_f25_a_former_model_of_a_dimension_of_its_own_is_asked_as_it_was(tmp_path: Path) -> None:
    """A model that takes no dimension, set before without one, still answers when another one is set."""
    async with EmbeddingsServer(models={"plain": Model(64)}) as api, AsyncExitStack() as stack:
        generation = Generation(f"openai:{api.base_url}:plain", 64, 1)
        former = await _former_embedder(stack, settings_for(api, tmp_path), generation)

        assert (await former.embed(["as before"])).shape == (1, 64)


async def test_f25_a_former_model_is_told_by_its_whole_name_whatever_the_version_of_the_text(tmp_path: Path) -> None:
    """A name may hold colons, and vectors of an older text are compared with what is asked all the same."""
    async with EmbeddingsServer(models={"bge-m3:latest": Model(64)}) as api, AsyncExitStack() as stack:
        generation = Generation(f"openai:{api.base_url}:bge-m3:latest", 64, TEXT_VERSION - 1)
        former = await _former_embedder(stack, settings_for(api, tmp_path), generation)

        assert (await former.embed(["as before"])).shape == (1, 64)


async def test_f25_a_former_model_that_does_not_answer_now_is_not_guessed_at(tmp_path: Path) -> None:
    """Nor is one of another server: its name may stand for another model there."""
    async with EmbeddingsServer(models={"plain": Model(64)}) as api, AsyncExitStack() as stack:
        settings = settings_for(api, tmp_path)
        elsewhere = Generation("openai:http://elsewhere/v1:plain", 64, TEXT_VERSION)
        assert await _former_embedder(stack, settings, elsewhere) is None
        api.fails(Refusal(401, "Incorrect API key provided.", code="invalid_api_key"))

        here = Generation(f"openai:{api.base_url}:plain", 64, TEXT_VERSION)
        assert await _former_embedder(stack, settings, here) is None


async def test_f25_with_the_local_model_set_no_question_leaves_the_machine(tmp_path: Path) -> None:
    """Although OpenAI's vectors answer and its key is still there: a text waits for the local ones, and what is like a
    stored message is found."""
    async with EmbeddingsServer() as api:
        async with open_app(settings_for(api, tmp_path), "run") as app:
            await embedded_by(app, *FIRST)
        n_asked = len(api.requests)
        local = settings_for(api, tmp_path).model_copy(update={"embedder": EmbedderKind.LOCAL})
        async with open_reader(local) as app:
            await app.indexer.load()
            with pytest.raises(OtherGeneration):
                await app.search.similar(Operator(), Query(text=FIRST[2]))
            hits = await app.search.similar(Operator(), Query(message_id=1, limit=6))

    assert {hit.message.content for hit in hits} == set(FIRST[1:])
    assert len(api.requests) == n_asked


async def test_f25_a_kind_of_index_that_suits_the_new_vectors_only_keeps_nobody_from_starting(tmp_path: Path) -> None:
    """The former vectors are mirrored as by their size until they go."""
    async with EmbeddingsServer(models={"plain": Model(64), "wide": Model(96)}) as api:
        own = {"embedding_dimensions": None}
        narrow = settings_for(api, tmp_path, embedding_model="plain", faiss_index="SQ8").model_copy(update=own)
        async with open_app(narrow, "run") as app:
            await embedded_by(app, *FIRST)
        wide = settings_for(api, tmp_path, embedding_model="wide", faiss_index="IVF2,PQ12").model_copy(update=own)
        async with open_app(wide, "run") as app:
            await app.indexer.load()
            hits = await app.search.similar(Operator(), Query(text=FIRST[2], limit=1))

    assert [hit.message.content for hit in hits] == [FIRST[2]]
