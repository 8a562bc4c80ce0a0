"""What Discord was told of the bot's commands, so that it is told again only when they changed."""

import hashlib
import json

from bot.storage.servers import ServerStore


class Announcements:
    """Compares commands, as they are sent, with those sent last."""

    def __init__(self, servers: ServerStore) -> None:
        self._servers = servers

    async def is_news(self, application_id: int, commands: list[dict[str, object]]) -> bool:
        """Whether Discord knows other commands, or none."""
        return await self._servers.told_commands(application_id) != _hash(commands)

    async def made(self, application_id: int, commands: list[dict[str, object]]) -> None:
        """Discord has taken these commands."""
        await self._servers.put_told_commands(application_id, _hash(commands))


def _hash(commands: list[dict[str, object]]) -> bytes:
    return hashlib.blake2b(json.dumps(commands, sort_keys=True).encode(), digest_size=16).digest()
