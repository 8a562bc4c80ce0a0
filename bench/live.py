"""The bot as a process of its own on the local Discord of the tests: under load, and with a full database."""

import asyncio
import json
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np

from bench.figures import Figure

ROOT = Path(__file__).parents[1]
PER_SECOND = 1_000
N_QUESTIONS = 100
N_PEOPLE = 60  # as many as keep each below the limit of questions a person


async def discord_figures(folder: Path, exports: list[Path], *, seconds: float) -> list[Figure]:
    """The history of a server read, a start after a kill, questions in quiet, and questions while messages pour in."""
    sys.path.insert(0, str(ROOT / "tests"))
    from live import UNLIMITED, running  # noqa: PLC0415  # the tests' own rooms, which are no package
    from standin import Discord  # noqa: PLC0415

    folder.mkdir(parents=True)
    texts = _texts(exports)
    async with Discord.open() as discord:
        people = [discord.person(f"person{n}") for n in range(N_PEOPLE)]
        guild = discord.guild("Town", owner=people[0])
        for person in people:
            guild.join(person)
        channel = guild.text("square")
        channel.seed(people, texts)
        async with running(discord, folder / "data", LOG_LEVEL="INFO", **UNLIMITED) as bot:
            figures = await _read(bot, people, channel, len(texts))
            await bot.stop(signal.SIGKILL)
        started = time.perf_counter()
        async with running(discord, folder / "data", LOG_LEVEL="INFO", **UNLIMITED) as bot:
            figures.append(await _first_answer(people, channel, texts, started))
            await asyncio.sleep(5)
            figures += await _quiet(people, channel, texts)
            figures += await _poured(bot, people, channel, texts, seconds=seconds)
        figures.append(Figure("event loop: longest hold-up", _longest_hold_up(bot.said), "ms", "100 or less"))
    return figures


def _texts(exports: list[Path]) -> list[str]:
    messages = {}
    for path in exports:
        messages |= {message["id"]: message["content"] for message in json.loads(path.read_text("utf-8"))["messages"]}
    return [content for content in messages.values() if content.strip()]


async def _read(bot: object, people: list, channel: object, n_messages: int) -> list[Figure]:
    """Have a history read and embedded; from the first page that was asked for to the last row."""
    from live import eventually  # noqa: PLC0415  # see discord_figures

    await (await people[0].slash(channel, "index start")).answer()
    started = time.perf_counter()
    await eventually(lambda: bot.rows("SELECT count(*) FROM messages") == [(n_messages,)], within=600)
    read_for = time.perf_counter() - started
    await eventually(lambda: not bot.n_waiting(), within=1800)
    return [
        Figure("history: from page to committed row", n_messages / read_for, "messages/s", "2,000 or more"),
        Figure("history: embedded as well after", time.perf_counter() - started, "s"),
    ]


async def _first_answer(people: list, channel: object, texts: list[str], started: float) -> Figure:
    """How long after the start of the process the first question was answered."""
    interaction = await people[1].slash(channel, "similar", text=texts[0][:1000])
    await interaction.answer(timeout=60)
    seconds = time.perf_counter() - started
    return Figure("start after SIGKILL: until the first answer", seconds, "s", "3 or less")


async def _quiet(people: list, channel: object, texts: list[str]) -> list[Figure]:
    times = []
    for n in range(N_QUESTIONS):
        interaction = await people[n % N_PEOPLE].slash(channel, "similar", text=texts[n * 37 % len(texts)][:1000])
        await interaction.answer()
        times.append(1000 * interaction.answered_after)
    return [
        Figure("/similar, command to final answer, median", float(np.median(times)), "ms", "60 or less"),
        Figure("/similar, command to final answer, p95", float(np.quantile(times, 0.95)), "ms"),
    ]


async def _poured(bot: object, people: list, channel: object, texts: list[str], *, seconds: float) -> list[Figure]:
    [(n_before,)] = bot.rows("SELECT count(*) FROM messages")
    rss_before, deferred = _rss(bot), []
    asking = asyncio.create_task(_asked(people, channel, texts, deferred))
    started = time.perf_counter()
    # No two alike and none that is stored, so that each costs an embedding.
    unheard = [f"{texts[n % len(texts)]} ({n})" for n in range(int(PER_SECOND * seconds))]
    n_sent = await channel.flood(people, unheard, PER_SECOND, seconds)
    ended = time.perf_counter()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    rss_after, n_waiting = _rss(bot), bot.n_waiting()
    while (n_stored := bot.rows("SELECT count(*) FROM messages")[0][0] - n_before) < n_sent:
        assert time.perf_counter() < ended + 60, f"{n_stored} of {n_sent} stored"
        await asyncio.sleep(0.1)
    return [
        Figure("gateway: messages a second", n_sent / (ended - started), "messages/s", "1,000"),
        Figure("gateway: messages sent", n_sent, ""),
        Figure("gateway: messages stored", n_stored, "", "as many as sent"),
        Figure("gateway: last one stored after the last was sent", time.perf_counter() - ended, "s"),
        Figure("gateway: waiting for their embedding at the end", n_waiting, ""),
        Figure("/similar under load, command to deferral, p50", float(np.median(deferred)), "ms"),
        Figure("/similar under load, command to deferral, p99", float(np.quantile(deferred, 0.99)), "ms", "50 or less"),
        Figure("memory before", rss_before, "MiB"),
        Figure("memory after", rss_after, "MiB"),
    ]


async def _asked(people: list, channel: object, texts: list[str], deferred: list[float]) -> None:
    """Ask five times a second, by one person after another, until cancelled."""
    n = 0
    while True:
        n += 1
        interaction = await people[n % N_PEOPLE].slash(channel, "similar", text=texts[n * 37 % len(texts)][:1000])
        await interaction.answer(timeout=30)
        deferred.append(1000 * interaction.deferred_after)
        await asyncio.sleep(0.2)


def _rss(bot: object) -> float:
    status = Path(f"/proc/{bot.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def _longest_hold_up(log: str) -> float:
    return float(re.findall(r"never held up for longer than (\d+) ms", log)[-1])
