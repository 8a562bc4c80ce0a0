"""F33: imports that meet each other, the running bot, or their own end half way."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from live import eventually, running
from make import exported_message, write_export
from standin import Discord
from standin.messages import Message

ROOT = Path(__file__).parents[2]
N = 12_000


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "EMBEDDER": "local", "DATA_DIR": str(folder)}


def begin(folder: Path, *paths: Path) -> subprocess.Popen[str]:
    """An import that stores and does not embed, under way."""
    command = [sys.executable, "-m", "bot", "import", "--no-embed", *map(str, paths)]
    output = subprocess.PIPE
    return subprocess.Popen(command, env=environment(folder), stdout=output, stderr=output, text=True)


def run(folder: Path, *paths: Path) -> tuple[int, str]:
    """Import to the end; the exit status and all that was said."""
    process = begin(folder, *paths)
    said, complaints = process.communicate(timeout=90)
    return process.returncode, said + complaints


def n_stored(folder: Path) -> int:
    """How many messages are stored; 0 where there is no database yet."""
    if not (folder / "bot.db").exists():
        return 0
    with closing(sqlite3.connect(f"{(folder / 'bot.db').as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*) FROM messages").fetchone()[0]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export that takes seconds to import."""
    texts = (f"the {n}th message of a long history" for n in range(1, N + 1))
    path = tmp_path_factory.mktemp("exports") / "large.json"
    return write_export(path, [exported_message(n, text) for n, text in enumerate(texts, 1)])


async def test_f33_killed_half_way_the_same_import_again_ends_it(tmp_path, large) -> None:
    """A second import beside the first is refused and harms nothing; of a killed one whole batches are there; the same
    file again brings the rest, and once more nothing."""
    folder = tmp_path / "data"
    first = begin(folder, large)
    await eventually(lambda: n_stored(folder), within=30)
    status, said = await asyncio.to_thread(run, folder, large)
    assert first.poll() is None or n_stored(folder) == N
    if first.poll() is None:
        assert status == 1
        assert f"in use by process {first.pid} (python -m bot import)" in said
    first.kill()
    first.communicate()

    n_before = n_stored(folder)
    assert 0 < n_before <= N
    status, said = await asyncio.to_thread(run, folder, large)
    assert (status, n_stored(folder)) == (0, N)
    assert f"{N - n_before:,} new, 0 changed, {n_before:,} already there" in said
    status, said = await asyncio.to_thread(run, folder, large)
    assert (status, n_stored(folder)) == (0, N)
    assert f"0 new, 0 changed, {N:,} already there" in said


async def test_f33_live_data_wins_over_an_import_which_waits_for_its_turn(tmp_path, large) -> None:
    """Beside the running bot an import is refused and the bot goes on; when the bot has ended, the import neither
    brings back what was deleted nor an old text of what was edited, and the bot shows it all at its next start."""
    folder = tmp_path / "data"
    async with Discord.open() as discord:
        ada = discord.person("ada")
        guild = discord.guild("Town", owner=ada)
        square, attic = guild.text("square"), guild.text("attic")
        [old] = attic.seed(ada, ["of a channel that the server leaves out"])
        async with running(discord, folder, EMBEDDER="local") as bot:
            await (await ada.slash(square, "index start", channel=square)).answer()
            edited, gone = await square.post(ada, "the old text"), await square.post(ada, "soon deleted")
            path = exported(tmp_path / "square.json", edited, gone)
            await edited.edit("the new text")
            await gone.delete()
            await eventually(lambda: bot.texts(guild.id) == ["the new text"])
            status, said = await asyncio.to_thread(run, folder, path, large)
            assert (status, "in use by process" in said) == (1, True)
            await square.post(ada, "written meanwhile")
            await eventually(lambda: bot.texts(guild.id) == ["the new text", "written meanwhile"])
            await bot.stop(signal.SIGTERM)

        status, said = await asyncio.to_thread(run, folder, path, exported(tmp_path / "attic.json", old))
        assert status == 0, said
        assert "0 new, 0 changed, 1 already there, 2 skipped (1 deleted before, 1 in channels that" in said
        async with running(discord, folder, EMBEDDER="local") as bot:
            await eventually(lambda: not bot.n_waiting())
            assert bot.texts(guild.id) == ["the new text", "written meanwhile"]
            assert "Traceback" not in bot.said


def exported(path: Path, *messages: Message) -> Path:
    """An export of a channel's messages as they are now."""
    channel = messages[0].channel
    return write_export(
        path,
        [exported_message(message.id, message.content) for message in messages],
        guild={"id": str(channel.guild.id), "name": channel.guild.name},
        channel={"id": str(channel.id), "type": "GuildTextChat", "name": channel.name},
    )
