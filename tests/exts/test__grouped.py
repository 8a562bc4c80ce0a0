"""Groups as Discord's embeds; nothing here needs a connection."""

import pytest
from acting import parsed
from make import ADA, BOB, message

from bot.exts._grouped import groups_embed
from bot.exts._quote import utf16_length
from bot.messages import StoredMessage
from bot.services.groups import PAGE, Group, GroupPage
from bot.storage.lexicon import Place
from bot.words import LANGUAGES, Words

MAX_DESCRIPTION, MAX_EMBED = 4_096, 6_000
HUGE = 2**63 - 1
EN = Words("en")


def group(*places: Place, content: str | None = "red fish", is_cut: bool = False) -> Group:
    example = None if content is None else StoredMessage(message(1, content), "square", "Town")
    return Group(0, places, is_cut=is_cut, example=example)


def page(*groups: Group, start: int = 0, n_more: int = 0) -> GroupPage:
    return GroupPage(1, 1_000, start, groups, n_more)


def lines(*groups: Group, words: Words = EN) -> list[str]:
    return (groups_embed(page(*groups), words).description or "").splitlines()


def test_a_group_is_told_in_two_lines() -> None:
    """How many messages, by how many, where, from when to when, with a way to the example, and the example."""
    [head, quote] = lines(group(Place(10, ADA, 1 << 40), Place(20, BOB, 1 << 50), Place(20, BOB, 1 << 45)))

    assert head.startswith("**1.** 3 messages · 2 authors · <#20>, <#10> · <t:")
    assert head.endswith("· [Jump](https://discord.com/channels/1000/10/1)")
    assert quote == "> red fish"


def test_what_one_author_alone_said_is_told_as_such() -> None:
    """A single author is named as that, however many messages there are."""
    assert "1 author alone" in lines(group(Place(10, ADA, 1), Place(20, ADA, 2)))[0]
    assert "1人だけ" in lines(group(Place(10, ADA, 1), Place(20, ADA, 2)), words=Words("ja"))[0]


def test_many_channels_are_counted() -> None:
    """Three are named, those with most of it, and the others counted."""
    assert "<#1>, <#2>, <#3> and 2 more" in lines(group(*(Place(i, ADA, i) for i in range(1, 6))))[0]


def test_a_group_that_was_cut_says_so() -> None:
    """Where not all messages were counted the number is the least."""
    assert "2 messages or more" in lines(group(Place(1, ADA, 1), Place(1, ADA, 2), is_cut=True))[0]


def test_a_group_without_an_example_quotes_nothing() -> None:
    """Where Discord confirmed none there is neither a text nor a way to one."""
    [head, quote] = lines(group(Place(1, ADA, 1), Place(1, ADA, 2), content=None))

    assert "http" not in head
    assert quote == "> (Discord did not confirm an example just now.)"


def test_nothing_of_a_text_acts() -> None:
    """What is quoted is shown as it was written."""
    nasty = "@everyone <@&1> **bold** [a](https://b.c) > quote\n# heading"
    [_, quote] = lines(group(Place(1, ADA, 1), Place(1, ADA, 2), content=nasty))

    assert set(parsed(quote)[0]) <= {"quote"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_is_too_long(language: str) -> None:
    """The longest page there can be keeps Discord's limits."""
    places = [Place(HUGE - i % 90, HUGE - i, HUGE - i) for i in range(500)]
    largest = group(*places, content="*" * 4_000, is_cut=True)
    embed = groups_embed(page(*[largest] * PAGE, start=95, n_more=95), Words(language))

    assert utf16_length(embed.description or "") <= MAX_DESCRIPTION
    assert sum(utf16_length(text or "") for text in (embed.title, embed.description, embed.footer.text)) <= MAX_EMBED


def test_an_empty_page_says_why() -> None:
    """Nothing was found, or what was found is gone."""
    assert groups_embed(page(), EN).description == EN("groups.nothing")
    assert groups_embed(page(start=5), EN).description == EN("groups.gone")
    assert groups_embed(page(n_more=3), EN).description == EN("groups.gone")
