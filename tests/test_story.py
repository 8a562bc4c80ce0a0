"""The main job from end to end through the embeddings API."""

import asyncio

from make import exported_message, write_export
from openai_server import KEY, EmbeddingsServer, meant
from test_cli import ASKED, STORED, bot, rows


async def test_the_worked_example_comes_out_through_the_api_too(tmp_path):
    """Imported in one request, mirrored and asked through text-embedding-3-large, the same message is the nearest."""
    path = write_export(tmp_path / "bath.json", [exported_message(10 + i, text) for i, text in enumerate(STORED)])
    async with EmbeddingsServer(vectors_of=meant) as api:
        settings = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": api.base_url}
        imported = await asyncio.to_thread(bot, "import", str(path), **settings)
        asked = await asyncio.to_thread(bot, "similar", ASKED, "--json", **settings)
        like = await asyncio.to_thread(bot, "similar", "--message", "14", "--json", **settings)
        status = rows(await asyncio.to_thread(bot, "status", "--json", **settings))[0]

    assert (imported.returncode, imported.stderr) == (0, "")
    assert rows(asked)[0]["content"] == STORED[-1]
    assert rows(like)[0]["content"] == STORED[-2]
    assert (status["dim"], status["embedded"], status["pending"]) == (3072, 5, 0)
    assert [request.n_texts for request in api.requests] == [5, 1]
