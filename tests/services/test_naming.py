"""Names of groups."""

from bot.services.naming import Worded, names_of


def said(*texts: str, authors: int = 3) -> list[Worded]:
    """Texts by several authors in turn."""
    return [Worded(i % authors, frozenset(text.split())) for i, text in enumerate(texts)]


def test_what_is_said_everywhere_names_nothing() -> None:
    """Words that stand in all groups alike tell none of them from the others."""
    names = names_of({0: said(*["the ferry is late"] * 9), 1: said(*["the bread is late"] * 9)})

    assert names == {0: ("ferry",), 1: ("bread",)}


def test_the_most_frequent_comes_first() -> None:
    """Of what a group has for itself, what more of its messages say tells more; three words at most."""
    boats = said(*["ferry boat harbour captain"] * 3, *["ferry boat harbour"] * 3, *["ferry boat"] * 3, "ferry")

    assert names_of({0: boats, 1: said(*["bread"] * 10)})[0] == ("ferry", "boat", "harbour")


def test_what_one_person_alone_says_names_nothing_if_that_can_be_avoided() -> None:
    """The word of one author gives way to a less frequent one of several; where there is no other it serves."""
    alone = [Worded(1, frozenset({"bicycle"}))] * 9
    others = said(*["bread"] * 9)

    assert names_of({0: [*alone, *said(*["ferry"] * 3)], 1: others})[0] == ("ferry",)
    assert names_of({0: alone, 1: others})[0] == ("bicycle",)


def test_a_word_within_another_is_not_said_twice() -> None:
    """A name and its part are one word."""
    assert names_of({0: said(*["node.js node"] * 5), 1: said(*["bread"] * 5)})[0] == ("node.js",)


def test_a_group_may_have_no_name() -> None:
    """Where messages share no words there is none."""
    assert names_of({0: said("one", "two", "three"), 1: said(*["bread"] * 5)}) == {0: (), 1: ("bread",)}
