"""Names for groups of messages: the words that stand in them more often than elsewhere."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WORDS = 3  # of a name
_LEAST = 3  # messages of a group that a word of its name stands in
_MORE = 1.5  # times as often as in all messages
_SEVERAL = 2  # people: what one of them alone says is a name only where there is no other


@dataclass(frozen=True, slots=True)
class Worded:
    """Whose message it is, and which words stand in it."""

    author_id: int
    words: frozenset[str]


def names_of(groups: Mapping[int, Sequence[Worded]]) -> dict[int, tuple[str, ...]]:
    """For each group its most telling words, the most telling first; none where nothing tells it from the others.

    A word tells the more the more of a group's messages it stands in, and the fewer of all.
    """
    everywhere = Counter(word for its in groups.values() for one in its for word in one.words)
    n_all = sum(map(len, groups.values()))
    return {group: _name(messages, everywhere, n_all) for group, messages in groups.items()}


def _name(messages: Sequence[Worded], everywhere: Mapping[str, int], n_all: int) -> tuple[str, ...]:
    counts = Counter(word for one in messages for word in one.words)
    times = {word: n * n_all / (everywhere[word] * len(messages)) for word, n in counts.items() if n >= _LEAST}
    telling = {word: counts[word] * math.log(more) ** 2 for word, more in times.items() if more >= _MORE}
    ordered = sorted(telling, key=lambda word: (-telling[word], -len(word), word))
    authors: defaultdict[str, set[int]] = defaultdict(set)
    for message in messages:
        for word in message.words:
            authors[word].add(message.author_id)
    return _distinct([word for word in ordered if len(authors[word]) >= _SEVERAL]) or _distinct(ordered)


def _distinct(words: Sequence[str]) -> tuple[str, ...]:
    """The first words of which none is a part of another one."""
    chosen: list[str] = []
    for word in words:
        if not any(word in other or other in word for other in chosen):
            chosen.append(word)
        if len(chosen) == _WORDS:
            break
    return tuple(chosen)
