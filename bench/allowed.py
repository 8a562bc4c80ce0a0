"""What questions are narrowed to: some of the authors, whose messages are random rows, or one channel."""

from types import MappingProxyType

import numpy as np

from bench.contenders.base import Allowed
from bench.corpus import N_AUTHORS, N_CHANNELS, Corpus
from bench.results import EVERYTHING
from bot.vectors import Ids

CHANNEL = "channel"
_SHARES = MappingProxyType({"1 %": 0.01, "10 %": 0.1, "50 %": 0.5})
LEVELS = (EVERYTHING, *_SHARES, CHANNEL)
_N_CHOICES = 5  # so that no engine does well by having kept the last one


def choices(corpus: Corpus, level: str) -> list[Allowed | None]:
    """What the questions of a level are narrowed to, in turn."""
    if level == EVERYTHING:
        return [None]
    if level == CHANNEL:
        return [_of_channel(corpus, channel_id) for channel_id in _middling_channels(corpus)]
    rng = np.random.default_rng(LEVELS.index(level))
    n_authors = round(_SHARES[level] * N_AUTHORS)
    return [_of_authors(corpus, 1 + rng.permutation(N_AUTHORS)[:n_authors]) for _ in range(_N_CHOICES)]


def _middling_channels(corpus: Corpus) -> list[int]:
    """Channels that are as large as all are on average."""
    sizes = np.bincount(corpus.channels, minlength=N_CHANNELS + 1)[1:]
    return (1 + np.argsort(np.abs(sizes - len(corpus) / N_CHANNELS), kind="stable")[:_N_CHOICES]).tolist()


def _of_channel(corpus: Corpus, channel_id: int) -> Allowed:
    return Allowed(corpus.channels == channel_id, channel_ids=frozenset({channel_id}))


def _of_authors(corpus: Corpus, author_ids: Ids) -> Allowed:
    is_one_of_them = np.zeros(N_AUTHORS + 1, np.bool_)
    is_one_of_them[author_ids] = True
    return Allowed(is_one_of_them[corpus.authors], author_ids=frozenset(author_ids.tolist()))
