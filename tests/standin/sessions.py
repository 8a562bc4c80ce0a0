"""A client's session, and the connection through which it is served just now."""

import asyncio
import json
import secrets
import time
import zlib
from collections import deque
from typing import Any

from aiohttp import web


class Session:
    """A client's place in the stream of events, which a later connection may take up."""

    def __init__(self, intents: int) -> None:
        self.id = secrets.token_hex(16)
        self.intents = intents
        self.seq = self.forgotten = 0
        self.sent: deque[tuple[int, str]] = deque()
        self.connection: Connection | None = None

    def send(self, event: str, data: str) -> None:
        """Number an event and keep it until the client has said that it has it."""
        self.seq += 1
        frame = f'{{"t":"{event}","s":{self.seq},"op":0,"d":{data}}}'
        self.sent.append((self.seq, frame))
        if self.connection is not None:
            self.connection.send(frame)

    def forget_until(self, seq: int | None) -> None:
        """Drop what the client has confirmed."""
        while self.sent and seq is not None and self.sent[0][0] <= seq:
            self.forgotten, _ = self.sent.popleft()

    def can_replay_after(self, seq: int) -> bool:
        """Whether nothing after that number has been dropped."""
        return self.forgotten <= seq <= self.seq


class Connection:
    """One websocket; what is sent waits in a queue, so that sending never blocks."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.ws = web.WebSocketResponse(compress=False, timeout=1.0, autoping=True)
        self.session: Session | None = None
        self.is_leaving = False
        self.is_closed_by_us = False
        self.ended = asyncio.Event()
        self.arrivals: deque[float] = deque()
        self.heard_at = time.monotonic()
        self._frames: asyncio.Queue[str] = asyncio.Queue()
        compressed = request.query.get("compress") == "zlib-stream"
        self._deflate = zlib.compressobj() if compressed else None

    @property
    def is_live(self) -> bool:
        return self.session is not None and not self.is_leaving

    def send(self, frame: str) -> None:
        self._frames.put_nowait(frame)

    def send_op(self, op: int, data: Any = None) -> None:
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    async def write(self) -> None:
        """Put what waits onto the wire, until cancelled or the wire is gone."""
        while True:
            frame = await self._frames.get()
            try:
                if self._deflate is None:
                    await self.ws.send_str(frame)
                else:
                    packed = self._deflate.compress(frame.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                    await self.ws.send_bytes(packed)
            except ConnectionError:
                return

    async def close(self, code: int | None) -> None:
        """Close with a code; without one the connection is lost."""
        self.is_closed_by_us = self.is_leaving = True
        if code is None:
            if self.request.transport is not None:
                self.request.transport.abort()
        else:
            await self.ws.close(code=code)
