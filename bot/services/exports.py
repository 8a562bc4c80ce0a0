"""DiscordChatExporter's JSON, old and new, read as a stream whose memory does not grow with the file."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import ijson
import numpy as np

from bot.errors import ImportFileRefused, SnowflakeInvalid
from bot.markup import is_telling, joined
from bot.messages import Channel, ChannelKind, Message, Origin, Server
from bot.times import snowflake

_MAX_BYTES_A_MESSAGE = 8 * 2**20
_MAX_DEPTH = 500
_READ_BYTES = 2**16

_STRING = re.compile(rb'"[^"]*(?:"|\Z)')  # or the beginning of one that goes on in the next piece
_NOT_MARKS = bytes(c for c in range(256) if c not in b'"[]{}')
_BEGINNINGS = MappingProxyType(
    {
        b"\x1f\x8b": "gzip",
        b"PK\x03\x04": "zip",
        b"\xff\xfe": "utf16",
        b"\xfe\xff": "utf16",
        b"<": "html",
    }
)
_BOM = b"\xef\xbb\xbf"

# Types of messages that people wrote; every other one is a notice of Discord's (or one that nobody knows yet).
_WRITTEN = frozenset({"Default", "Reply", "19", "20", "23"})
_KINDS = MappingProxyType(
    {
        "GuildTextChat": ChannelKind.TEXT,
        "GuildNews": ChannelKind.TEXT,
        "GuildVoiceChat": ChannelKind.VOICE,
        "GuildStageVoice": ChannelKind.VOICE,
        "GuildForum": ChannelKind.FORUM,
        "GuildPublicThread": ChannelKind.THREAD,
        "GuildNewsThread": ChannelKind.THREAD,
        "GuildPrivateThread": ChannelKind.PRIVATE_THREAD,
    }
)


@dataclass(frozen=True, slots=True)
class Export:
    """Where an export's messages stand."""

    server: Server
    channel: Channel


class ExportFile:
    """One export, open; `position` tells how many bytes were read."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._guarded = _Guarded(path, file)
        self.export = self._head()

    @property
    def position(self) -> int:
        return self._guarded.position

    def messages(self) -> Iterator[Message | str]:
        """The messages in the file's order; for one that cannot be read, why, as a key of the words.

        Raises ImportFileRefused when the rest of the file cannot be read.
        """
        self._guarded.rewind()
        now = datetime.now(UTC)
        with self._refusals():
            for value in ijson.items(self._guarded, "messages.item", use_float=True, buf_size=_READ_BYTES):
                self._guarded.passed()
                yield self._message(value, now)

    def _head(self) -> Export:
        """Server and channel, which stand before the messages."""
        head: dict[str, dict[str, Any]] = {"guild": {}, "channel": {}}
        with self._refusals():
            for prefix, event, value in ijson.parse(self._guarded, use_float=True, buf_size=_READ_BYTES):
                if (prefix, event) == ("messages", "start_array"):
                    return self._placed(head)
                if (prefix, event) == ("", "start_array"):
                    break
                name, _, key = prefix.partition(".")
                if name in head and key and event in ("string", "number", "null"):
                    head[name][key] = value
        raise ImportFileRefused(self._path, "not_an_export")

    def _placed(self, head: Mapping[str, Mapping[str, Any]]) -> Export:
        guild, channel = head["guild"], head["channel"]
        if not guild or not channel:
            raise ImportFileRefused(self._path, "not_an_export")
        if str(guild.get("id")) == "0":
            raise ImportFileRefused(self._path, "direct_messages")
        kind = _KINDS.get(str(channel.get("type")), ChannelKind.OTHER)
        if kind is ChannelKind.PRIVATE_THREAD:
            raise ImportFileRefused(self._path, "private_thread")
        try:
            guild_id, channel_id = snowflake(guild.get("id")), snowflake(channel.get("id"))
        except SnowflakeInvalid as error:
            raise ImportFileRefused(self._path, "bad_id", detail=repr(error.value)[:40]) from error
        return Export(
            Server(guild_id, str(guild.get("name") or "")),
            Channel(
                guild_id,
                channel_id,
                str(channel.get("name") or ""),
                kind,
                _id_or_none(channel.get("categoryId")),
            ),
        )

    def _message(self, value: object, now: datetime) -> Message | str:
        if not isinstance(value, dict):
            return "unreadable"
        try:
            message_id = snowflake(value.get("id"), now=now)
        except SnowflakeInvalid:
            return "bad_id"
        author = value.get("author")
        if not isinstance(author, dict):
            author = {}
        return Message(
            message_id=message_id,
            guild_id=self.export.server.guild_id,
            channel_id=self.export.channel.channel_id,
            author_id=_id_or_none(author.get("id")) or 0,
            author_name=str(author.get("nickname") or author.get("name") or ""),
            content=_content(value),
            edited_at=_moment(value.get("timestampEdited")),
            origin=Origin.EXPORT,
            is_bot=bool(author.get("isBot")),
            is_notice=str(value.get("type", "Default")) not in _WRITTEN,
            attached=_attached(value) or None,
            reply_to=_answered(value, self.export.channel.channel_id),
        )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except ijson.JSONError as error:
            cut = self._guarded.has_ended
            detail = f"byte {self._guarded.position:,}" if cut else _first_line(error, self._guarded.position)
            raise ImportFileRefused(self._path, "cut" if cut else "not_json", detail=detail) from error
        except UnicodeDecodeError as error:
            # Half of a surrogate pair, escaped: the parser passes it on and cannot read it itself.
            detail = f"half a character, before byte {self._guarded.position:,}"
            raise ImportFileRefused(self._path, "not_json", detail=detail) from error


@contextmanager
def open_export(path: Path) -> Iterator[ExportFile]:
    """An export file, refused when it is something else or when it changed while it was read.

    Raises ImportFileRefused.
    """
    try:
        if path.is_symlink() and not _is_inside(path):
            raise ImportFileRefused(path, "link")
        if not path.is_file():
            raise ImportFileRefused(path, "no_file" if not path.exists() else "not_a_file")
        with path.open("rb") as file:
            before = path.stat()
            yield ExportFile(path, file)
            after = path.stat()
    except OSError as error:
        raise ImportFileRefused(path, "unreadable", detail=error.strerror or "") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ImportFileRefused(path, "changed")


def _is_inside(link: Path) -> bool:
    """Whether a link leads to where it stands; one that leads in a circle leads nowhere."""
    try:
        return link.resolve().is_relative_to(link.parent.resolve())
    except RuntimeError:
        return False


class _Guarded:
    """A file for the parser, which itself bounds neither depth nor the size of a value."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        beginning = file.read(4)
        if not beginning:
            raise ImportFileRefused(path, "empty")
        for magic, reason in _BEGINNINGS.items():
            if beginning.startswith(magic):
                raise ImportFileRefused(path, reason)
        self._start = len(_BOM) if beginning.startswith(_BOM) else 0
        self.rewind()

    def rewind(self) -> None:
        self._file.seek(self._start)
        self.position = self._start
        self._passed = self.position
        self.has_ended = False
        self._depth = 0
        self._in_string = b""

    def passed(self) -> None:
        """A whole message came out of what was read so far."""
        self._passed = self.position

    def read(self, size: int = -1) -> bytes:
        read = self._file.read(size)
        self.has_ended = not read
        self.position += len(read)
        if self.position - self._passed > _MAX_BYTES_A_MESSAGE:
            raise ImportFileRefused(self._path, "too_large", detail=f"byte {self._passed:,}")
        self._check_depth(read)
        return read

    def _check_depth(self, read: bytes) -> None:
        """Count brackets outside strings; a string that is open at the end goes on in the next piece."""
        text = self._in_string + read
        n_backslashes = len(text) - len(text.rstrip(b"\\"))
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
        # Strings without brackets are nearly all. Two that come to stand side by side become one, and hide as many.
        marks = text.translate(None, _NOT_MARKS).replace(b'""', b"")
        self._in_string = b'"' + b"\\" * (n_backslashes % 2) if marks.count(b'"') % 2 else b""
        brackets = np.frombuffer(_STRING.sub(b"", marks), np.uint8)
        if not len(brackets):
            return
        depths = self._depth + np.cumsum(np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1))
        if depths.max() > _MAX_DEPTH:
            raise ImportFileRefused(self._path, "too_deep", detail=f"byte {self.position:,}")
        self._depth = int(depths[-1])


def _id_or_none(value: object) -> int | None:
    try:
        return snowflake(value)
    except SnowflakeInvalid:
        return None


def _attached(value: Mapping[str, Any]) -> str:
    """What can be read of what came with a message, or with the one that it forwards."""
    texts: list[str] = []
    for source in (value, value.get("forwardedMessage")):
        if isinstance(source, dict):
            for embed in _objects(source, "embeds"):
                texts += [str(embed.get("title") or ""), str(embed.get("description") or "")]
            names = (str(file.get("fileName") or "") for file in _objects(source, "attachments"))
            texts += filter(is_telling, names)
    return joined(texts)


def _objects(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [one for one in found if isinstance(one, dict)] if found and isinstance(found, list) else []


def _answered(value: Mapping[str, Any], channel_id: int) -> int | None:
    """The message in the same channel that this one answers; what is forwarded is referred to as well."""
    reference = value.get("reference")
    if not isinstance(reference, dict) or reference.get("type") == "Forward":
        return None
    if _id_or_none(reference.get("channelId")) not in (None, channel_id):
        return None
    return _id_or_none(reference.get("messageId"))


def _content(value: Mapping[str, Any]) -> str:
    """The text, or that of the message that was forwarded with no text of its own."""
    if content := value.get("content"):
        return str(content)
    forwarded = value.get("forwardedMessage")
    return str(forwarded.get("content") or "") if isinstance(forwarded, dict) else ""


def _moment(text: object) -> datetime | None:
    """A time of the export, where it can be understood: a broken one is no reason to lose a message."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _first_line(error: Exception, position: int) -> str:
    reason = re.split(r"\n|\\n", str(error).strip())[0].strip("b'\"")
    return f"{reason}, before byte {position:,}"
