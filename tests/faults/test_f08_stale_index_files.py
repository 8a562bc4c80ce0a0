"""F8: an index file that is cut, old or foreign. There is none to be trusted: the mirror is made from the database."""

from conftest import rooms_over
from make import GUILD, message

from bot.askers import Operator
from bot.messages import Query

NAMES = ("index.faiss", "bot.faiss", "mirror.index", f"{GUILD}.index", "bot.db.faiss")


async def test_f8_no_index_file_is_read_or_written(tmp_path, database) -> None:
    """Files that are named like an index, in the data folder, are neither read nor touched, and none is left there;
    after a restart the answers come from the database alone."""
    for name in NAMES:
        (tmp_path / name).write_bytes(b"IxF2" + bytes(100))
    before = {path.name for path in tmp_path.iterdir()}
    rooms = await rooms_over(database)
    await rooms.ingest.saved(GUILD, [message(1, "the one true text"), message(2, "something else")])
    await rooms.settle()

    restarted = await rooms_over(database)
    assert await restarted.indexer.reconcile() == 2
    hits = await restarted.search.similar(Operator(), Query(text="the one true text", limit=1))
    assert [hit.message.message_id for hit in hits] == [1]
    assert {path.name for path in tmp_path.iterdir()} == before
    assert all((tmp_path / name).read_bytes() == b"IxF2" + bytes(100) for name in NAMES)
