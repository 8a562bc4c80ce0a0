"""What a server talks about, as a map: messages of a period, near each other where they say alike things, in groups."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bot.askers import Asker, Scope, visible_to
from bot.errors import TooLittleToMap
from bot.messages import EmbeddedMessages
from bot.services.layout import groups_of, plane
from bot.services.naming import Worded, names_of
from bot.services.spaces import Spaces
from bot.storage.lexicon import Lexicon, Sample
from bot.storage.servers import ServerStore
from bot.terms import readable_words, script_of
from bot.times import made_at
from bot.vectors import Ids, Vectors, unit

MOST = 2_000  # messages on a map: a layout compares each with each other one
LEAST = 40  # fewer make no map
_LEAST_GROUPS, _MOST_GROUPS = 2, 12  # more names cannot be read on one picture
_SEED = 8
_ENOUGH_OF_A_SCRIPT = 30  # messages, or they are centred with all the others


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """Messages on a plane: `places` are float32 [n, 2], `groups` int64 [n] with the number of each one's group.

    Groups are numbered by their size, the largest 0; `names` are their most telling words, by number. About
    `n_texts` messages were there, of which those on the map were chosen by chance.
    """

    places: Vectors
    groups: Ids
    names: tuple[tuple[str, ...], ...]
    n_texts: int
    first_at: datetime
    last_at: datetime
    channel_ids: frozenset[int]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shares(self) -> tuple[float, ...]:
        """Which share of the messages each group has."""
        return tuple((np.bincount(self.groups, minlength=len(self.names)) / len(self)).tolist())


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """Messages with their vectors and terms, by rising ids."""

    embedded: EmbeddedMessages
    terms: list[list[str]]


class Landscapes:
    """Draws maps of what is stored, one at a time; nothing of them is kept."""

    def __init__(self, lexicon: Lexicon, servers: ServerStore, spaces: Spaces) -> None:
        self._lexicon = lexicon
        self._servers = servers
        self._spaces = spaces
        self._one_at_a_time = asyncio.Lock()

    async def of(self, asker: Asker, within: Scope) -> Landscape:
        """A map of the messages in a scope, as far as the asker may see them. Raises TooLittleToMap."""
        scope = visible_to(asker) & within
        async with self._one_at_a_time:
            known = [server.guild_id for server in await self._servers.servers()]
            guild_ids = [i for i in known if scope.guild_ids is None or i in scope.guild_ids]
            samples = {i: await self._lexicon.sample(i, scope, MOST) for i in guild_ids}
            n_texts = sum(sample.n_texts for sample in samples.values())
            chosen = [await self._chosen(i, sample, n_texts) for i, sample in samples.items()]
            if sum(len(one.terms) for one in chosen) < LEAST:
                raise TooLittleToMap(LEAST)
            return await asyncio.to_thread(_drawn, chosen, n_texts)

    async def _chosen(self, guild_id: int, sample: Sample, n_texts: int) -> _Chosen:
        """Of a server's sample as many messages as the server has a share in all."""
        n = round(MOST * sample.n_texts / max(n_texts, 1))
        ids = np.random.default_rng(_SEED).permutation(sorted(sample.terms))[:n].tolist()
        embedded = await self._spaces.answering.embeddings.get_many(guild_id, ids)
        return _Chosen(embedded, [sample.terms[i] for i in embedded.message_ids.tolist()])


def _drawn(chosen: Sequence[_Chosen], n_texts: int) -> Landscape:
    terms = [its for one in chosen for its in one.terms]
    ids, channel_ids, author_ids = (
        np.concatenate([getattr(one.embedded, field) for one in chosen])
        for field in ("message_ids", "channel_ids", "author_ids")
    )
    vectors = np.concatenate([one.embedded.vectors.astype(np.float32) for one in chosen])
    vectors = _around_means(vectors, [script_of("".join(its)) for its in terms])
    groups = _by_size(groups_of(vectors, int(np.clip(round(len(ids) ** 0.5 / 2), _LEAST_GROUPS, _MOST_GROUPS))))
    members: dict[int, list[Worded]] = {group: [] for group in range(int(groups.max()) + 1)}
    for group, author_id, its in zip(groups.tolist(), author_ids.tolist(), terms, strict=True):
        members[group].append(Worded(author_id, frozenset(readable_words(its))))
    names = names_of(members)
    return Landscape(
        plane(vectors),
        groups,
        tuple(names[group] for group in range(len(names))),
        n_texts,
        made_at(int(ids.min())),
        made_at(int(ids.max())),
        frozenset(channel_ids.tolist()),
    )


def _around_means(vectors: Vectors, scripts: Sequence[str]) -> Vectors:
    """Vectors around the mean of their script, so that the same topic in two languages lies in one place."""
    which, counts = np.array(scripts), Counter(scripts)
    around = vectors - vectors.mean(axis=0)
    for script, n in counts.items():
        if n >= _ENOUGH_OF_A_SCRIPT:
            rows = which == script
            around[rows] = vectors[rows] - vectors[rows].mean(axis=0)
    return np.nan_to_num(unit(around))


def _by_size(groups: Ids) -> Ids:
    """Groups numbered anew, the largest first; empty ones are gone."""
    _, numbers, counts = np.unique(groups, return_inverse=True, return_counts=True)
    ranks: Ids = np.argsort(np.argsort(-counts, kind="stable"))[numbers]
    return ranks
