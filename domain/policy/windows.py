"""Days and the instants at which they end: calendar and business days, holidays, any time zone."""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from domain.policy.document import Count, Roll

ORDINAL_MAX: Final = date(9998, 12, 31).toordinal()
"""No computed day lies beyond this one, so that no date can overflow."""
YEAR_MAX: Final = 9998
SATURDAY: Final = 5
"""The weekday from which on business rests."""


@lru_cache(maxsize=1_024)
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises:
        ZoneInfoNotFoundError: There is no such zone.
    """
    return ZoneInfo(name)


def day_of(instant: datetime, zone: str) -> date:
    """Return the day on which an instant falls in a zone."""
    if zone == "UTC" and instant.tzinfo is UTC:
        return instant.date()  # as most instants are kept: nothing to look up
    return _day_in(instant, zone)


@lru_cache(maxsize=8_192)
def _day_in(instant: datetime, zone: str) -> date:
    return instant.astimezone(zone_of(zone)).date()


def start_of_day(day: date, zone: str) -> datetime:
    """Return the instant, in UTC, at which a day begins in a zone, also where the clocks skip midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=zone_of(zone)).astimezone(UTC)


@lru_cache(maxsize=8_192)
def end_of_day(day: date, zone: str) -> datetime:
    """Return the instant, in UTC, at which a day is over in a zone: the following midnight."""
    return start_of_day(date.fromordinal(min(day.toordinal(), ORDINAL_MAX) + 1), zone)


def end_of_day_after(
    start: datetime,
    days: int,
    *,
    zone: str = "UTC",
    count: Count = "calendar",
    roll: Roll = "none",
    holidays: tuple[date, ...] = (),
) -> datetime:
    """Return the instant, in UTC, at which the n-th day after the day of ``start`` is over in ``zone``.

    A thing is in time while its instant is earlier than the result.

    Args:
        start: object instant; its day in ``zone`` is day 0.
        days: Zero or more days.
        zone: IANA name.
        count: ``business`` skips Saturdays, Sundays and ``holidays``.
        roll: ``next_business_day`` moves a last day that is not a business day to the next that is.
        holidays: Days on which business rests.
    """
    if count == "calendar" and roll == "none":
        return _end_of_calendar_day_after(day_of(start, zone), days, zone)
    return end_of_day(last_day(day_of(start, zone), days, count=count, roll=roll, holidays=holidays), zone)


@lru_cache(maxsize=8_192)
def _end_of_calendar_day_after(day: date, days: int, zone: str) -> datetime:
    return end_of_day(last_day(day, days, count="calendar", roll="none"), zone)


def last_day(day: date, days: int, *, count: Count, roll: Roll, holidays: tuple[date, ...] = ()) -> date:
    """Return the n-th day after ``day``, counted and rolled as ``end_of_day_after`` says."""
    start = day.toordinal()
    if count == "business":
        # the n-th business day is one already: there is nothing to roll, unless n is 0
        ordinal = _business_day_after(start, days, _closed(holidays)) if days else start
    else:
        ordinal = start + days
    if roll == "next_business_day" and not _is_business_day(ordinal, closed := _closed(holidays)):
        ordinal = _business_day_after(ordinal, 1, closed)
    return date.fromordinal(min(ordinal, ORDINAL_MAX))


def days_between(first: date, last: date, *, count: Count, holidays: tuple[date, ...] = ()) -> int:
    """Return how many days ``last`` is after ``first``, never below zero, counted as a window counts them."""
    start, end = first.toordinal(), last.toordinal()
    if end <= start:
        return 0
    if count == "calendar":
        return end - start
    closed = _closed(holidays)
    return _weekdays_through(end) - _weekdays_through(start) - _closed_between(closed, start, end)


def same_day_years_later(day: date, years: int) -> date:
    """Return the day of the same date some years later, or the last of February where that year has no 29th.

    Source: Regulation (EEC, Euratom) 1182/71, article 3(2)(c).
    """
    year = min(day.year + years, 9998)
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def same_day_months_later(day: date, months: int) -> date:
    """Return the day of the same date some months later, or the last of that month where it is shorter.

    Source: Regulation (EEC, Euratom) 1182/71, article 3(2)(c).
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > YEAR_MAX:
        return date.fromordinal(ORDINAL_MAX)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


@lru_cache(maxsize=512)
def _closed(holidays: tuple[date, ...]) -> tuple[int, ...]:
    """Return the ordinals of holidays on weekdays, sorted, each once."""
    return tuple(sorted({day.toordinal() for day in holidays if day.weekday() < 5}))


def _closed_between(closed: tuple[int, ...], after: int, through: int) -> int:
    return bisect_right(closed, through) - bisect_right(closed, after)


def _weekdays_through(ordinal: int) -> int:
    """Return how many Mondays to Fridays there are from ordinal 1, a Monday, to this one."""
    weeks, rest = divmod(ordinal, 7)
    return weeks * 5 + min(rest, 5)


def _weekday_numbered(number: int) -> int:
    """Return the ordinal of the n-th weekday; the inverse of ``_weekdays_through``."""
    weeks, rest = divmod(number - 1, 5)
    return weeks * 7 + rest + 1


def _is_business_day(ordinal: int, closed: tuple[int, ...]) -> bool:
    return (ordinal - 1) % 7 < 5 and not _closed_between(closed, ordinal - 1, ordinal)


def _business_day_after(start: int, days: int, closed: tuple[int, ...]) -> int:
    """Return the ordinal of the n-th business day after ``start``, for n of one or more."""
    before = _weekdays_through(start)
    skipped = 0
    # each round passes holidays that the last one did not know of, so there are at most as many rounds as holidays
    for _ in range(len(closed) + 1):
        ordinal = _weekday_numbered(before + days + skipped)
        passed = _closed_between(closed, start, ordinal)
        if passed == skipped:
            break
        skipped = passed
    return ordinal
