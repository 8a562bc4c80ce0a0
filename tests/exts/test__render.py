"""Hits as Discord's embeds; nothing here needs a connection."""

import json
import math
import re
from dataclasses import replace

import discord
import pytest
from acting import FSI, LONG, PDI, RAW_LINK, TURNING, hidden, parsed
from acting import TEXTS as ACTING
from hypothesis import example, given
from hypothesis import strategies as st
from make import message

from bot.exts._quote import utf16_length
from bot.exts._render import copies_embed, hits_embed, page_embed, share_embed
from bot.messages import Hit, Nearness, StoredMessage
from bot.services.answers import OPENED, PAGE, Page
from bot.services.folding import MOST_COPIES
from bot.services.listed import Listed
from bot.words import LANGUAGES, Words

MAX_DESCRIPTION, MAX_EMBED, MAX_TITLE, MAX_FOOTER = 4_096, 6_000, 256, 2_048
IDS = st.integers(1, 2**63 - 1)
# What grows most when it is escaped, isolated or counted as Discord counts.
NASTY = st.text(st.sampled_from("*_~`|<>[]()@:/\\#-+. \n\u202e\u2066\u0301😀👩\u200d本a1\0\ud800"))
TEXTS = st.builds(lambda text, n: text * n, NASTY | st.text(), st.sampled_from([1, 10, 4_000]))
SCORES = st.floats(-1.0001, 1.0001)
WORDS = st.sampled_from(LANGUAGES).map(Words)


def hit_of(
    name: str = "Ada", content: str = "hello", score: float = 0.5, *, ids: tuple[int, int, int] = (1, 1, 1)
) -> Hit:
    message_id, guild_id, channel_id = ids
    found = message(message_id, content, guild_id=guild_id, channel_id=channel_id, author_name=name)
    return Hit(StoredMessage(found, "square", "Town"), score)


HITS = st.lists(st.builds(hit_of, TEXTS, TEXTS, SCORES, ids=st.tuples(IDS, IDS, IDS)), max_size=PAGE)
LARGEST = [hit_of("*" * 100, "*" * 4_000, 1.0, ids=(2**63 - 1,) * 3)] * PAGE
OFTEN = [replace(hit, copies=(hit.stored,) * MOST_COPIES) for hit in LARGEST]
SEVERAL = [replace(hit, copies=(hit.stored,) * (MOST_COPIES - 1)) for hit in LARGEST]


def length(embed) -> int:
    return sum(utf16_length(text) for text in (embed.title, embed.description, embed.footer.text) if text)


@given(HITS, st.integers(0, 45), st.integers(0, 50), WORDS)
@example(LARGEST, 45, 50, Words("en"))
@example(LARGEST, 45, 50, Words("ja"))
@example(OFTEN, 45, 50, Words("en"))
@example(OFTEN, 45, 50, Words("ja"))
@example(SEVERAL, 45, 50, Words("en"))
@example(SEVERAL, 45, 50, Words("ja"))
def test_no_page_is_too_long(hits, start, n_more, words):
    """Whatever is quoted, a page keeps Discord's limits and shows something."""
    for embed in (page_embed(Page(1, start, tuple(hits), n_more), words), share_embed(hits, words)):
        assert 0 < utf16_length(embed.description) <= MAX_DESCRIPTION
        assert utf16_length(embed.title or "") <= MAX_TITLE
        assert utf16_length(embed.footer.text or "") <= MAX_FOOTER
        assert length(embed) <= MAX_EMBED
        embed.description.encode()


@given(HITS, WORDS)
def test_every_hit_has_two_lines(hits, words):
    """Each hit is a line that says who, where and when, and a line that quotes; no text makes a third."""
    lines = (hits_embed(hits, words).description or "").splitlines()

    assert len(lines) == 2 * len(hits)
    assert all(line.startswith(f"**{n}.** ") for n, line in enumerate(lines[::2], 1))
    assert all(line.startswith("> ") and line != "> " for line in lines[1::2])


@given(HITS, WORDS)
def test_b9_b10_only_our_own_markup_acts(hits, words):
    """The one link of a hit leads to its message, and the one mention is its channel's."""
    heads = (hits_embed(hits, words).description or "").splitlines()[::2]

    for head, hit in zip(heads, hits, strict=True):
        assert head.endswith(f"· [{words('answer.jump')}]({hit.message.url})")
        assert head.count(f"<#{hit.message.channel_id}>") == 1
        assert "@" not in head.replace("\\@", "")


@st.composite
def hostile_hits(draw):
    """A hit of a hostile text by an author of a hostile name, perhaps said by others like them as well."""
    hit = hit_of(draw(ACTING | LONG), draw(ACTING | LONG), draw(SCORES), ids=draw(st.tuples(IDS, IDS, IDS)))
    hit = replace(hit, quoted_from=draw(st.just(0) | st.integers(0, 300)))
    copies = draw(st.lists(st.builds(hit_of, ACTING, ACTING, ids=st.tuples(IDS, IDS, IDS)), max_size=2))
    return replace(hit, copies=tuple(copy.stored for copy in copies))


def without_ours(line: str, message, style: str = "R") -> str:
    """A line without the number, mention, moment and links that the bot has put into it."""
    line = re.sub(r"^\*\*\d+\.\*\* ", "", line)
    for ours in (f"<#{message.channel_id}>", discord.utils.format_dt(message.created_at, style)):
        line = line.replace(ours, "")
    return re.sub(rf"\[\w+( \w+)?\]\({re.escape(message.url)}\)", "", line)


def is_balanced(line: str) -> bool:
    """Whether what runs from right to left stands in isolates that are all closed, none in another."""
    isolates = re.findall(f"{FSI}[^{FSI}{PDI}]*{PDI}", line)
    outside = re.sub(f"{FSI}[^{FSI}{PDI}]*{PDI}", "", line)
    return line.count(FSI) == line.count(PDI) == len(isolates) and not TURNING.search(outside)


@given(st.lists(hostile_hits(), min_size=1, max_size=PAGE), WORDS)
def test_b4_b5_b6_b8_b9_b10_b11_nothing_of_other_people_acts_on_a_page(hits, words):
    """Whatever names and texts hold: within the limits, each in its line, nothing in them acts, links or turns."""
    embed = page_embed(Page(1, 0, tuple(hits), 3, firsts=frozenset(h.message.message_id for h in hits)), words)
    json.dumps(embed.to_dict(), ensure_ascii=False).encode()
    assert utf16_length(embed.description) <= MAX_DESCRIPTION
    lines = embed.description.split("\n")
    assert lines == embed.description.splitlines()

    rest = iter(lines)
    for hit in hits:
        head, quote = next(rest), next(rest)
        messages = [hit.message, *(copy.message for copy in hit.copies)]
        assert parsed(without_ours(head, hit.message))[0] == hidden(head) == []
        assert parsed(quote)[0] == ["quote"]
        assert len(hidden(quote)) <= hit.message.content.count("|") // 4
        assert not RAW_LINK.search(without_ours(head, hit.message) + quote)
        assert is_balanced(head)
        assert is_balanced(quote)
        if hit.copies:
            oldest = min(messages, key=lambda one: one.message_id)
            assert parsed(without_ours(next(rest), oldest, "D"))[0] == ["subtext"]
    assert next(rest, None) is None


@given(st.lists(st.builds(hit_of, ACTING | LONG, ids=st.tuples(IDS, IDS, IDS)), min_size=1, max_size=OPENED), WORDS)
def test_b6_b9_b10_nothing_of_a_name_acts_in_a_list_of_copies(hits, words):
    """Each of those who said the same has a line, in which nothing acts but the way to their message."""
    embed = copies_embed(Listed(tuple(hit.stored for hit in hits), 0, 0), words)
    json.dumps(embed.to_dict(), ensure_ascii=False).encode()
    lines = embed.description.splitlines()

    assert len(lines) == len(hits)
    for line, hit in zip(lines, hits, strict=True):
        assert parsed(without_ours(line, hit.message, "f"))[0] == hidden(line) == []
        assert is_balanced(line)


@pytest.mark.parametrize(("name", "shown"), [("", "somebody"), ("\u200b", "somebody"), ("A*da", r"A\*da")], ids=ascii)
def test_b6_a_name_that_shows_nothing_is_somebody(name, shown):
    """An author without a visible name is called somebody."""
    assert hits_embed([hit_of(name=name)], Words("en")).description.startswith(f"**1.** {shown} in <#1>")


@pytest.mark.parametrize(
    ("shown_id", "n_copies", "english", "japanese"),
    [
        (
            3,
            2,
            ", [first here](https://discord.com/channels/1/1/1)",
            ", [最初はこちら](https://discord.com/channels/1/1/1)",
        ),
        (1, 2, ", this was the first", ", これが最初です"),
        (1, MOST_COPIES, "", ""),
    ],
)
def test_where_something_was_said_first_is_told_where_it_is_known(shown_id, n_copies, english, japanese):
    """Another message is linked to; of the one that is shown that is said; of too many nobody knows."""
    same = [hit_of(ids=(i, 1, 1)) for i in range(1, n_copies + 2)]
    shown = same[shown_id - 1]
    hit = replace(shown, copies=tuple(one.stored for one in same if one is not shown))

    for words, expected in ((Words("en"), english), (Words("ja"), japanese)):
        often = "said" if n_copies < MOST_COPIES else "said_often"
        since = discord.utils.format_dt(same[0].message.created_at, "D")
        line = words(f"answer.{often}", n=len(same), since=since)
        assert hits_embed([hit], words, confirmed=frozenset({1})).description.splitlines()[2] == line + expected


def test_a_long_text_is_quoted_from_where_it_was_found():
    """What was found by a later part of it does not begin where it begins."""
    hit = replace(hit_of(content="bees " * 100 + "taxes " * 100), quoted_from=500)

    assert hits_embed([hit], Words("en")).description.splitlines()[1].startswith("> …taxes taxes ")


@pytest.mark.parametrize("content", ["", "\u200b", "\ufe0f", " \n "], ids=ascii)
def test_b2_a_quote_is_never_empty(content):
    """A hit without visible text says so."""
    assert hits_embed([hit_of(content=content)], Words("en")).description.endswith("\n> (no text)")


@pytest.mark.parametrize(
    ("score", "percent"), [(1.0, 100), (0.994, 99), (0.126, 13), (0.0, 0), (-0.0, 0), (-0.4, 0), (math.ulp(0), 0)]
)
def test_scores_are_whole_percents_from_zero_on(score, percent):
    """A score is shown without digits behind the point, and never below zero."""
    assert f"· {percent} % ·" in hits_embed([hit_of(score=score)], Words("en")).description


@pytest.mark.parametrize(
    ("start", "n_more", "sentence"),
    [(0, 0, "answer.nothing"), (0, 3, "answer.gone"), (5, 0, "answer.gone"), (5, 3, "answer.gone")],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_without_hits_says_why(language, start, n_more, sentence):
    """A first page without anything was never more; any other page has lost what stood there."""
    words = Words(language)
    embed = page_embed(Page(1, start, (), n_more), words)

    assert (embed.title, embed.description, embed.footer.text) == (None, words(sentence), None)


def test_hits_are_numbered_through_the_pages():
    """The numbers of a later page go on where those of the page before ended."""
    assert "**6.** " in page_embed(Page(1, 5, (hit_of(),), 0), Words("en")).description


def test_the_footer_says_how_much_more_there_is():
    """A page tells how many hits follow, or that it is the last."""
    assert page_embed(Page(1, 0, (hit_of(),), 7), Words("en")).footer.text == "7 more"
    assert page_embed(Page(1, 0, (hit_of(),), 0), Words("en")).footer.text == "No more"


def test_a_share_without_hits_says_that_they_are_gone():
    """What was shared and is gone leaves a sentence."""
    assert share_embed([], Words("en")).description == Words("en")("answer.nothing_left")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("start", "n_more"), [(0, 0), (0, 7), (5, 2)])
def test_a_page_of_unconfirmed_hits_says_only_that(language, start, n_more):
    """Where nothing could be confirmed the page does not claim that there is nothing, or that it is gone."""
    words = Words(language)
    embed = page_embed(Page(1, start, (), n_more, n_unknown=5), words)

    assert (embed.description, embed.footer.text) == (words("answer.unknown", n=5), None)


@pytest.mark.parametrize("n_more", [0, 7])
def test_hits_that_were_left_out_are_counted_below(n_more):
    """Beside the hits that are shown, the footer says how many Discord did not confirm."""
    first, second = page_embed(Page(1, 0, (hit_of(),), n_more, n_unknown=2), Words("en")).footer.text.splitlines()

    assert first == ("7 more" if n_more else "No more")
    assert second.startswith("Left out: 2 messages")


@pytest.mark.parametrize("words", [Words(language) for language in LANGUAGES], ids=LANGUAGES)
def test_a_list_of_copies_keeps_the_limits(words):
    """As many as are listed at once, with the longest names, and what is left out told."""
    copies = Listed((LARGEST[0].stored,) * OPENED, n_more=85, n_unknown=15)

    assert utf16_length(copies_embed(copies, words).description or "") <= MAX_DESCRIPTION
    assert copies_embed(Listed((), 0, 0), words).description == words("answer.gone")


@pytest.mark.parametrize(
    ("nearness", "english", "japanese"),
    [
        (None, "50 %", "50 %"),
        (Nearness.LOOSE, "loosely related", "やや関連"),
        (Nearness.CLOSE, "close", "近い"),
        (Nearness.VERY_CLOSE, "very close", "とても近い"),
    ],
)
def test_nearness_is_told_in_steps(nearness, english, japanese):
    """A percentage only where there is too little to measure steps by."""
    hit = replace(hit_of(), nearness=nearness)

    assert f"· {english} ·" in (hits_embed([hit], Words("en")).description or "")
    assert f"· {japanese} ·" in (hits_embed([hit], Words("ja")).description or "")
