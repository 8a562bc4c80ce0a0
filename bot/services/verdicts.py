"""What people say of what they are shown as alike, and what follows from that: from where on it is worth showing.

The method: of the verdicts on what the present vectors found, each percentage that occurs is tried as a threshold.
It is good enough where at least ENOUGH verdicts lie at or above it, and where the share of good ones among those is
surely, by the lower end of Wilson's interval at 95 %, GOOD or more. The lowest such percentage is suggested; nothing
changes by itself.

Each subject has a threshold of its own, by its own verdicts. A suggestion is judged whatever it is worth, a duplicate
is chosen by whoever marks it and so nearly always good, and a dismissed wave may well be of messages that are alike:
counted together, they would tell of nothing which share of it is good.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.messages import Nearness
from bot.services.spaces import Spaces
from bot.storage.verdicts import Judged, Subject, Verdict, VerdictStore

__all__ = [
    "ENOUGH",
    "GOOD",
    "Advice",
    "Judged",
    "Standing",
    "Subject",
    "Verdict",
    "Verdicts",
    "advised",
    "least_cosine",
]  # verdicts are as they are stored

ENOUGH = 20  # verdicts at or above a threshold
GOOD = 0.7  # the share of good ones that a threshold surely has
_Z = 1.96  # of a normal distribution, 95 of 100 lie within so many deviations


@dataclass(frozen=True, slots=True)
class Advice:
    """A threshold in percent that is worth applying: of `n` verdicts at or above it `n_good` were good.

    `low` is the share that they surely have.
    """

    percent: int
    n: int
    n_good: int
    low: float

    @property
    def precision(self) -> float:
        """The share of good verdicts, as measured."""
        return self.n_good / self.n


@dataclass(frozen=True, slots=True)
class Standing:
    """What a server's verdicts of a subject on the present vectors come to.

    How many there are, what they advise, and what is applied.
    """

    subject: Subject
    n: int
    advice: Advice | None
    applied: int | None


class Verdicts:
    """Keeps verdicts as scores and words, without any message or person."""

    def __init__(self, store: VerdictStore, spaces: Spaces) -> None:
        self._store = store
        self._spaces = spaces

    @property
    def generation(self) -> str:
        """The generation that answers now: a score of another one says nothing about its scores."""
        return str(self._spaces.answering.embeddings.generation)

    async def note(
        self,
        guild_id: int,
        subject: Subject,
        verdict: Verdict,
        *,
        score: float | None,
        nearness: Nearness | None = None,
        generation: str | None = None,
        instead_of: Verdict | None = None,
    ) -> None:
        """Somebody judged what was shown with this cosine; without one there is nothing to learn.

        It is put down with the day and the percentage alone. `generation` is the one that found it, if another.
        Whoever takes a verdict back gives another one `instead_of` it.
        """
        if score is None:
            return
        await self._store.put(
            guild_id,
            subject,
            Judged(round(score * 100), verdict),
            at=datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
            nearness=nearness,
            generation=generation or self._generation(subject),
            instead_of=instead_of,
        )

    async def standing(self, guild_id: int, subject: Subject) -> Standing:
        """What a server's verdicts of a subject come to by now."""
        judged = await self._store.of(guild_id, subject, self._generation(subject))
        return Standing(subject, len(judged), advised(judged), await self.threshold(guild_id, subject))

    async def threshold(self, guild_id: int, subject: Subject) -> int | None:
        """The percentage that an administrator set, or applied; None where that is none, or was of another model."""
        return await self._store.threshold(guild_id, subject, self._generation(subject))

    async def put_threshold(self, guild_id: int, subject: Subject, percent: int) -> None:
        """An administrator wants nothing shown below so many percent."""
        await self._store.put_threshold(guild_id, subject, percent, generation=self._generation(subject))

    async def drop_threshold(self, guild_id: int, subject: Subject) -> None:
        """An administrator leaves it to the bot again."""
        await self._store.drop_threshold(guild_id, subject)

    def _generation(self, subject: Subject) -> str:
        """Waves are found among the newest vectors, whichever answer questions."""
        return str(self._spaces.embeddings.generation) if subject is Subject.WAVES else self.generation


def least_cosine(percent: int) -> float:
    """The cosine from which on something is shown as so many percent alike."""
    return (percent - 0.5) / 100


def advised(judged: Sequence[Judged]) -> Advice | None:
    """The lowest threshold at and above which surely enough verdicts are good; None where none is known to be."""
    best, n_good = None, 0
    ordered = sorted(judged, key=lambda one: -one.percent)
    for n, one in enumerate(ordered, 1):
        n_good += one.verdict.is_good
        is_last_of_its_percent = n == len(ordered) or ordered[n].percent < one.percent
        if is_last_of_its_percent and n >= ENOUGH and (low := _surely(n_good, n)) >= GOOD:
            best = Advice(one.percent, n, n_good, low)
    return best


def _surely(n_good: int, n: int) -> float:
    """The lower end of Wilson's interval for a share (Wilson, 1927)."""
    share, z2 = n_good / n, _Z * _Z
    spread = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (share + z2 / (2 * n) - spread) / (1 + z2 / n)
