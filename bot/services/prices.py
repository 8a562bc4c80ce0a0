"""What tokens cost, by the model's key."""

from collections.abc import Mapping
from types import MappingProxyType

# US$, as of 2026: openai.com/api/pricing
_DOLLARS_A_MILLION = MappingProxyType(
    {
        "openai:text-embedding-3-small": 0.02,
        "openai:text-embedding-3-large": 0.13,
        "openai:text-embedding-ada-002": 0.10,
    }
)
_CHARGING = "openai:"  # what the keys of models begin with that another server runs


class Prices:
    """The prices that are known, and those that the operator has told, which win."""

    def __init__(self, told: Mapping[str, float] = MappingProxyType({})) -> None:
        self._told = {**_DOLLARS_A_MILLION, **told}

    def of(self, model_key: str) -> float | None:
        """US$ for a million tokens, which is as many millionths of a dollar for one; None where nobody has told."""
        return self._told.get(model_key)

    def counts(self, model_key: str) -> bool:
        """Whether what a model embeds is to be counted: not where it runs here, or is known to cost nothing."""
        return model_key.startswith(_CHARGING) and self.of(model_key) != 0
