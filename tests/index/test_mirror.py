"""One index a server."""

import threading

import pytest
from make import GUILD, OTHER_GUILD, embedded, random_vectors

from bot.askers import EVERYTHING, Scope
from bot.index.exact import ExactIndex
from bot.index.faiss import NAMED, FaissIndex
from bot.index.mirror import Mirror

DIM = 8


@pytest.fixture
def mirror() -> Mirror:
    """Two servers that hold the same vectors under other ids."""
    mirror = Mirror(lambda: ExactIndex(DIM))
    mirror.upsert(GUILD, embedded(random_vectors(5, DIM)))
    mirror.upsert(OTHER_GUILD, embedded(random_vectors(5, DIM), first_id=101))
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


def test_removing_reaches_one_server_only(mirror: Mirror) -> None:
    """An id is removed from the server that is named, and an unknown server is fine."""
    mirror.remove(OTHER_GUILD, [1, 101])
    mirror.remove(999, [1])

    assert (mirror.ids(GUILD).tolist(), mirror.ids(OTHER_GUILD).tolist()) == ([1, 2, 3, 4, 5], [102, 103, 104, 105])
    assert (mirror.ids(999).tolist(), len(mirror)) == ([], 9)


def test_a_server_that_is_met_from_many_threads_at_once_gets_one_index() -> None:
    """Eight threads that bring the first messages of a server lose none of them."""
    for _ in range(20):
        mirror = Mirror(lambda: FaissIndex(DIM, NAMED["auto"]))
        start = threading.Barrier(8)

        def bring(first_id: int, mirror: Mirror = mirror, start: threading.Barrier = start) -> None:
            start.wait()
            mirror.upsert(GUILD, embedded(random_vectors(1, DIM), first_id=first_id))

        threads = [threading.Thread(target=bring, args=(i,)) for i in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert mirror.ids(GUILD).tolist() == list(range(1, 9))


def test_a_dropped_server_is_gone_from_every_search(mirror: Mirror) -> None:
    """Its index is forgotten as a whole, the other server's stays, and dropping twice is fine."""
    mirror.drop(GUILD)
    mirror.drop(GUILD)
    mirror.drop(999)
    found = mirror.search(random_vectors(1, DIM)[0], 100, EVERYTHING)

    assert {candidate.guild_id for candidate in found} == {OTHER_GUILD}
    assert (mirror.ids(GUILD).tolist(), len(mirror)) == ([], 5)
    mirror.remove(GUILD, [1])


def test_a_dropped_server_can_come_back(mirror: Mirror) -> None:
    """A new index holds what came after, and nothing from before."""
    mirror.drop(GUILD)
    mirror.upsert(GUILD, embedded(random_vectors(1, DIM), first_id=50))

    assert mirror.ids(GUILD).tolist() == [50]
