"""A map in a picture and in words."""

from datetime import UTC, datetime

import numpy as np
import pytest
from pixels import pixels

from bot.pictures.landscape import picture_of_landscape, remarks_on_landscape
from bot.pictures.picture import MOST_TOLD
from bot.services.landscapes import Landscape
from bot.words import Words


def landscape(*names: tuple[str, ...], n_texts: int = 100) -> Landscape:
    """A hundred messages in groups of one size."""
    groups = np.sort(np.arange(100) % len(names))
    places = np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32)
    first, last = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
    return Landscape(places, groups, names, n_texts, first, last, frozenset({10}))


def test_the_words_tell_what_the_map_shows() -> None:
    """How many messages of when, and each group with its words and its share."""
    picture = picture_of_landscape(landscape(("ferry", "boat"), ()), Words("en"))

    assert pixels(picture.png).shape == (675, 1200, 4)
    assert picture.told == (
        "A map of 100 messages from 2025-03-01 to 2025-06-01, near each other where they say alike things, "
        "in 2 groups named by their most telling words: ferry · boat (50 %); mixed (50 %)."
    )


@pytest.mark.parametrize("language", ["en", "ja"])
def test_long_words_leave_the_text_within_discords_limit(language: str) -> None:
    """Groups that there is no room for are left out of the words."""
    many = landscape(*[tuple(f"{'語' * 24}{i}{j}" for j in range(3)) for i in range(12)])

    assert len(picture_of_landscape(many, Words(language)).told) <= MOST_TOLD


def test_it_is_said_where_messages_were_chosen() -> None:
    """Of a whole period nothing is to be said."""
    assert remarks_on_landscape(landscape(("ferry",)), Words("en")) == []
    assert remarks_on_landscape(landscape(("ferry",), n_texts=5_000), Words("en")) == [
        "Shown are 100 of about 5,000 messages, chosen by chance."
    ]
