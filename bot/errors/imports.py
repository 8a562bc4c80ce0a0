"""What can be wrong with files that are imported."""

from dataclasses import dataclass
from pathlib import Path

from bot.errors.base import Valued


@dataclass(eq=False)
class ImportFileRefused(Valued):
    """A file that is no usable export. `reason` is a key below `refused` in the words."""

    path: Path
    reason: str
    detail: str = ""


@dataclass(eq=False)
class DatasetUnusable(Valued):
    """Questions with known answers that cannot be read. `reason` is a key below `reasons` in the words."""

    path: Path
    reason: str
    detail: str = ""
