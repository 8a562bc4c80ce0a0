"""What a server's messages are like on the whole."""

import numpy as np
import pytest
from conftest import Rooms
from make import GUILD, message

from bot.services import backgrounds
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
    background = await Backgrounds(Lexicon(rooms.database)).of(rooms.spaces.current, GUILD)

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
    background = await Backgrounds(Lexicon(rooms.database)).of(rooms.spaces.current, GUILD)
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
        await measured.of(rooms.spaces.current, GUILD)
        await rooms.ingest.saved(GUILD, [message(10 + enough, "one more")])
        await rooms.settle()
        background = await measured.of(rooms.spaces.current, GUILD)
        assert background.n_texts == expected
