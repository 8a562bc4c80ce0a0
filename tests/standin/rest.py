"""The REST server: routing, tokens, rate limits, faults, and the checks of every request and answer."""

import asyncio
import json
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from aiohttp import web

from standin import permissions
from standin.faults import json_response, rate_limited
from standin.refusals import Refused

PREFIX = "/api/v10"
BIGGEST_BODY = 25 * 1024**2


class Request(NamedTuple):
    """A request as tests count them; `route` is the path's template, `at` the monotonic time."""

    method: str
    route: str
    path: str
    at: float
    channel_id: int | None = None
    query: Mapping[str, str] = MappingProxyType({})


@dataclass
class Call:
    """One request, taken apart."""

    discord: Any
    method: str
    route: str
    ids: dict[str, str]
    query: dict[str, str]
    body: Any = None
    files: list[tuple[str, bytes]] = field(default_factory=list)
    is_checked: bool = True  # false of an answer that a test has made odd on purpose

    def guild(self) -> Any:
        """The guild of the path, if the bot is in it."""
        guild = self.discord.guilds.get(int(self.ids["guild_id"]))
        if guild is None:
            raise Refused(10004)
        if not guild.has_bot:
            raise Refused(50001)
        return guild

    def channel(self, needed: int = 0) -> Any:
        """The channel or thread of the path, if the bot sees it and may do what is needed."""
        channel = self.discord.channels.get(int(self.ids["channel_id"]))
        if channel is None:
            raise Refused(10003)
        granted = permissions.in_channel(channel, self.discord.bot)
        if not granted & permissions.VIEW_CHANNEL:
            raise Refused(50001)
        if granted & needed != needed:
            raise Refused(50013)
        return channel

    def channel_of_messages(self, needed: int = 0) -> Any:
        """As `channel`, for those that hold messages and let the bot at them."""
        channel = self.channel()
        if not permissions.reads(channel, self.discord.bot):
            raise Refused(50001)
        if channel.type in (4, 15):
            raise Refused(50008)
        return self.channel(needed)

    def message(self, channel: Any) -> Any:
        """The message of the path."""
        message = channel.find(int(self.ids["message_id"]))
        if message is None:
            raise Refused(10008)
        return message


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """A route of the published file. The handler's answer is JSON, None for 204, or a status and JSON."""

    method: str
    path: str
    handler: Handler
    needs_token: bool = True
    has_limits: bool = True


class Rest:
    """Serves routes; every other path is a violation."""

    def __init__(self, discord: Any, routes: list[Route]) -> None:
        self._discord = discord
        self.app = web.Application(client_max_size=BIGGEST_BODY)
        for route in sorted(routes, key=lambda each: each.path.count("{")):
            self.app.router.add_route(route.method, PREFIX + route.path, self._handler(route))
        self.app.router.add_get("/", discord.gateway.serve)
        self.app.router.add_route("*", "/{path:.*}", self._answer_unknown)

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(route, request)

        return handle

    async def _answer_unknown(self, request: web.Request) -> web.Response:
        self._discord.violations.append(f"unknown route: {request.method} {request.path}")
        return json_response({"message": "404: Not Found", "code": 0}, 404)

    async def _answer(self, route: Route, request: web.Request) -> web.StreamResponse:
        ids = dict(request.match_info)
        self._note(route, request, ids)
        if fault := self._discord.faults.next(route.method, route.path, ids):
            await asyncio.sleep(fault.delay)
            if fault.reset:
                request.transport.abort()
                return web.Response()
            if fault.status is not None:
                return fault.response()
        headers, refusal = self._limit(route, ids)
        if refusal is not None:
            return refusal
        call = Call(self._discord, route.method, route.path, ids, dict(request.query))
        status, body = await self._result(route, call, request)
        if call.is_checked:
            for complaint in self._discord.contract.response(route.method, route.path, status, body):
                self._discord.violations.append(f"own answer to {route.method} {route.path} ({status}): {complaint}")
        if fault is not None:
            await asyncio.sleep(fault.hold)
        return json_response(body, status, headers)

    def _note(self, route: Route, request: web.Request, ids: dict[str, str]) -> None:
        channel_id = ids.get("channel_id", "")
        where = int(channel_id) if channel_id.isdecimal() else None
        noted = Request(route.method, route.path, request.path, time.monotonic(), where, dict(request.query))
        self._discord.requests.append(noted)

    def _limit(self, route: Route, ids: dict[str, str]) -> tuple[dict[str, str], web.Response | None]:
        """Count a request: the headers that tell of it, and the refusal if it is one too many."""
        if not route.has_limits:
            return {}, None
        refused_for, headers = self._discord.limits.count(route.method, route.path, ids)
        scope = "user"
        if not refused_for and self._discord.enforce_global and route.needs_token:
            refused_for, scope = self._discord.limits.count_globally(), "global"
        if not refused_for:
            return headers, None
        body = {"message": "You are being rate limited.", "retry_after": round(refused_for, 3)}
        return headers, rate_limited(body | {"global": scope == "global"}, scope, headers)

    async def _result(self, route: Route, call: Call, request: web.Request) -> tuple[int, Any]:
        """The status and body for a request, refusals included."""
        try:
            self._check_token(route, request)
            await self._read(call, request)
            result = await route.handler(call)
        except Refused as refusal:
            if refusal.is_a_mistake:
                self._discord.violations.append(f"{route.method} {route.path}: {refusal}")
            return refusal.status, refusal.body()
        except Exception:
            self._discord.violations.append(f"the stand-in itself failed: {traceback.format_exc()}")
            raise
        if isinstance(result, tuple):
            return result
        return (204 if result is None else 200), result

    def _check_token(self, route: Route, request: web.Request) -> None:
        if route.needs_token and request.headers.get("Authorization") != f"Bot {self._discord.token}":
            raise Refused(0)

    async def _read(self, call: Call, request: web.Request) -> None:
        """Take the body out of a request, if it is one that Discord takes."""
        if not all(value.isdecimal() for name, value in call.ids.items() if not name.endswith("token")):
            raise Refused(50035, f"ids are numbers: {call.ids}", is_a_mistake=True)
        if request.content_type == "multipart/form-data":
            form = await request.post()
            call.body = _parsed(form["payload_json"])
            for attachment in call.body.get("attachments") or []:
                attachment["id"] = str(attachment["id"])  # discord.py numbers files; the published file wants strings
            call.files = [(part.filename, part.file.read()) for name, part in form.items() if name.startswith("files[")]
        elif request.can_read_body:
            call.body = _parsed(await request.text())
        contract = self._discord.contract
        complaints = contract.query(call.method, call.route, call.query)
        if call.method not in ("GET", "DELETE"):
            complaints += contract.request(call.method, call.route, call.body)
        if complaints:
            raise Refused(50035, "; ".join(complaints[:5]), is_a_mistake=True)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(50109, is_a_mistake=True) from None
