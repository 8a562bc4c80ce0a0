"""The local embeddings server keeps the real one's limits, and each of its faults does what its name says."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import openai
import pytest
from openai_server import FAULTS, KEY, EmbeddingsServer, Instead, Model, meant

SMALL = "text-embedding-3-small"


@pytest.fixture
async def api() -> AsyncIterator[EmbeddingsServer]:
    async with EmbeddingsServer() as api:
        yield api


@pytest.fixture
async def client(api: EmbeddingsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[openai.AsyncOpenAI]:
    """The bare client, without retries."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with openai.AsyncOpenAI(api_key=KEY, base_url=api.base_url, max_retries=0) as client:
        yield client


async def post(api: EmbeddingsServer, *, key: str | None = KEY, **body):
    """One plain request: status, headers and the JSON of the answer."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    body = {"model": SMALL, "input": ["hello"]} | body
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{api.base_url}/embeddings", json=body, allow_redirects=False) as response,
    ):
        is_json = response.content_type == "application/json"
        return response.status, response.headers, await response.json() if is_json else await response.text()


# --- what a right answer looks like


@pytest.mark.parametrize(
    ("model", "dim"),
    [("text-embedding-3-large", 3072), ("text-embedding-3-small", 1536), ("text-embedding-ada-002", 1536)],
)
async def test_each_model_answers_unit_vectors_of_its_own_length(api, client, model, dim):
    """Each model answers vectors of its own length, brought to unit length."""
    answer = await client.embeddings.create(model=model, input="hello")
    assert len(answer.data[0].embedding) == dim
    assert np.linalg.norm(answer.data[0].embedding) == pytest.approx(1, abs=1e-5)


async def test_dimensions_cuts_the_vector_and_brings_it_to_unit_length(api, client):
    """A vector of 4 numbers is the first 4 of the long one, made longer by the same factor."""
    whole = np.array((await client.embeddings.create(model=SMALL, input="hello")).data[0].embedding)
    cut = np.array((await client.embeddings.create(model=SMALL, input="hello", dimensions=4)).data[0].embedding)
    assert cut == pytest.approx(whole[:4] / np.linalg.norm(whole[:4]), abs=1e-6)


async def test_rows_come_in_the_order_of_the_texts_and_say_so(api):
    """Row i has index i and the vector that its text has alone."""
    _, _, both = await post(api, input=["one", "two"], dimensions=8)
    _, _, two = await post(api, input="two", dimensions=8)
    assert [row["index"] for row in both["data"]] == [0, 1]
    assert both["data"][1]["embedding"] == pytest.approx(two["data"][0]["embedding"], abs=1e-6)


async def test_base64_holds_little_endian_float32(api):
    """The base64 answer, read as little-endian float32, is the float answer."""
    _, _, as_floats = await post(api, dimensions=8)
    _, _, as_base64 = await post(api, dimensions=8, encoding_format="base64")
    data = base64.b64decode(as_base64["data"][0]["embedding"], validate=True)
    assert len(data) == 8 * 4
    assert np.frombuffer(data, "<f4") == pytest.approx(as_floats["data"][0]["embedding"])


async def test_usage_and_headers_are_those_of_the_real_server(api):
    """An answer tells its model, its tokens (a byte each), its id and what is left of the rate."""
    _, headers, first = await post(api, input=["abc", "日本"])
    _, next_headers, _ = await post(api)
    assert (first["object"], first["model"]) == ("list", SMALL)
    assert first["usage"] == {"prompt_tokens": 3 + 6, "total_tokens": 3 + 6}
    assert headers["x-request-id"] != next_headers["x-request-id"]
    assert int(headers["x-ratelimit-remaining-requests"]) < int(headers["x-ratelimit-limit-requests"])
    assert int(headers["x-ratelimit-remaining-tokens"]) < int(headers["x-ratelimit-limit-tokens"])
    assert headers["x-ratelimit-reset-requests"] == "20ms"


async def test_every_request_is_remembered(api):
    """A request is remembered with all that a test may want to count, even when it is refused."""
    await post(api, input=["abc", "日本"], dimensions=8, encoding_format="base64")
    await post(api, key=None, model="other")
    first, second = api.requests
    assert (first.model, first.n_texts, first.n_bytes, first.dimensions) == (SMALL, 2, 9, 8)
    assert (first.encoding_format, first.authorization) == ("base64", "right")
    assert (second.model, second.encoding_format, second.authorization) == ("other", "float", "absent")


@pytest.mark.parametrize("model", ["text-embedding-3-small", "text-embedding-3-large"])
async def test_the_offline_models_cosines_are_kept(model):
    """Vectors made of the offline model's are as alike as those are."""
    texts = ["Good morning!", "おはようございます", "The train is late."]
    short = meant(texts)
    long = EmbeddingsServer(vectors_of=meant).vectors(texts, model)
    assert long @ long.T == pytest.approx(short @ short.T, abs=1e-4)


# --- limits


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"input": ""}, "empty string", id="an empty text"),
        pytest.param({"input": ["hello", ""]}, "empty string", id="an empty text among others"),
        pytest.param({"input": []}, "empty", id="no text"),
        pytest.param({"input": ["a"] * 2_049}, "2048", id="one text too many"),
        pytest.param({"input": "a" * 8_193}, "maximum context length is 8192 tokens", id="a text one token too long"),
        pytest.param({"input": ["a" * 8_000] * 37 + ["a" * 4_001]}, "max 300000 tokens", id="one token too many"),
        pytest.param({"dimensions": 1_537}, "dimensions", id="more dimensions than the model has"),
        pytest.param({"dimensions": 0}, "dimensions", id="no dimensions"),
        pytest.param({"model": "text-embedding-ada-002", "dimensions": 8}, "dimensions", id="a model that cannot cut"),
        pytest.param({"encoding_format": "hex"}, "hex", id="an unknown encoding"),
    ],
)
async def test_what_breaks_a_limit_is_refused_with_400(api, body, message):
    """A request over a limit is refused in words that name it."""
    status, _, answer = await post(api, **body)
    assert status == 400
    assert message in answer["error"]["message"]
    assert answer["error"]["type"] in {"invalid_request_error", "max_tokens_per_request"}


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["a"] * 2_048, id="as many texts as allowed"),
        pytest.param(["a" * 8_192], id="a text as long as allowed"),
        pytest.param(["a" * 8_000] * 37 + ["a" * 4_000], id="as many tokens as allowed"),
    ],
)
async def test_what_just_keeps_a_limit_is_answered(api, texts):
    """A request exactly at a limit gets one row a text."""
    status, _, answer = await post(api, input=texts, dimensions=2)
    assert status == 200
    assert len(answer["data"]) == len(texts)


async def test_too_many_tokens_have_a_code_of_their_own(api, client):
    """Too many tokens in all are told by code and type."""
    with pytest.raises(openai.BadRequestError) as caught:
        await client.embeddings.create(model=SMALL, input=["a" * 8_000] * 38)
    assert (caught.value.code, caught.value.type) == ("max_tokens_per_request", "max_tokens_per_request")


@pytest.mark.parametrize("key", [None, "sk-other"])
async def test_a_wrong_key_is_refused(api, key):
    """Without the right key the answer is 401 and quotes the key, and the request is remembered as such."""
    status, _, answer = await post(api, key=key)
    assert (status, answer["error"]["code"]) == (401, "invalid_api_key")
    assert str(key) in answer["error"]["message"]
    assert api.requests[0].authorization == ("absent" if key is None else "wrong")


async def test_an_unknown_model_is_refused(api, client):
    """A model that is not in the table is 404."""
    with pytest.raises(openai.NotFoundError) as caught:
        await client.embeddings.create(model="text-embedding-9", input="hello")
    assert caught.value.code == "model_not_found"


async def test_a_server_may_have_models_of_its_own():
    """A server with other models knows those and no others."""
    async with EmbeddingsServer(models={"tiny": Model(64)}) as api:
        status, _, answer = await post(api, model="tiny")
        assert (status, len(answer["data"][0]["embedding"])) == (200, 64)
        assert (await post(api))[0] == 404


async def test_poison_is_refused_always_and_alone(api, client):
    """A request that holds a poisonous text is always refused; the others are not."""
    api.poison.add("bad")
    for texts in (["bad"], ["good", "bad"]):
        with pytest.raises(openai.BadRequestError, match="bad"):
            await client.embeddings.create(model=SMALL, input=texts)
    assert len((await client.embeddings.create(model=SMALL, input=["good", "badly"])).data) == 2


# --- faults


async def test_a_fault_lasts_as_long_as_it_was_set(api):
    """Faults are met in the order in which they were set, each as often as it was set."""
    api.fails("500", times=2)
    api.fails("429", times=1)
    assert [(await post(api))[0] for _ in range(5)] == [500, 500, 429, 200, 200]


async def test_a_fault_without_a_number_lasts_until_recovery(api):
    """A fault set without a number ends when the server recovers."""
    api.fails("503")
    assert [(await post(api))[0] for _ in range(3)] == [503, 503, 503]
    api.recovers()
    assert (await post(api))[0] == 200


@pytest.mark.parametrize(
    ("fault", "status", "code", "retry_after"),
    [
        ("429", 429, "rate_limit_exceeded", None),
        ("429_retry_after_1", 429, "rate_limit_exceeded", "1"),
        ("429_retry_after_600", 429, "rate_limit_exceeded", "600"),
        ("429_insufficient_quota", 429, "insufficient_quota", None),
        ("500", 500, None, None),
        ("503", 503, None, None),
        ("408", 408, None, None),
    ],
)
async def test_a_failing_server_says_how(api, fault, status, code, retry_after):
    """An error has its status, its code and, where it was named so, its Retry-After."""
    api.fails(fault)
    found, headers, answer = await post(api)
    assert (found, answer["error"]["code"], headers.get("Retry-After")) == (status, code, retry_after)


@pytest.mark.parametrize(
    ("fault", "rows"),
    [
        pytest.param("empty", [], id="no vector"),
        pytest.param("one_short", [0, 1, 2], id="one vector short"),
        pytest.param("shuffled", [2, 0, 1, 3], id="another order"),
    ],
)
async def test_rows_go_missing_or_change_places(api, fault, rows):
    """The rows that are left say which text they belong to, and hold that text's vector."""
    texts = ["a", "b", "c", "d"]
    api.fails(fault)
    _, _, answer = await post(api, input=texts, dimensions=8)
    assert [row["index"] for row in answer["data"]] == rows
    expected = api.vectors(texts, SMALL, 8)
    for row in answer["data"]:
        assert row["embedding"] == pytest.approx(expected[row["index"]], abs=1e-6)


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        pytest.param("nan", np.full(8, np.nan, np.float32), id="nan"),
        pytest.param("zero", np.zeros(8, np.float32), id="zero"),
    ],
)
@pytest.mark.parametrize("encoding_format", ["float", "base64"])
async def test_one_vector_of_an_answer_is_spoiled(api, fault, last, encoding_format):
    """The last vector is spoiled, the first one right."""
    api.fails(fault)
    _, _, answer = await post(api, input=["a", "b"], dimensions=8, encoding_format=encoding_format)
    first, second = (row["embedding"] for row in answer["data"])
    if encoding_format == "base64":
        first, second = (np.frombuffer(base64.b64decode(one), "<f4") for one in (first, second))
    assert np.linalg.norm(first) == pytest.approx(1)
    assert np.asarray(second) == pytest.approx(last, nan_ok=True)


async def test_a_wrong_dimension_is_one_number_short(api):
    """The last vector of an answer has one number less than it should."""
    api.fails("wrong_dimension")
    _, _, answer = await post(api, input=["a", "b"], dimensions=8)
    assert [len(row["embedding"]) for row in answer["data"]] == [8, 7]


async def test_what_is_not_base64_cannot_be_decoded(api):
    """Where a vector should stand, signs are that base64 does not have."""
    api.fails("not_base64")
    _, _, answer = await post(api, encoding_format="base64")
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(answer["data"][0]["embedding"], validate=True)


async def test_six_bytes_are_no_whole_number_of_floats(api):
    """Base64 of 6 bytes stands where a vector should."""
    api.fails("six_bytes")
    _, _, answer = await post(api, encoding_format="base64")
    assert len(base64.b64decode(answer["data"][0]["embedding"], validate=True)) == 6


@pytest.mark.parametrize(("fault", "n_numbers"), [("ignores_base64", 8), ("hollow", 0)])
async def test_lists_come_although_base64_was_asked_for(api, fault, n_numbers):
    """A list of numbers, or of none, stands where base64 should."""
    api.fails(fault)
    _, _, answer = await post(api, dimensions=8, encoding_format="base64")
    assert isinstance(answer["data"][0]["embedding"], list)
    assert len(answer["data"][0]["embedding"]) == n_numbers


async def test_an_html_page_comes_with_status_200(api):
    """A page for people comes as if all were well."""
    api.fails("html")
    status, headers, text = await post(api)
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert text.startswith("<html>")


async def test_a_slow_answer_is_right_in_the_end(api):
    """A slow server answers rightly after its delay."""
    api.delay_s = 0.1
    api.fails("slow")
    start = time.monotonic()
    status, _, _ = await post(api)
    assert status == 200
    assert 0.1 <= time.monotonic() - start < 5


async def test_a_reset_breaks_the_connection_before_an_answer(api):
    """A reset reaches the client as such."""
    api.fails("reset", times=1)
    with pytest.raises(aiohttp.ClientOSError, match="reset by peer"):
        await post(api)
    assert (await post(api))[0] == 200


async def test_a_cut_answer_has_a_status_but_no_end(api):
    """A cut body begins with status 200 and ends early."""
    api.fails("cut", times=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await post(api)
    assert (await post(api))[0] == 200


async def test_a_redirect_leads_to_another_host(api):
    """A redirect names another address, and nothing arrives there by itself."""
    api.fails("redirect")
    status, headers, _ = await post(api)
    assert (status, headers["Location"]) == (302, api.elsewhere_url)
    assert not api.elsewhere_url.startswith(api.base_url)
    assert api.elsewhere == []


async def test_the_other_host_tells_whether_a_key_reached_it(api):
    """The other host remembers each request's Authorization header, or that there was none."""
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"Authorization": f"Bearer {KEY}"}):
            async with session.get(api.elsewhere_url, headers=headers) as response:
                assert response.status == 200
    assert api.elsewhere == [None, f"Bearer {KEY}"]


async def test_a_server_with_a_request_in_hand_closes_at_once():
    """Closing does not wait for an answer in the making, and whoever waited for it learns that it will not come."""
    arrived = asyncio.Event()

    async def hang(server, request):
        arrived.set()
        await asyncio.Event().wait()

    async with EmbeddingsServer() as api:
        api.fails(Instead(hang))
        waiting = asyncio.create_task(post(api))
        await arrived.wait()
        start = time.monotonic()
    assert time.monotonic() - start < 5
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_every_fault_spares_the_server_itself(api):
    """After any fault the next request is answered."""
    api.delay_s = 0.01
    for name in FAULTS:
        api.fails(name, times=1)
        try:
            await post(api)
        except aiohttp.ClientError:
            assert name in {"reset", "cut"}
        assert (await post(api))[0] == 200, name
