"""When and where something came up: the matches of a question by week and channel."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.askers import Asker, Scope
from bot.errors import EmbeddingError
from bot.messages import Hit, Nearness, Query
from bot.services.search import Search
from bot.weeks import Weekly, by_week

MOST = 2_000  # matches that are counted: the most related ones
# Cosine of a match where there is too little to measure by how near messages come by chance.
LEAST_SCORE = 0.5


@dataclass(frozen=True, slots=True)
class Trend:
    """Matches by week and channel, the channel with most of them first; `names` are those of the channels.

    `is_cut` says that only the most related ones were counted, `is_rough` that the limit of what counts as related
    could not be measured, `failure` why only messages with the same words were counted.
    """

    weekly: Weekly[int]
    names: Mapping[int, str]
    is_cut: bool = False
    is_rough: bool = False
    failure: EmbeddingError | None = None

    @property
    def n_matches(self) -> int:
        return sum(self.weekly.totals)

    @property
    def channel_ids(self) -> frozenset[int]:
        """Where what it counts was written."""
        return frozenset(self.weekly.counts)


class Trends:
    """Counts what the search finds."""

    def __init__(self, search: Search) -> None:
        self._search = search

    async def of(self, asker: Asker, text: str, within: Scope) -> Trend:
        """What is related to a text, among what the asker may see. Raises what Search.question raises."""
        query = Query(text=text, within=within, limit=MOST, least=Nearness.LOOSE)
        question = await self._search.question(asker, query)
        hits = await self._search.nearest(question)
        return _counted(hits, question.failure)


def _counted(hits: list[Hit], failure: EmbeddingError | None) -> Trend:
    moments: defaultdict[int, list[datetime]] = defaultdict(list)
    names: dict[int, str] = {}
    matches = [hit for hit in hits if _is_match(hit)]
    for hit in matches:
        moments[hit.message.channel_id].append(hit.message.created_at)
        names[hit.message.channel_id] = hit.stored.channel_name
    busiest = Counter({channel_id: len(its) for channel_id, its in moments.items()}).most_common()
    return Trend(
        by_week({channel_id: moments[channel_id] for channel_id, _ in busiest}),
        names,
        is_cut=len(hits) >= MOST,
        is_rough=any(hit.nearness is None and hit.score is not None for hit in matches),
        failure=failure,
    )


def _is_match(hit: Hit) -> bool:
    """Whether a hit counts: it lies beyond the limit, or is near enough where none can be measured."""
    return hit.nearness is not None or hit.score is None or hit.score >= LEAST_SCORE
