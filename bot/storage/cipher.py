"""The key of an encrypted database, and what SQLCipher is told of it."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.errors import DataKeyUnfit

SEALED_PAGE_SIZE = 4_096  # a page is deciphered as a whole: of smaller ones less is for the one row that is wanted
_SALT_BYTES = 16  # with which an encrypted file begins
_PLAIN = b"SQLite format 3\0"  # with which any other begins
_N_VALUES = 256  # of a byte, all of which are in so much of a cipher, and hardly in anything else
_LOOKED_AT = 16_384
_ITSELF = re.compile("[0-9A-Fa-f]{64}")
_ROUNDS = 256_000  # SQLCipher's own number
# Nothing in an encrypted file says how it was made: a later SQLCipher may make new ones in another way.
_FORMAT = ("cipher_compatibility = 4", f"cipher_page_size = {SEALED_PAGE_SIZE}")


@dataclass(frozen=True, slots=True)
class FileKey:
    """The key of one file: 32 bytes that nobody finds without the DataKey, and the salt with which the file begins."""

    secret: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def spelled(self) -> str:
        """As SQLCipher takes it."""
        return f"x'{self.secret.hex()}{self.salt.hex()}'"


class DataKey:
    """What opens an encrypted database and what is kept beside it.

    64 hexadecimal digits are the key itself. Anything else is a passphrase, of which SQLCipher's own derivation
    (PBKDF2 of HMAC-SHA512, 256,000 rounds, the salt of the file) makes the key. It is done here, since SQLCipher would
    do it for each connection; its own tools open the file with the passphrase nevertheless.
    """

    def __init__(self, text: str) -> None:
        self._itself = bytes.fromhex(text) if _ITSELF.fullmatch(text) else None
        self._passphrase = text.encode()

    def of(self, path: Path) -> FileKey:
        """The key of a file, with a salt of its own where it is empty yet.

        Asked for before anything in this process has the file open: closing it frees all locks that the process has
        on it, those of SQLite among them.
        """
        salt = _beginning(path, _SALT_BYTES) or os.urandom(_SALT_BYTES)
        if self._itself is not None:
            return FileKey(self._itself, salt)
        return FileKey(hashlib.pbkdf2_hmac("sha512", self._passphrase, salt, _ROUNDS, 32), salt)


def data_key(text: str | None) -> DataKey | None:
    """The key that an operator has set, if any."""
    return None if text is None else DataKey(text)


def file_key(path: Path, key: DataKey | None) -> FileKey | None:
    return None if key is None else key.of(path)


def unlock(connection: Any, key: FileKey) -> None:  # noqa: ANN401  # sqlcipher3 ships no types
    """Tell a connection that was just opened the key; whether it is the right one shows at the first reading."""
    connection.execute("PRAGMA cipher_log_level = NONE")  # which would write to standard error where a key is wrong
    connection.execute(f'PRAGMA key = "{key.spelled}"')
    for pragma in _FORMAT:
        connection.execute(f"PRAGMA {pragma}")


def attach(connection: Any, path: Path, key: FileKey | None, *, plain_page_size: int) -> None:  # noqa: ANN401
    """Attach an empty file as `copy`, to be encrypted or, without a key, not."""
    spelled = "" if key is None else key.spelled
    connection.execute("ATTACH DATABASE ? AS copy KEY ?", (f"{path.absolute().as_uri()}?mode=rw", spelled))
    for pragma in (f"page_size = {plain_page_size}",) if key is None else _FORMAT:
        connection.execute(f"PRAGMA copy.{pragma}")


def is_plain(path: Path) -> bool:
    """Whether a file is a database that is not encrypted."""
    return _beginning(path, len(_PLAIN)) == _PLAIN


def refuse_unfit(path: Path, *, has_key: bool) -> None:
    """Tell of a file that could not be read as a database if that is for want of the right key. Raises DataKeyUnfit."""
    if has_key and is_plain(path):
        raise DataKeyUnfit(path, "not_encrypted")
    if len(set(_beginning(path, _LOOKED_AT))) == _N_VALUES:
        raise DataKeyUnfit(path, "wrong" if has_key else "missing")


def _beginning(path: Path, n_bytes: int) -> bytes:
    """What a file begins with; nothing where that cannot be read, which SQLite will tell."""
    try:
        with path.open("rb") as file:
            return file.read(n_bytes)
    except OSError:
        return b""
