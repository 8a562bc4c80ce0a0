"""Waves: how soon one is told while messages pour in, and how often something is told that is none."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.exports import ROOT
from bench.figures import Figure
from bot.app import App, open_app
from bot.messages import Channel, Message, Origin, Server
from bot.services.importer import export_files
from bot.services.waves import Watch
from bot.settings import Settings
from bot.times import made_at

PER_SECOND = 200
_N_PEOPLE, _N_MESSAGES = 50, 5
_BATCH = 32  # messages of the past that are looked at together
_MOST_ORDINARY = 10_000  # messages of all servers together: each costs an embedding
_PAST = 2_000
_PAUSE_S = 1.0
_WATCH = Watch(0, 1, _N_MESSAGES, 3, 10, 3, "en")
_KINDS = (
    "free nitro for everyone at gift-nitro.example",
    "earn five hundred dollars a day from home, write to me",
    "join our new server for cheap game accounts",
    "this airdrop doubles your coins until midnight",
    "vote for my sister in the singing contest please",
    "selling two concert tickets for saturday in osaka",
    "my camera was stolen at the station, has anyone seen it",
    "the exam answers have leaked, ask me for the file",
    "boycott the new moderators of this place",
    "download this patch to get unlimited gold",
)
_ENDINGS = ("", "!", " now", " today", " :)")


def wave_figures(options: argparse.Namespace) -> list[Figure]:
    """Over the exports: they are what is ordinary."""
    exports = [json.loads(path.read_text("utf-8")) for path in export_files(options.data)]
    servers = _by_server(exports)
    size = min(options.size, _MOST_ORDINARY) // len(servers)
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_delays(Path(folder) / "live", exports))
        for name, of_server in servers.items():
            figures += asyncio.run(_false_notices(Path(folder) / str(len(figures)), name, of_server, size))
    return figures


async def _delays(folder: Path, exports: list[dict]) -> list[Figure]:
    """From the event that makes a wave one to the notice of it, on the local Discord of the tests."""
    sys.path.insert(0, str(ROOT / "tests"))
    from live import eventually, running  # noqa: PLC0415  # the tests' own rooms, which are no package
    from standin import Discord  # noqa: PLC0415

    folder.mkdir(parents=True)
    texts = [message["content"] for export in exports for message in export["messages"] if message["content"].strip()]
    async with Discord.open() as discord, running(discord, folder / "data", LOG_LEVEL="INFO") as bot:
        people = [discord.person(f"person{n}") for n in range(_N_PEOPLE)]
        guild = discord.guild("Town", owner=people[0])
        for person in people:
            guild.join(person)
        square, mods = guild.text("square"), guild.text("mods")
        square.seed(people, texts[:_PAST])
        await (await people[0].slash(square, "index start")).answer()
        await eventually(lambda: bot.rows("SELECT count(*) FROM embeddings")[0][0] > 0, within=60)
        await eventually(lambda: not bot.n_waiting(), within=300)
        await (await people[0].slash(square, "watch on", channel=mods)).answer()
        pouring = asyncio.create_task(
            square.flood(people, texts[_PAST:] or texts, PER_SECOND, 3 * _PAUSE_S * len(_KINDS))
        )
        delays = [await _delay(square, mods, people, kind) for kind in _KINDS]
        await pouring
    return [
        Figure(f"waves: from event to notice at {PER_SECOND} messages/s, median", float(np.median(delays)), "s"),
        Figure(f"waves: from event to notice at {PER_SECOND} messages/s, longest", max(delays), "s", "2 or less"),
    ]


async def _delay(square: object, mods: object, people: list, kind: str) -> float:
    """How many seconds after the last message that it takes for a wave its notice stands there."""
    await asyncio.sleep(_PAUSE_S)
    for n, ending in enumerate(_ENDINGS):
        await square.post(people[n], kind + ending)
    written = time.perf_counter()
    words = set(kind.split())
    while not any(words <= set(_shown(message).split()) for message in mods.messages):
        if time.perf_counter() > written + 30:
            return float("inf")
        await asyncio.sleep(0.01)
    return time.perf_counter() - written


def _shown(message: object) -> str:
    """What a notice quotes, as it was written."""
    text = " ".join(embed.get("description", "") for embed in message.embeds)
    return text.replace("\\", "").replace("\u2068", "").replace("\u2069", "")


def _by_server(exports: list[dict]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for export in exports:
        found.setdefault(export["guild"]["name"], []).append(export)
    return found


async def _false_notices(folder: Path, name: str, exports: list[dict], size: int) -> list[Figure]:
    """A server's past, looked at in its order by its own clock: all that is found in it is no wave."""
    folder.mkdir(parents=True)
    async with open_app(Settings(embedder="local", data_dir=folder, _env_file=None), "bench") as app:
        await app.indexer.reconcile()
        guild_id = int(exports[0]["guild"]["id"])
        for export in exports:
            here = Channel(guild_id, int(export["channel"]["id"]), export["channel"]["name"])
            await app.ingest.met(Server(guild_id, name), here)
        await app.waves.watch(replace(_WATCH, guild_id=guild_id))
        n = 0
        for batch in _batches(sorted(_messages(guild_id, exports), key=lambda one: one.message_id)[:size]):
            n += len(batch)
            await _live_through(app, guild_id, batch)
        waves = await app.notices.latest(guild_id, limit=10_000)
    return [
        Figure(f"waves: {name}, ordinary messages", n, ""),
        Figure(f"waves: {name}, notices", len(waves), ""),
        Figure(f"waves: {name}, notices for 10,000 messages", 10_000 * len(waves) / max(n, 1), "", "1 or less"),
    ]


async def _live_through(app: App, guild_id: int, batch: list[Message]) -> None:
    at = made_at(batch[-1].message_id)
    app.waves.clock = lambda: at
    await app.ingest.saved(guild_id, batch)
    async for _ in app.indexer.drain():
        pass
    await app.waves.look()
    await app.waves.tidy()


def _messages(guild_id: int, exports: list[dict]) -> Iterator[Message]:
    for export in exports:
        for message in export["messages"]:
            yield Message(
                message_id=int(message["id"]),
                guild_id=guild_id,
                channel_id=int(export["channel"]["id"]),
                author_id=int(message["author"]["id"]),
                author_name="",
                content=message["content"],
                origin=Origin.LIVE,
            )


def _batches(messages: list[Message]) -> Iterator[list[Message]]:
    for start in range(0, len(messages), _BATCH):
        yield messages[start : start + _BATCH]
