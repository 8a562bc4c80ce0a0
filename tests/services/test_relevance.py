"""The order of candidates, by numbers that a person can compute."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bot.services.matching import WordStatistics
from bot.services.relevance import Judged, aged, beyond_chance, rarities, relatedness, word_scores


def judged(meanings: list[float], words: list[float], *, lengths: float = 5, same: list[bool] | None = None) -> Judged:
    n = len(meanings)
    return Judged(
        np.array(meanings),
        np.array(words),
        np.zeros(n),
        np.full(n, float(lengths)),
        np.array(same or [True] * n, np.bool_),
    )


def test_words_are_scored_as_bm25_scores_them() -> None:
    """A term counts by its weight, repeated a little more; in a text of mean length once is its weight."""
    statistics = WordStatistics({"red": 2.0, "fish": 3.0}, mean_length=2.0)
    scores = word_scores(statistics, [["red", "bird"], ["red", "fish"], ["red", "red"], ["green", "tree"], []])

    assert scores.tolist() == pytest.approx([2.0, 5.0, 2.0 * 2 * 2.2 / (2 + 1.2), 0.0, 0.0])


def test_a_longer_text_counts_less() -> None:
    """Twice as long as the mean: the divisor of 2.2 becomes 1 + 1.2 * 1.75."""
    statistics = WordStatistics({"red": 1.0}, mean_length=2.0)

    assert word_scores(statistics, [["red", "a", "b", "c"]]).tolist() == pytest.approx([2.2 / (1 + 1.2 * 1.75)])


def test_without_shared_words_meaning_decides() -> None:
    """A question without words, and candidates without any of them, stand by their cosines."""
    nothing = judged([0.1, 0.7], [0.0, 0.0])

    assert relatedness(nothing, total=0.0, n_question_terms=0).tolist() == [0.1, 0.7]
    assert relatedness(nothing, total=9.0, n_question_terms=3).tolist() == [0.1, 0.7]


def test_words_add_to_meaning_by_what_they_say() -> None:
    """A text with all of a question's words, which say 9 in all, gains 0.05 * 9 / 3."""
    related = relatedness(judged([0.5, 0.6], [9.0, 0.0]), total=9.0, n_question_terms=5)

    assert related.tolist() == pytest.approx([0.65, 0.6])


def test_rare_words_count_once_more() -> None:
    """A term of 9 nats says 2 more than one that is just rare; each nat adds a tenth, and all of them 0.3 at most."""
    statistics = WordStatistics({"quokka": 9.0, "fish": 3.0}, mean_length=2.0)
    texts = [["quokka", "quokka"], ["fish"], ["quokka", "fish"], []]
    extra = rarities(statistics, texts)
    plain = judged([0.0] * 4, [0.0] * 4)

    assert extra.tolist() == [2.0, 0.0, 2.0, 0.0]
    assert relatedness(replace(plain, rarities=extra), total=12.0, n_question_terms=2).tolist() == pytest.approx(
        [0.2, 0.0, 0.2, 0.0]
    )
    many = replace(plain, rarities=np.full(4, 50.0))
    assert relatedness(many, total=12.0, n_question_terms=2).tolist() == pytest.approx([0.3] * 4)


def test_words_count_more_where_they_stand_in_longer_texts() -> None:
    """Texts four times as long as the question: four times as much, and never more than twenty times."""
    gains = {
        length: relatedness(judged([0.0], [9.0], lengths=length), total=9.0, n_question_terms=5)[0]
        for length in (1, 20, 1_000)
    }

    assert gains == pytest.approx({1: 0.15, 20: 0.6, 1_000: 3.0})


def test_another_script_is_not_held_against_a_text() -> None:
    """A translation stands where its meaning puts it, among texts that share words by being about the same."""
    n = 20
    meanings = np.linspace(0.2, 0.4, n).tolist()
    words = [10 * meaning for meaning in meanings]
    same = [True] * n + [False, False]
    related = relatedness(judged([*meanings, 0.6, 0.3], [*words, 0.0, 0.0], same=same), total=9.0, n_question_terms=5)

    assert int(np.argmax(related)) == n
    assert related[n + 1] == pytest.approx(0.3 + 0.05 * 10 * 0.3 / math.sqrt(9), abs=1e-9)
    assert related[: n - 1].tolist() == sorted(related[: n - 1].tolist())


def test_few_texts_tell_nothing_of_another_script() -> None:
    """With fewer than five texts in the question's script nothing is added for it."""
    related = relatedness(judged([0.3, 0.5], [9.0, 0.0], same=[True, False]), total=9.0, n_question_terms=5)

    assert related.tolist() == pytest.approx([0.45, 0.5])


def test_age_halves_what_a_message_is_worth() -> None:
    """With each half-life; what is from the future is new, and what is worth nothing gains nothing."""
    values, ages = np.array([0.8, 0.8, 0.8, -0.4, 0.8]), np.array([0.0, 7.0, 14.0, 7.0, -3.0])

    assert aged(values, ages, 7.0).tolist() == pytest.approx([0.8, 0.4, 0.2, -0.4, 0.8])


def test_words_that_are_shared_by_the_way_bring_nothing_nearer() -> None:
    """Up to 0.2 they leave a message where its meaning puts it; what is beyond that counts."""
    meanings = np.array([0.5, 0.5, 0.5])

    assert beyond_chance(meanings + np.array([0.0, 0.2, 0.5]), meanings).tolist() == pytest.approx([0.5, 0.5, 0.8])
