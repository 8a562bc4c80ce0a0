"""What says the same, by meaning and by words."""

import numpy as np
from make import random_vectors

from bot.services.sameness import Wordings, stars, telling
from bot.vectors import Ids, Vectors

LIMIT = 0.5
NONE: frozenset[str] = frozenset()
NOTHING_KNOWN: dict[str, float] = {}


def on_a_circle(*ways: float) -> Vectors:
    """Unit vectors of which the first has these ways from the limit to the same text, in turns on either side."""
    angles = [np.arccos(LIMIT + way * (1 - LIMIT)) * (-1) ** n for n, way in enumerate(ways)]
    return np.array([[1, 0], *([np.cos(a), np.sin(a)] for a in angles)], np.float32)


def groups(
    vectors: Vectors,
    *texts: str,
    weights: Ids | None = None,
    tell: dict[str, float] = NOTHING_KNOWN,
    in_pairs: bool = False,
) -> list[list[int]]:
    terms = [frozenset(text.split()) for text in texts] or [NONE] * len(vectors)
    weights = np.ones(len(vectors), np.int64) if weights is None else weights
    wordings = Wordings(vectors, terms, weights, np.full(len(vectors), in_pairs))
    return [star.tolist() for star in stars(wordings, tell, LIMIT)]


def test_what_means_the_same_needs_no_word_in_common() -> None:
    """Nearly the same vector is enough, as between languages; a little less is not."""
    assert groups(on_a_circle(0.97), "red fish", "akai sakana") == [[0, 1]]
    assert groups(on_a_circle(0.8), "red fish", "akai sakana") == []


def test_words_in_common_make_up_for_meaning() -> None:
    """With most words in common less of the way is enough, with few it is not, and unrelated things never are."""
    fish = "a red fish swims right here"
    assert groups(on_a_circle(0.6), fish, "a red fish swims right there") == [[0, 1]]
    assert groups(on_a_circle(0.6), fish, "one red bird flies far away") == []
    assert groups(on_a_circle(0.1), fish, fish) == []


def test_few_words_have_to_be_nearer() -> None:
    """Of two words one may be a name: what is said beside it is then another thing, unless it means nearly the same."""
    assert groups(on_a_circle(0.7), "Ada hello", "Ada goodbye") == []
    assert groups(on_a_circle(0.96), "Ada hello", "Ada hi") == [[0, 1]]
    assert groups(on_a_circle(0.7), "hello Ada", "Ada hello") == [[0, 1]]


def test_what_is_in_every_text_counts_for_little() -> None:
    """Who asks in the same way for another thing asks something else; other words for the same thing do not matter."""
    near = on_a_circle(0.6)
    frame = "how do I find out where to get"
    tell = telling(dict.fromkeys(frame.split(), 200), 1_000)
    rare = "apples from Kent for baking pies"

    assert groups(near, f"{frame} apples", f"{frame} pears") == [[0, 1]]
    assert groups(near, f"{frame} apples", f"{frame} pears", tell=tell) == []
    assert groups(near, f"{frame} {rare}", f"who sells {rare}") == []
    assert groups(near, f"{frame} {rare}", f"who sells {rare}", tell=tell) == [[0, 1]]


def test_words_tell_the_more_the_rarer_they_are() -> None:
    """What stands in every text tells nothing; what hardly any has tells as much as what nothing is known of."""
    tell = telling({"the": 1_000, "fish": 100, "akai": 10, "zander": 1, "twice": 2_000}, 1_000)

    assert tell["the"] == tell["twice"] == 0
    assert 0 < tell["fish"] < tell["akai"] < tell["zander"] == 1


def test_a_character_in_two_pairs_is_one_character() -> None:
    """What differs in pairs of characters differs half as much as in words, and as many of them say half as much."""
    few, many = "aa ab bc cd", "aa ab bc cd de ef fg gh hi ij jk kl"
    changed = "aa ab bc cd de ef xg xh xi xj jk kl"

    near = on_a_circle(0.47)
    assert groups(near, many, changed, in_pairs=True) == [[0, 1]]
    assert groups(near, many, changed) == []
    assert groups(near, few, few, in_pairs=True) == []
    assert groups(near, few, few) == [[0, 1]]


def test_the_leader_comes_first_and_then_what_is_nearest() -> None:
    """Who has most around leads."""
    vectors = on_a_circle(0.96, 0.98)

    assert groups(vectors) == [[0, 2, 1]]


def test_a_chain_is_no_group() -> None:
    """Of rows in a line, each near to the next, those of a group are near to their leader, and none is in two."""
    step = np.arccos(LIMIT + 0.96 * (1 - LIMIT))
    angles = step * np.arange(9)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = groups(vectors)

    assert found
    assert all(abs(row - leader) <= 1 for leader, *others in found for row in others)
    assert len({row for group in found for row in group}) == sum(map(len, found))


def test_a_row_goes_to_the_leader_that_it_is_nearest_to() -> None:
    """Between two leaders the nearer one has it, whichever was chosen first."""
    turns = np.array([-0.17, -0.14, -0.1, -0.01, 0, 0.21, 0.38, 0.39])
    vectors = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)

    assert sorted(map(sorted, groups(vectors))) == [[0, 1, 2, 3, 4], [5, 6, 7]]


def test_a_wording_that_several_have_said_is_a_group() -> None:
    """Weights count: one row for two messages is a group, one for one is none."""
    vectors = random_vectors(2, 32)

    assert groups(vectors, weights=np.array([2, 1])) == [[0]]
    assert groups(vectors) == []
