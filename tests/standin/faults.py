"""Faults that a test switches on for some REST requests."""

import json
import math
from dataclasses import dataclass
from typing import Any

from aiohttp import web

PAGE = "<html><head><title>{status}</title></head><body><center>cloudflare</center></body></html>"
CODES = {401: 0, 403: 50001, 404: 10003}


@dataclass
class Fault:
    """What happens to the next `times` requests of a method and route, or of one channel of it.

    `delay` keeps the request waiting, `hold` the finished answer, which shows by then how things were.
    """

    method: str
    route: str
    status: int | None = None
    code: int | None = None
    scope: str = "user"
    retry_after: float = 0.2
    times: float = 1
    channel: Any = None
    delay: float = 0
    hold: float = 0
    reset: bool = False

    def meets(self, method: str, route: str, ids: dict[str, str]) -> bool:
        """Whether a request runs into it."""
        is_there = self.channel is None or ids.get("channel_id") == str(self.channel.id)
        return self.times > 0 and (self.method, self.route) == (method, route) and is_there

    def response(self) -> web.Response:
        """What is answered, as Discord and the proxies before it do."""
        if self.status == 429:
            body = {"message": "You are being rate limited.", "retry_after": self.retry_after}
            return rate_limited(body | {"global": self.scope == "global"}, self.scope)
        if self.status >= 500:
            return web.Response(status=self.status, text=PAGE.format(status=self.status), content_type="text/html")
        code = self.code if self.code is not None else CODES.get(self.status, 0)
        return json_response({"message": "a fault of the stand-in", "code": code}, self.status)


class Faults:
    """The faults that are on, in the order they were set."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._on.append(fault)

    def clear(self) -> None:
        """Have every request answered again."""
        self._on.clear()

    def next(self, method: str, route: str, ids: dict[str, str]) -> Fault | None:
        """The fault that a request meets, one time less of it left."""
        found = next((fault for fault in self._on if fault.meets(method, route, ids)), None)
        if found is not None:
            found.times -= 1
        return found


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """An answer whose Content-Type is exactly what clients compare with."""
    if body is None:
        return web.Response(status=204, headers=headers)
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers={"Content-Type": "application/json", **(headers or {})}
    )


def rate_limited(body: dict[str, Any], scope: str, limits: dict[str, str] | None = None) -> web.Response:
    """A 429 from Discord itself, which the Via header tells from a ban by the proxies."""
    headers = {"Retry-After": str(math.ceil(body["retry_after"])), "X-RateLimit-Scope": scope, "Via": "1.1 google"}
    if body["global"]:
        headers["X-RateLimit-Global"] = "true"
    return json_response(body, 429, headers | (limits or {}))
