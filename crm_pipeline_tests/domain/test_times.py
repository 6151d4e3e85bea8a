from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.times import parse_time

NOON = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-17T12:00:00Z",
        "2024-05-17T12:00:00.000Z",
        "2024-05-17T12:00:00.000000000Z",
        "2024-05-17T12:00:00z",
        "2024-05-17 12:00:00",
        "2024-05-17T12:00",
        "2024-05-17 12:00:00 UTC",
        "2024-05-17T14:00:00+02:00",
        "2024-05-17T14:00:00.000+0200",
        "2024-05-17 14:00:00 +0200",
        "2024-05-17T17:30:00+05:30",
        "2024-05-17T04:00:00-08:00",
        " 2024-05-17T12:00:00Z ",
        "1715947200000",
        1715947200000,
        1715947200000.0,
        1715947200,
        "1715947200",
        datetime(2024, 5, 17, 12, 0),
        datetime(2024, 5, 17, 14, 0, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_every_spelling_of_one_moment(value: object) -> None:
    assert parse_time(value) == NOON


def test_milliseconds_are_kept() -> None:
    assert parse_time("2024-05-17T12:00:00.123Z") == parse_time(1715947200123) == NOON.replace(microsecond=123000)


def test_a_date_is_its_midnight_in_utc() -> None:
    assert parse_time("2024-05-17") == datetime(2024, 5, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", "soon", "0", 0, True, False, -1, 5, 2024, "2024", "2024-13-01", "2024-02-30T00:00:00Z",
        "2024-05-17T24:00:00Z", "2024-05-17T12:00:00+99:00", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00", float("nan"), float("inf"), 10**40, "1" * 39, [], {},
        b"2024-05-17", "\u0662\u0660\u0662\u0664-05-17", "17/05/2024", "May 17, 2024",
    ],
)  # fmt: skip
def test_what_is_no_moment(value: object) -> None:
    assert parse_time(value) is None


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES))
def test_a_written_moment_reads_back(moment: datetime) -> None:
    found = parse_time(moment.isoformat())
    assert found == moment
    assert found.tzinfo is UTC


@given(st.one_of(st.text(), st.integers(), st.floats(), st.binary(), st.none(), st.booleans()))
def test_anything_is_a_moment_in_utc_or_none(value: object) -> None:
    found = parse_time(value)
    assert found is None or found.utcoffset() == timedelta(0)


@given(st.datetimes(min_value=datetime(1975, 1, 1), max_value=datetime(2200, 1, 1)))
def test_epoch_milliseconds_read_back(naive: datetime) -> None:
    moment = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_time(milliseconds) == parse_time(str(milliseconds)) == moment
