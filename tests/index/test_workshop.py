"""Which index a server gets, and how it is made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from index.sources import POOL, KeptServers, OneSession, clustered
from make import GUILD, OTHER_GUILD, embedded

from bot.index import partition
from bot.index import workshop as module
from bot.index.codes import CodesIndex
from bot.index.faiss import EXACT, NAMED, FaissIndex
from bot.index.room import Room
from bot.index.workshop import Loaded, MakingStopped, Workshop

DIM, N = 64, 400
MIB = 2**20


def workshop(folder: Path | None = None, *, dim: int = DIM, n: int = N, **values: object) -> Workshop:
    """A workshop over so many messages of one server."""
    made = Workshop(dim, KeptServers(dim), pool=POOL, folder=folder, stamps=OneSession(), **values)
    if n:
        made.source(GUILD).put(embedded(clustered(n, dim)))
    return made


def loaded(made: Workshop, guild_id: int = GUILD) -> Loaded | None:
    """What comes of a server's file."""
    return made.from_cache(guild_id, made.source(guild_id).stamps())


def stamps_of(made: Workshop) -> tuple[np.ndarray, np.ndarray]:
    return made.source(GUILD).stamps()


@pytest.fixture
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EXACT_BYTES", 0)


def test_the_index_follows_the_size_of_a_server() -> None:
    """Up to 64 MiB of vectors are exact, then there are codes, from two hundred thousand on in lists."""
    made = workshop(dim=1_024, n=0)

    assert [made.plan(n).name for n in (0, 1, 32_768, 32_769, 199_999, 200_000, 10**6)] == [
        *("exact", "exact", "exact"),
        *("codes", "codes", "lists", "lists"),
    ]


def test_with_little_memory_codes_begin_earlier() -> None:
    """Exact vectors of one server may take an eighth of what the bot may take."""
    made = workshop(dim=1_024, n=0, limit_bytes=256 * MIB)

    assert [made.plan(n).name for n in (16_384, 16_385)] == ["exact", "codes"]


def test_what_the_operator_sets_is_what_every_server_gets(tmp_path: Path) -> None:
    """A kind by name is planned and made at every size, and nothing of it is kept on disk."""
    made = workshop(tmp_path, kind=NAMED["flat"])

    assert (made.name, made.plan(10**7).name, made.path(GUILD)) == ("flat", "flat", None)
    index = made.made(GUILD, stamps_of(made))
    assert isinstance(index, FaissIndex)
    assert not made.outgrown(index)
    assert made.outgrown(made.scan(GUILD))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("n", "dim", "name"), [(3_000, 64, "exact"), (3_000, 512, "codes"), (6_000, 256, "lists")])
def test_the_plan_foretells_the_memory(monkeypatch: pytest.MonkeyPatch, n: int, dim: int, name: str) -> None:
    """What an index takes when it is made is what was said before, give or take a fifth."""
    if name != "exact":
        monkeypatch.setattr(module, "_EXACT_BYTES", 0)
    monkeypatch.setattr(partition, "LEAST_FOR_LISTS", 5_000)
    made = workshop(dim=dim, n=n)
    plan = made.plan(n)

    assert plan.name == name
    assert made.made(GUILD, stamps_of(made)).n_bytes() == pytest.approx(plan.n_bytes, rel=0.2)


@pytest.mark.usefixtures("codes_for_all")
def test_an_index_that_was_made_is_kept_and_found_again(tmp_path: Path) -> None:
    """The file is there when it is made, and the next one that reads it has the same answers without encoding."""
    made = workshop(tmp_path)
    assert (made.file_size(GUILD), loaded(made)) == (0, None)
    index = made.made(GUILD, stamps_of(made))
    again = loaded(made).index

    assert isinstance(index, CodesIndex)
    assert made.file_size(GUILD) == (tmp_path / f"{GUILD}.mirror").stat().st_size > 0
    for query in clustered(10, DIM, seed=1):
        assert again.search(query, 10) == index.search(query, 10)


@pytest.mark.usefixtures("codes_for_all")
def test_a_file_that_is_a_little_old_is_brought_up_to_date(tmp_path: Path) -> None:
    """What is new is added, what is gone is left out, and what was rewritten has its new vector."""
    made = workshop(tmp_path)
    made.made(GUILD, stamps_of(made))
    source, fresh = made.source(GUILD), clustered(20, DIM, seed=4)
    source.put(embedded(fresh[:10], first_id=N + 1))
    source.put(replace(embedded(fresh[10:]), embedding_ids=np.arange(5_001, 5_011)))
    source.drop(range(100, 120))
    found = loaded(made)
    index = found.index

    assert (sorted(found.gone.tolist()), found.n_encoded) == ([*range(1, 11), *range(100, 120)], 20)
    assert index.ids().tolist() == source.stamps()[0].tolist()
    assert [index.search(vector, 1)[0].message_id for vector in fresh] == [*range(N + 1, N + 11), *range(1, 11)]


@pytest.mark.usefixtures("codes_for_all")
def test_a_file_that_is_very_old_is_not_read(tmp_path: Path) -> None:
    """Where more than a quarter of the messages are not in it, it is made anew."""
    made = workshop(tmp_path)
    made.made(GUILD, stamps_of(made))
    made.source(GUILD).put(embedded(clustered(N // 3 - 1, DIM, seed=4), first_id=N + 1))
    assert loaded(made) is not None
    made.source(GUILD).put(embedded(clustered(2, DIM, seed=5), first_id=10 * N))

    assert loaded(made) is None


@pytest.mark.usefixtures("codes_for_all")
def test_the_file_of_a_server_that_is_empty_now_holds_nothing(tmp_path: Path) -> None:
    """All messages are gone from the database, and none of them is found."""
    made = workshop(tmp_path)
    made.made(GUILD, stamps_of(made))
    made.source(GUILD).drop(range(1, N + 1))

    assert len(loaded(made).index) == 0


@pytest.mark.usefixtures("codes_for_all")
def test_the_file_of_another_is_not_read(tmp_path: Path) -> None:
    """Not under another server's name, not of another session, and not with vectors of another length."""
    made = workshop(tmp_path)
    made.made(GUILD, stamps_of(made))
    content = (tmp_path / f"{GUILD}.mirror").read_bytes()
    (tmp_path / f"{OTHER_GUILD}.mirror").write_bytes(content)
    assert loaded(made, OTHER_GUILD) is None
    assert loaded(workshop(tmp_path, dim=DIM // 2)) is None
    made.stamps.last_id -= 1
    assert loaded(made) is None
    made.stamps.last_id += 1
    made.stamps.token = "another"

    assert loaded(made) is None


@pytest.mark.usefixtures("codes_for_all")
def test_where_nothing_can_be_saved_the_index_is_there_all_the_same(tmp_path: Path) -> None:
    """A folder that cannot be made is told in the log, and the server has its index."""
    (tmp_path / "file").touch()
    made = workshop(tmp_path / "file" / "folder")

    assert len(made.made(GUILD, stamps_of(made))) == N


@pytest.mark.usefixtures("codes_for_all")
@pytest.mark.parametrize("has_file", [True, False])
def test_what_is_stopped_makes_and_reads_nothing_more(tmp_path: Path, *, has_file: bool) -> None:
    """A bot that ends does not wait for an index that takes minutes."""
    made = workshop(tmp_path)
    if has_file:
        made.made(GUILD, stamps_of(made))
    made.stop()

    with pytest.raises(MakingStopped):
        made.made(GUILD, stamps_of(made))
    if has_file:
        with pytest.raises(MakingStopped):
            loaded(made)


def test_an_exact_index_is_outgrown_where_its_size_asks_for_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it grew it stays, until it takes more than an exact one may."""
    made = workshop(n=0)
    index = FaissIndex(DIM, EXACT)
    index.upsert(embedded(clustered(N, DIM)))
    assert not made.outgrown(index)
    monkeypatch.setattr(module, "_EXACT_BYTES", 2 * DIM * N - 1)

    assert made.outgrown(index)


@pytest.mark.usefixtures("codes_for_all")
def test_a_server_whose_vectors_vanish_while_its_index_is_made_gets_an_empty_one() -> None:
    """A server that goes, or whose vectors are all damaged, between the look and the making is no failure."""
    made = workshop()
    ids = stamps_of(made)
    made.source(GUILD).drop(range(1, N + 1))

    assert len(made.made(GUILD, ids)) == 0


@pytest.mark.usefixtures("codes_for_all")
def test_codes_are_outgrown_where_more_than_twice_as_many_lists_would_suit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what is in them, also after a restart: with four times the messages, and where lists begin."""
    made = workshop(tmp_path)
    index = made.made(GUILD, stamps_of(made))
    assert not made.outgrown(index)
    monkeypatch.setattr(partition, "LEAST_FOR_LISTS", N)
    assert [made.outgrown(one) for one in (index, loaded(made).index)] == [True, True]
    in_lists = made.made(GUILD, stamps_of(made))
    assert in_lists.partition.n_lists == 40
    for n, is_outgrown in ((4 * N, False), (4 * N + 200, True)):
        in_lists.upsert(embedded(clustered(n - len(in_lists), DIM, seed=n), first_id=len(in_lists) + 1))
        assert made.outgrown(in_lists) is is_outgrown


@pytest.mark.usefixtures("codes_for_all")
def test_a_file_that_the_disk_cannot_read_to_its_end_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bad sector among the codes is told in the log, and the index is made anew."""
    made = workshop(tmp_path)
    made.made(GUILD, stamps_of(made))

    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("bot.index.cache._coded", fails)
    assert loaded(made) is None
    assert "Input/output error" in caplog.text


def test_the_indexes_of_a_process_share_the_room(caplog: pytest.LogCaptureFixture) -> None:
    """What one takes no other gets, of whichever model; what one gives back another gets."""
    room = Room(100 * MIB)
    one, former = (workshop(dim=1_024, n=0, room=room, limit_bytes=10**10) for _ in range(2))
    n_in_60_mib = 60 * MIB // 2_048
    assert one.has_room(GUILD, n_in_60_mib)
    assert not former.has_room(GUILD, n_in_60_mib)
    assert "61 MiB, which is more than MEMORY_LIMIT_MB leaves" in caplog.text
    assert one.has_room(GUILD, n_in_60_mib)
    assert not one.has_room(GUILD, n_in_60_mib, n_bytes_more=50 * MIB)
    one.make_room(GUILD)

    assert former.has_room(GUILD, n_in_60_mib)


def test_an_index_that_grew_is_counted_as_it_is(tmp_path: Path) -> None:
    """What is there takes its room, whatever it was planned with."""
    made = workshop(n=0, room=Room(MIB))
    index = FaissIndex(DIM, EXACT)
    index.upsert(embedded(clustered(8_000, DIM)))
    assert made.has_room(GUILD, 1)
    made.takes(GUILD, index)

    assert not made.has_room(OTHER_GUILD, 2_000)
