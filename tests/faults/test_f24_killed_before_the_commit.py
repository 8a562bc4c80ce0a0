"""F24: killed when the vectors have been paid for and not been stored yet."""

import signal
from collections import Counter

import live
from faults.invariants import hold
from faults.paid_town import paid_town

# The bot as launch.py starts it, killed at the second batch of vectors that it wants to store.
LAUNCH = f"""
import os, runpy, signal
from bot.storage.embeddings import EmbeddingStore

put_many, calls = EmbeddingStore.put_many, []

async def put_or_die(self, texts, vectors):
    calls.append(len(texts))
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return await put_many(self, texts, vectors)

EmbeddingStore.put_many = put_or_die
runpy.run_path({str(live.LAUNCH)!r}, run_name="__main__")
"""
OLD = ["the tram is late", "the harbour freezes in January", "the tram is late", "soup is served at one"] * 5
NEW = ["the ferry sails at noon", "the tram is late", "the ferry sails at noon", "good night"] * 3


async def test_f24_i8_only_the_batch_of_the_crash_is_paid_twice(tmp_path, monkeypatch):
    """Killed between the answer and the commit, the bot buys that batch again after the restart and nothing else; a
    text that many messages say is in a batch once, and in no later one."""
    async with paid_town() as town:
        town.square.seed(town.bob, OLD)
        with monkeypatch.context() as patch:
            patch.setattr(live, "LAUNCH", tmp_path / "launch.py")
            live.LAUNCH.write_text(LAUNCH, "utf-8")
            async with town.running(tmp_path / "data") as bot:
                await town.begin()
                await live.eventually(lambda: town.n_embedded == len(OLD))
                for text in NEW:
                    await town.square.post(town.bob, text)
                assert await bot.ended() == -signal.SIGKILL
        lost = town.api.requests[-1].texts
        assert set(lost) <= set(NEW) - set(OLD)
        assert town.n_embedded < len(OLD + NEW)
        assert town.counted() >= sum(asked.n_bytes for asked in town.api.requests)  # what was lost was charged for

        async with town.running(tmp_path / "data"):
            await live.eventually(lambda: len(town.bot.texts(town.guild.id)) == len(OLD + NEW))
            await town.paid()
            assert town.n_embedded == len(OLD + NEW)
            await hold(town.discord, tmp_path / "data")
        assert town.counted() >= sum(asked.n_bytes for asked in town.api.requests)
        assert Counter(town.bought()) == Counter({*OLD, *NEW}) + Counter(lost)
