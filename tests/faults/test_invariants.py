"""The invariants themselves: each breach of them is seen."""

import asyncio
import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from faults import invariants
from faults.invariants import Room
from faults.scene import scene

BREACHES = {
    "I1: 1 messages": "DELETE FROM messages WHERE message_id = {first}",
    "I2: 1 messages": "UPDATE messages SET content = 'something else' WHERE message_id = {first}",
    "I2: 1 messages (": "UPDATE messages SET content_hash = x'00' WHERE message_id = {first}",
    "Discord does not hold": "UPDATE messages SET channel_id = 5 WHERE message_id = {first}",
    "in messages in spite of": "INSERT INTO tombstones VALUES ({guild}, {first}, 0)",
    "in embeddings and not stored": "UPDATE embeddings SET message_id = 7 WHERE message_id = {first}",
    "in pending and not stored": "INSERT INTO pending VALUES (7, {guild}, NULL)",
    "in answer_hits and not stored": "INSERT INTO answer_hits VALUES (1, 1, 0, {guild}, 7, 50, NULL, 0)",
    "in share_sources and not stored": "INSERT INTO share_sources VALUES ({guild}, 1, 7, 1, 50, NULL, 0)",
    "in wave_members and not stored": "INSERT INTO wave_members VALUES (1, {guild}, 7)",
    "neither a vector nor": "DELETE FROM embeddings WHERE message_id = {first}",
    "have a vector and wait": "INSERT INTO pending VALUES ({first}, {guild}, NULL)",
    "a vector of another text": "UPDATE embeddings SET content_hash = x'01' WHERE message_id = {first}",
    "a damaged vector": "UPDATE embeddings SET checksum = checksum + 1 WHERE message_id = {first}",
    "a vector for each part": """INSERT INTO parts SELECT 99, generation_id, guild_id, message_id, 1, checksum, vector
                                 FROM embeddings WHERE message_id = {first}""",
    "in parts and not stored": """INSERT INTO parts SELECT 99, generation_id, guild_id, 7, 1, checksum, vector
                                  FROM embeddings WHERE message_id = {first}""",
    "I6: the marks of #square pass 1": "DELETE FROM messages WHERE message_id = {first}",
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> tuple[Path, list[Room], int, int]:
    """The database of a bot that stored three messages, with what Discord held."""

    async def live(folder: Path) -> tuple[Path, list[Room], int, int]:
        async with scene(folder) as town:
            messages = town.square.seed(town.bob, ["the first word", "the second word", "👋"])
            await town.start()
            await town.index()
            await town.all_holds()
            await town.end()
            return town.folder, invariants.rooms_of(town.discord), town.guild.id, messages[0].id

    return asyncio.run(live(tmp_path_factory.mktemp("stored")))


@pytest.mark.parametrize("told", BREACHES)
def test_each_breach_is_told(stored, tmp_path, told) -> None:
    """A database that was tampered with breaks the invariant that it should, and an untouched one none."""
    folder, rooms, guild_id, first_id = stored
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert invariants.Stored(copy).breaches(rooms) == []

    with closing(sqlite3.connect(copy / "bot.db")) as db:
        db.execute(BREACHES[told].format(first=first_id, guild=guild_id))
        db.commit()
    assert told in "\n".join(map(str, invariants.Stored(copy).breaches(rooms)))


def test_a_vector_that_is_no_direction_is_told(stored, tmp_path) -> None:
    """Numbers that are not finite, or of another length than one, are no vector even where their checksum fits."""
    folder, rooms, _, first_id = stored
    for name, numbers in {"nan": [np.nan] * 512, "long": [1.0] * 512, "short": [1.0]}.items():
        copy = shutil.copytree(folder, tmp_path / name)
        blob = np.array(numbers, "<f2").tobytes()
        with closing(sqlite3.connect(copy / "bot.db")) as db:
            change = "UPDATE embeddings SET vector = ?, checksum = ? WHERE message_id = ?"
            db.execute(change, (blob, zlib.crc32(blob), first_id))
            db.commit()
        assert "a damaged vector" in "\n".join(map(str, invariants.Stored(copy).breaches(rooms)))


def test_what_policy_wants_is_known(stored) -> None:
    """What is not stored of a place that is named by nobody, or that the bot may not read, is not missed."""
    folder, rooms, guild_id, _ = stored
    place = {"guild_id": guild_id, "channel_id": 5, "name": "attic", "path": (5,), "texts": {9: "a word of the attic"}}
    for is_private, is_readable, n in ((False, True, 1), (True, True, 0), (False, False, 0)):
        room = Room(**place, is_thread=is_private, is_private=is_private, is_readable=is_readable)
        assert len(invariants.Stored(folder).breaches([*rooms, room])) == n
