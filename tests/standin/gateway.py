"""The websocket gateway: what clients may ask, and which event reaches whom."""

import asyncio
import json
import time
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from standin import payloads
from standin.intents import KNOWN, MESSAGE_CONTENT, bit, blanked
from standin.sessions import Connection, Session

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT, MEMBERS, INVALID, HELLO, ACK = (
    *range(5),
    *range(6, 12),
)
BIGGEST_FRAME = 4096
SENDS_A_MINUTE = 120
ENDS_A_SESSION = frozenset({1000, 1001})


class Gateway:
    """All sessions and connections."""

    def __init__(self, discord: Any) -> None:
        self._discord = discord
        self.heartbeat_interval = 41.25
        self.acknowledge_heartbeats = True
        self.refuse_resume = False
        self.identifies = 0
        self.resumes = 0
        self.disallowed_intents: set[str | int] = set()
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self._connected = asyncio.Event()

    def dispatch(
        self, event: str, data: Any, *, intents: int = 0, hides_content: bool = False, is_checked: bool = True
    ) -> None:
        """Send an event to every session with one of the intents (0: to all), blanked where content is not for it."""
        if is_checked:
            complaints = self._discord.contract.event(event, data)
            self._discord.violations += [f"{event}: {complaint}" for complaint in complaints]
        text = hidden = None
        for session in self.sessions.values():
            if intents and not session.intents & intents:
                continue
            if hides_content and not session.intents & MESSAGE_CONTENT:
                hidden = hidden or json.dumps(blanked(data))
                session.send(event, hidden)
            else:
                text = text or json.dumps(data)
                session.send(event, text)

    async def connected(self, timeout: float) -> None:  # noqa: ASYNC109  # a test's patience, not a scope
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def disconnected(self, timeout: float) -> None:  # noqa: ASYNC109  # a test's patience, not a scope
        async with asyncio.timeout(timeout):
            for connection in list(self.connections):
                await connection.ended.wait()

    async def drop(self, code: int | None) -> None:
        """Close every connection and wait until they have ended."""
        for connection in list(self.connections):
            await connection.close(code)
            await connection.ended.wait()
        self._note_who_is_live()

    async def ask_all(self, op: int, data: Any = None, *, ends_session: bool = False) -> None:
        """Send an opcode upon which clients come back with a new connection."""
        for connection in [each for each in self.connections if each.is_live]:
            connection.is_leaving = True
            connection.send_op(op, data)
            if ends_session:
                self.sessions.pop(connection.session.id, None)
        self._note_who_is_live()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One client, from the handshake to the close."""
        connection = Connection(request)
        await connection.ws.prepare(request)
        self.connections.add(connection)
        tasks = [asyncio.create_task(connection.write()), asyncio.create_task(self._watch(connection))]
        try:
            if (request.query.get("v"), request.query.get("encoding")) != ("10", "json"):
                await connection.close(4012)
            interval = int(self.heartbeat_interval * 1000)
            connection.send_op(HELLO, {"heartbeat_interval": interval, "_trace": ["standin"]})
            async for frame in connection.ws:
                if frame.type is WSMsgType.TEXT:
                    await self._receive(connection, frame.data)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._end(connection)
        return connection.ws

    async def stop(self) -> None:
        for connection in list(self.connections):
            await connection.close(WSCloseCode.GOING_AWAY)

    def _end(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            if connection.ws.close_code in ENDS_A_SESSION and not connection.is_closed_by_us:
                self.sessions.pop(session.id, None)
        connection.is_leaving = True
        connection.ended.set()
        self._note_who_is_live()

    def _note_who_is_live(self) -> None:
        if any(connection.is_live for connection in self.connections):
            self._connected.set()
        else:
            self._connected.clear()

    async def _watch(self, connection: Connection) -> None:
        """Close a connection that no heartbeat has come from for two intervals."""
        while True:
            await asyncio.sleep(self.heartbeat_interval / 2)
            if time.monotonic() - connection.heard_at > 2 * self.heartbeat_interval:
                await connection.close(4009)
                return

    async def _receive(self, connection: Connection, text: str) -> None:
        if len(text.encode()) > BIGGEST_FRAME:
            await connection.close(4002)
            return
        now = time.monotonic()
        connection.arrivals.append(now)
        while connection.arrivals[0] < now - 60:
            connection.arrivals.popleft()
        if len(connection.arrivals) > SENDS_A_MINUTE:
            await connection.close(4008)
            return
        try:
            frame = json.loads(text)
            op, data = frame["op"], frame.get("d")
        except (ValueError, KeyError, TypeError):
            await connection.close(4002)
            return
        code = self._obey(connection, op, data)
        if code is not None:
            await connection.close(code)

    def _obey(self, connection: Connection, op: int, data: Any) -> int | None:
        """Do what a client asks; the code to close with if it may not."""
        needs_dict = {IDENTIFY: self._identify, RESUME: self._resume, MEMBERS: self._send_members}
        if op in needs_dict:
            return needs_dict[op](connection, data) if isinstance(data, dict) else 4002
        if op == HEARTBEAT:
            self._take_beat(connection, data)
            return None
        if connection.session is None:
            return 4003
        return None if op in (PRESENCE, VOICE) else 4001

    def _take_beat(self, connection: Connection, seq: int | None) -> None:
        connection.heard_at = time.monotonic()
        if connection.session is not None:
            connection.session.forget_until(seq)
        if self.acknowledge_heartbeats:
            connection.send_op(ACK)

    def _identify(self, connection: Connection, data: dict[str, Any]) -> int | None:
        self.identifies += 1
        intents = data.get("intents")
        if connection.session is not None:
            return 4005
        if data.get("token") != self._discord.token:
            return 4004
        if not isinstance(intents, int) or intents & ~KNOWN:
            return 4013
        if any(intents & bit(name) for name in self.disallowed_intents):
            return 4014
        for left in [session for session in self.sessions.values() if session.connection is None]:
            del self.sessions[left.id]  # who identifies anew does not come back for what it left
        session = Session(intents)
        self.sessions[session.id] = session
        self._attach(connection, session)
        guilds = [guild for guild in self._discord.guilds.values() if guild.has_bot]
        ready = {
            "v": 10,
            "user": payloads.own_user(self._discord.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self._discord.gateway_url,
            "session_type": "normal",
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "shard": data.get("shard", [0, 1]),
            "application": {key: payloads.application(self._discord)[key] for key in ("id", "flags")},
        }
        session.send("READY", json.dumps(ready))
        for guild in guilds:
            if guild.is_available:
                created = payloads.guild_create(guild) | {"unavailable": False}
                complaints = self._discord.contract.event("GUILD_CREATE", created)
                self._discord.violations += [f"GUILD_CREATE: {complaint}" for complaint in complaints]
                session.send("GUILD_CREATE", json.dumps(created))
        return None

    def _resume(self, connection: Connection, data: dict[str, Any]) -> int | None:
        self.resumes += 1
        session = self.sessions.get(data.get("session_id", ""))
        seq = data.get("seq") or 0
        if data.get("token") != self._discord.token:
            return 4004
        if session is None or self.refuse_resume or not session.can_replay_after(seq):
            connection.send_op(INVALID, data=False)
            return None
        if session.connection is not None:
            session.connection.is_leaving = True
        missed = [frame for number, frame in session.sent if number > seq]
        for frame in missed:
            connection.send(frame)
        self._attach(connection, session)
        session.send("RESUMED", json.dumps({"_trace": ["standin"]}))
        return None

    def _attach(self, connection: Connection, session: Session) -> None:
        connection.session, session.connection = session, connection
        self._connected.set()

    def _send_members(self, connection: Connection, data: dict[str, Any]) -> int | None:
        if connection.session is None:
            return 4003
        guild = self._discord.guilds[int(data["guild_id"])]
        wanted = {int(each) for each in data.get("user_ids") or []}
        query = (data.get("query") or "").lower()
        limit = data.get("limit") or len(guild.members)
        found = [
            member
            for member in guild.members.values()
            if (member.user.id in wanted if wanted else member.user.name.lower().startswith(query))
        ]
        chunk = {
            "guild_id": str(guild.id),
            "members": [payloads.member(member) for member in found[:limit]],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [str(each) for each in wanted - set(guild.members)],
        }
        if "nonce" in data:
            chunk["nonce"] = data["nonce"]
        connection.session.send("GUILD_MEMBERS_CHUNK", json.dumps(chunk))
        return None
