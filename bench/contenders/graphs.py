"""How graphs are set in every library that has them, so that they are compared alike."""

from bench.contenders.base import Lacks

N_LINKS = 16  # M
N_BREADTH_TO_ADD = 200  # efConstruction
N_BREADTH_TO_SEARCH = 128  # efSearch
MAX_ROWS = 100_000
SETTINGS = f"M {N_LINKS}, efConstruction {N_BREADTH_TO_ADD}, efSearch {N_BREADTH_TO_SEARCH}"


def check_size(n: int) -> None:
    """Raise Lacks for more rows than a graph is built of here."""
    if n > MAX_ROWS:
        raise Lacks(f"graphs are built of {MAX_ROWS:,} rows at most here: building takes long")
