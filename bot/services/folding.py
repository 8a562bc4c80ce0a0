"""Hits that say the same, as one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.composing import own_text
from bot.messages import Hit, StoredMessage
from bot.terms import terms_of

MOST_COPIES = 99  # that are remembered of one hit
_NEAR = 16  # hits before one that it is compared with: what says nearly the same is nearly as related
_ALIKE = 0.9  # the share of terms in common of texts that say the same: one word in ten may be another


@dataclass(slots=True)
class _Group:
    """A hit with what says the same, and the terms of its text."""

    hit: Hit
    terms: frozenset[str]
    copies: list[StoredMessage] = field(default_factory=list)

    def has(self, terms: frozenset[str]) -> bool:
        """Whether a text of these terms says the same. Another number is another thing."""
        if min(len(self.terms), len(terms)) < _ALIKE * max(len(self.terms), len(terms)):
            return False
        if len(self.terms & terms) < _ALIKE * len(self.terms | terms):
            return False
        return not any(map(_has_digit, self.terms ^ terms))


def folded(hits: Sequence[Hit]) -> list[Hit]:
    """The hits in their order, each with the later ones that say the same as its copies."""
    groups: list[_Group] = []
    by_key: dict[tuple[str, ...] | str, _Group] = {}
    for hit in hits:
        text = own_text(hit.message.said).casefold()
        sequence = tuple(terms_of(text))
        terms = frozenset(sequence)
        near = groups[-_NEAR:] if sequence else []
        group = by_key.get(sequence or text) or next((one for one in near if one.has(terms)), None)
        if group is None:
            group = _Group(hit, terms)
            groups.append(group)
        else:
            group.copies.append(hit.stored)
        by_key.setdefault(sequence or text, group)
    return [replace(group.hit, copies=tuple(group.copies[:MOST_COPIES])) for group in groups]


def _has_digit(term: str) -> bool:
    return any(character.isdigit() for character in term)
