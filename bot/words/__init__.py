"""The words that people read, one catalogue a language; errors become sentences here and nowhere else."""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from bot.errors import BotError

DEFAULT = "en"
LANGUAGES = (DEFAULT, "ja")


class Words:
    """One language's catalogue. A missing key is a mistake of ours and raises KeyError."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = catalogue(language)

    def __call__(self, key: str, /, **values: object) -> str:
        """The text under a dotted key, with values put in."""
        text: Any = self._catalogue
        for part in key.split("."):
            text = text[part]
        return str(text).format_map(values)

    def act(self, key: str, /, **detail: object) -> str:
        """What was done, of the acts that the audit knows."""
        return self(f"audit.acts.{key}", **self._with_kind(detail))

    def error_on_discord(self, error: BotError) -> str:
        """One sentence about an error for people who cannot reach the terminal."""
        own = self._catalogue["discord"]["errors"].get(type(error).__name__)
        return self.error(error) if own is None else own.format_map(error.values)

    def error(self, error: BotError) -> str:
        """One sentence about an error: what is the matter and what to do."""
        values = dict(error.values)
        for key in ("reason", "code"):
            # Reasons that we name ourselves have words of their own; those of libraries are told as they are.
            told = self._catalogue["reasons"].get(f"{type(error).__name__}.{values.get(key)}")
            if told is not None:
                values[key] = told.format_map(values)
        for name, value in values.items():
            if isinstance(value, tuple):
                values[name] = "\n".join(f"  {line}" for line in value)
        return self(f"errors.{type(error).__name__}", **self._with_kind(values))

    def _with_kind(self, values: dict[str, object]) -> dict[str, object]:
        """The values with the words for a kind of messages, if there is one among them."""
        return values | {"kind": self(f"kinds.{values['kind']}")} if "kind" in values else values


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """A language's texts as they stand in its file."""
    return tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text("utf-8"))


def words_for_terminal(environment: Mapping[str, str] = os.environ) -> Words:
    """The words in the language of the terminal, as LC_ALL, LC_MESSAGES or LANG say; English if none is known."""
    return words_for(next((v for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (v := environment.get(name))), ""))


def words_for(locale: str) -> Words:
    """The words in the language of a locale such as ja_JP.UTF-8 or en-US; English if there are none."""
    language = locale[:2].lower()
    return Words(language if language in LANGUAGES else DEFAULT)
