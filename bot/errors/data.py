"""What can be wrong with settings, the data folder, the database and its copies."""

from dataclasses import dataclass
from pathlib import Path

from bot.errors.base import AtPath, AtPathBecause, Valued


@dataclass(eq=False)
class SettingsInvalid(Valued):
    """Settings that cannot be used; `problems` has one line a setting, each beginning with its name."""

    problems: tuple[str, ...]


@dataclass(eq=False)
class DataFolderInUse(Valued):
    """Another process writes to the data folder."""

    path: Path
    pid: int
    verb: str


class DataFolderUnusable(AtPathBecause):
    """The data folder cannot be made or written to."""


class DatabaseUnusable(AtPathBecause):
    """The file is no database, is damaged, or cannot be opened."""


class DatabaseForeign(AtPath):
    """The file is a database, but another program's."""


@dataclass(eq=False)
class DatabaseTooNew(Valued):
    """The database was written by a newer version; it is left untouched."""

    path: Path
    found: int
    known: int


@dataclass(eq=False)
class DatabaseTooOld(Valued):
    """A reader may not migrate; a writing verb does."""

    path: Path
    found: int
    known: int


@dataclass(eq=False)
class StorageFailed(Valued):
    """SQLite refused a statement; the transaction was rolled back."""

    reason: str


@dataclass(eq=False)
class DatabaseLocked(StorageFailed):
    """Another process kept the database locked for longer than one waits."""

    path: Path


class DatabaseInPlace(AtPath):
    """A database that holds messages, or cannot be read, stands where a backup should go."""


class NothingToBackUp(AtPath):
    """There is no database yet."""


class BackupExists(AtPath):
    """What should become a backup is there already."""


class BackupFailed(AtPathBecause):
    """A backup could not be written, or what was written is not sound."""


class BackupUnusable(AtPathBecause):
    """A file that should be restored cannot be read, is damaged, or another program's."""


class DataKeyUnfit(AtPathBecause):
    """A database and the key that is set, or not set, do not belong together; `reason` is a key of the words."""


@dataclass(eq=False)
class ConversionFailed(AtPathBecause):
    """A database was not encrypted or decrypted, and is as it was."""

    detail: str = ""


class PictureUnwritable(AtPathBecause):
    """A picture could not be written where it was wanted."""
