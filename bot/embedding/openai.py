"""Embeddings from OpenAI, or from any server that speaks the same API."""

import asyncio
import base64
import binascii
import logging
import math
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import openai
import stamina
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client, Timeout, omit

from bot.embedding.base import Meter, checked, requests
from bot.errors import EmbeddingError
from bot.vectors import Vectors

log = logging.getLogger(__name__)

KNOWN_DIMS = MappingProxyType(
    {"text-embedding-3-large": 3072, "text-embedding-3-small": 1536, "text-embedding-ada-002": 1536}
)
_TIMEOUT = Timeout(20.0, connect=5.0)
_WHOLE_ANSWER_S = 40.0  # the limits above are for each read, and an answer may come drop by drop
_ATTEMPTS = 4
_PATIENCE_S = 90.0
_LONGEST_WAIT_S = 20.0
_FINAL = MappingProxyType({401: "key_refused", 403: "key_refused", 404: "model_unknown"})
_PASSING = frozenset({408, 409, 429})
_CODE = re.compile(r"[a-z0-9_]{1,64}")
_OUT_OF_MONEY = frozenset({"insufficient_quota", "credit_balance_exhausted"})


class OpenAIEmbedder:
    """Sends many texts a request, checks every answer, and retries only what can succeed."""

    def __init__(self, client: AsyncOpenAI, *, model: str, dim: int, asks_for_dim: bool, model_key: str) -> None:
        self.model_key = model_key
        self.dim = dim
        self._client = client
        self._model = model
        self._dimensions = dim if asks_for_dim else omit

    async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
        meter = meter or Meter()
        answers = [await self._request(batch, meter) for batch in requests(texts, lambda text: [text])]
        return np.concatenate([np.empty((0, self.dim), np.float32), *answers])

    async def _request(self, batch: list[str], meter: Meter) -> Vectors:
        async for attempt in stamina.retry_context(
            on=_wait_before_retry,
            attempts=_ATTEMPTS,
            timeout=_PATIENCE_S,
            wait_initial=0.5,
            wait_max=_LONGEST_WAIT_S,
        ):
            with attempt:
                rows = await _ask(self._client, self._model, batch, meter, dimensions=self._dimensions)
                if odd := [len(row) for row in rows if len(row) != self.dim]:
                    raise EmbeddingError("wrong_shape", f"vectors of {odd[0]} instead of {self.dim} numbers")
                return checked(np.stack(rows), n=len(batch), dim=self.dim)
        raise AssertionError  # retry_context returns or raises


@asynccontextmanager
async def open_openai(
    *, api_key: str, base_url: str | None, model: str, dimensions: int | None
) -> AsyncIterator[OpenAIEmbedder]:
    """An embedder with its connections. A model whose dimension nobody has told is asked for one vector.

    Raises EmbeddingError.
    """
    # The SDK would retry what cannot succeed, and follow a redirect to another host.
    client = AsyncOpenAI(
        api_key=api_key,
        # Told in full, or the SDK reads the environment by itself, where an empty variable is an address too.
        base_url=base_url or "https://api.openai.com/v1",
        max_retries=0,
        timeout=_TIMEOUT,
        http_client=DefaultAsyncHttpx2Client(follow_redirects=False, timeout=_TIMEOUT),
    )
    async with client:
        dim = dimensions or KNOWN_DIMS.get(model)
        if dim is None:
            [row] = await _ask(client, model, ["dimension"], Meter(), dimensions=omit)
            dim = checked(row[np.newaxis], n=1, dim=len(row)).shape[1]
        yield OpenAIEmbedder(
            client,
            model=model,
            dim=dim,
            asks_for_dim=dimensions is not None and dimensions != KNOWN_DIMS.get(model),
            model_key=_prefix(base_url) + model,
        )


def model_of(model_key: str, base_url: str | None) -> str | None:
    """The name of a model of this server; None where the key is another's."""
    prefix = _prefix(base_url)
    return model_key.removeprefix(prefix) if model_key.startswith(prefix) else None


def _prefix(base_url: str | None) -> str:
    return f"openai:{_place(base_url)}"


def _place(base_url: str | None) -> str:
    """Which server vectors come from, for their key: the same model's name may mean another model elsewhere."""
    if base_url is None:
        return ""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")) + ":"


async def _ask(
    client: AsyncOpenAI,
    model: str,
    batch: list[str],
    meter: Meter,
    *,
    dimensions: Any,  # noqa: ANN401  # int or the SDK's omit
) -> list[Vectors]:
    """One request; a float32 row a text, in the order of the texts."""
    try:
        async with asyncio.timeout(_WHOLE_ANSWER_S):
            answer = await client.embeddings.create(
                model=model, input=batch, dimensions=dimensions, encoding_format="base64"
            )
        meter.n_tokens += _charged(answer)
        # Not every server keeps the order, and not every one answers for every text.
        found = {int(one.index): _numbers(one.embedding) for one in answer.data}
    except TimeoutError:
        raise EmbeddingError("timeout", "no whole answer in time", retryable=True) from None
    except openai.OpenAIError as error:
        # Without its cause: the server's words may quote the key or a text, and a traceback would show them.
        raise _translated(error) from None
    except (AttributeError, TypeError, ValueError, binascii.Error) as error:
        # What the SDK and we raise when the answer is JSON of another shape, or no JSON at all.
        raise EmbeddingError("not_an_answer", type(error).__name__, retryable=True) from error
    if sorted(found) != list(range(len(batch))):
        raise EmbeddingError("wrong_count", f"{len(found)} vectors for {len(batch)} texts", retryable=True)
    return [found[index] for index in range(len(batch))]


def _charged(answer: openai.types.CreateEmbeddingResponse) -> int:
    """The tokens that an answer is charged for; 0 from a server that does not say so."""
    n_tokens = getattr(getattr(answer, "usage", None), "total_tokens", None)
    return max(n_tokens, 0) if isinstance(n_tokens, int) else 0


def _numbers(embedding: object) -> Vectors:
    """The numbers of one vector, sent as base64 or, by servers that do not know it, as a list."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4").astype(np.float32)
    return np.asarray(embedding, np.float32).reshape(-1)


def _translated(error: openai.OpenAIError) -> EmbeddingError:
    """The SDK's error as ours: its own text may quote what was sent, so only codes are kept."""
    match error:
        case openai.APITimeoutError():
            return EmbeddingError("timeout", "no answer in time", retryable=True)
        case openai.APIStatusError():
            return _by_status(error)
        case openai.APIConnectionError():
            return EmbeddingError("unreachable", type(error.__cause__).__name__, retryable=True)
        case _:
            return EmbeddingError("not_an_answer", type(error).__name__, retryable=True)


def _by_status(error: openai.APIStatusError) -> EmbeddingError:
    status, code = error.status_code, str(error.code or error.type or "")
    detail = f"HTTP {status} {code}" if _CODE.fullmatch(code) else f"HTTP {status}"
    if code in _OUT_OF_MONEY:
        return EmbeddingError("out_of_money", detail)
    if reason := _FINAL.get(status):
        return EmbeddingError(reason, detail)
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = "rate_limited" if status == HTTPStatus.TOO_MANY_REQUESTS else "server_failed"
        return EmbeddingError(reason, detail, retryable=True, retry_after=_retry_after(error))
    if status < HTTPStatus.BAD_REQUEST:
        return EmbeddingError("redirected", detail)
    return EmbeddingError("refused", detail, blames_input=True)


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _wait_before_retry(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds; a long wait is the queue's business, not a call's."""
    if not isinstance(error, EmbeddingError) or not error.retryable:
        return False
    if error.retry_after is None:
        return True
    log.info("the embedding server asks to wait %.1f s", error.retry_after)
    return error.retry_after if error.retry_after <= _LONGEST_WAIT_S else False
