"""A picture with what it shows in words, for those who do not see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_TOLD = 1_024  # characters of an alternative text that Discord takes


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and what it shows in words: MOST_TOLD characters at most."""

    png: bytes
    told: str


def fitting(tell: Callable[[Sequence[str]], str], parts: Sequence[str]) -> str:
    """A sentence about as many of its parts as fit, the last ones being left out first."""
    for n in range(len(parts), 0, -1):
        if len(told := tell(parts[:n])) <= MOST_TOLD:
            return told
    return tell(())[:MOST_TOLD]
