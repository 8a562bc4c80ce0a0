"""The OpenAI client against a local server: right vectors or a told error, and no request that cannot succeed."""

import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import numpy as np
import openai
import pytest
from aiohttp import web
from openai_server import KEY, MAX_TEXTS, MAX_TOKENS, EmbeddingsServer, Instead, Model, rate_limited

from bot.embedding import openai as bot_openai
from bot.embedding.base import Meter
from bot.embedding.openai import OpenAIEmbedder, open_openai
from bot.errors import EmbeddingError

SMALL, LARGE, ADA = "text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002"
DIM = 8  # short vectors make quick tests
TEXTS = ["one", "two", "three", "four"]


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddingsServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with EmbeddingsServer() as api:
        yield api


@pytest.fixture
async def embedder(api: EmbeddingsServer) -> AsyncIterator[OpenAIEmbedder]:
    """Asks for vectors of 8 numbers."""
    async with opened(api) as embedder:
        yield embedder


def opened(
    api: EmbeddingsServer, *, model: str = SMALL, dimensions: int | None = DIM, key: str = KEY
) -> AbstractAsyncContextManager[OpenAIEmbedder]:
    return open_openai(api_key=key, base_url=api.base_url, model=model, dimensions=dimensions)


async def failure(embedder: OpenAIEmbedder, texts: list[str] = TEXTS) -> EmbeddingError:
    """The error that embedding ends with."""
    with pytest.raises(EmbeddingError) as caught:
        await embedder.embed(texts)
    return caught.value


# --- what it costs


async def test_what_the_server_charges_is_on_the_meter(api, embedder):
    """Each answer adds its tokens, which are bytes of this server, over several requests."""
    meter = Meter()
    await embedder.embed(["four", "elevens"], meter)
    assert meter.n_tokens == 11

    await embedder.embed(["x"] * 2_049, meter)
    assert (meter.n_tokens, len(api.requests)) == (11 + 2_049, 3)


async def test_an_answer_of_no_use_is_charged_too(api, embedder):
    """What came back spoilt was made all the same; what was refused was not."""
    meter = Meter()
    api.fails("500", times=1)
    api.fails("one_short", times=1)
    await embedder.embed(TEXTS, meter)
    assert meter.n_tokens == 2 * sum(map(len, TEXTS))

    api.fails("429_insufficient_quota")
    with pytest.raises(EmbeddingError):
        await embedder.embed(TEXTS, meter)
    assert meter.n_tokens == 2 * sum(map(len, TEXTS))


@pytest.mark.parametrize("usage", [{}, {"usage": None}, {"usage": {"total_tokens": "many"}}])
async def test_a_server_that_does_not_tell_what_it_charges_leaves_the_meter(api, embedder, usage):
    """Without a number of tokens the vectors are as good, and nothing is added."""

    async def without(server, request):
        rows = [{"object": "embedding", "index": 0, "embedding": [1.0] * DIM}]
        return web.json_response({"object": "list", "data": rows, "model": SMALL, **usage})

    api.fails(Instead(without))
    meter = Meter()
    vectors = await embedder.embed(["one"], meter)
    assert (vectors.shape, meter.n_tokens) == ((1, DIM), 0)


# --- right answers


async def test_each_text_gets_its_unit_vector(api, embedder):
    """The vectors are the server's, in the order of the texts, as float32 of unit length."""
    vectors = await embedder.embed(TEXTS)
    assert (vectors.dtype, vectors.shape) == (np.float32, (4, DIM))
    assert vectors == pytest.approx(api.vectors(TEXTS, SMALL, DIM), abs=1e-6)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


async def test_f22_an_answer_in_another_order_comes_back_in_the_order_of_the_texts(api, embedder):
    """Each text gets its own vector although the server answers in another order."""
    api.fails("shuffled")
    assert await embedder.embed(TEXTS) == pytest.approx(api.vectors(TEXTS, SMALL, DIM), abs=1e-6)


async def test_base64_is_asked_for(api, embedder):
    """Vectors are asked for as base64, with the key, from the model that was set."""
    await embedder.embed(TEXTS)
    [asked] = api.requests
    assert (asked.model, asked.encoding_format, asked.authorization) == (SMALL, "base64", "right")


async def test_equal_texts_get_equal_vectors(embedder):
    """A text that stands twice among the texts has two equal rows."""
    vectors = await embedder.embed(["one", "two", "one"])
    assert vectors[0] == pytest.approx(vectors[2])
    assert vectors[0] != pytest.approx(vectors[1])


@pytest.mark.parametrize(("dimensions", "dim"), [(None, 3072), (DIM, DIM)])
async def test_no_texts_make_no_request(api, dimensions, dim):
    """No texts have no vectors, and the server is not asked."""
    async with opened(api, model=LARGE, dimensions=dimensions) as embedder:
        assert (await embedder.embed([])).shape == (0, dim)
    assert api.requests == []


# --- many texts


@pytest.mark.parametrize(
    ("n_texts", "requests"),
    [(1, [1]), (2_047, [2_047]), (2_048, [2_048]), (2_049, [2_048, 1]), (5_000, [2_048, 2_048, 904])],
)
async def test_many_texts_are_split_by_their_number(api, embedder, n_texts, requests):
    """A request holds at most 2,048 texts, and no text is lost or moved between two requests."""
    texts = [f"text {number}" for number in range(n_texts)]
    vectors = await embedder.embed(texts)
    assert [asked.n_texts for asked in api.requests] == requests
    assert vectors == pytest.approx(api.vectors(texts, SMALL, DIM), abs=1e-5)


@pytest.mark.parametrize(
    ("sizes", "requests"),
    [
        pytest.param([8_000] * 37 + [4_000], [38], id="just enough for one"),
        pytest.param([8_000] * 37 + [4_001], [37, 1], id="one byte too many"),
        pytest.param([8_192] * 100, [36, 36, 28], id="the longest texts"),
        pytest.param([3] * 1_000 + [8_192] * 37, [1_036, 1], id="short ones and long ones"),
    ],
)
@pytest.mark.parametrize("sign", [pytest.param("a", id="ascii"), pytest.param("é", id="two bytes a sign")])
async def test_many_texts_are_split_by_their_bytes(api, embedder, sizes, requests, sign):
    """A request holds at most 300,000 bytes of text, counted as the server counts them."""
    width = len(sign.encode())
    texts = [sign * (size // width) + "a" * (size % width) for size in sizes]
    vectors = await embedder.embed(texts)
    assert [asked.n_texts for asked in api.requests] == requests
    assert len(vectors) == len(texts)


async def test_no_request_breaks_a_limit_of_the_server(api, embedder):
    """Texts of all lengths are sent once each, in their order, in requests within the limits."""
    lengths = np.random.default_rng(0).integers(1, 2_700, 700)
    texts = [f"{number}".ljust(length, "漢") for number, length in enumerate(lengths)]
    await embedder.embed(texts)
    assert len(api.requests) > 2
    assert all(asked.n_texts <= MAX_TEXTS and asked.n_bytes <= MAX_TOKENS for asked in api.requests)
    assert [text for asked in api.requests for text in asked.texts] == texts


async def test_f20_only_the_request_that_failed_is_sent_again(api, embedder):
    """A fault in the first of two requests repeats that one, and the second is sent once."""
    api.fails("500", times=1)
    texts = [f"text {number}" for number in range(2_049)]
    assert len(await embedder.embed(texts)) == 2_049
    assert [asked.n_texts for asked in api.requests] == [2_048, 2_048, 1]


# --- dimensions


@pytest.mark.parametrize(
    ("model", "dimensions", "sent", "dim"),
    [
        pytest.param(LARGE, None, None, 3072, id="large by default"),
        pytest.param(SMALL, None, None, 1536, id="small by default"),
        pytest.param(ADA, None, None, 1536, id="ada by default"),
        pytest.param(LARGE, 3072, None, 3072, id="large told its own"),
        pytest.param(ADA, 1536, None, 1536, id="ada told its own"),
        pytest.param(LARGE, 256, 256, 256, id="large cut"),
        pytest.param(SMALL, 512, 512, 512, id="small cut"),
    ],
)
async def test_dimensions_are_sent_only_when_they_differ_from_the_models(api, model, dimensions, sent, dim):
    """The model's own dimension is not sent; another is, and the vectors have that length and unit length."""
    async with opened(api, model=model, dimensions=dimensions) as embedder:
        assert embedder.dim == dim
        assert api.requests == []
        vectors = await embedder.embed(["hello"])
    assert [asked.dimensions for asked in api.requests] == [sent]
    assert vectors.shape == (1, dim)
    assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-5)


async def test_a_model_that_cannot_be_cut_refuses_other_dimensions(api):
    """Other dimensions than its own are refused by a model that has but one length."""
    async with opened(api, model=ADA, dimensions=DIM) as embedder:
        error = await failure(embedder)
    assert (error.code, error.retryable, len(api.requests)) == ("refused", False, 1)


async def test_b42_a_model_nobody_knows_is_asked_for_one_vector():
    """Another server's model is asked once for one vector, and that vector's length is the dimension."""
    async with (
        EmbeddingsServer(models={"tiny": Model(100)}) as api,
        opened(api, model="tiny", dimensions=None) as embedder,
    ):
        assert embedder.dim == 100
        assert [(asked.n_texts, asked.dimensions) for asked in api.requests] == [(1, None)]
        assert (await embedder.embed(TEXTS)).shape == (4, 100)
        assert [asked.dimensions for asked in api.requests] == [None, None]


async def test_b42_a_model_nobody_knows_is_told_the_dimension_that_was_set():
    """When the dimension is set, nobody is asked for it, and the server is told."""
    models = {"tiny": Model(100, cuts=True)}
    async with EmbeddingsServer(models=models) as api, opened(api, model="tiny", dimensions=DIM) as embedder:
        assert api.requests == []
        assert (await embedder.embed(TEXTS)).shape == (4, DIM)
        assert [asked.dimensions for asked in api.requests] == [DIM]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("429_insufficient_quota", "out_of_money"),
        ("html", "not_an_answer"),
        ("empty", "wrong_count"),
        ("503", "server_failed"),
    ],
)
async def test_b42_a_failing_server_does_not_tell_its_dimension(fault, code):
    """Without a vector there is no embedder, but an error that says why."""
    async with EmbeddingsServer(models={"tiny": Model(100)}) as api:
        api.fails(fault)
        with pytest.raises(EmbeddingError) as caught:
            async with opened(api, model="tiny", dimensions=None):
                pass
    assert caught.value.code == code


async def test_b42_a_vector_of_no_numbers_is_no_dimension():
    """A server that answers empty vectors has no dimension, so there is no embedder."""
    async with EmbeddingsServer(models={"tiny": Model(100)}) as api:
        api.fails("hollow")
        with pytest.raises(EmbeddingError):
            async with opened(api, model="tiny", dimensions=None):
                pass


@pytest.mark.parametrize("model", ["tiny", SMALL])
async def test_the_model_key_names_the_model_and_the_other_server(api, model):
    """Vectors of one model from two servers have two keys."""
    async with opened(api, model=model) as embedder:
        assert embedder.model_key == f"openai:{api.base_url}:{model}"
    async with open_openai(api_key=KEY, base_url=None, model=model, dimensions=DIM) as embedder:
        assert embedder.model_key == f"openai:{model}"


@pytest.mark.parametrize("variable", [pytest.param(None, id="unset"), pytest.param("", id="empty")])
async def test_without_a_base_url_openai_itself_is_asked(monkeypatch, variable):
    """An empty OPENAI_BASE_URL, which the settings take for none, leads to OpenAI as well."""
    if variable is not None:
        monkeypatch.setenv("OPENAI_BASE_URL", variable)
    async with open_openai(api_key=KEY, base_url=None, model=SMALL, dimensions=None) as embedder:
        assert str(embedder._client.base_url) == "https://api.openai.com/v1/"


# --- servers that answer otherwise


async def test_b42_a_server_that_ignores_base64_is_understood(api, embedder):
    """Lists of numbers are as good as base64."""
    api.fails("ignores_base64")
    assert await embedder.embed(TEXTS) == pytest.approx(api.vectors(TEXTS, SMALL, DIM), abs=1e-6)
    assert len(api.requests) == 1


@pytest.mark.parametrize("texts", [pytest.param(["one"], id="alone"), pytest.param(TEXTS, id="the last of four")])
async def test_b42_a_vector_of_another_dimension_is_refused(api, embedder, texts):
    """A vector of 7 numbers where 8 are expected is refused at once, in words that name both."""
    api.fails("wrong_dimension")
    error = await failure(embedder, texts)
    assert (error.code, error.retryable, len(api.requests)) == ("wrong_shape", False, 1)
    assert error.detail == "vectors of 7 instead of 8 numbers"


async def test_b43_a_page_instead_of_an_answer_is_no_answer(api, embedder):
    """A page for people with status 200 is told as no answer of an embeddings API."""
    api.fails("html")
    error = await failure(embedder)
    assert (error.code, error.retryable) == ("not_an_answer", True)


async def test_b43_a_redirect_is_not_followed(api, embedder):
    """A redirect is told at once, and the other host is never asked, let alone given the key."""
    api.fails("redirect")
    error = await failure(embedder)
    assert (error.code, error.detail, error.retryable) == ("redirected", "HTTP 302", False)
    assert (len(api.requests), api.elsewhere) == (1, [])


@pytest.mark.parametrize(
    ("fault", "code", "n_requests"),
    [
        ("one_short", "wrong_count", 3),
        ("empty", "wrong_count", 3),
        ("not_base64", "not_an_answer", 3),
        ("six_bytes", "not_an_answer", 3),
        ("hollow", "wrong_shape", 1),
        ("nan", "not_finite", 1),
        ("zero", "not_finite", 1),
    ],
)
async def test_f22_a_wrong_answer_is_an_error_and_never_a_vector(api, embedder, fault, code, n_requests):
    """A wrong answer is told by its code, and asked for again only where the same request may be answered rightly."""
    api.fails(fault)
    error = await failure(embedder)
    assert (error.code, error.retryable, len(api.requests)) == (code, n_requests > 1, n_requests)
    assert error.blames_input == (code == "not_finite")


@pytest.mark.parametrize("fault", ["one_short", "empty", "not_base64", "six_bytes", "html"])
async def test_f22_after_one_wrong_answer_the_right_one_counts(api, embedder, fault):
    """A wrong answer that does not come again does no harm."""
    api.fails(fault, times=1)
    assert await embedder.embed(TEXTS) == pytest.approx(api.vectors(TEXTS, SMALL, DIM), abs=1e-6)
    assert len(api.requests) == 2


# --- refusals


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        pytest.param({"key": "sk-other"}, "key_refused", id="the key"),
        pytest.param({"model": "text-embedding-9"}, "model_unknown", id="the model"),
    ],
)
async def test_f21_a_refused_key_or_model_is_told_after_one_request(api, settings, code):
    """What cannot succeed is asked once."""
    async with opened(api, **settings) as embedder:
        error = await failure(embedder)
    assert (error.code, error.retryable, error.blames_input, len(api.requests)) == (code, False, False, 1)


async def test_f21_an_account_without_money_is_told_after_one_request(api, embedder):
    """An empty account is not asked again, although its status is that of a passing fault; paid for, it works."""
    api.fails("429_insufficient_quota", times=1)
    error = await failure(embedder)
    assert (error.code, error.retryable, error.blames_input, len(api.requests)) == ("out_of_money", False, False, 1)
    assert len(await embedder.embed(TEXTS)) == 4


async def test_f23_a_poisonous_text_is_blamed(api, embedder):
    """A text that the server always refuses is blamed after one request, and the others can be embedded without it."""
    api.poison.add("two")
    error = await failure(embedder)
    assert (error.code, error.detail, error.blames_input, error.retryable) == (
        "refused",
        "HTTP 400 invalid_request_error",
        True,
        False,
    )
    assert len(api.requests) == 1
    assert len(await embedder.embed(["one", "three", "four"])) == 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 8_193, id="too long"),
        pytest.param("a" * 300_001, id="far too long"),
    ],
)
async def test_b1_b3_a_text_beyond_the_limits_is_blamed(api, embedder, text):
    """A text that should never have been sent is refused as such, and does not upset the splitting."""
    error = await failure(embedder, [text])
    assert (error.code, error.blames_input, len(api.requests)) == ("refused", True, 1)


# --- passing faults

PASSING = [
    ("429", "rate_limited"),
    ("429_retry_after_1", "rate_limited"),
    ("500", "server_failed"),
    ("503", "server_failed"),
    ("408", "server_failed"),
    ("reset", "unreachable"),
    ("cut", "unreachable"),
]


@pytest.mark.parametrize("fault", [fault for fault, _ in PASSING])
@pytest.mark.parametrize("times", [1, 2])
async def test_f20_a_fault_that_passes_is_waited_for(api, embedder, fault, times):
    """The same request is sent again until it is answered."""
    api.fails(fault, times=times)
    assert await embedder.embed(TEXTS) == pytest.approx(api.vectors(TEXTS, SMALL, DIM), abs=1e-6)
    assert [asked.texts for asked in api.requests] == [tuple(TEXTS)] * (times + 1)


@pytest.mark.parametrize(("fault", "code"), PASSING)
async def test_f20_a_fault_that_stays_is_told_as_retryable(api, embedder, fault, code):
    """After three attempts the error says that a later call may succeed, and it does."""
    api.fails(fault)
    error = await failure(embedder)
    assert (error.code, error.retryable, error.blames_input, len(api.requests)) == (code, True, False, 3)
    api.recovers()
    assert len(await embedder.embed(TEXTS)) == 4


async def test_f20_a_long_wait_is_left_to_the_caller(api, embedder):
    """A server that asks for ten minutes is asked once, and the error says for how long it wants to be left alone."""
    api.fails("429_retry_after_600")
    error = await failure(embedder)
    assert (error.code, error.retryable, error.retry_after, len(api.requests)) == ("rate_limited", True, 600, 1)


@pytest.mark.parametrize(
    ("value", "seconds", "n_requests"),
    [
        pytest.param("0", 0, 3, id="none"),
        pytest.param("1.5", 1.5, 3, id="a fraction"),
        pytest.param("20", 20, 3, id="the longest that is waited for"),
        pytest.param("21", 21, 1, id="one second longer"),
        pytest.param("-5", 0, 3, id="negative"),
        pytest.param("soon", None, 3, id="a word"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, 3, id="a date"),
        pytest.param("nan", None, 3, id="nan"),
        pytest.param("inf", None, 3, id="infinity"),
    ],
)
async def test_f20_retry_after_is_read_as_seconds(api, embedder, value, seconds, n_requests):
    """Retry-After is a number of seconds; what is none counts as not sent."""
    api.fails(rate_limited(value))
    error = await failure(embedder)
    assert error.retry_after == seconds
    assert len(api.requests) == n_requests


@pytest.mark.parametrize(("asked_for", "wait"), [("0", 0.0), ("0.25", 0.25), (None, True), ("600", False)])
async def test_f20_the_wait_is_the_one_that_the_server_asks_for(api, embedder, asked_for, wait):
    """Between two attempts lies the time that the server named, or, when it named none, one of our own."""
    api.fails(rate_limited(asked_for))
    found = bot_openai._wait_before_retry(await failure(embedder))
    assert (found, type(found)) == (wait, type(wait))


async def test_f20_a_server_that_does_not_answer_in_time_is_asked_again(api, monkeypatch):
    """A server that is slow once is asked again."""
    monkeypatch.setattr(bot_openai, "_TIMEOUT", openai.Timeout(0.1, connect=5))
    api.fails("slow", times=1)
    async with opened(api) as embedder:
        assert len(await embedder.embed(TEXTS)) == 4
    assert len(api.requests) == 2


async def test_f20_a_server_that_never_answers_in_time_is_told(api, monkeypatch):
    """After three attempts without an answer in time the error says so."""
    monkeypatch.setattr(bot_openai, "_TIMEOUT", openai.Timeout(0.1, connect=5))
    api.fails("slow")
    async with opened(api) as embedder:
        error = await failure(embedder)
    assert (error.code, error.retryable, len(api.requests)) == ("timeout", True, 3)


async def test_f20_a_server_that_is_gone_is_unreachable(monkeypatch):
    """Nobody listening is a passing fault."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with EmbeddingsServer() as api:
        pass
    async with opened(api) as embedder:
        error = await failure(embedder)
    assert (error.code, error.detail, error.retryable) == ("unreachable", "ConnectError", True)


# --- nothing secret is told

TELLING = [
    "429",
    "429_insufficient_quota",
    "500",
    "reset",
    "cut",
    "html",
    "redirect",
    "not_base64",
    "nan",
    "key",
    "poison",
]


async def told(api: EmbeddingsServer, fault: str) -> EmbeddingError:
    """The error of a call that meets a fault; the server quotes the key with `key`, and a text with `poison`."""
    text = "a private message"
    match fault:
        case "key":
            pass
        case "poison":
            api.poison.add(text)
        case _:
            api.fails(fault)
    async with opened(api, key="sk-another-key" if fault == "key" else KEY) as embedder:
        return await failure(embedder, [text])


@pytest.mark.parametrize("fault", TELLING)
async def test_an_error_tells_neither_key_nor_text(api, fault):
    """What an error says holds no part of the key, even where the server's own words do, and no message."""
    error = await told(api, fault)
    for words in (str(error), repr(error)):
        assert "sk-" not in words
        assert "private" not in words


@pytest.mark.parametrize("fault", TELLING)
async def test_a_traceback_tells_neither_key_nor_text(api, fault):
    """A traceback in a log holds neither key nor message, even where the server quotes them."""
    words = "".join(traceback.format_exception(await told(api, fault), chain=True))
    told_words = [line for line in words.splitlines() if not line.startswith("    ")]  # without lines of source
    assert not [line for line in told_words if "sk-" in line or "private" in line]


@pytest.mark.parametrize("fault", TELLING)
async def test_the_log_tells_neither_key_nor_text(api, fault, caplog):
    """Not even the most talkative log holds the key or a message."""
    caplog.set_level(logging.DEBUG)
    await told(api, fault)
    assert "POST" in caplog.text
    assert "sk-" not in caplog.text
    assert "private" not in caplog.text


async def test_a_server_stands_in_the_key_without_its_credentials():
    """Vectors of another server are another generation; a password in its address is kept nowhere."""
    keys = []
    for url in (None, "http://user:hunter2@127.0.0.1:9/v1", "http://user:other@127.0.0.1:9/v1"):
        async with open_openai(
            api_key="sk-x", base_url=url, model="text-embedding-3-small", dimensions=None
        ) as embedder:
            keys.append(embedder.model_key)

    assert keys == ["openai:text-embedding-3-small", *["openai:http://127.0.0.1:9/v1:text-embedding-3-small"] * 2]
