"""How much of one server is stored."""

from conftest import Rooms
from make import GUILD, OTHER_GUILD, message

from bot.services.status import Inspector, ServerStatus


def inspector(rooms: Rooms) -> Inspector:
    return Inspector(
        database=rooms.database,
        messages=rooms.messages,
        servers=rooms.servers,
        embeddings=rooms.embeddings,
        embedder=rooms.embedder,
        indexer=rooms.indexer,
        mirror=rooms.mirror,
        index="auto",
        index_bytes_a_message=128,
    )


async def test_a_server_is_told_its_own_numbers(rooms: Rooms) -> None:
    """Stored, embedded, waiting and set aside are counted in one server, without a trace of another."""
    await rooms.ingest.saved(GUILD, [message(1, "one"), message(2, "poison"), message(3, "")])
    await rooms.ingest.saved(OTHER_GUILD, [message(i, f"text {i}", guild_id=OTHER_GUILD) for i in range(4, 9)])
    rooms.embedder.poison = {"poison"}
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(9, "waits")])

    assert await inspector(rooms).server(GUILD) == ServerStatus(
        messages=4, embedded=1, pending=1, parked=1, model_key="words"
    )
    assert await inspector(rooms).server(OTHER_GUILD) == ServerStatus(
        messages=5, embedded=5, pending=0, parked=0, model_key="words"
    )


async def test_a_server_that_is_not_known_has_nothing(rooms: Rooms) -> None:
    """All numbers are 0 where nothing was ever stored."""
    assert await inspector(rooms).server(3000) == ServerStatus(0, 0, 0, 0, "words")
