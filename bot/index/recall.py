"""How much of the truth an index finds."""

from bot.askers import EVERYTHING, Scope
from bot.index.base import VectorIndex
from bot.vectors import Vectors


def recall(index: VectorIndex, oracle: VectorIndex, queries: Vectors, *, k: int, scope: Scope = EVERYTHING) -> float:
    """The share of the oracle's k nearest that the index finds too, over queries float32 [n, dim]."""
    n_found = n_there = 0
    for query in queries:
        truth = {neighbor.message_id for neighbor in oracle.search(query, k, scope)}
        n_there += len(truth)
        n_found += len(truth & {neighbor.message_id for neighbor in index.search(query, k, scope)})
    return n_found / n_there if n_there else 1.0
