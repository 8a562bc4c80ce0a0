"""Notices when the event loop is held up, which would make the bot miss the time it has to answer."""

import asyncio
import logging

log = logging.getLogger(__name__)

TOO_LONG_S = 0.1
_BEAT_S = 0.02


async def feel_pulse() -> None:
    """Log each hold-up of more than 100 ms, and at the end the longest of all, until cancelled."""
    loop = asyncio.get_running_loop()
    longest = 0.0
    try:
        while True:
            began = loop.time()
            await asyncio.sleep(_BEAT_S)
            late = loop.time() - began - _BEAT_S
            longest = max(longest, late)
            if late > TOO_LONG_S:
                log.warning("the event loop was held up for %.0f ms", 1000 * late)
    finally:
        log.info("the event loop was never held up for longer than %.0f ms", 1000 * longest)
