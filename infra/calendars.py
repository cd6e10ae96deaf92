"""Public holidays by calendar and year."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

CALENDARS_CACHED_MAX: Final = 1_000


@lru_cache(maxsize=CALENDARS_CACHED_MAX)
def holidays_of(calendar: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country (``GB``) or a part of it (``US-CA``); none for an unknown calendar."""
    import holidays  # noqa: PLC0415 - it reads all calendars, which takes a process's start a third of a second

    country, _, subdivision = calendar.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year, observed=True))
    except NotImplementedError:
        return frozenset()
