"""A data folder as a whole: with a key, nothing in it can be read without."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes import WordEmbedder
from keys import RAW
from make import GUILD, channel, message, server

from bot.app import App, open_app
from bot.askers import Operator
from bot.copying import decrypt_data, encrypt_data
from bot.index import workshop
from bot.messages import Query
from bot.settings import EmbedderKind, Settings

NEWEST = 39  # of equal scores the newer message is first
SEALED, PLAIN = b"SIMBOT-SEALED-1\n", b"SIMBOT-MIRROR-1\n"


@pytest.fixture(autouse=True)
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few messages there are, their codes are kept beside the database, made by an embedder of the tests."""
    monkeypatch.setattr(workshop, "_EXACT_BYTES", 0)

    @asynccontextmanager
    async def words(_: Settings) -> AsyncIterator[WordEmbedder]:
        yield WordEmbedder()

    monkeypatch.setattr("bot.app.open_embedder", words)


def settings(folder: Path, key: str | None) -> Settings:
    return Settings(_env_file=None, data_dir=folder, embedder=EmbedderKind.LOCAL, data_key=key)


@asynccontextmanager
async def town_in(folder: Path, key: str | None) -> AsyncIterator[App]:
    """The services over a folder, with an index that holds what the database holds."""
    async with open_app(settings(folder, key), "run") as app:
        await app.ingest.met(server(), channel())
        async for _ in app.indexer.drain():
            pass
        await app.indexer.load()
        await app.indexer.settle()
        yield app


async def found(app: App) -> int:
    question = await app.search.question(Operator(), Query(text=f"word{NEWEST} and more"))
    return (await app.search.nearest(question))[0].message.message_id


def mirror_of(folder: Path) -> bytes:
    [path] = folder.glob("mirror/*/*")
    return path.read_bytes()


async def fill(folder: Path, key: str | None) -> None:
    async with town_in(folder, key) as app:
        await app.ingest.saved(GUILD, [message(i, f"word{i} and more") for i in range(1, NEWEST + 1)])
    async with town_in(folder, key) as app:
        assert await found(app) == NEWEST


def unwatched(n_done: int, n_bytes: int) -> None:
    """Nobody looks at the progress."""


async def test_the_mirror_has_a_key_where_the_database_has_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read at the next start, not made anew, and follows what is deleted."""
    await fill(tmp_path, RAW)
    before = mirror_of(tmp_path)
    caplog.set_level(logging.INFO)
    caplog.clear()
    async with town_in(tmp_path, RAW) as app:
        assert await found(app) == NEWEST
        await app.ingest.deleted(GUILD, [NEWEST])

    assert before.startswith(SEALED)
    assert before != mirror_of(tmp_path)
    assert mirror_of(tmp_path).startswith(SEALED)
    assert not [text for text in caplog.messages if "cache" in text or "building" in text]


async def test_turning_encryption_on_and_off_leaves_no_mirror_of_before(tmp_path: Path) -> None:
    """What was kept of indexes goes and is made anew, sealed with a key and plain without one."""
    await fill(tmp_path, None)
    assert mirror_of(tmp_path).startswith(PLAIN)
    encrypt_data(settings(tmp_path, RAW), unwatched)
    assert list(tmp_path.glob("mirror/*/*")) == []
    async with town_in(tmp_path, RAW) as app:
        assert await found(app) == NEWEST
    assert mirror_of(tmp_path).startswith(SEALED)

    decrypt_data(settings(tmp_path, RAW), unwatched)
    assert list(tmp_path.glob("mirror/*/*")) == []
    async with town_in(tmp_path, None) as app:
        assert await found(app) == NEWEST
    assert mirror_of(tmp_path).startswith(PLAIN)


async def test_a_mirror_of_another_key_is_made_anew(tmp_path: Path) -> None:
    """A file that a plain or another folder left there is not read, and not left in its place."""
    plain, folder = tmp_path / "plain", tmp_path / "data"
    await fill(plain, None)
    await fill(folder, RAW)
    [path] = folder.glob("mirror/*/*")
    path.write_bytes(mirror_of(plain))
    async with town_in(folder, RAW) as app:
        assert await found(app) == NEWEST

    assert mirror_of(folder).startswith(SEALED)
