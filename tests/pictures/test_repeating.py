"""How often questions were asked again, as a picture."""

from datetime import timedelta

import pytest
from make import CHANNEL, GUILD, message, utc

from bot.messages import StoredMessage
from bot.pictures.picture import MOST_TOLD
from bot.pictures.repeating import picture_of_repeats
from bot.services.repeats import Repeat, RepeatsPage, Told
from bot.storage.duplicates import Asking
from bot.times import snowflake_at
from bot.words import LANGUAGES, Words

BEGAN = utc("2026-01-05T12:00:00")


def asking(n_weeks: float) -> Asking:
    return Asking(GUILD, snowflake_at(BEGAN + timedelta(weeks=n_weeks)), CHANNEL, 1)


def page_of(*weeks: float) -> RepeatsPage:
    """A question that was asked again after so many weeks."""
    original = asking(0)
    repeat = Repeat(original, (original, *map(asking, weeks)))
    stored = StoredMessage(message(original.message_id, "when"), channel_name="square", server_name="Town")
    return RepeatsPage(0, (repeat,), (Told(repeat, stored, None),))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_tells_in_words_what_it_shows(language) -> None:
    """How often, from when to when, and in which weeks most; what was asked first is not counted."""
    picture = picture_of_repeats(page_of(1, 3, 3.01), Words(language))

    assert picture.png.startswith(b"\x89PNG")
    assert len(picture.told) <= MOST_TOLD
    for told in ("2026-01-12", "2026-01-26", "3"):
        assert told in picture.told
    assert picture.told.index("2026-01-26 (2)" if language == "en" else "2026-01-26（2") >= 0


def test_other_weeks_are_another_picture() -> None:
    """What is drawn is what was counted."""
    words = Words("en")

    assert picture_of_repeats(page_of(1, 2), words).png != picture_of_repeats(page_of(1, 2, 2.01), words).png
