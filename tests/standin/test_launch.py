"""The product as a process of its own, led to the stand-in."""

import asyncio
import os
import sys
from pathlib import Path

from standin.conftest import Town

LAUNCH = Path(__file__).with_name("launch.py")


async def test_the_product_starts_as_usual(town: Town) -> None:
    """The launcher hands its arguments on."""
    environment = os.environ | town.discord.environment()
    process = await asyncio.create_subprocess_exec(
        sys.executable, LAUNCH, "--help", env=environment, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    assert b"run" in printed
