"""Long texts in parts."""

from hypothesis import given
from hypothesis import strategies as st

from bot.parts import begins_at, parts_of

BEES = "The bees have swarmed again and sit in the old pear tree. "
TAXES = "The tax office wants the form for the last year by Friday. "


def test_a_text_of_ordinary_length_has_no_parts() -> None:
    """One vector says what 400 bytes say, whatever the script."""
    assert parts_of("") == ()
    assert parts_of("a" * 400) == ()
    assert parts_of("蜂" * 133) == ()
    assert len(parts_of("蜂" * 134)) == 2


def test_parts_end_where_sentences_do() -> None:
    """No sentence is cut that is shorter than a part by far."""
    parts = parts_of((BEES * 5 + TAXES * 5).strip())

    assert parts == ((BEES * 5).strip(), (TAXES * 5).strip())


def test_japanese_sentences_end_without_a_space() -> None:
    """Ideographic full stops divide as well."""
    parts = parts_of("蜂が群れを作った。" * 20 + "申告書を出してください！" * 20)

    assert len(parts) > 1
    assert all(part.endswith(("。", "！")) for part in parts)


def test_what_has_no_sentences_is_divided_between_words() -> None:
    """A long list of words loses none of them."""
    parts = parts_of("bee " * 400)

    assert [word for part in parts for word in part.split()] == ["bee"] * 400


def test_what_has_no_words_is_divided_between_characters_as_they_are_seen() -> None:
    """A family stays together."""
    family = "👨‍👩‍👧‍👦"
    parts = parts_of(family * 100)

    assert "".join(parts) == family * 100
    assert all(len(part) % len(family) == 0 for part in parts)


def test_a_part_is_found_again_by_its_number() -> None:
    """Also where the one before it says the same."""
    text = BEES * 10 + TAXES * 10

    parts = parts_of(text)

    starts = [begins_at(text, parts, number) for number in range(1, 1 + len(parts))]

    assert [text[start:].startswith(part) for start, part in zip(starts, parts, strict=True)] == [True] * 5
    assert starts == sorted(set(starts))


@given(st.text(st.sampled_from("ab .。\n蜂é👍"), min_size=400, max_size=3_000))
def test_parts_hold_the_whole_text_and_are_about_equal(text: str) -> None:
    """Nothing is lost but spaces at borders, and nothing is twice as long as it should be."""
    parts = parts_of(text)

    if parts:
        assert "".join("".join(parts).split()) == "".join(text.split())
        assert max(len(part.encode()) for part in parts) <= 2 * len(text.encode()) / len(parts) + 65
        assert 1 < len(parts) <= len(text.encode()) / 200
