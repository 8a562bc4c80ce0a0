"""The space of the model that is set, and that of the one before."""

from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder
from make import GUILD, OTHER_GUILD, message

from bot.askers import Operator
from bot.messages import Query
from bot.services.spaces import Space
from bot.storage.database import Database
from bot.storage.sessions import begin_session


@pytest.fixture(autouse=True)
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few messages there are, they are kept as codes, in a file."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)


class Town:
    """A town whose model was changed: `old` is what there was, `new` is set and has no vector yet."""

    def __init__(self, old: Rooms, new: Rooms) -> None:
        self.old, self.new = old, new

    async def found(self, text: str, limit: int = 3) -> list[int]:
        hits = await self.new.search.similar(Operator(), Query(text=text, limit=limit))
        return [hit.message.message_id for hit in hits]

    async def embed_all_but_the_change(self) -> None:
        """Every text has its vector of the new model too, in both mirrors, and the former one still answers."""
        await self.new.indexer._embed(await self.new.embeddings.pending(10))
        for guild_id in (GUILD, OTHER_GUILD):
            assert all(len(ids) == 3 for ids in self.mirrored(guild_id))

    def mirrored(self, guild_id: int = GUILD) -> tuple[list[int], list[int]]:
        """What the former mirror and the current one hold of a server."""
        return (self.old.mirror.ids(guild_id).tolist(), self.new.mirror.ids(guild_id).tolist())


@pytest.fixture
async def town(database: Database, tmp_path: Path) -> Town:
    await begin_session(database)
    old = await rooms_over(database, folder=tmp_path / "old")
    for guild_id, first in ((GUILD, 1), (OTHER_GUILD, 101)):
        texts = ("red fish", "red bird", "green tree")
        await old.ingest.saved(guild_id, [message(first + n, text, guild_id=guild_id) for n, text in enumerate(texts)])
    await old.settle()
    new = await rooms_over(database, WordEmbedder(32, model_key="other words"), folder=tmp_path / "new")
    new.spaces.former = Space(old.embeddings, old.embedder, old.mirror)
    await new.indexer.load()
    return Town(old, new)


async def test_without_a_former_model_there_is_one_space(rooms: Rooms) -> None:
    """What is set is what answers, and changing over changes nothing."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish")])
    await rooms.settle()
    await rooms.spaces.change_over()

    assert rooms.spaces.answering == rooms.spaces.current
    assert rooms.spaces.mirrors == [rooms.mirror]
    assert (await rooms.embeddings.ids(GUILD)).tolist() == [1]


async def test_the_former_model_answers_until_the_last_text_has_its_vector(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of embedding anew nothing is mixed; at its end the new vectors answer alone."""
    monkeypatch.setattr("bot.services.indexer._BATCH", 2)
    steps = []
    async for _ in town.new.indexer.drain():
        assert town.new.spaces.answering.embeddings is town.old.embeddings
        assert await town.found("red fish", 2) == [101, 1]
        steps.append((await town.new.embeddings.counts()).embedded)

    assert steps == [2, 4, 6]
    assert town.new.spaces.former is None
    assert await town.found("red fish", 2) == [101, 1]
    assert town.new.embedder.texts[-1] == "red fish"


async def test_with_the_change_the_former_vectors_and_files_go(town: Town, tmp_path: Path) -> None:
    """No row and no file of the former model is left, and each server has its file of the new one."""
    assert len(list(tmp_path.glob("old/*.mirror"))) == 2
    await town.new.settle()

    assert await town.new.database.fetch("SELECT DISTINCT length(vector) FROM embeddings") == [(64,)]
    assert list(tmp_path.glob("old/*.mirror")) == []
    assert len(list(tmp_path.glob("new/*.mirror"))) == 2
    assert town.old.mirror.guild_ids() == []


async def test_deleted_and_rewritten_messages_leave_both_mirrors(town: Town) -> None:
    """Whichever space answers, what is gone is not found, before and after the change."""
    await town.embed_all_but_the_change()
    await town.new.ingest.deleted(GUILD, [1])
    await town.new.ingest.saved(GUILD, [message(2, "blue whale")])

    assert town.mirrored() == ([3], [3])
    assert await town.found("red fish", 5) == [101, 102, 103, 3]
    await town.new.settle()
    assert town.mirrored()[1] == [2, 3]
    assert await town.found("blue whale", 1) == [2]


async def test_what_is_deleted_behind_the_former_mirror_is_never_shown(town: Town) -> None:
    """A former mirror that was not told shows nothing that the database does not hold."""
    await town.new.messages.delete(GUILD, [1, 2, 3])

    assert await town.found("red fish", 6) == [101, 102, 103]


async def test_a_server_that_is_gone_leaves_both_spaces(town: Town, tmp_path: Path) -> None:
    """Its indexes go from both mirrors, and its file with them."""
    await town.embed_all_but_the_change()
    await town.new.ingest.server_gone(OTHER_GUILD)

    assert town.mirrored(OTHER_GUILD) == ([], [])
    assert await town.found("red fish", 6) == [1, 2, 3]
    assert [path.name for path in tmp_path.glob("*/*.mirror")] == [f"{GUILD}.mirror"]


async def test_while_the_former_one_answers_new_messages_wait_for_the_change(town: Town) -> None:
    """A message that has a vector of the new model only is not found yet, and is from the change on."""
    await town.new.ingest.saved(GUILD, [message(9, "red fish")])
    assert await town.found("red fish", 2) == [101, 1]
    await town.new.settle()

    assert await town.found("red fish", 3) == [101, 9, 1]
