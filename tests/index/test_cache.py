"""Codes in a file: written whole, read with care, wiped in place."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from index.sources import GENERATION, POOL, KeptVectors, clustered
from make import embedded

from bot.index import cache as module
from bot.index.cache import Cached, CacheUnusable, SoundLists, opened, save, wipe
from bot.index.codes import CodedList, CodesIndex
from bot.index.partition import learnt
from bot.index.reach import Reach
from bot.messages import Stamp

DIM, N, N_LISTS = 24, 300, 6
STAMP = Stamp(1000, GENERATION, "only", N)


class KilledAtOnce(BaseException):
    """The process is gone."""


@pytest.fixture
def source() -> KeptVectors:
    source = KeptVectors(DIM)
    source.put(embedded(clustered(N, DIM), channel_ids=np.arange(N) % 7))
    return source


@pytest.fixture
def index(source: KeptVectors) -> CodesIndex:
    messages = source.get(source.stamps()[0])
    partition = learnt([messages.vectors.astype(np.float32)], N_LISTS)
    index = CodesIndex(DIM, partition, source, POOL, Reach((0.5, 0.6, 0.7, 0.8)))
    index.upsert(messages)
    return index


def keep(path: Path, index: CodesIndex, stamp: Stamp = STAMP) -> None:
    save(path, Cached(stamp, index.partition, index.reach), index.coded())


@pytest.fixture
def path(tmp_path: Path, index: CodesIndex) -> Path:
    """The file of three hundred messages."""
    path = tmp_path / "mirror" / "x" / "1000.mirror"
    keep(path, index)
    return path


def lists_of(path: Path) -> list[CodedList]:
    cached, file = opened(path)
    with file:
        return list(SoundLists(file, cached))


def codes_in(lists: list[CodedList]) -> dict[int, bytes]:
    return {int(i): code.tobytes() for one in lists for i, code in zip(one.message_ids, one.codes, strict=True)}


def read(path: Path, source: KeptVectors) -> CodesIndex:
    """An index of what the file holds."""
    cached, file = opened(path)
    with file:
        index = CodesIndex(DIM, cached.partition, source, POOL, cached.reach)
        index.take(SoundLists(file, cached))
    return index


def test_what_is_read_is_what_was_written(path: Path, index: CodesIndex, source: KeptVectors) -> None:
    """Ids, answers, how far a search looks and whose it is come back as they were."""
    cached, file = opened(path)
    file.close()
    again = read(path, source)

    assert (cached.stamp, cached.reach) == (STAMP, index.reach)
    assert again.ids().tolist() == index.ids().tolist()
    assert codes_in(lists_of(path)) == codes_in(list(index.coded()))
    for query in clustered(10, DIM, seed=1):
        assert again.search(query, 10) == index.search(query, 10)


def test_nobody_else_may_read_it(path: Path) -> None:
    """The file is its owner's alone, and so is the folder that it lies in."""
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)]

    assert modes == [0o600, 0o700]
    assert list(path.parent.iterdir()) == [path]


def test_what_came_after_the_stamp_is_not_written(path: Path, index: CodesIndex) -> None:
    """A code whose number the stamp does not know stays out, since nobody could tell later whose it is."""
    keep(path, index, Stamp(1000, GENERATION, "only", 200))

    assert sorted(codes_in(lists_of(path))) == list(range(1, 201))


def test_wiped_codes_are_overwritten_where_they_stand(path: Path) -> None:
    """Their bytes are nowhere in the file, whose length and other codes stay."""
    before, size, inode = codes_in(lists_of(path)), path.stat().st_size, path.stat().st_ino
    gone = [1, 7, 150, 300]
    wipe(path, [*gone, 12_345])
    content = path.read_bytes()

    assert [i for i in gone if before[i] in content] == []
    assert codes_in(lists_of(path)) == {i: code for i, code in before.items() if i not in gone}
    assert (path.stat().st_size, path.stat().st_ino) == (size, inode)
    wipe(path, before)
    assert codes_in(lists_of(path)) == {}


def test_wiping_leaves_nothing_of_ids_either(path: Path) -> None:
    """The ids of the message, its channel, its author and its embedding go with the code."""
    wipe(path, [299])
    _, file = opened(path)
    with file:
        blocks = [block.coded for block in module._blocks(file) if block.is_sound]

    assert sum(np.count_nonzero(coded.ids == 299) for coded in blocks) == 0
    assert sum(int((coded.message_ids == 0).sum()) for coded in blocks) == 1


def test_where_there_is_no_file_there_is_nothing_to_wipe(tmp_path: Path) -> None:
    """A missing file is no failure, and what stands in its place and cannot be read goes."""
    wipe(tmp_path / "none.mirror", [1])
    other = tmp_path / "other.mirror"
    other.write_bytes(b"something else")
    wipe(other, [1])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [16, 20, 24, 30, 200])
def test_a_file_that_ends_in_its_header_is_no_failure_to_wipe(path: Path, length: int) -> None:
    """A file that was cut there goes as a whole, and is made anew."""
    os.truncate(path, length)

    wipe(path, [1])

    assert not path.exists()


def test_in_a_damaged_block_nothing_is_left_to_wipe(path: Path) -> None:
    """Where a block is damaged nobody can tell whose codes are in it, so all of them are overwritten."""
    before = codes_in(lists_of(path))
    [first, *_] = lists_of(path)
    member = int(first.message_ids[0])
    content = bytearray(path.read_bytes())
    content[content.index(before[member]) + len(before[member])] ^= 1
    path.write_bytes(content)
    assert member not in codes_in(lists_of(path))
    wipe(path, [member])

    assert before[member] not in path.read_bytes()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_kill_while_writing_leaves_the_old_file(
    path: Path, index: CodesIndex, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """There is always the old one or the new one, whole."""
    before = path.read_bytes()
    index.remove([1, 2, 3])

    def kill(*_: object) -> None:
        raise KilledAtOnce

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        if step == "fsync":
            patch.setattr(module.os, "fsync", kill)
        else:
            patch.setattr(Path, "replace", kill)
        with suppress(KilledAtOnce):
            keep(path, index)
    assert path.read_bytes() == before

    keep(path, index)
    assert sorted(codes_in(lists_of(path))) == list(range(4, N + 1))
    assert list(path.parent.iterdir()) == [path]


def test_an_error_while_writing_leaves_nothing_but_the_old_file(
    path: Path, index: CodesIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is told, and what was written of the new file goes."""
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep(path, index)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("place", range(12))
def test_a_block_whose_head_is_damaged_is_not_read(path: Path, place: int) -> None:
    """No code comes out under another list than the one that it was made for, or beside another message."""
    before = {one.number: codes_in([one]) for one in lists_of(path)}
    _, file = opened(path)
    with file:
        start = file.tell()
    content = bytearray(path.read_bytes())
    content[start + place] ^= 1
    path.write_bytes(content)

    for one in lists_of(path):
        assert codes_in([one]).items() <= before[one.number].items()


def test_what_is_unusable_says_why(path: Path) -> None:
    """Each doubt has its words, and a file that is not there is told as such."""
    content = path.read_bytes()
    for wrong, reason in (
        (b"", "version"),
        (content[:18], "error"),
        (content[:40], "header"),
        (content[:700], "partition"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(CacheUnusable) as caught:
            opened(path)
        assert reason in caught.value.reason
    path.unlink()
    with pytest.raises(FileNotFoundError):
        opened(path)


def test_what_cannot_be_opened_is_unusable(tmp_path: Path) -> None:
    """A folder in the file's place, or a file of another user, is no reason not to start."""
    (tmp_path / "1000.mirror").mkdir()

    with pytest.raises(CacheUnusable):
        opened(tmp_path / "1000.mirror")


def test_after_a_damaged_block_the_file_ends_when_it_is_wiped(path: Path) -> None:
    """Nobody can tell what stands in it or where the next one begins, so no deleted code may be left there."""
    whole = codes_in(lists_of(path))
    _, file = opened(path)
    with file:
        blocks = list(module._blocks(file))
    content = bytearray(path.read_bytes())
    content[blocks[2].position + 4] ^= 1  # of how many messages it tells
    path.write_bytes(content)
    wipe(path, [12_345])

    assert path.stat().st_size == blocks[2].position
    left = codes_in(lists_of(path))
    assert left == {i: whole[i] for block in blocks[:2] for i in block.coded.message_ids.tolist()}


def test_a_long_list_is_several_blocks(path: Path, index: CodesIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is written and wiped in a moment, and together they are the list."""
    whole = codes_in(lists_of(path))
    monkeypatch.setattr(module, "_MOST_IN_BLOCK", 7)
    keep(path, index)
    _, file = opened(path)
    with file:
        sizes = [len(block.coded.message_ids) for block in module._blocks(file)]

    assert (max(sizes), sum(sizes)) == (7, N)
    assert codes_in(lists_of(path)) == whole
    wipe(path, [3])
    assert codes_in(lists_of(path)) == {i: code for i, code in whole.items() if i != 3}


def test_codes_that_are_turned_another_way_are_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that gives other random numbers one day makes another rotation, with which no code fits."""
    monkeypatch.setattr("bot.index.rotation.Rotation.checksum", lambda _: 1)

    with pytest.raises(CacheUnusable, match="turned another way"):
        opened(path)
