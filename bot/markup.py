"""Discord's markup in texts, put as people see it."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

_MARKUP = re.compile(
    r"<(?:(?P<mention>@[!&]?|\#)(?P<id>\d{15,20})"
    r"|a?:(?P<emoji>\w{2,32}):\d{15,20}"
    r"|t:(?P<moment>-?\d{1,13})(?::[tTdDfFR])?"
    r"|(?P<command>/[^:<>]{1,100}):\d{15,20}"
    r"|id:(?P<place>customize|browse|guide|home|linked-roles)(?::\d{15,20})?)>"
)
_UNKNOWN = MappingProxyType({"@": "@someone", "@!": "@someone", "@&": "@role", "#": "#channel"})
_QUOTED = re.compile(r"^>(?:>>)? .*$", re.MULTILINE)
_REST_QUOTED = re.compile(r"^>>> .*\Z", re.MULTILINE | re.DOTALL)
_NO_NAMES: Mapping[int, str] = MappingProxyType({})

# What cameras, phones and programs call pictures by themselves, which tells nothing of what is in them.
_NAMELESS = frozenset(
    """spoiler image img imagem unknown untitled screen shot screenshot screenshots bildschirmfoto photo foto video vid
    movie clip file attachment download cached temp tmp dsc dscn dscf pxl mvimg mov received voice message audio
    recording new copy whatsapp signal snapchat capture スクリーンショット 画像""".split()  # noqa: SIM905  # read as a text
)
_RUNS, _LETTERS, _HEX = re.compile(r"[^\W_]+"), re.compile(r"[^\W\d_]+"), re.compile(r"[0-9a-f]{8,}")
_LONGEST_NAME = 255
_LEAST_LETTERS = 3  # of Latin, Greek or Cyrillic; other scripts say something with one


def readable(content: str, names: Mapping[int, str] = _NO_NAMES) -> str:
    """A text as a reader sees it: mentions by name, emoji and commands by theirs, moments in UTC.

    `names` are those of members, roles and channels, by id. Who is not among them is someone.
    """
    if "<" not in content:
        return content
    return _MARKUP.sub(lambda match: _seen(match, names), content)


def _seen(match: re.Match[str], names: Mapping[int, str]) -> str:
    if mention := match["mention"]:
        name = names.get(int(match["id"]))
        return f"{mention[0]}{name}" if name else _UNKNOWN[mention]
    if emoji := match["emoji"]:
        return f":{emoji}:"
    if moment := match["moment"]:
        return _moment(int(moment)) or match[0]
    return match["command"] or f"#{match['place']}"


def _moment(seconds: int) -> str | None:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return None


def without_quotes(content: str) -> str:
    """A text without the lines that repeat what somebody else said."""
    if ">" not in content:
        return content
    return _QUOTED.sub("", _REST_QUOTED.sub("", content))


def is_telling(file_name: str) -> bool:
    """Whether a file's name says what is in it, by a word that no camera and no program gives."""
    stem = file_name[:_LONGEST_NAME].casefold().rpartition(".")[0] or file_name[:_LONGEST_NAME].casefold()
    runs = [run for run in _RUNS.findall(stem) if not (_HEX.fullmatch(run) and not run.isalpha())]
    return any(map(_is_word, (letters for run in runs for letters in _LETTERS.findall(run))))


def _is_word(letters: str) -> bool:
    is_long = len(letters) >= _LEAST_LETTERS or letters[0] > "\u1fff"
    return is_long and letters not in _NAMELESS


def joined(texts: Iterable[str | None]) -> str:
    """Texts below one another, each of them once."""
    return "\n".join(dict.fromkeys(stripped for text in texts if text and (stripped := text.strip())))
