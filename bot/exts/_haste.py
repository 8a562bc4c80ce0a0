"""How often one person may ask."""

import math
import time
from collections import deque

import discord

from bot.errors import TooManyQuestions


class Allowance:
    """So many requests a person and server within so many seconds."""

    def __init__(self, n: int, seconds: float) -> None:
        self._n = n
        self._seconds = seconds
        self._taken: deque[tuple[float, tuple[int | None, int]]] = deque()

    def take(self, interaction: discord.Interaction) -> None:
        """Count a request. Raises TooManyQuestions where it is one too many."""
        now = time.monotonic()
        while self._taken and self._taken[0][0] <= now - self._seconds:
            self._taken.popleft()
        person = (interaction.guild_id, interaction.user.id)
        taken_at = [at for at, who in self._taken if who == person]
        if len(taken_at) >= self._n:
            raise TooManyQuestions(math.ceil(taken_at[0] + self._seconds - now))
        self._taken.append((now, person))
