"""What a server's messages are like on the whole."""

import numpy as np
import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, channel, message, server

from bot.askers import EVERYTHING, Scope
from bot.services import backgrounds, nearness
from bot.services.backgrounds import Backgrounds, centred_cosines
from bot.storage.lexicon import Lexicon


async def test_cosines_are_taken_around_means() -> None:
    """What both have in common is taken off before the angle is measured; what is nothing but that has no angle."""
    vectors = np.array([[1, 1, 0], [1, 0, 1], [1, 0, 0]], np.float32)
    means = np.tile(np.array([1, 0, 0], np.float32), (3, 1))
    scores = centred_cosines(vectors, means, np.array([1, 2, 0], np.float32), means[0])

    assert scores.tolist() == [1.0, 0.0, 0.0]


async def test_few_messages_have_no_mean(rooms: Rooms) -> None:
    """Until there is enough to measure vectors stay where they are; lengths are known."""
    await rooms.ingest.saved(GUILD, [message(1, "red fish"), message(2, "red fish and a bird")])
    await rooms.settle()
    background = await Backgrounds(Lexicon(rooms.database)).of(rooms.spaces.current, GUILD, EVERYTHING)

    assert (background.n_texts, background.mean_length) == (2, 3.5)
    assert background.mean_of("latin") is None


async def test_each_script_has_a_mean(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script with enough messages is centred around its own mean, one with few around that of all."""
    monkeypatch.setattr(backgrounds, "ENOUGH", 10)
    monkeypatch.setattr(backgrounds, "_ENOUGH_OF_A_SCRIPT", 5)
    await rooms.ingest.saved(GUILD, [message(i, "red") for i in range(1, 11)])
    await rooms.ingest.saved(GUILD, [message(i, "青い") for i in range(11, 21)])
    await rooms.ingest.saved(GUILD, [message(21, "красный")])
    await rooms.settle()
    background = await Backgrounds(Lexicon(rooms.database)).of(rooms.spaces.current, GUILD, EVERYTHING)
    red, blue = (await rooms.embedder.embed(["red", "青い"]))[:]

    assert set(background.means) == {"latin", "han and kana"}
    assert background.mean_of("latin") == pytest.approx(red, abs=1e-3)
    assert background.mean_of("han and kana") == pytest.approx(blue, abs=1e-3)
    assert background.mean is not None
    assert background.mean_of("cyrillic") == pytest.approx(background.mean)


async def test_what_was_measured_is_believed_for_a_while(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large server is not measured for each question, a small one is."""
    await rooms.ingest.saved(GUILD, [message(i, f"number {i}") for i in range(1, 11)])
    await rooms.settle()
    measured = Backgrounds(Lexicon(rooms.database))
    for enough, expected in ((100, 11), (5, 11)):
        monkeypatch.setattr(backgrounds, "ENOUGH", enough)
        await measured.of(rooms.spaces.current, GUILD, EVERYTHING)
        await rooms.ingest.saved(GUILD, [message(10 + enough, "one more")])
        await rooms.settle()
        background = await measured.of(rooms.spaces.current, GUILD, EVERYTHING)
        assert background.n_texts == expected


async def test_what_may_not_be_seen_has_no_part_in_it(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is said in a hidden channel: lengths, frequencies, means and scales stay as they are to the last bit."""
    monkeypatch.setattr(backgrounds, "ENOUGH", 100)
    monkeypatch.setattr(backgrounds, "_SAMPLED", 150)
    monkeypatch.setattr(nearness, "ENOUGH", 20)
    seen = Scope(guild_ids=frozenset({GUILD}), channel_ids=frozenset({CHANNEL}))
    await rooms.ingest.met(server(), channel(OTHER_CHANNEL, name="vault"))
    await rooms.ingest.saved(GUILD, [message(i, f"red number {i} {i % 7}") for i in range(1, 401)])
    await rooms.settle()
    before = await Backgrounds(Lexicon(rooms.database)).of(rooms.spaces.current, GUILD, seen)
    hidden = [message(i, f"blue secret {i} {i % 5}", channel_id=OTHER_CHANNEL) for i in range(401, 801)]
    await rooms.ingest.saved(GUILD, hidden)
    await rooms.settle()
    after = await Backgrounds(Lexicon(rooms.database)).of(rooms.spaces.current, GUILD, seen)
    everything = await Backgrounds(Lexicon(rooms.database)).of(rooms.spaces.current, GUILD, EVERYTHING)

    assert before.mean is not None
    assert after.mean is not None
    assert before.mean.tobytes() == after.mean.tobytes()
    assert (before.plain, before.centred) == (after.plain, after.centred) != (None, None)
    assert (before.n_texts, before.n_with, before.places) == (after.n_texts, after.n_with, after.places)
    assert 300 <= before.n_texts <= 500
    assert everything.n_texts > 1.5 * before.n_texts


async def test_each_view_of_a_server_is_remembered(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sees other channels is not answered with what was measured for somebody else."""
    monkeypatch.setattr(backgrounds, "ENOUGH", 5)
    await rooms.ingest.saved(
        GUILD, [message(i, "red", channel_id=OTHER_CHANNEL if i % 3 else CHANNEL) for i in range(1, 91)]
    )
    await rooms.settle()
    measured = Backgrounds(Lexicon(rooms.database))
    scopes = (EVERYTHING, Scope(channel_ids=frozenset({CHANNEL})), Scope(channel_ids=frozenset({OTHER_CHANNEL})))

    for _ in range(2):
        found = [(await measured.of(rooms.spaces.current, GUILD, scope)).n_texts for scope in scopes]
        assert found == [90, 30, 60]
