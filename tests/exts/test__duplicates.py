"""Duplicates as Discord shows them, within its limits."""

from datetime import timedelta

import pytest
from make import CHANNEL, GUILD, message, utc

from bot.exts._duplicates import marked_embed, option, repeats_embed
from bot.exts._quote import utf16_length
from bot.messages import Message, StoredMessage
from bot.services.duplicates import Marked
from bot.services.repeats import Repeat, RepeatsPage, Told
from bot.storage.duplicates import Asking
from bot.times import snowflake_at
from bot.words import LANGUAGES, Words

BEGAN = utc("2026-01-05T12:00:00")
LONGEST = "😀𝒳ab||c||" * 400
BIG_ID = 2**62


def stored(told: Message) -> StoredMessage:
    return StoredMessage(told, channel_name="c" * 100, server_name="Town")


def asking(n_weeks: float) -> Asking:
    return Asking(GUILD, snowflake_at(BEGAN + timedelta(weeks=n_weeks)), CHANNEL, 1)


def page_of(*weeks: float) -> RepeatsPage:
    """A question that was asked again after so many weeks."""
    original = asking(0)
    repeat = Repeat(original, (original, *map(asking, weeks)))
    told = Told(repeat, stored(message(original.message_id, "when")), None)
    return RepeatsPage(0, (repeat,), (told,))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_option_fits_into_a_menu(language) -> None:
    """Label and description are at most 100 units long, whatever was written and whoever wrote it."""
    long = stored(message(BIG_ID, LONGEST, author_name="𝒳" * 200))
    shown = option(long, Words(language))

    assert max(utf16_length(shown.label), utf16_length(shown.description or "")) <= 100
    assert shown.value == str(BIG_ID)
    assert "c" not in shown.label


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_an_option_without_words(language) -> None:
    """What has no text, no name and no channel still has something to choose."""
    nameless = StoredMessage(message(1, "", author_name=""), channel_name="", server_name="")
    shown = option(nameless, Words(language))

    assert shown.label.strip()
    assert (shown.description or "").strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_list_and_the_longest_mark_fit(language) -> None:
    """Within what Discord takes, with the longest ids, names and texts."""
    at = Asking(BIG_ID, BIG_ID, BIG_ID, BIG_ID)
    again = Asking(BIG_ID, BIG_ID + 1, BIG_ID, BIG_ID)
    long = stored(message(BIG_ID, LONGEST, guild_id=BIG_ID, channel_id=BIG_ID, author_name="*" * 200))
    told = Told(Repeat(at, (at, *[again] * 10**4)), long, long)
    page = RepeatsPage(10**5, (told.repeat,), (told,) * 5, n_unknown=10)

    embeds = [
        repeats_embed(page, Words(language)),
        marked_embed(Marked(long, long), Words(language), n_asked=10**6, is_told=False),
    ]
    for embed in embeds:
        assert utf16_length(embed.description or "") <= 4_096
        assert len(embed) <= 6_000


def test_a_page_that_nothing_is_left_of_says_so() -> None:
    """Whether there was nothing, or it is gone, or Discord did not confirm it."""
    words = Words("en")
    nothing = repeats_embed(RepeatsPage(0, (), ()), words).description
    gone = repeats_embed(RepeatsPage(5, page_of(1).every, ()), words).description
    unknown = repeats_embed(RepeatsPage(0, page_of(1).every, (), n_unknown=2), words).description

    assert (nothing or "").startswith("Nothing that you may read is marked")
    assert gone == words("answer.gone")
    assert unknown == words("answer.unknown", n=2)
