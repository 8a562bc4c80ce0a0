"""Files that only who has their key can read."""

import random
import stat
from pathlib import Path

import numpy as np
import pytest
from index.sources import GENERATION, POOL, KeptVectors, clustered
from make import embedded

from bot.index import sealing as module
from bot.index.cache import Cached, CacheUnusable, Opener, SoundLists, open_plain, opened, save, wipe
from bot.index.codes import CodesIndex
from bot.index.partition import learnt
from bot.index.reach import Reach
from bot.index.sealing import Seal
from bot.messages import Stamp

DIM, N = 24, 300
SEAL, OTHER = Seal(bytes(range(32))), Seal(bytes(32))


@pytest.fixture
def small_sectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sectors of which a small file has many."""
    monkeypatch.setattr(module, "_SECTOR", 100)
    monkeypatch.setattr(module, "_SEALED", 128)


def put(path: Path, content: bytes, seal: Seal = SEAL) -> None:
    with seal.open(path, "wb") as file:
        file.write(content)


def got(path: Path, seal: Seal = SEAL) -> bytes:
    with seal.open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("n_bytes", [0, 1, 99, 100, 101, 200, 12_345])
@pytest.mark.usefixtures("small_sectors")
def test_what_is_read_is_what_was_written(tmp_path: Path, n_bytes: int) -> None:
    """A file of any length comes back, for its owner alone, and is a little longer on the disk."""
    content = random.Random(n_bytes).randbytes(n_bytes)
    path = tmp_path / "file"
    put(path, content)

    assert got(path) == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 48 + n_bytes + 28 * -(-n_bytes // 100)


@pytest.mark.usefixtures("small_sectors")
def test_it_is_a_file_like_any_other(tmp_path: Path) -> None:
    """Reads, writes, seeks and cuts in any order leave what they leave in a plain file."""
    dice = random.Random(7)
    files = [open_file(tmp_path / name, "wb") for name, open_file in (("plain", open_plain), ("sealed", SEAL.open))]
    for file in files:
        file.write(bytes(1_000))
        file.close()
    files = [open_file(tmp_path / name, "r+b") for name, open_file in (("plain", open_plain), ("sealed", SEAL.open))]
    for _ in range(500):
        place, size, content = dice.randrange(1_200), dice.randrange(300), dice.randbytes(dice.randrange(250))
        deed = dice.choice(("read", "read", "write", "write", "writelines", "truncate", "end"))
        seen = []
        for file in files:
            match deed:
                case "read":
                    file.seek(place)
                    seen.append((file.read(size), file.tell()))
                case "write":
                    file.seek(min(place, file.seek(0, 2)))
                    seen.append((file.write(content), file.tell()))
                case "writelines":
                    file.seek(min(place, file.seek(0, 2)))
                    file.writelines([content, b"", content])
                    seen.append(file.tell())
                case "truncate":
                    file.seek(0)
                    seen.append(file.truncate(min(place, file.seek(0, 2))))
                case "end":
                    seen.append(file.seek(0, 2))
            file.flush()
        assert seen[0] == seen[1], deed
    for file in files:
        file.close()

    assert got(tmp_path / "sealed") == (tmp_path / "plain").read_bytes()


def test_nothing_can_be_read_without_the_key(tmp_path: Path) -> None:
    """Neither the bytes nor whether two files hold the same can be told; another key reads nothing of it."""
    content = b"the same again and again " * 10_000
    for name in ("one", "two"):
        put(tmp_path / name, content)
    one, two = ((tmp_path / name).read_bytes() for name in ("one", "two"))

    assert b"the same" not in one
    assert one[:16] == two[:16]
    assert not {one[i : i + 16] for i in range(16, len(one), 16)} & {two[i : i + 16] for i in range(16, len(two), 16)}
    assert not any(got(tmp_path / "one", OTHER))


@pytest.mark.usefixtures("small_sectors")
def test_what_is_written_twice_looks_different_each_time(tmp_path: Path) -> None:
    """No nonce is used again, so the same bytes in the same place are other bytes on the disk."""
    path = tmp_path / "file"
    put(path, bytes(300))
    seen = set()
    for _ in range(50):
        with SEAL.open(path, "r+b") as file:
            file.seek(100)
            file.write(bytes(100))
        seen.add(path.read_bytes()[48 + 128 : 48 + 128 + 12])

    assert len(seen) == 50
    assert got(path) == bytes(300)


@pytest.mark.usefixtures("small_sectors")
def test_no_sector_is_taken_for_another(tmp_path: Path) -> None:
    """A sector in another's place, of another file, or with a bit that was changed, reads as zeros, and it alone."""
    content = bytes(range(1, 101)) * 4
    for name in ("file", "other"):
        put(tmp_path / name, content)
    path, sealed = tmp_path / "file", (tmp_path / "file").read_bytes()
    sectors = [sealed[48 + i * 128 : 48 + (i + 1) * 128] for i in range(4)]
    foreign = (tmp_path / "other").read_bytes()[48 + 128 : 48 + 256]
    flipped = bytes([sectors[1][0], sectors[1][1] ^ 1]) + sectors[1][2:]

    for second in (sectors[2], foreign, flipped, bytes(128)):
        path.write_bytes(sealed[:48] + sectors[0] + second + sectors[2] + sectors[3])
        assert got(path) == content[:100] + bytes(100) + content[200:]


def test_a_plain_file_holds_nothing(tmp_path: Path) -> None:
    """A file of before there was a key, and one that is cut, are as good as empty."""
    path = tmp_path / "file"
    for content in (b"", b"SIMBOT-MIRROR-1\nand more", b"SIMBOT-SEALED-1\n", b"SIMBOT-SEALED-1\n" + bytes(40)):
        path.write_bytes(content)
        assert got(path) == b""


# --- the codes of a server in such a file


@pytest.fixture
def index() -> CodesIndex:
    source = KeptVectors(DIM)
    source.put(embedded(clustered(N, DIM)))
    messages = source.get(source.stamps()[0])
    index = CodesIndex(DIM, learnt([messages.vectors.astype(np.float32)], 6), source, POOL, Reach((0.5, 0.6, 0.7, 0.8)))
    index.upsert(messages)
    return index


@pytest.fixture
def path(tmp_path: Path, index: CodesIndex) -> Path:
    """The sealed file of three hundred messages."""
    path = tmp_path / "mirror" / "x" / "1000.mirror"
    keep(path, index, SEAL.open)
    return path


def keep(path: Path, index: CodesIndex, open_file: Opener) -> None:
    save(path, Cached(Stamp(1000, GENERATION, "only", N), index.partition, index.reach), index.coded(), open_file)


def codes_of(path: Path, open_file: Opener = SEAL.open) -> dict[int, bytes]:
    cached, file = opened(path, open_file)
    with file:
        lists = list(SoundLists(file, cached))
    return {int(i): code.tobytes() for one in lists for i, code in zip(one.message_ids, one.codes, strict=True)}


@pytest.mark.parametrize("sectors", ["small", "usual"])
def test_codes_come_back_and_are_wiped_where_they_stand(
    tmp_path: Path, index: CodesIndex, request: pytest.FixtureRequest, sectors: str
) -> None:
    """All codes are there; those that are wiped are gone, and the file and its length stay."""
    if sectors == "small":
        request.getfixturevalue("small_sectors")
    path = tmp_path / "mirror" / "x" / "1000.mirror"
    keep(path, index, SEAL.open)
    before, inode, n_bytes = codes_of(path), path.stat().st_ino, path.stat().st_size
    wipe(path, [1, 7, 150, 300, 12_345], SEAL.open)

    assert sorted(before) == list(range(1, N + 1))
    assert codes_of(path) == {i: code for i, code in before.items() if i not in (1, 7, 150, 300)}
    assert (path.stat().st_ino, path.stat().st_size) == (inode, n_bytes)
    assert not [i for i, code in before.items() if code in path.read_bytes()]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("written", "read"),
    [(SEAL.open, OTHER.open), (SEAL.open, open_plain), (open_plain, SEAL.open)],
    ids=["another", "none", "plain"],
)
def test_a_file_of_another_key_is_never_read_and_goes_when_it_is_to_be_wiped(
    tmp_path: Path, index: CodesIndex, written: Opener, read: Opener
) -> None:
    """A wrong key, no key, or a key where there was none: the file is unusable, and made anew."""
    path = tmp_path / "mirror" / "x" / "1000.mirror"
    keep(path, index, written)

    with pytest.raises(CacheUnusable):
        opened(path, read)
    wipe(path, [1], read)
    assert not path.exists()


@pytest.mark.usefixtures("small_sectors")
def test_after_a_damaged_sector_no_wrong_code_comes_out(tmp_path: Path, index: CodesIndex) -> None:
    """Whichever sector is damaged, what can still be read is true, or the file is unusable."""
    path = tmp_path / "mirror" / "x" / "1000.mirror"
    keep(path, index, SEAL.open)
    before, content = codes_of(path), path.read_bytes()
    n_read = []
    for place in range(48 + 60, len(content), 128):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            found = codes_of(path)
        except CacheUnusable:
            continue
        assert found.items() < before.items()
        n_read.append(len(found))

    assert len(n_read) > 20
    assert max(n_read) > N // 2


def test_who_may_not_write_reads_it(path: Path, index: CodesIndex) -> None:
    """A file that only may be read is read."""
    path.chmod(0o400)

    assert len(codes_of(path)) == N
