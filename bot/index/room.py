"""How much memory all indexes of a process may take together, whichever model their vectors are of."""

import threading
from collections.abc import Hashable

_MIB = 2**20
_EVERYTHING_ELSE = 384 * _MIB  # what the bot takes with the local model
_LEAST = 32 * _MIB  # a limit that the bot cannot keep without any index either


def left_for_indexes(limit_bytes: int) -> int:
    """What is for indexes of the bytes that the bot may take."""
    return max(limit_bytes - _EVERYTHING_ELSE, _LEAST)


class Room:
    """Who has claimed how many of so many bytes."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._claims: dict[Hashable, int] = {}
        self._claiming = threading.Lock()

    def claim(self, claimant: Hashable, n_bytes: int) -> bool:
        """Have so many bytes instead of what the claimant had, if they fit beside those of the others."""
        with self._claiming:
            others = sum(claimed for other, claimed in self._claims.items() if other != claimant)
            fits = others + n_bytes <= self.n_bytes
            if fits:
                self._claims[claimant] = n_bytes
        return fits

    def renew(self, claimant: Hashable, n_bytes: int) -> None:
        """What the claimant takes by now, whether it fits or not: it is there."""
        with self._claiming:
            self._claims[claimant] = n_bytes

    def give_back(self, claimant: Hashable) -> None:
        """The claimant takes nothing any more."""
        with self._claiming:
            self._claims.pop(claimant, None)
