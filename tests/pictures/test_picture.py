"""What a picture shows, in words."""

from bot.pictures.picture import MOST_TOLD, fitting


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    """All parts where there is room, else as many as there is room for, whole ones."""
    parts = [f"channel number {i}" for i in range(200)]
    told = fitting(lambda some: f"By channel: {', '.join(some)}.", parts)

    assert fitting(", ".join, parts[:3]) == "channel number 0, channel number 1, channel number 2"
    assert MOST_TOLD - 25 < len(told) <= MOST_TOLD
    assert told.endswith("channel number 52.")


def test_a_single_part_that_is_too_long_is_cut() -> None:
    """There is always something to tell, and never too much."""
    assert len(fitting("x".join, ["a" * 2_000])) <= MOST_TOLD
    assert len(fitting(lambda _: "b" * 2_000, ["a"])) == MOST_TOLD
