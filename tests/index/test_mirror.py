"""One index a server."""

import threading
from pathlib import Path

import pytest
from index.sources import POOL, KeptServers, OneSession
from make import GUILD, OTHER_GUILD, embedded, random_vectors

from bot.askers import EVERYTHING, Scope
from bot.index.base import VectorIndex
from bot.index.mirror import Mirror, mirror_folder
from bot.index.workshop import Workshop
from bot.messages import EmbeddedMessages, Generation
from bot.vectors import Ids

DIM = 8


def empty_mirror() -> Mirror:
    return Mirror(Workshop(DIM, KeptServers(DIM), pool=POOL))


def put(mirror: Mirror, guild_id: int, messages: EmbeddedMessages) -> None:
    """Messages are stored, and the mirror follows."""
    mirror.workshop.source(guild_id).put(messages)
    mirror.take_in(guild_id, messages.message_ids)


@pytest.fixture(params=["mirrored", "not-yet"])
def mirror(request: pytest.FixtureRequest) -> Mirror:
    """Two servers that hold the same vectors under other ids, with an index each or read from what is stored."""
    mirror = empty_mirror()
    for guild_id, first_id in ((GUILD, 1), (OTHER_GUILD, 101)):
        assert request.param == "not-yet" or mirror.load(guild_id)
        put(mirror, guild_id, embedded(random_vectors(5, DIM), first_id=first_id))
    return mirror


def test_a_search_stays_in_the_servers_of_its_scope(mirror: Mirror) -> None:
    """No candidate comes from a server that the scope does not name; an empty set names none."""
    vector = random_vectors(1, DIM)[0]

    def guilds(scope: Scope) -> set[int]:
        return {candidate.guild_id for candidate in mirror.search(vector, 10, scope)}

    assert guilds(Scope(guild_ids=frozenset({GUILD}))) == {GUILD}
    assert guilds(EVERYTHING) == {GUILD, OTHER_GUILD}
    assert guilds(Scope(guild_ids=frozenset())) == set()


def test_over_all_servers_the_best_k_are_found(mirror: Mirror) -> None:
    """Candidates of several servers are one ranking, the newer first among equals."""
    vector = random_vectors(1, DIM)[0]

    found = [(c.guild_id, c.message_id) for c in mirror.search(vector, 3, EVERYTHING)]
    assert found[:2] == [(OTHER_GUILD, 101), (GUILD, 1)]
    assert len(found) == 3


def test_removing_reaches_one_server_only() -> None:
    """An id is removed from the server that is named, and an unknown server is fine."""
    mirror = empty_mirror()
    for guild_id, first_id in ((GUILD, 1), (OTHER_GUILD, 101)):
        mirror.load(guild_id)
        put(mirror, guild_id, embedded(random_vectors(5, DIM), first_id=first_id))
    mirror.remove(OTHER_GUILD, [1, 101])
    mirror.remove(999, [1])

    assert (mirror.ids(GUILD).tolist(), mirror.ids(OTHER_GUILD).tolist()) == ([1, 2, 3, 4, 5], [102, 103, 104, 105])
    assert (mirror.ids(999).tolist(), len(mirror)) == ([], 9)


def test_a_server_that_is_met_from_many_threads_at_once_gets_one_index() -> None:
    """Eight threads that bring the first messages of a server lose none of them."""
    for _ in range(20):
        mirror = empty_mirror()
        start = threading.Barrier(8)

        def bring(first_id: int, mirror: Mirror = mirror, start: threading.Barrier = start) -> None:
            start.wait()
            mirror.load(GUILD)
            put(mirror, GUILD, embedded(random_vectors(1, DIM), first_id=first_id))

        threads = [threading.Thread(target=bring, args=(i,)) for i in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert mirror._indexes[GUILD].is_whole
        assert mirror.ids(GUILD).tolist() == list(range(1, 9))


def test_a_dropped_server_is_gone_from_every_search(mirror: Mirror) -> None:
    """Its index is forgotten as a whole, the other server's stays, and dropping twice is fine."""
    mirror.drop(GUILD)
    mirror.drop(GUILD)
    mirror.drop(999)
    found = mirror.search(random_vectors(1, DIM)[0], 100, EVERYTHING)

    assert {candidate.guild_id for candidate in found} == {OTHER_GUILD}
    assert (mirror.ids(GUILD).tolist(), len(mirror), mirror.guild_ids()) == ([], 5, [OTHER_GUILD])
    mirror.remove(GUILD, [1])


def test_a_dropped_server_can_come_back(mirror: Mirror) -> None:
    """A new index holds what came after, and nothing from before."""
    mirror.drop(GUILD)
    mirror.workshop.source(GUILD).drop(range(1, 6))
    put(mirror, GUILD, embedded(random_vectors(1, DIM), first_id=50))

    assert mirror.ids(GUILD).tolist() == [50]
    assert mirror.load(GUILD)
    assert mirror.ids(GUILD).tolist() == [50]


def test_a_server_that_was_dropped_has_nothing_to_keep(mirror: Mirror) -> None:
    """Keeping and closing are fine with servers that are not there any more."""
    mirror.drop(GUILD)
    mirror.keep(GUILD)
    mirror.close()

    assert mirror.guild_ids() == [OTHER_GUILD]


def test_the_memory_of_all_servers_is_added_up() -> None:
    """Each message of 8 numbers takes 16 bytes of code and 45 beside it, and rows are given out in some dozens."""
    mirror = empty_mirror()
    for guild_id in (GUILD, OTHER_GUILD):
        mirror.load(guild_id)
        put(mirror, guild_id, embedded(random_vectors(5, DIM)))

    assert mirror.n_bytes() == 2 * 64 * (16 + 45)


def test_the_files_of_two_generations_never_meet() -> None:
    """The folder is named for all that makes vectors comparable."""
    generations = [Generation("words", 64, 1), Generation("words", 64, 2), Generation("words", 65, 1)]
    folders = {mirror_folder(Path("data"), generation) for generation in generations}

    assert len(folders) == 3
    assert {folder.parent for folder in folders} == {Path("data/mirror")}


def test_a_server_that_goes_before_its_first_index_is_made_is_forgotten_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are gone already, so that there is nothing in what answers: what is being made is told all the same."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)
    mirror = Mirror(Workshop(DIM, KeptServers(DIM), pool=POOL, folder=tmp_path, stamps=OneSession()))
    put(mirror, GUILD, embedded(random_vectors(50, DIM)))
    source, made = mirror.workshop.source(GUILD), Workshop.made

    def dropped_meanwhile(self: Workshop, guild_id: int, message_ids: Ids) -> VectorIndex:
        index = made(self, guild_id, message_ids)
        source.drop(range(1, 51))
        mirror.drop(GUILD)
        return index

    monkeypatch.setattr(Workshop, "made", dropped_meanwhile)
    mirror.settle(GUILD)

    assert list(tmp_path.iterdir()) == []
