"""Discord's documented rules that its OpenAPI file does not express, each with where it is documented."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from standin.messages import COMPONENTS_V2

Json = dict[str, Any]
MESSAGE_RESOURCE = "docs: Resources/Message, Create Message"
EMBED_LIMITS = "docs: Resources/Message, Embed Limits"
COMPONENTS = "docs: Components/Reference"
COMMANDS = "docs: Interactions/Application Commands"
SLASH_NAME = re.compile(r"^[-_'\w\u0900-\u097F\u0E00-\u0E7F]{1,32}$")
SUBCOMMANDS = frozenset({1, 2})
ROW, MAX_ROWS, MAX_COMPONENTS = 1, 5, 40
MAX_CONTENT, MAX_EMBEDS_TEXT, MAX_COMMAND = 2_000, 6_000, 8_000


@dataclass(frozen=True)
class Rule:
    """A rule: `breaks` is true of the bodies (or commands) that Discord refuses with `code`."""

    name: str
    source: str
    breaks: Callable[[Json], bool]
    code: int = 50035


def _length_of_embeds(body: Json) -> int:
    total = 0
    for embed in body.get("embeds") or []:
        texts = [embed.get("title"), embed.get("description")]
        texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
        texts += [field[part] for field in embed.get("fields") or [] for part in ("name", "value")]
        total += sum(len(text) for text in texts if text)
    return total


def nodes(components: Any) -> Iterator[Json]:
    """Every component of a tree."""
    for node in components or []:
        yield node
        yield from nodes(node.get("components"))
        yield from (node[key] for key in ("accessory", "component") if isinstance(node.get(key), dict))


def _custom_ids(body: Json) -> list[str]:
    return [node["custom_id"] for node in nodes(body.get("components")) if "custom_id" in node]


def _is_v2(body: Json) -> bool:
    return bool((body.get("flags") or 0) & COMPONENTS_V2)


def is_empty(body: Json) -> bool:
    """Whether a message would show nothing."""
    shown = ("content", "embeds", "components", "attachments", "sticker_ids", "poll")
    return not any(body.get(key) for key in shown) and (body.get("message_reference") or {}).get("type") != 1


MESSAGE_RULES = (
    Rule(
        "content is at most 2000 characters long",
        MESSAGE_RESOURCE,
        lambda body: len(body.get("content") or "") > MAX_CONTENT,
    ),
    Rule(
        "the embeds of a message hold at most 6000 characters together",
        EMBED_LIMITS,
        lambda body: _length_of_embeds(body) > MAX_EMBEDS_TEXT,
    ),
    Rule(
        "a custom_id is unique in its message",
        COMPONENTS,
        lambda body: len(_custom_ids(body)) != len(set(_custom_ids(body))),
    ),
    Rule(
        "a message without Components V2 has rows only, at most 5",
        COMPONENTS,
        lambda body: (
            not _is_v2(body)
            and (
                len(body.get("components") or []) > MAX_ROWS
                or any(node.get("type") != ROW for node in body.get("components") or [])
            )
        ),
    ),
    Rule(
        "a message with Components V2 has neither content nor embeds",
        COMPONENTS,
        lambda body: _is_v2(body) and any(body.get(key) for key in ("content", "embeds", "poll", "sticker_ids")),
    ),
    Rule(
        "a message has at most 40 components",
        COMPONENTS,
        lambda body: sum(1 for _ in nodes(body.get("components"))) > MAX_COMPONENTS,
    ),
)
EMPTY = Rule("a message shows something", MESSAGE_RESOURCE, is_empty, 50006)


def _options(command: Json) -> Iterator[Json]:
    for option in command.get("options") or []:
        yield option
        yield from _options(option)


def _length_of(command: Json) -> int:
    """Characters of the names, descriptions and choice values of a command and its options, as Discord counts."""
    total = len(command.get("name") or "") + len(command.get("description") or "")
    for choice in command.get("choices") or []:
        total += len(choice["name"]) + (len(choice["value"]) if isinstance(choice["value"], str) else 0)
    return total + sum(_length_of(option) for option in command.get("options") or [])


def _is_slash(command: Json) -> bool:
    return command.get("type") in (1, None)


def _is_badly_named(name: str) -> bool:
    return SLASH_NAME.fullmatch(name) is None or name != name.lower()


def _has_required_after_optional(command: Json) -> bool:
    """True of a command or a subcommand in it."""
    options = command.get("options") or []
    required = [bool(option.get("required")) for option in options if option["type"] not in SUBCOMMANDS]
    return required != sorted(required, reverse=True) or any(_has_required_after_optional(each) for each in options)


def _has_twins(command: Json) -> bool:
    names = [option["name"] for option in command.get("options") or []]
    return len(names) != len(set(names)) or any(_has_twins(each) for each in command.get("options") or [])


COMMAND_RULES = (
    Rule(
        "the name of a slash command or option is lower case, of letters, digits, - and _",
        f"{COMMANDS}, Naming",
        lambda command: (
            _is_slash(command) and any(_is_badly_named(each["name"]) for each in (command, *_options(command)))
        ),
    ),
    Rule(
        "required options come before optional ones",
        f"{COMMANDS}, Option Structure",
        _has_required_after_optional,
    ),
    Rule(
        "the texts of a command are at most 8000 characters long together",
        f"{COMMANDS}, Limits",
        lambda command: _length_of(command) > MAX_COMMAND,
    ),
    Rule(
        "a slash command has a description, a menu none",
        f"{COMMANDS}, Command Structure",
        lambda command: _is_slash(command) != bool(command.get("description")),
    ),
    Rule("options of a command have different names", f"{COMMANDS}, Option Structure", _has_twins),
    Rule(
        "an option has choices or autocomplete, not both",
        f"{COMMANDS}, Option Structure",
        lambda command: any(option.get("autocomplete") and option.get("choices") for option in _options(command)),
    ),
)


def broken_by(body: Json, rules: tuple[Rule, ...]) -> Rule | None:
    """The first rule that a body breaks."""
    return next((rule for rule in rules if rule.breaks(body)), None)
