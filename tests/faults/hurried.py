"""Runs the product as standin/launch.py does, but with short waits where it would be patient with Discord."""

import asyncio
import runpy
from pathlib import Path

from discord import Client

from bot.exts import _history, _reader

LAUNCH = Path(__file__).parents[1] / "standin" / "launch.py"
WAIT_S = 0.5


async def identify_soon(client: Client, shard_id: int | None, *, initial: bool = False) -> None:
    """Discord wants five seconds between two of them."""
    await asyncio.sleep(0.0 if initial else WAIT_S)


_reader._RETRY_S = _history._WAIT_S = WAIT_S
Client.before_identify_hook = identify_soon
runpy.run_path(str(LAUNCH))
