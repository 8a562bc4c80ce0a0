"""The codes of a server in a file beside the database, from which a start has them without encoding anything.

The file is a magic word, a header (JSON with its length and checksum), the arrays of the partition, and one block or
more for each list: its number and length, the checksum of what follows, and the messages' ids with their codes.
Whatever is in doubt is made anew from the database: a header that does not fit, the whole; a block that is damaged, its
messages. Only files of this program's own are read, and Faiss reads none of them.

All of this is of what a file holds; how it lies on the disk is the matter of whatever opens it, as `open_plain` does.
"""

import json
import os
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bot.index.codes import CodedList
from bot.index.partition import Partition
from bot.index.rabitq import ENGINE
from bot.index.reach import Reach
from bot.index.rotation import Rotation
from bot.messages import Generation, Stamp
from bot.vectors import Ids

_MAGIC = b"SIMBOT-MIRROR-1\n"
_LENGTHS = struct.Struct("<II")  # of the header and its CRC-32
_BLOCK = struct.Struct("<IIII")  # a list's number, its messages, the bytes of a code, the CRC-32 of it all
_LONGEST_HEADER = 2**16
_IDS = 4  # columns of int64 before the codes
_MOST_IN_BLOCK = 4_096  # messages

Opener = Callable[[Path, str], BinaryIO]  # `mode` is rb, r+b or wb; what is made is for its owner alone


@dataclass(frozen=True, slots=True, eq=False)
class Cached:
    """What a file holds besides its blocks."""

    stamp: Stamp
    partition: Partition
    reach: Reach


class CacheUnusable(Exception):
    """A file is no cache that can be read; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def open_plain(path: Path, mode: str) -> BinaryIO:
    """A file as it is. Raises OSError."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))  # type: ignore[return-value]  # as wide as `mode`


def save(path: Path, cached: Cached, lists: Iterable[CodedList], open_file: Opener = open_plain) -> None:
    """Write a file anew, under another name first: there is always the old one or the new one. Raises OSError."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    new = path.with_suffix(".new")
    try:
        with open_file(new, "wb") as file:
            _write_header(file, cached)
            for coded in lists:
                for part in _parts(coded.only(coded.embedding_ids <= cached.stamp.last_id)):
                    file.writelines(_block(part))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


def opened(path: Path, open_file: Opener = open_plain) -> tuple[Cached, BinaryIO]:
    """A file's header, and the file where its blocks begin. Raises CacheUnusable, and FileNotFoundError."""
    try:
        file = open_file(path, "rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CacheUnusable(str(error)) from error
    try:
        return _read_header(file), file
    except CacheUnusable:
        file.close()
        raise


class SoundLists:
    """The lists of an opened file that are sound, without the messages that were wiped, once.

    The file is closed by the caller. `n_unsound` counts the blocks that were not, as far as they were come to.
    """

    def __init__(self, file: BinaryIO, cached: Cached) -> None:
        self._file, self._n_lists = file, cached.partition.n_lists
        self.n_unsound = 0

    def __iter__(self) -> Iterator[CodedList]:
        for block in _blocks(self._file):
            if block.is_sound and block.coded.number < self._n_lists:
                yield block.coded.only(block.coded.message_ids > 0)
            else:
                self.n_unsound += 1


def wipe(path: Path, message_ids: Collection[int], open_file: Opener = open_plain) -> None:
    """Overwrite the codes of some messages where they stand, so that the disk forgets them. Raises OSError.

    Of a block that is damaged nothing can be told, nor where the next one begins: the file ends before it then. With a
    header that is damaged the whole file goes.
    """
    gone = np.fromiter(message_ids, np.int64, len(message_ids))
    try:
        with open_file(path, "r+b") as file:
            _read_header(file)
            for block in _blocks(file):
                if not block.is_sound:
                    file.truncate(block.position)
                    break
                _wipe_block(file, block, gone)
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        pass
    except CacheUnusable:
        path.unlink()


def _wipe_block(file: BinaryIO, block: "Block", gone: Ids) -> None:
    is_gone = np.isin(block.coded.message_ids, gone)
    if not is_gone.any():
        return
    after = file.tell()
    file.seek(block.position)
    file.writelines(_block(_wiped(block.coded, is_gone)))
    file.seek(after)


def _write_header(file: BinaryIO, cached: Cached) -> None:
    arrays = _arrays(cached.partition)
    header = json.dumps(
        {
            **asdict(cached.stamp),
            "engine": ENGINE,
            "rotation": Rotation(len(cached.partition.mean)).checksum(),
            "shares": cached.reach.shares,
            "shapes": [array.shape for array in arrays],
            "arrays_checksum": zlib.crc32(b"".join(array.tobytes() for array in arrays)),
        }
    ).encode()
    file.write(_MAGIC + _LENGTHS.pack(len(header), zlib.crc32(header)) + header)
    file.writelines(array.tobytes() for array in arrays)


def _read_header(file: BinaryIO) -> Cached:
    try:
        return _header_of(file)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise CacheUnusable(f"{type(error).__name__}: {error}") from error


def _header_of(file: BinaryIO) -> Cached:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise CacheUnusable("no cache of this version")
    n_bytes, checksum = _LENGTHS.unpack(file.read(_LENGTHS.size))
    text = file.read(min(n_bytes, _LONGEST_HEADER))
    if zlib.crc32(text) != checksum:
        raise CacheUnusable("its header is damaged")
    header = json.loads(text)
    if header["engine"] != ENGINE:
        raise CacheUnusable("its codes are of another version")
    stamp = Stamp(header["guild_id"], Generation(**header["generation"]), header["token"], header["last_id"])
    raw = [file.read(4 * int(np.prod(shape))) for shape in header["shapes"]]
    if zlib.crc32(b"".join(raw)) != header["arrays_checksum"]:
        raise CacheUnusable("its partition is damaged")
    arrays = [np.frombuffer(part, np.float32).reshape(shape) for part, shape in zip(raw, header["shapes"], strict=True)]
    if header["rotation"] != Rotation(len(arrays[0])).checksum():
        raise CacheUnusable("its codes are turned another way")
    return Cached(stamp, Partition(*arrays), Reach(tuple(header["shares"])))


def _arrays(partition: Partition) -> "list[np.typing.NDArray[np.float32]]":
    return [partition.mean, np.ascontiguousarray(partition.axes), np.ascontiguousarray(partition.centroids)]


def _parts(coded: CodedList) -> Iterator[CodedList]:
    """A list in parts that are read, written and wiped in a moment."""
    for start in range(0, max(len(coded.message_ids), 1), _MOST_IN_BLOCK):
        these = slice(start, start + _MOST_IN_BLOCK)
        yield CodedList(coded.number, coded.ids[:, these], coded.codes[these])


def _block(coded: CodedList) -> list[bytes]:
    """What a block consists of, one after the other."""
    n, size = coded.codes.shape
    ids, codes = coded.ids.tobytes(), coded.codes.tobytes()
    return [_BLOCK.pack(coded.number, n, size, _checksum(coded.number, n, size, ids, codes)), ids, codes]


def _checksum(number: int, n: int, size: int, *bodies: bytes) -> int:
    """The CRC-32 of a block with its head: no code may come out under another list's number."""
    checksum = zlib.crc32(struct.pack("<III", number, n, size))
    for body in bodies:
        checksum = zlib.crc32(body, checksum)
    return checksum


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A list where it stands in a file; what is in one that is not sound may be anything."""

    position: int
    coded: CodedList
    is_sound: bool


def _blocks(file: BinaryIO) -> Iterator[Block]:
    """Each block. One whose length cannot be right is empty and not sound, and there is no other after it."""
    n_bytes = _size(file)
    while (position := file.tell()) < n_bytes:
        head = file.read(_BLOCK.size)
        number, n, size, checksum = _BLOCK.unpack(head.ljust(_BLOCK.size, b"\0"))
        n_body = n * (8 * _IDS + size)
        if len(head) < _BLOCK.size or file.tell() + n_body > n_bytes:
            yield Block(position, _coded(number, 0, 0, b""), is_sound=False)
            return
        body = file.read(n_body)
        yield Block(position, _coded(number, n, size, body), is_sound=_checksum(number, n, size, body) == checksum)


def _size(file: BinaryIO) -> int:
    position = file.tell()
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(position)
    return n_bytes


def _coded(number: int, n: int, size: int, body: bytes) -> CodedList:
    ids: Ids = np.frombuffer(body, np.int64, n * _IDS).reshape(_IDS, n)
    return CodedList(number, ids, np.frombuffer(body, np.uint8, offset=8 * n * _IDS).reshape(n, size))


def _wiped(coded: CodedList, is_gone: "np.typing.NDArray[np.bool_]") -> CodedList:
    return CodedList(coded.number, np.where(is_gone, 0, coded.ids), np.where(is_gone[:, np.newaxis], 0, coded.codes))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
