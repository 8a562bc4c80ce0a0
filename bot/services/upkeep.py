"""Keeps the database's log small while the bot runs."""

import asyncio
import logging

from bot.errors import StorageFailed
from bot.storage.database import Database

log = logging.getLogger(__name__)

_EVERY_S = 45.0  # what was deleted is wiped from the disk within a minute
_AGAIN_S = 5.0  # where somebody's reading kept it from that
_MIB = 2**20


class Upkeep:
    """What has to be done now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Bring the log into the database every 45 seconds until cancelled; tell of whoever hinders it."""
        is_empty = True
        while True:
            await asyncio.sleep(_EVERY_S if is_empty else _AGAIN_S)
            was_empty = is_empty
            try:
                is_empty = await self._database.checkpoint()
            except StorageFailed as error:
                log.warning("the database's log is not emptied: %s", error)
                continue
            if was_empty and not is_empty:
                n_mib = await self._database.log_size() // _MIB
                log.warning("somebody who reads keeps the database's log from being emptied; it has %d MiB", n_mib)
