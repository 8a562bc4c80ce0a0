"""What can be wrong with embeddings and indexes."""

from dataclasses import dataclass

from bot.errors.base import Valued


@dataclass(eq=False)
class EmbeddingError(Valued):
    """No usable vectors came back.

    `retryable` says whether the same call may succeed later. `blames_input` says that the server refused
    these texts as such, so that a smaller batch may succeed. `code` names the reason for words and logs.
    """

    code: str
    detail: str
    retryable: bool = False
    blames_input: bool = False
    retry_after: float | None = None


@dataclass(eq=False)
class BudgetSpent(EmbeddingError):
    """What embeddings may cost in a month is used up; nothing is asked of the embedder until the next one."""

    code: str = "budget_spent"
    detail: str = ""


@dataclass(eq=False)
class DimensionError(Valued):
    """A vector of the wrong dimension met an index or a generation."""

    expected: int
    got: int


@dataclass(eq=False)
class IndexUnsuitable(Valued):
    """A factory string that Faiss does not know, or whose index cannot keep the contract."""

    factory: str
    reason: str
