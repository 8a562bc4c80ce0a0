"""What can go wrong in a way that a person can mend.

Each error carries values, not words; the words stand in `bot/words/`, in every language, under the class's name.
"""

from dataclasses import dataclass, fields
from pathlib import Path


class BotError(Exception):
    """The root of the tree; everything below is told to the person in one sentence."""

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{type(self).__name__}({values})"

    @property
    def values(self) -> dict[str, object]:
        """The error's fields by name, as its words use them."""
        return {}


@dataclass(eq=False)
class _Valued(BotError):
    @property
    def values(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(eq=False)
class _AtPath(_Valued):
    path: Path


@dataclass(eq=False)
class _AtPathFor(_AtPath):
    reason: str


@dataclass(eq=False)
class SettingsInvalid(_Valued):
    """Settings that cannot be used; `problems` has one line a setting, each beginning with its name."""

    problems: tuple[str, ...]


# --- the data folder and the database


@dataclass(eq=False)
class DataFolderInUse(_Valued):
    """Another process writes to the data folder."""

    path: Path
    pid: int
    verb: str


class DataFolderUnusable(_AtPathFor):
    """The data folder cannot be made or written to."""


class DatabaseUnusable(_AtPathFor):
    """The file is no database, is damaged, or cannot be opened."""


class DatabaseForeign(_AtPath):
    """The file is a database, but another program's."""


@dataclass(eq=False)
class DatabaseTooNew(_Valued):
    """The database was written by a newer version; it is left untouched."""

    path: Path
    found: int
    known: int


@dataclass(eq=False)
class DatabaseTooOld(_Valued):
    """A reader may not migrate; a writing verb does."""

    path: Path
    found: int
    known: int


@dataclass(eq=False)
class StorageFailed(_Valued):
    """SQLite refused a statement; the transaction was rolled back."""

    reason: str


@dataclass(eq=False)
class DatabaseLocked(StorageFailed):
    """Another process kept the database locked for longer than one waits."""

    path: Path


class DatabaseInPlace(_AtPath):
    """A database that holds messages, or cannot be read, stands where a backup should go."""


class NothingToBackUp(_AtPath):
    """There is no database yet."""


class BackupExists(_AtPath):
    """What should become a backup is there already."""


class BackupFailed(_AtPathFor):
    """A backup could not be written, or what was written is not sound."""


class BackupUnusable(_AtPathFor):
    """A file that should be restored cannot be read, is damaged, or another program's."""


# --- embeddings and the index


@dataclass(eq=False)
class EmbeddingError(_Valued):
    """No usable vectors came back.

    `retryable` says whether the same call may succeed later. `blames_input` says that the server refused
    these texts as such, so that a smaller batch may succeed. `code` names the reason for words and logs.
    """

    code: str
    detail: str
    retryable: bool = False
    blames_input: bool = False
    retry_after: float | None = None


@dataclass(eq=False)
class BudgetSpent(EmbeddingError):
    """What embeddings may cost in a month is used up; nothing is asked of the embedder until the next one."""

    code: str = "budget_spent"
    detail: str = ""


@dataclass(eq=False)
class DimensionError(_Valued):
    """A vector of the wrong dimension met an index or a generation."""

    expected: int
    got: int


@dataclass(eq=False)
class IndexUnsuitable(_Valued):
    """A factory string that Faiss does not know, or whose index cannot keep the contract."""

    factory: str
    reason: str


# --- questions


class NothingToCompare(BotError):
    """The question has no text that could be compared."""


@dataclass(eq=False)
class MessageNotFound(_Valued):
    """The message does not exist, or the asker may not see it: the two are told alike."""

    message_id: int


@dataclass(eq=False)
class MessageNotEmbedded(_Valued):
    """The message is stored, but has no vector yet."""

    message_id: int


@dataclass(eq=False)
class OtherGeneration(_Valued):
    """Vectors are stored, but none of the model that is set."""

    stored: tuple[str, ...]
    wanted: str


@dataclass(eq=False)
class MomentInvalid(_Valued):
    """Neither a date nor an age."""

    text: str


@dataclass(eq=False)
class SnowflakeInvalid(_Valued):
    """Not a Discord id."""

    value: object
    reason: str


# --- Discord


class DiscordTokenRefused(BotError):
    """Discord does not know the token."""


class DiscordIntentMissing(BotError):
    """Message Content is not switched on for the application."""


@dataclass(eq=False)
class DiscordUnreachable(_Valued):
    """No connection to Discord came about."""

    reason: str


@dataclass(eq=False)
class HistoryUnavailable(_Valued):
    """A channel's history cannot be read, now or any more."""

    reason: str


@dataclass(eq=False)
class HistoryDelayed(_Valued):
    """A channel's history cannot be read at this moment, but perhaps after some seconds."""

    reason: str
    seconds: float = 0.0


class NotInServer(BotError):
    """A command came from a place where the bot is no member: a direct message or a foreign server."""


class NotOffered(BotError):
    """The operator has named the servers that may use the bot, and this is none of them."""


class NotAllowed(BotError):
    """The member lacks Manage Server."""


class MayNotWrite(BotError):
    """The member may not write where they want to share an answer."""


class BotMayNotRead(BotError):
    """The bot lacks View Channel or Read Message History in the channel."""


class AnswerExpired(BotError):
    """The answer is older than it is kept, or there never was one."""


class AnswerOfAnother(BotError):
    """The answer was given to another member."""


class NothingToShare(BotError):
    """Of what is shown, nothing may be read by everyone in the channel."""


@dataclass(eq=False)
class TooManyQuestions(_Valued):
    """A member asks more often than one server can answer all."""

    seconds: int


# --- import files


@dataclass(eq=False)
class ImportFileRefused(_Valued):
    """A file that is no usable export. `reason` is a key below `refused` in the words."""

    path: Path
    reason: str
    detail: str = ""


@dataclass(eq=False)
class DatasetUnusable(_Valued):
    """Questions with known answers that cannot be read. `reason` is a key below `reasons` in the words."""

    path: Path
    reason: str
    detail: str = ""
