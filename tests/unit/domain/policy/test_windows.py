"""Days end where people's days end: whole days, business days, holidays, any zone, any change of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy.document import Count
from domain.policy.windows import (
    days_between,
    end_of_day,
    end_of_day_after,
    last_day,
    same_day_years_later,
    start_of_day,
)

EASTER_2026 = (date(2026, 4, 3), date(2026, 4, 6))  # Good Friday, Easter Monday
days = st.dates(date(1990, 1, 1), date(2060, 1, 1))
holidays = st.lists(st.dates(date(2020, 1, 1), date(2020, 3, 1)), max_size=30).map(tuple)


def test_the_last_day_is_included_to_its_end() -> None:
    """A window of n days ends at the midnight after the n-th day, however late the anchor's day began it."""
    for start in (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)):
        assert end_of_day_after(start, 30) == datetime(2026, 4, 1, tzinfo=UTC)


def test_the_day_is_the_day_in_the_zone() -> None:
    """An hour before midnight in London is the next day in Berlin."""
    start = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    assert end_of_day_after(start, 1, zone="Europe/London") == datetime(2026, 1, 3, tzinfo=UTC)
    assert end_of_day_after(start, 1, zone="Europe/Berlin") == datetime(2026, 1, 3, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 29, 22, tzinfo=UTC)),  # 23 hours long
        ("Europe/Berlin", date(2026, 10, 25), datetime(2026, 10, 25, 23, tzinfo=UTC)),  # 25 hours long
        ("Asia/Beirut", date(2026, 3, 28), datetime(2026, 3, 28, 22, tzinfo=UTC)),  # the next midnight is skipped
        ("America/Havana", date(2026, 10, 31), datetime(2026, 11, 1, 4, tzinfo=UTC)),  # the next midnight comes twice
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 10, tzinfo=UTC)),  # the next day never was
    ],
)
def test_a_day_ends_where_the_clocks_say(zone: str, day: date, ends: datetime) -> None:
    """A day is as long as it is in its zone; a skipped midnight is the moment of the skip, of two the first counts."""
    assert end_of_day(day, zone) == ends
    assert (ends - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() == day
    assert ends.astimezone(ZoneInfo(zone)).date() > day


@pytest.mark.parametrize(
    ("start", "days_after", "last"),
    [
        (date(2026, 3, 2), 5, date(2026, 3, 9)),  # Monday to Monday
        (date(2026, 3, 6), 1, date(2026, 3, 9)),  # Friday to Monday
        (date(2026, 3, 7), 1, date(2026, 3, 9)),  # Saturday to Monday
        (date(2026, 4, 2), 1, date(2026, 4, 7)),  # over Easter
        (date(2026, 4, 2), 0, date(2026, 4, 2)),
    ],
)
def test_business_days_skip_weekends_and_holidays(start: date, days_after: int, last: date) -> None:
    """Only days on which business is done are counted."""
    assert last_day(start, days_after, count="business", roll="none", holidays=EASTER_2026) == last


@pytest.mark.parametrize(
    ("start", "days_after", "count", "last"),
    [
        (date(2026, 3, 4), 3, "calendar", date(2026, 3, 9)),  # a Saturday rolls to Monday
        (date(2026, 3, 4), 2, "calendar", date(2026, 3, 6)),  # a Friday stays
        (date(2026, 4, 1), 2, "calendar", date(2026, 4, 7)),  # Good Friday rolls over Easter
        (date(2026, 3, 7), 0, "business", date(2026, 3, 9)),  # no days from a Saturday
    ],
)
def test_a_last_day_without_business_rolls_on(start: date, days_after: int, count: Count, last: date) -> None:
    """A last day that is no business day moves to the next one, and only the last day."""
    assert last_day(start, days_after, count=count, roll="next_business_day", holidays=EASTER_2026) == last


@settings(deadline=None)
@given(st.dates(date(2019, 12, 1), date(2020, 4, 1)), st.integers(0, 90), holidays)
def test_business_days_as_one_would_count_them(start: date, number: int, closed: tuple[date, ...]) -> None:
    """The n-th business day is the one found by going from day to day, and counting back gives n again."""
    day, left = start, number
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5 and day not in closed
    assert last_day(start, number, count="business", roll="none", holidays=closed) == day
    assert days_between(start, day, count="business", holidays=closed) == number


@given(days, st.integers(0, 4_000))
def test_days_between_undoes_counting(start: date, number: int) -> None:
    """So many days after a day is so many days away; nothing is less than no days away."""
    later = last_day(start, number, count="calendar", roll="none")
    assert days_between(start, later, count="calendar") == number
    assert days_between(later, start, count="calendar") == 0
    assert days_between(later, start, count="business") == 0


def test_years_end_on_the_same_date() -> None:
    """A period in years ends on the day of the same date, or on the last of February."""
    assert same_day_years_later(date(2026, 3, 5), 2) == date(2028, 3, 5)
    assert same_day_years_later(date(2024, 2, 29), 2) == date(2026, 2, 28)
    assert same_day_years_later(date(2024, 2, 29), 4) == date(2028, 2, 29)


def test_no_date_overflows() -> None:
    """The farthest day is far, and the end of it is a time."""
    start = datetime(9000, 1, 1, tzinfo=UTC)
    for count in ("calendar", "business"):
        ends = end_of_day_after(start, 3_650_000, count=count, roll="next_business_day", zone="Pacific/Kiritimati")
        assert ends > start
    assert same_day_years_later(date(9990, 1, 1), 100).year == 9998
    assert start_of_day(date(9999, 1, 1), "Pacific/Pago_Pago").year == 9999
