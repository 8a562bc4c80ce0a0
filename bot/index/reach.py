"""How many of its lists an index has to look at: measured on what is in it, since servers differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

_RANKS = (10, 30, 100, 300)
_WANTED = 0.988  # of the messages up to a rank shall lie in the lists that are looked at
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Reach:
    """The shares of all rows, in the lists nearest to a question, that hold nearly all messages up to some ranks.

    Where nothing was measured it is everything.
    """

    N_LOOKED_AT: ClassVar[int] = _RANKS[-1]
    shares: tuple[float, ...] = (1.0,) * len(_RANKS)

    def share(self, rank: float) -> float:
        """The share to look at for messages up to a rank among all rows.

        Of a tenth of the rows the nearest three are the nearest thirty of all, or thereabouts.
        """
        return float(np.interp(np.log(rank), np.log(_RANKS), self.shares)) if rank <= _RANKS[-1] else self._beyond(rank)

    def _beyond(self, rank: float) -> float:
        """Further out the share grows as it did between the last two ranks."""
        (near, far), (low, high) = np.log(_RANKS[-2:]), self.shares[-2:]
        return float(min(high + (high - low) * (np.log(rank) - far) / (far - near), 1.0))


def reach_over(shares: Sequence[npt.NDArray[np.floating]]) -> Reach:
    """The reach over questions; of each, for its nearest messages in order, the share at which they come into sight."""
    found = []
    for first, last in zip((0, *_RANKS), _RANKS, strict=False):
        here = np.concatenate([one[first:last] for one in shares]) if shares else np.empty(0)
        found.append(float(np.quantile(here, _WANTED)) if len(here) else 1.0)
    return Reach(tuple(np.maximum.accumulate(np.clip(found, _LEAST_SHARE, 1.0)).tolist()))
