"""What the messages that somebody sees of a server are like on the whole, against which a single one stands out."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bot.askers import Scope
from bot.messages import EmbeddedMessages
from bot.services.nearness import Scale, different, scale_of
from bot.services.spaces import Space
from bot.storage.lexicon import Lexicon, Place, Sample
from bot.terms import script_of
from bot.vectors import Scores, Vectors

# From so many messages on vectors are centred and the background is believed for a while; before, it is soon another.
ENOUGH = 1_000
_SAMPLED = 1_024
_ENOUGH_OF_A_SCRIPT = 128  # of the sample, or of all scripts; a script with fewer is centred with all the others
_SEVERAL = 3  # texts of the sample that a term stands in before it says how frequent that is
_LONGEST_KEPT_S = 600.0
_LONG_S, _TIMES_AS_LONG = 0.02, 500  # where somebody sees little of a large server, which takes long to find out
_TEXTS_A_SECOND = 100.0  # a large server is believed for longer: it is slower to become another one


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """About how many texts there are, how many terms each has, and in how many of them frequent terms stand.

    All of it is told of the channels `channel_ids`, None for every one; `places` are where those stand that this was
    measured on. `means` are float32 [dim], by script, and `mean` is that
    of all scripts; None while there is too little to measure. The scales are for cosines as they are and around means.
    """

    n_texts: int
    mean_length: float
    channel_ids: frozenset[int] | None = None
    n_with: Mapping[str, int] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    mean: Vectors | None = None
    means: Mapping[str, Vectors] = field(default_factory=dict)
    plain: Scale | None = None
    centred: Scale | None = None

    def n_within(self, scope: Scope, guild_id: int) -> tuple[int, float]:
        """About how many of the texts lie in a scope, and which share of them that is."""
        if replace(scope, guild_ids=None, excluded_ids=frozenset()) == Scope(channel_ids=self.channel_ids):
            return self.n_texts, 1.0  # nothing was narrowed
        n = sum(
            scope.admits(
                message_id=place.message_id,
                guild_id=guild_id,
                channel_id=place.channel_id,
                author_id=place.author_id,
            )
            for place in self.places
        )
        share = max(n, 1) / max(len(self.places), 1)
        return round(self.n_texts * share), share

    def mean_of(self, script: str) -> Vectors | None:
        return self.means.get(script, self.mean)


_Key = tuple[int, str, frozenset[int] | None]


class Backgrounds:
    """Measures what askers see of servers when somebody asks, and remembers that for a while.

    What an asker may not see has no part in it, so that no answer tells anything of that.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._known: dict[_Key, tuple[float, Background]] = {}

    async def of(self, space: Space, guild_id: int, seen: Scope) -> Background:
        """What a server is like in the channels of a scope."""
        now = time.monotonic()
        key = (guild_id, str(space.embeddings.generation), seen.channel_ids)
        until, background = self._known.get(key, (0.0, None))
        if background is not None and until >= now:
            return background
        self._known = {known: kept for known, kept in self._known.items() if kept[0] >= now}
        background = await self._measured(space, guild_id, seen)
        took = time.monotonic() - now
        if background.n_texts >= ENOUGH:
            self._known[key] = (now + took + _kept_s(background), background)
        elif took > _LONG_S:
            self._known[key] = (now + took + _TIMES_AS_LONG * took, background)
        return background

    async def _measured(self, space: Space, guild_id: int, seen: Scope) -> Background:
        sample = await self._lexicon.sample(guild_id, seen, _SAMPLED)
        if sample.n_texts < ENOUGH:
            return Background(sample.n_texts, _mean_length(sample), seen.channel_ids, places=sample.places)
        embedded = await space.embeddings.get_many(guild_id, sample.terms)
        measured = Background(sample.n_texts, _mean_length(sample), seen.channel_ids, _n_with(sample), sample.places)
        return await asyncio.to_thread(_with_means, measured, sample, embedded)


def _with_means(measured: Background, sample: Sample, embedded: EmbeddedMessages) -> Background:
    if len(embedded) < _ENOUGH_OF_A_SCRIPT:
        return measured
    scripts = np.array([script_of("".join(sample.terms[i])) for i in embedded.message_ids.tolist()])
    vectors = embedded.vectors.astype(np.float32)
    means = {
        script: vectors[scripts == script].mean(axis=0)
        for script, n in Counter(scripts.tolist()).items()
        if n >= _ENOUGH_OF_A_SCRIPT
    }
    mean = vectors.mean(axis=0)
    measured = replace(measured, mean=mean, means=means)
    around = vectors - np.array([measured.mean_of(script) for script in scripts.tolist()])
    # Around the means of scripts, what one text of a script says in numbers would be all that is left of it.
    if (rows := different(vectors - mean)) is None:
        return measured
    return replace(measured, plain=scale_of(vectors[rows]), centred=scale_of(around[rows]))


def _kept_s(background: Background) -> float:
    return min(background.n_texts / _TEXTS_A_SECOND, _LONGEST_KEPT_S)


def _mean_length(sample: Sample) -> float:
    return sum(map(len, sample.terms.values())) / len(sample.terms) if sample.terms else 1.0


def _n_with(sample: Sample) -> dict[str, int]:
    """In about how many texts the terms stand that several of a sample have."""
    counts = Counter(term for terms in sample.terms.values() for term in set(terms))
    factor = sample.n_texts / max(len(sample.terms), 1)
    return {term: round(n * factor) for term, n in counts.items() if n >= _SEVERAL}


def centred_cosines(vectors: Vectors, means: Vectors, vector: Vectors, mean: Vectors) -> Scores:
    """Cosines of float32 [n, dim] around their means [n, dim] with a float32 [dim] around its own; float64 [n]."""
    around, asked = vectors.astype(np.float64) - means, vector.astype(np.float64) - mean
    lengths = np.sqrt(np.einsum("ij,ij->i", around, around) * np.square(asked).sum())
    products = np.einsum("ij,j->i", around, asked)
    scores: Scores = np.divide(products, lengths, out=np.zeros(len(around)), where=lengths > 0)
    return scores
