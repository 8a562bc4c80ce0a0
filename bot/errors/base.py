"""The root of all errors, and what several of them have in common."""

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
class Valued(BotError):
    """An error whose fields are its values."""

    @property
    def values(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(eq=False)
class AtPath(Valued):
    """Something is the matter with a file or folder."""

    path: Path


@dataclass(eq=False)
class AtPathBecause(AtPath):
    """The same, for a reason."""

    reason: str
