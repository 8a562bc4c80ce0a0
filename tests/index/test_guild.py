"""One server's index from its first message to its end."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from index.sources import POOL, KeptVectors, OneSession, clustered
from make import GUILD, embedded

from bot.askers import EVERYTHING, Scope
from bot.index import guild as module
from bot.index.codes import CodesIndex
from bot.index.exact import ExactIndex
from bot.index.faiss import FaissIndex
from bot.index.guild import GuildIndex
from bot.index.workshop import MakingStopped, Workshop
from bot.messages import EmbeddedMessages

DIM, N = 64, 400


class HeldVectors(KeptVectors):
    """Vectors that are given out, where a hold is set, only after it was let go: an index takes long to be made."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.is_being_read, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def hold(self) -> None:
        self.may_go_on.clear()

    def within(self, scope: Scope) -> Iterator[EmbeddedMessages]:
        """Batch by batch, as the database is read: what comes meanwhile is in a later one."""
        after_id = scope.after_id or 0
        while (batch := next(super().within(replace(scope, after_id=after_id)), None)) is not None:
            yield batch
            after_id = int(batch.message_ids[-1]) + 1
            if scope == EVERYTHING:
                self.is_being_read.set()
                assert self.may_go_on.wait(10)


@pytest.fixture(autouse=True)
def codes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few messages there are, they are kept as codes, and searched as such."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)
    monkeypatch.setattr("bot.index.codes.MAX_READ", 0)
    monkeypatch.setattr("bot.index.rescoring._DEVIATIONS", 100.0)  # nothing is left to chance


class Town:
    """A server with its vectors and its index; both follow what happens, the vectors first."""

    def __init__(self, folder: Path | None, source: HeldVectors | None = None) -> None:
        self.source = source or HeldVectors(DIM)
        self.workshop = Workshop(DIM, lambda _: self.source, pool=POOL, folder=folder, stamps=OneSession())
        self.index = GuildIndex(GUILD, self.workshop)

    @property
    def path(self) -> Path:
        path = self.workshop.path(GUILD)
        assert path is not None
        return path

    def say(self, n: int, *, first_id: int = 1, seed: int = 0) -> None:
        messages = embedded(clustered(n, DIM, seed=seed), first_id=first_id)
        self.source.put(messages)
        self.index.upsert(messages)

    def delete(self, *message_ids: int) -> None:
        self.source.drop(message_ids)
        self.index.remove(message_ids)

    def restarted(self) -> "Town":
        """The same server in the next run."""
        return Town(self.workshop.folder, self.source)

    def codes(self) -> dict[int, bytes]:
        assert isinstance(self.index._live, CodesIndex)
        return {
            int(i): code.tobytes()
            for coded in self.index._live.coded()
            for i, code in zip(coded.message_ids, coded.codes, strict=True)
        }

    def assert_true(self) -> None:
        """It holds what is stored, and answers as the exact index does."""
        oracle = ExactIndex(DIM)
        oracle.upsert(self.source.get(self.source.stamps()[0]))
        assert self.index.ids().tolist() == oracle.ids().tolist()
        for query in clustered(5, DIM, seed=8):
            found, truth = self.index.search(query, 10), oracle.search(query, 10)
            assert [n.message_id for n in found] == [n.message_id for n in truth]


@contextmanager
def being_made(town: Town) -> Iterator["Future[int]"]:
    """While the town's index is made, which has begun and ends with the block."""
    town.source.hold()
    with ThreadPoolExecutor(1) as aside:
        making = aside.submit(town.index.settle)
        try:
            assert town.source.is_being_read.wait(10)
            yield making
        finally:
            town.source.may_go_on.set()
        making.result(10)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Four hundred messages, with codes and their file."""
    town = Town(tmp_path / "mirror")
    town.say(N)
    assert town.index.settle() == N
    return town


def test_before_there_is_an_index_what_is_stored_answers(tmp_path: Path) -> None:
    """Nothing is made by asking, and where making one takes long, loading makes none either."""
    town = Town(tmp_path)
    town.say(N)
    town.assert_true()

    assert not town.index.load()
    assert (town.index.is_whole, town.index.n_bytes()) == (False, 0)
    town.assert_true()


@pytest.mark.parametrize("folder", [None, Path("mirror")], ids=["in-memory", "with-a-file"])
@pytest.mark.parametrize("n_changes", [5, 300], ids=["few", "many"])
def test_while_an_index_is_made_the_old_one_answers_and_what_changes_is_in_the_new_one(
    folder: Path | None, n_changes: int
) -> None:
    """Additions, rewritten messages and deletions under way are answered at once, and are in what comes."""
    town = Town(folder)
    town.say(N)
    with being_made(town) as making:
        town.say(n_changes, first_id=N + 1, seed=1)
        town.say(n_changes // 2, first_id=1, seed=2)
        town.delete(*range(N - n_changes // 2, N + 1), N + 2)
        assert not town.index.is_whole
        town.assert_true()
    assert making.result() == len(town.index)

    assert town.index.is_whole
    town.assert_true()
    if folder is not None:
        town.index.close()
        again = town.restarted()
        again.index.settle()
        again.assert_true()


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("folder", "is_full"),
    [(None, False), (Path("mirror"), False), (Path("mirror"), True)],
    ids=["in-memory", "with-a-file", "full"],
)
def test_old_messages_that_are_read_while_an_index_is_made_push_no_newer_ones_out(
    monkeypatch: pytest.MonkeyPatch, folder: Path | None, *, is_full: bool
) -> None:
    """A history that is read meanwhile adds messages in the midst: all that there were are in, and so are they."""
    if is_full:
        monkeypatch.setattr("bot.index.cache.os.fsync", full)
    town = Town(folder)
    town.say(100)
    town.say(300, first_id=201, seed=1)
    with being_made(town):
        town.say(50, first_id=120, seed=2)

    town.assert_true()


def test_a_server_that_grows_gets_the_index_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact at first, then codes, then codes in lists, each with all messages and true answers."""
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 100 * 2 * DIM)
    monkeypatch.setattr("bot.index.partition.LEAST_FOR_LISTS", 400)
    monkeypatch.setattr("bot.index.reach.Reach.share", lambda *_: 1.0)
    town, kinds, n_made = Town(tmp_path), [], 0
    for n in (50, 101, 500):
        town.say(n - n_made, first_id=n_made + 1, seed=n)
        n_made = n
        town.index.keep()
        town.assert_true()
        live = town.index._live
        kinds.append((type(live), live.partition.n_lists > 1 if isinstance(live, CodesIndex) else False))

    assert kinds == [(FaissIndex, False), (CodesIndex, False), (CodesIndex, True)]


def test_what_is_there_is_not_made_twice(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading, settling and keeping an index that is whole and fits leave it as it is."""
    live = town.index._live
    monkeypatch.setattr(Workshop, "made", lambda *_: pytest.fail("an index is made anew"))
    assert town.index.load()
    assert town.index.settle() == 0
    town.index.keep()

    assert town.index._live is live


def test_what_it_missed_is_mended(town: Town) -> None:
    """What is stored and not in is added, what is in and not stored is removed, and both are counted."""
    town.source.put(embedded(clustered(3, DIM, seed=3), first_id=N + 1))
    town.source.drop([7, 8])

    assert town.index.settle() == 5
    town.assert_true()


def test_a_restart_reads_the_file(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run has its index at once, without making one."""
    town.index.close()
    monkeypatch.setattr(Workshop, "made", lambda *_: pytest.fail("an index is made anew"))
    again = town.restarted()

    assert again.index.load()
    again.assert_true()


def test_what_was_deleted_is_wiped_from_the_file_in_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some seconds after a deletion the code is overwritten in the file, others are left, and not before."""
    codes = town.codes()
    town.delete(5)
    town.index.wipe()
    assert codes[5] in town.path.read_bytes()
    monkeypatch.setattr(module, "_WIPED_AFTER_S", 0.0)
    town.index.wipe()

    content = town.path.read_bytes()
    assert (codes[5] in content, codes[6] in content) == (False, True)
    town.assert_true()


def test_a_deletion_where_no_index_was_ever_loaded_reaches_the_file_at_the_end(town: Town) -> None:
    """A verb that only deletes leaves no code behind."""
    codes = town.codes()
    town.index.close()
    again = town.restarted()
    again.delete(5)
    again.index.close()

    content = town.path.read_bytes()
    assert (codes[5] in content, codes[6] in content) == (False, True)


def test_what_was_deleted_while_an_index_was_made_is_not_left_in_its_file(tmp_path: Path) -> None:
    """The file was written with it, and loses it at the end at the latest."""
    town = Town(tmp_path)
    town.say(N)
    with being_made(town):
        town.delete(1)
    town.index.close()

    again = town.restarted()
    assert again.index.load()
    assert 1 not in again.codes()
    again.assert_true()


def test_wiping_waits_for_no_index_that_is_made(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another index is made for minutes, what is deleted leaves the file of the one that answers."""
    monkeypatch.setattr(module, "_WIPED_AFTER_S", 0.0)
    monkeypatch.setattr(Workshop, "outgrown", lambda *_: True)
    codes = town.codes()
    with being_made(town):
        town.delete(5)
        town.index.wipe()
        content = town.path.read_bytes()

    assert (codes[5] in content, codes[6] in content) == (False, True)
    town.index.wipe()
    assert codes[5] not in town.path.read_bytes()
    town.assert_true()


def test_an_index_for_which_there_is_no_room_any_more_is_mended(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outgrown, with no room for another one, it goes on and is made to hold what is stored."""
    monkeypatch.setattr(Workshop, "outgrown", lambda *_: True)
    monkeypatch.setattr(Workshop, "has_room", lambda *_, **__: False)
    town.source.put(embedded(clustered(3, DIM, seed=3), first_id=N + 1))

    assert town.index.settle() == 3
    town.assert_true()


def test_a_server_without_room_for_an_index_is_answered_by_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked again at once, and when there is room the index is made."""
    town = Town(tmp_path)
    town.say(N)
    asked: list[int] = []
    monkeypatch.setattr(Workshop, "has_room", lambda *_, **__: bool(asked.append(1)))
    for _ in range(3):
        town.index.keep()
    assert (town.index.is_whole, len(asked)) == (False, 1)
    town.assert_true()
    monkeypatch.undo()
    monkeypatch.setattr("bot.index.workshop._EXACT_BYTES", 0)
    town.index._due_at = 0.0
    town.index.keep()

    assert town.index.is_whole


def test_what_cannot_be_read_in_the_file_is_written_anew(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that is damaged may hold the code of a deleted message: soon the whole file is another."""
    monkeypatch.setattr("bot.index.cache._MOST_IN_BLOCK", 100)
    town.say(1, first_id=N + 1, seed=1)
    town.index.close()
    content = bytearray(town.path.read_bytes())
    content[-1] ^= 1
    town.path.write_bytes(content)
    again = town.restarted()
    assert again.index.load()
    monkeypatch.setattr(module, "_LEAST_UNSAVED", N)
    again.index.keep()

    assert town.path.read_bytes() != bytes(content)
    monkeypatch.setattr(CodesIndex, "upsert", lambda *_: pytest.fail("something is encoded"))
    assert town.restarted().index.load()


def test_a_disk_that_fails_is_left_alone_for_a_while(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be written is not tried again with every round."""
    monkeypatch.setattr(module, "_LEAST_UNSAVED", 1)
    tries: list[int] = []

    def fails(*_: object) -> None:
        tries.append(1)
        full()

    monkeypatch.setattr(Workshop, "saved", fails)
    town.say(N, first_id=N + 1, seed=1)
    with pytest.raises(OSError, match="No space"):
        town.index.keep()
    town.index.keep()

    assert len(tries) == 1


def test_what_is_new_is_saved_now_and_then(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once enough has changed the file is written anew, so that the next start has little to encode."""
    monkeypatch.setattr(module, "_LEAST_UNSAVED", 20)
    before = town.path.read_bytes()
    town.say(19, first_id=N + 1, seed=1)
    town.index.keep()
    assert town.path.read_bytes() == before
    town.say(1, first_id=N + 20, seed=2)
    town.index.keep()

    assert town.path.stat().st_size > len(before)
    monkeypatch.setattr(CodesIndex, "upsert", lambda *_: pytest.fail("something is encoded"))
    assert town.restarted().index.load()


def test_what_is_new_is_saved_at_the_end(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that is closed leaves a file that needs no mending."""
    town.say(30, first_id=N + 1, seed=1)
    town.delete(3)
    town.index.close()
    monkeypatch.setattr(CodesIndex, "upsert", lambda *_: pytest.fail("something is encoded"))
    again = town.restarted()

    assert again.index.load()
    again.assert_true()


def test_what_a_start_had_to_encode_is_saved_too(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that came while no index was loaded are encoded by one start, not by each."""
    town.index.close()
    town.source.put(embedded(clustered(50, DIM, seed=1), first_id=N + 1))
    again = town.restarted()
    assert again.index.load()
    again.index.close()
    monkeypatch.setattr(CodesIndex, "upsert", lambda *_: pytest.fail("something is encoded"))

    assert town.restarted().index.load()


def test_a_disk_that_takes_nothing_new_still_loses_what_is_gone(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file cannot be written anew at the end, deleted codes are overwritten in the old one."""
    codes = town.codes()
    town.delete(5)
    monkeypatch.setattr(Workshop, "saved", full)
    with suppress(OSError):
        town.index.close()

    assert codes[5] not in town.path.read_bytes()


def test_with_its_server_the_file_goes(town: Town) -> None:
    """Also what a kill has left beside it, and forgetting twice is fine."""
    assert town.path.exists()
    town.path.with_suffix(".new").write_bytes(b"half of a file")
    town.index.forget()
    town.index.forget()

    assert list(town.path.parent.iterdir()) == []


def test_a_server_that_goes_while_its_index_is_made_leaves_no_file(tmp_path: Path) -> None:
    """The file that is written after the server has gone goes as well."""
    town = Town(tmp_path)
    town.say(N)
    with being_made(town):
        town.index.forget()

    assert list(tmp_path.iterdir()) == []


def test_an_index_that_is_not_made_to_its_end_leaves_the_old_one(tmp_path: Path) -> None:
    """Stopped under way, what is stored goes on answering, changes are no failure, and it can begin anew."""
    town = Town(tmp_path)
    town.say(N)
    town.workshop.stop()
    with pytest.raises(MakingStopped):
        town.index.settle()
    assert not town.index.is_whole
    town.say(5, first_id=N + 1, seed=1)
    town.assert_true()
    again = town.restarted()
    assert again.index.settle() == N + 5

    again.assert_true()
