"""Where the passage of a long text stands by which it was found, so that it can be quoted from there."""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from bot.composing import Composition, cleaning_of, own_text
from bot.messages import EmbeddedMessages, Hit, Said
from bot.parts import WHOLE, begins_at, parts_of, pieces_of
from bot.services.spaces import Space
from bot.storage.messages import MessageStore
from bot.terms import as_sought, terms_of
from bot.vectors import Vectors, cosines

_KNOWN_BY = 64  # characters at the beginning of a message's own text, below a title or what it answers


async def placed(
    hits: Sequence[Hit], space: Space, messages: MessageStore, *, vector: Vectors | None, terms: Sequence[str]
) -> list[Hit]:
    """The hits, of long texts with where the part begins that is nearest to a question.

    `vector` is a unit float32 [dim] of the space; without one the part with most of the terms is meant.
    """
    long = [hit for hit in hits if len(hit.message.shown.encode()) > WHOLE]
    places: dict[int, int] = {}
    for guild_id, its in _by_guild(long).items():
        ids = np.array(sorted(hit.message.message_id for hit in its), np.int64)
        compositions = await messages.compositions(guild_id, ids.tolist())
        embedded = None if vector is None else await asyncio.to_thread(space.mirror.with_parts, guild_id, ids)
        places |= await asyncio.to_thread(_places, compositions, embedded, vector, frozenset(terms))
    return [replace(hit, quoted_from=places.get(hit.message.message_id, 0)) for hit in hits]


def _by_guild(hits: Sequence[Hit]) -> dict[int, list[Hit]]:
    by_guild = defaultdict(list)
    for hit in hits:
        by_guild[hit.message.guild_id].append(hit)
    return by_guild


def _places(
    compositions: Mapping[int, Composition],
    embedded: EmbeddedMessages | None,
    vector: Vectors | None,
    terms: Collection[str],
) -> dict[int, int]:
    places = {}
    for message_id, composition in compositions.items():
        text = composition.text
        parts = parts_of(text)
        if embedded is None or vector is None:
            part = _most_terms(parts, terms)
        else:
            part = _nearest(embedded[embedded.message_ids == message_id], vector, n_parts=len(parts))
        if part > 1:
            n_before = begins_at(text, parts, part) - max(text.find(own_text(composition.said)[:_KNOWN_BY]), 0)
            places[message_id] = _place(composition.said, n_before)
    return places


def _most_terms(parts: Sequence[str], terms: Collection[str]) -> int:
    """The number of the part with most of the terms, the first among equals; 0 where there are no parts."""
    n_terms = [len(set(its).intersection(terms)) for its in as_sought([terms_of(part) for part in parts], terms)]
    return 1 + n_terms.index(max(n_terms)) if n_terms else 0


def _nearest(embedded: EmbeddedMessages, vector: Vectors, *, n_parts: int) -> int:
    """The number of the part that is nearest to a question; 0 where the whole is, or where parts are missing."""
    if len(embedded) != 1 + n_parts:
        return 0
    return int(np.argmax(cosines(embedded.vectors, vector)))


def _place(said: Said, n_before: int) -> int:
    """Where in what is shown of a message those words begin that have so many characters of its own text before them.

    0 where they are not in what is shown.
    """
    shown, cleaned = said.content or said.attached or "", cleaning_of(said)
    ends = list(accumulate(map(len, pieces_of(shown)), initial=0))
    last = bisect_right(ends, n_before, key=lambda end: len(cleaned(shown[:end]))) - 1
    return ends[last] if ends[last] < len(shown) else 0
