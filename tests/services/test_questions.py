"""Vectors of questions: embedded once, kept for a while, and nothing of the texts with them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from fakes import WordEmbedder

from bot.errors import EmbeddingError
from bot.messages import Generation
from bot.services.questions import QuestionVectors
from bot.vectors import Vectors

GENERATION = Generation("words", 64, 1)


class SlowEmbedder(WordEmbedder):
    """Answers when it is let go, and is told to nobody before; counts what was broken off."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.asked = asyncio.Event()
        self.n_broken_off = 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.n_broken_off += 1
            raise
        return await super().embed(texts)


def asking(questions: QuestionVectors, embedder: WordEmbedder, text: str = "red fish") -> asyncio.Task[Vectors]:
    return asyncio.create_task(questions.of(text, embedder, GENERATION))


async def test_b48_equal_questions_at_once_are_embedded_once():
    """A hundred who ask the same at the same time get one vector, which the service was asked for once."""
    questions, embedder = QuestionVectors(), SlowEmbedder()
    asked = [asking(questions, embedder) for _ in range(100)]
    await embedder.asked.wait()
    embedder.may_answer.set()

    vectors = await asyncio.gather(*asked)

    assert embedder.batches == [["red fish"]]
    assert all(np.array_equal(vector, vectors[0]) for vector in vectors)


async def test_each_account_pays_for_itself():
    """Whose budget is used up keeps nobody else from an answer; what was bought by one is there for all."""
    questions, embedder, other = QuestionVectors(), SlowEmbedder(), WordEmbedder()
    embedder.failure, embedder.account = EmbeddingError("budget_spent", "no money"), 1
    embedder.may_answer.set()
    spent, bought = await asyncio.gather(asking(questions, embedder), asking(questions, other), return_exceptions=True)

    assert (spent.code, bought.shape) == ("budget_spent", (64,))
    assert np.array_equal(await questions.of("red fish", embedder, GENERATION), bought)


async def test_different_questions_at_once_are_embedded_each():
    """Only what is embedded alike is the same: the vector of another text is another."""
    questions, embedder = QuestionVectors(), WordEmbedder()

    red, blue = await asyncio.gather(asking(questions, embedder), asking(questions, embedder, "blue whale"))

    assert sorted(embedder.texts) == ["blue whale", "red fish"]
    assert not np.array_equal(red, blue)


async def test_b48_a_question_that_was_asked_before_is_not_embedded_again():
    """The same again and again costs nothing, also where it differs in what is not embedded."""
    questions, embedder = QuestionVectors(), WordEmbedder()

    first = await questions.of("red fish", embedder, GENERATION)
    again = [await questions.of(text, embedder, GENERATION) for text in ("red fish", " red\u200b  fish\n")]

    assert embedder.batches == [["red fish"]]
    assert all(np.array_equal(vector, first) for vector in again)


async def test_nobody_changes_a_vector_that_is_kept():
    """A vector is read by all who ask, so that it may not be written to."""
    vector = await QuestionVectors().of("red fish", WordEmbedder(), GENERATION)

    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 0


async def test_who_asked_first_may_leave():
    """Of those who wait for the same vector the first is cancelled, and the others get it."""
    questions, embedder = QuestionVectors(), SlowEmbedder()
    first, second = asking(questions, embedder), asking(questions, embedder)
    await embedder.asked.wait()
    first.cancel()
    await asyncio.wait([first])
    embedder.may_answer.set()

    assert len(await second) == 64
    assert first.cancelled()
    assert (len(embedder.batches), embedder.n_broken_off) == (1, 0)


async def test_when_all_have_left_nothing_is_embedded():
    """A question that nobody waits for any more is broken off, and who asks it then begins anew."""
    questions, embedder = QuestionVectors(), SlowEmbedder()
    left = [asking(questions, embedder) for _ in range(2)]
    await embedder.asked.wait()
    for each in left:
        each.cancel()
    await asyncio.wait(left)
    late = asking(questions, embedder)
    embedder.may_answer.set()

    assert len(await late) == 64
    assert (len(embedder.batches), embedder.n_broken_off) == (1, 1)


async def test_an_error_reaches_all_who_wait():
    """When the service fails everybody is told, and the next one asks it again."""
    questions, embedder = QuestionVectors(), SlowEmbedder()
    embedder.failure = EmbeddingError("unreachable", "ConnectError", retryable=True)
    asked = [asking(questions, embedder) for _ in range(3)]
    await embedder.asked.wait()
    embedder.may_answer.set()

    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [error.code for error in told] == ["unreachable"] * 3
    assert len(questions) == 0

    embedder.failure = None
    assert len(await questions.of("red fish", embedder, GENERATION)) == 64


async def test_an_answer_that_does_not_come_is_not_waited_for(monkeypatch):
    """A service that hangs is given up after a while, for all who wait."""
    monkeypatch.setattr("bot.services.questions._PATIENCE_S", 0.01)
    questions, embedder = QuestionVectors(), SlowEmbedder()

    told = await asyncio.gather(asking(questions, embedder), asking(questions, embedder), return_exceptions=True)

    assert [(error.code, error.retryable) for error in told] == [("timeout", True)] * 2
    assert embedder.n_broken_off == 1


async def test_a_bounded_number_is_kept():
    """What was asked longest ago goes first, and to ask it again is to embed it again."""
    questions, embedder = QuestionVectors(most=2), WordEmbedder()
    for text in ("one", "two", "one", "three"):
        await questions.of(text, embedder, GENERATION)

    assert len(questions) == 2
    await questions.of("one", embedder, GENERATION)
    assert embedder.texts == ["one", "two", "three"]
    await questions.of("two", embedder, GENERATION)
    assert embedder.texts == ["one", "two", "three", "two"]


async def test_nothing_is_kept_for_long(monkeypatch):
    """When its time is over a vector goes by itself, without another question; asking again does not put that off."""
    questions, embedder, loop = QuestionVectors(kept_s=300), WordEmbedder(), asyncio.get_running_loop()
    began = loop.time()
    for after, n_kept in ((0, 1), (299, 1), (301, 0)):
        monkeypatch.setattr(loop, "time", lambda after=after: began + after)
        for _ in range(2):
            await asyncio.sleep(0)
        if n_kept:
            await questions.of("red fish", embedder, GENERATION)
        assert len(questions) == n_kept

    assert embedder.texts == ["red fish"]


async def test_a_change_of_the_model_forgets_what_was_asked():
    """A vector of another model is never given, and those of the former one go."""
    questions, former, new = QuestionVectors(), WordEmbedder(), WordEmbedder(dim=32)
    await questions.of("red fish", former, GENERATION)
    await questions.of("blue whale", former, GENERATION)

    assert len(await questions.of("red fish", new, replace(GENERATION, dim=32))) == 32
    assert len(questions) == 1


async def test_a_vector_that_comes_after_a_change_of_the_model_is_not_kept():
    """Who asked before the change gets the vector that was asked for, and nobody after."""
    questions, former, new = QuestionVectors(), SlowEmbedder(), WordEmbedder(dim=32)
    before = asking(questions, former)
    await former.asked.wait()
    after = await questions.of("red fish", new, replace(GENERATION, dim=32))
    former.may_answer.set()

    assert (len(await before), len(after), len(questions)) == (64, 32, 1)


async def test_no_text_of_a_question_is_kept():
    """What is remembered holds no text, and in another process the same text has another name."""
    here, there, embedder = QuestionVectors(), QuestionVectors(), WordEmbedder()
    for questions in (here, there):
        await questions.of("a private question", embedder, GENERATION)

    assert "private" not in repr(vars(here))
    assert b"private" not in b"".join(here._kept)
    assert set(here._kept).isdisjoint(there._kept)
