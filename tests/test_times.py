from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import utc

from bot.errors import MomentInvalid, SnowflakeInvalid
from bot.times import (
    DISCORD_EPOCH_MS,
    MAX_SNOWFLAKE,
    from_milliseconds,
    made_at,
    milliseconds,
    moment,
    snowflake,
    snowflake_at,
)

NOW = utc("2025-06-15T12:00:00")
LAST_DAY = made_at(MAX_SNOWFLAKE)

ids = st.integers(1, MAX_SNOWFLAKE)
moments = st.datetimes(datetime(2015, 1, 1), LAST_DAY.replace(tzinfo=None), timezones=st.just(UTC))  # noqa: DTZ001


@given(ids)
def test_b16_an_integer_and_its_text_are_one_id(value):
    """Every id in range is read exactly, as a number and as text."""
    assert snowflake(value) == snowflake(str(value)) == value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(0, "out_of_range", id="0"),
        pytest.param("0", "out_of_range", id="0 as text"),
        pytest.param(-1, "out_of_range", id="-1"),
        pytest.param("-1", "not_an_integer", id="-1 as text"),
        pytest.param(2**63, "out_of_range", id="2**63"),
        pytest.param(str(2**63), "out_of_range", id="2**63 as text"),
        pytest.param(2**64, "out_of_range", id="2**64"),
        pytest.param("9" * 20, "out_of_range", id="20 digits"),
        pytest.param("9" * 5_000, "not_an_integer", id="5,000 digits"),
        pytest.param(1.2345678901234568e17, "not_an_integer", id="float"),
        pytest.param(float("nan"), "not_an_integer", id="NaN"),
        pytest.param("1.2345678901234568e+17", "not_an_integer", id="float as text"),
        pytest.param(" 1", "not_an_integer", id="leading space"),
        pytest.param("1 ", "not_an_integer", id="trailing space"),
        pytest.param("1\n", "not_an_integer", id="line break"),
        pytest.param("", "not_an_integer", id="empty"),
        pytest.param("one", "not_an_integer", id="word"),
        pytest.param("१२३", "not_an_integer", id="other digits"),
        pytest.param("1_000", "not_an_integer", id="underscore"),
        pytest.param(b"1", "not_an_integer", id="bytes"),
        pytest.param(True, "not_an_integer", id="true"),
        pytest.param(None, "not_an_integer", id="nothing"),
        pytest.param([1], "not_an_integer", id="list"),
    ],
)
def test_b16_what_is_no_id_is_refused_with_a_reason(value, reason):
    """Only integers from 1 below 2**63 are ids, and the error says what is wrong."""
    with pytest.raises(SnowflakeInvalid) as refused:
        snowflake(value)

    assert refused.value.reason == reason
    assert refused.value.value is value or refused.value.value == int(value)


@pytest.mark.parametrize(("hours", "is_taken"), [(-1, True), (0, True), (23, True), (24, False), (48, False)])
def test_b16_ids_from_the_future(hours, is_taken):
    """An id may be made up to a day from now, since clocks differ."""
    value = snowflake_at(NOW + timedelta(hours=hours))

    if is_taken:
        assert snowflake(value, now=NOW) == value
    else:
        with pytest.raises(SnowflakeInvalid) as refused:
            snowflake(str(value), now=NOW)
        assert refused.value.reason == "from_the_future"


def test_b16_without_a_now_the_future_is_no_matter():
    """The largest id is one as long as nobody asks when it was made."""
    assert snowflake(str(2**63 - 1)) == 2**63 - 1


def test_an_id_of_the_reference():
    """The example of Discord's reference was made when the reference says."""
    assert made_at(175928847299117063) == datetime(2016, 4, 30, 11, 18, 25, 796000, UTC)


def test_the_first_id():
    """Ids begin with 2015."""
    assert made_at(1) == utc("2015-01-01T00:00:00")
    assert snowflake_at(utc("2015-01-01T00:00:00.001")) == 1 << 22


@pytest.mark.parametrize("text", ["2014-12-31T23:59:59", "1970-01-01T00:00:00", "0001-01-01T00:00:00"])
def test_b19_before_discord_there_is_no_id(text):
    """A moment before Discord stands for 0, which lets every message through."""
    assert snowflake_at(utc(text)) == 0


def test_b19_the_end_of_time_is_the_largest_id():
    """A moment that no id can hold stands for the largest one."""
    assert snowflake_at(utc("9999-12-31T23:59:59")) == 2**63 - 1


@given(ids)
def test_the_first_id_of_an_ids_moment(value):
    """Going to the moment of an id and back gives the first id of that millisecond."""
    assert snowflake_at(made_at(value)) == value >> 22 << 22


@given(moments)
def test_a_moment_and_back(when):
    """Going to an id and back gives the moment to the millisecond."""
    assert abs(made_at(snowflake_at(when)) - when) <= timedelta(milliseconds=1)


@given(moments, moments)
def test_ids_are_in_the_order_of_their_moments(one, other):
    """What is made later has no smaller id."""
    earlier, later = sorted((one, other))

    assert snowflake_at(earlier) <= snowflake_at(later)


@given(ids)
def test_moments_are_in_utc(value):
    """A moment of an id knows its zone, and lies after Discord's beginning."""
    made = made_at(value)

    assert made.utcoffset() == timedelta(0)
    assert made.timestamp() * 1000 >= DISCORD_EPOCH_MS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-01", "2025-03-01T00:00:00"),
        ("  2025-03-01 ", "2025-03-01T00:00:00"),
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("0001-01-01", "0001-01-01T00:00:00"),
        ("9999-12-31", "9999-12-31T00:00:00"),
        ("12h", "2025-06-15T00:00:00"),
        ("0h", "2025-06-15T12:00:00"),
        ("30d", "2025-05-16T12:00:00"),
        ("2w", "2025-06-01T12:00:00"),
        ("6m", "2024-12-17T12:00:00"),
        ("1y", "2024-06-15T12:00:00"),
        (" 1d\n", "2025-06-14T12:00:00"),
    ],
)
def test_moments_as_people_write_them(text, expected):
    """A day is its first instant in UTC; an age counts back from now."""
    assert moment(text, now=NOW) == utc(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yesterday",
        "NaT",
        "12",
        "h",
        "-1d",
        "1.5d",
        "1 d",
        "1D",
        "1s",
        "99999y",
        "100000h",
        "2025-02-29",
        "2025-13-01",
        "2025-00-10",
        "0000-01-01",
        "10000-01-01",
        "01.03.2025",
        "2025/03/01",
        "2025-03-01T00:00:00",
        "2025-03-01Z",
        "2016-12-31T23:59:60",
        "१२h",
        "\0",
        "\ud800",
    ],
    ids=ascii,
)
def test_b19_what_is_no_moment_is_refused(text):
    """Anything else is refused with what was written."""
    with pytest.raises(MomentInvalid) as refused:
        moment(text, now=NOW)

    assert refused.value.text == text


@given(st.text())
def test_b19_no_text_breaks_the_reading_of_moments(text):
    """Every text is a moment in UTC or refused, and never anything else."""
    try:
        found = moment(text, now=NOW)
    except MomentInvalid:
        return

    assert found.utcoffset() == timedelta(0)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_and_back(since_1970):
    """Every millisecond from year 1 to year 9999 is kept exactly."""
    when = from_milliseconds(since_1970)

    assert milliseconds(when) == since_1970
    assert when.utcoffset() == timedelta(0)


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_and_its_milliseconds(when):
    """Microseconds are cut off, never rounded up, and the zone does not matter."""
    assert timedelta(0) <= when - from_milliseconds(milliseconds(when)) < timedelta(milliseconds=1)


@given(moments, moments)
def test_milliseconds_are_in_the_order_of_their_moments(one, other):
    """What is later has no smaller number."""
    earlier, later = sorted((one, other))

    assert milliseconds(earlier) <= milliseconds(later)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00", 0),
        ("1969-12-31T23:59:59.999999", -1),
        ("2015-01-01T00:00:00", DISCORD_EPOCH_MS),
        ("2024-10-26T10:22:32.130999", 1_729_938_152_130),
    ],
)
def test_milliseconds_count_from_1970(text, expected):
    """Known moments have the numbers that every Unix clock gives them."""
    assert milliseconds(utc(text)) == expected
