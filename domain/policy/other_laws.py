"""What a denied line would get under another law: that of another country, or of another day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from domain.policy.facts import Facts
from domain.policy.moments import EARLIER, LATER, SECOND, OfOneFact
from domain.policy.rights import ANCHORS, is_plain, may_grant
from domain.policy.statutes import Law, edition_numbered
from domain.policy.windows import last_day
from domain.vocabularies import Reason, Wish

DAY: Final = timedelta(days=1)


def law_of(law: Law, facts: Facts) -> Law:
    """Return the law, in the same edition, of the country and the day of an order."""
    if law.pin is None:
        return law
    return edition_numbered(law.pin.edition).law(facts.country or "", facts.ordered_at)


def changes_of_law(law: Law, facts: Facts) -> Iterator[OfOneFact]:
    """Yield what brings a line under another law: of each that differs one country, and the days on either side."""
    if law.pin is None:
        return
    edition, wish, reason = edition_numbered(law.pin.edition), facts.wish, facts.reason
    laws = _laws_granting(edition.number, edition.turns_past(facts.ordered_at), wish, reason)
    yield (
        "country",
        [("country", place, None, 0) for place, other in laws if place != facts.country and other is not law],
    )
    beside = _beside_turns(edition.number, facts.country or "", wish, reason)
    moments = sorted(beside, key=lambda at: (abs(at - facts.ordered_at), at))
    yield "ordered_at", [("ordered_at", at, None, LATER if at > facts.ordered_at else EARLIER) for at in moments]


@lru_cache(maxsize=1_024)
def _laws_granting(
    number: int, turns_past: int, wish: Wish | None, reason: Reason | None
) -> tuple[tuple[str, Law], ...]:
    """Return each law, in force between two turns, that may grant a wish for a reason, and the first country of it."""
    edition = edition_numbered(number)
    if not turns_past:
        return ()
    day = _midnight(edition.turns[turns_past - 1])
    laws: dict[Law, str] = {}
    for country in edition.countries:
        laws.setdefault(edition.law(country, day), country)
    return tuple(
        (country, law) for law, country in laws.items() if any(may_grant(right, wish, reason) for right in law.rights)
    )


def may_be_granted_elsewhere(law: Law, facts: Facts) -> bool:
    """Tell whether a right of another country may grant what a line asks for, ordered when it was; False is certain."""
    if law.pin is None or facts.wish is None or not is_plain(facts):
        return True
    edition = edition_numbered(law.pin.edition)
    longest = _longest_granting(edition.number, edition.turns_past(facts.ordered_at), facts.wish, facts.reason)
    holidays = facts.country_holidays
    for anchor, days, business_days in longest:
        begun_at: datetime | None = getattr(facts, anchor)
        if begun_at is None or days is None:
            return True
        start = begun_at.date() + DAY  # as it is called where days begin first
        ends = (
            last_day(start, days, count="calendar", roll="next_business_day", holidays=holidays),
            last_day(start, business_days, count="business", roll="next_business_day", holidays=holidays),
        )
        if facts.requested_at.date() <= max(ends) + DAY:  # as it is called where they end last
            return True
    return False


@lru_cache(maxsize=1_024)
def _longest_granting(
    number: int, turns_past: int, wish: Wish, reason: Reason | None
) -> tuple[tuple[str, int | None, int], ...]:
    """Return by anchor how long rights last at most that may grant a wish for a reason: days (None: no end) and
    business days."""
    longest: dict[str, tuple[int | None, int]] = {}
    for _, law in _laws_granting(number, turns_past, wish, reason):
        for right in law.rights:
            if may_grant(right, wish, reason):
                anchor = ANCHORS[right.anchor]
                days, business = longest.get(anchor, (0, 0))
                if right.count == "business":
                    longest[anchor] = days, max(business, right.days or 0)
                elif right.endless or days is None:
                    longest[anchor] = None, business
                else:
                    own = (right.days or 0) + 31 * (right.months or 0) + 366 * (right.years or 0)
                    longest[anchor] = max(days, own), business
    return tuple((anchor, *lengths) for anchor, lengths in longest.items())


@lru_cache(maxsize=1_024)
def _beside_turns(number: int, country: str, wish: Wish | None, reason: Reason | None) -> frozenset[datetime]:
    """Return the moments on either side of which rights of a country that may grant a wish begin and end."""
    bounds = {
        _midnight(day) + timedelta(days=number)
        for right in edition_numbered(number).rights
        if country in right.countries and may_grant(right, wish, reason)
        for number, day in ((0, right.valid_from), (1, right.valid_to))
        if day is not None
    }
    return frozenset(moment for bound in bounds for moment in (bound - SECOND, bound))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
