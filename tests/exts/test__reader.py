"""How far reading a history has come, in words."""

import pytest

from bot.exts._reader import _told
from bot.services.backfill import Progress
from bot.services.coverage import Past
from bot.services.ingest import Tally
from bot.words import LANGUAGES, Words


def progress(**values: object) -> Progress:
    """1,234 messages of five channels, of which three are finished."""
    return Progress(**{"tally": Tally(new=1_200, unchanged=34), "n_channels": 5, "n_finished": 3, **values})


EN = "Reading the history: 1,234 messages so far, 57 a second; 3 of 5 channels and threads are finished."
JA = "これまでに 1,234 件（毎秒 57 件）、5 個のチャンネルとスレッドのうち 3 個が完了しました。"


@pytest.mark.parametrize(
    ("language", "so_far", "left"),
    [("en", EN, "Some 9,876 messages are left"), ("ja", JA, "残りはおよそ 9,876 件です。")],
)
def test_what_is_being_read_is_told_with_its_rate_and_what_is_left(language: str, so_far: str, left: str) -> None:
    """How much, how fast, how many channels, and an estimate of the rest."""
    first, second = _told(progress(n_left=9_876), 56.7, Words(language), past=Past.WANTED).splitlines()

    assert so_far in first
    assert left in second


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_nothing_can_be_estimated_nothing_is_said_of_it(language: str) -> None:
    """Without an estimate there is one sentence."""
    assert len(_told(progress(), 0.0, Words(language), past=Past.WANTED).splitlines()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("n_unavailable", [0, 2])
def test_the_end_says_what_becomes_of_the_rest(language: str, n_unavailable: int) -> None:
    """Read, paused and cancelled are told apart, each with what was read and what could not be."""
    words = Words(language)
    done = progress(is_done=True, n_unavailable=n_unavailable)
    told = {past: _told(done, 56.7, words, past=past).splitlines() for past in Past}

    assert len({lines[0] for lines in told.values()}) == 3
    for lines in told.values():
        assert "1,234" in lines[0]
        assert "5" in lines[0]
        assert lines[1:] == ([words("index.unavailable", n=2)] if n_unavailable else [])
