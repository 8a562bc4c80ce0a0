"""Files that only who has their key can read, and that are read and written at any place like all others.

Such a file is a magic word, a salt, and sectors. Each sector is sealed by itself with AES-256-GCM, under its number, so
that none is taken for another; each time that it is written it gets a new random nonce. A file that is written anew
gets a new salt, and with it a key of its own (HKDF), for which the random nonces suffice by far.
"""

import io
import os
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.index.cache import open_plain

_MAGIC = b"SIMBOT-SEALED-1\n"
_SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 32, 12, 16
_BEGIN = len(_MAGIC) + _SALT_BYTES
_SECTOR = 65_536
_SEALED = _NONCE_BYTES + _SECTOR + _TAG_BYTES
_PURPOSE = b"similar-bot: files of the mirror"


class Seal:
    """Opens the files of one key; `secret` is 32 bytes that nobody can guess."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def open(self, path: Path, mode: str) -> BinaryIO:
        """As open_plain. A file of another key, or a damaged sector of one, reads as zeros."""
        is_new = mode == "wb"
        file = open_plain(path, "w+b" if is_new else mode)
        try:
            return io.BufferedRandom(_Sectors(file, self._secret, is_new=is_new), _SECTOR)
        except BaseException:
            file.close()
            raise


class _Sectors(io.RawIOBase):
    """The contents of a sealed file, which is written from its beginning on, without holes.

    Each call reads or writes a sector at most.
    """

    def __init__(self, file: BinaryIO, secret: bytes, *, is_new: bool) -> None:
        self._file = file
        self._position = 0
        self._held = (-1, b"")  # the sector that was read last, since others begin in the middle of it
        salt = os.urandom(_SALT_BYTES)
        if is_new:
            file.write(_MAGIC + salt)
            self._is_ours = True
        else:
            self._is_ours = file.read(len(_MAGIC)) == _MAGIC
            salt = file.read(_SALT_BYTES)
        key = HKDF(SHA256(), 32, salt=salt, info=_PURPOSE).derive(secret)
        self._cipher = AESGCM(key)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size()}[whence]
        return self._position

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]  # any buffer, which has no name before 3.12
        number, start = divmod(self._position, _SECTOR)
        found = self._sector(number)[start : start + len(buffer)]
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def write(self, content: bytes, /) -> int:  # type: ignore[override]
        number, start = divmod(self._position, _SECTOR)
        part = bytes(content[: _SECTOR - start])
        before = self._sector(number)
        self._seal(number, before[:start].ljust(start, b"\0") + part + before[start + len(part) :])
        self._position += len(part)
        return len(part)

    def truncate(self, size: int | None = None, /) -> int:
        size = self._position if size is None else size
        number, n_left = divmod(size, _SECTOR)
        kept = self._sector(number)[:n_left]
        self._file.truncate(_BEGIN + number * _SEALED)
        self._held = (-1, b"")
        if kept:
            self._seal(number, kept)
        return size

    def _size(self) -> int:
        n_bytes = max(self._file.seek(0, os.SEEK_END) - _BEGIN, 0)
        n_whole, n_left = divmod(n_bytes, _SEALED)
        return n_whole * _SECTOR + max(n_left - _NONCE_BYTES - _TAG_BYTES, 0) if self._is_ours else 0

    def _sector(self, number: int) -> bytes:
        """What is in a sector, which may be nothing."""
        if self._held[0] != number:
            self._held = (number, self._unsealed(number) if self._is_ours else b"")
        return self._held[1]

    def _unsealed(self, number: int) -> bytes:
        self._file.seek(_BEGIN + number * _SEALED)
        sealed = self._file.read(_SEALED)
        n_bytes = max(len(sealed) - _NONCE_BYTES - _TAG_BYTES, 0)
        if not n_bytes:
            return b""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], number.to_bytes(8))
        except InvalidTag:
            return bytes(n_bytes)

    def _seal(self, number: int, content: bytes) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        self._held = (-1, b"")
        self._file.seek(_BEGIN + number * _SEALED)
        self._file.write(nonce + self._cipher.encrypt(nonce, content, number.to_bytes(8)))
        self._file.flush()
        self._held = (number, content)
