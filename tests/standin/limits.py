"""Rate limits: a window per route and major parameter, and the global one."""

import hashlib
import time
from collections import deque

MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token")
GLOBAL_PER_SECOND = 50


class Limits:
    """Counts requests in windows; `limit` of them are let through each `per_seconds`."""

    def __init__(self) -> None:
        self.rate = (5_000, 1.0)
        self._windows: dict[tuple[str, ...], tuple[float, int]] = {}
        self._recent: deque[float] = deque()

    def count(self, method: str, route: str, ids: dict[str, str]) -> tuple[float, dict[str, str]]:
        """Count a request: for how long it is refused (0: not at all), and the headers that tell."""
        limit, per_seconds = self.rate
        bucket = hashlib.md5(f"{method} {route}".encode()).hexdigest()
        key = (bucket, *(ids.get(name, "") for name in MAJOR))
        now = time.time()
        ends, used = self._windows.get(key, (0.0, 0))
        if now >= ends:
            ends, used = now + per_seconds, 0
        refused_for = ends - now if used >= limit else 0.0
        used = min(used + 1, limit)
        self._windows[key] = (ends, used)
        return refused_for, {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - used),
            "X-RateLimit-Reset": f"{ends:.3f}",
            "X-RateLimit-Reset-After": f"{ends - now:.3f}",
            "X-RateLimit-Bucket": bucket,
        }

    def count_globally(self) -> float:
        """Count a request against the limit over all routes: for how long it is refused."""
        now = time.time()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= GLOBAL_PER_SECOND:
            return self._recent[0] + 1 - now
        self._recent.append(now)
        return 0.0
