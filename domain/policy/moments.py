"""The days at which windows, rights and ``days_since_…`` comparisons change their answer: where flips in time lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from domain.policy.document import Count, Window
from domain.policy.facts import Facts
from domain.policy.rules import CompiledPolicy
from domain.policy.ruling import holidays_for
from domain.policy.statutes import Statute
from domain.policy.values import Expected, plain_values
from domain.policy.windows import day_of, days_between, last_day, zone_of
from domain.values import dataclass

ANCHOR_FACTS: Final = ("delivered_at", "order_delivered_at", "shipped_at", "requested_at", "ordered_at")
Change = tuple[str, Any, int | None, int]
"""A change to try: fact, new value, whole days for a change in time, and direction (0: no order)."""
OfOneFact = tuple[str, list[Change]]
"""The changes to try of one fact."""
SECOND: Final = timedelta(seconds=1)
EARLIER: Final = -1
LATER: Final = 1
ROLL_DAYS_MAX: Final = 10
"""How many days a roll over weekends and holidays is looked for."""
DAYS_TRIED_MAX: Final = 20_000
YEARS_TRIED: Final = range(1901, 9000)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A number of days, and how they are counted."""

    days: int
    counted: Count
    holidays: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class _AnchorBounds:
    """The numbers of days after one anchor at which something may change: plain ones, and those in business days."""

    calendar: frozenset[int]
    business: frozenset[_Bound]
    until_fault: frozenset[int] = frozenset()
    """The numbers of days after the anchor at which it may tell that a fault appeared in time."""

    @property
    def is_empty(self) -> bool:
        return not (self.calendar or self.business)


class _Longer(NamedTuple):
    """What makes some rights last longer: that the customer was not told, a repair, and the days that one took."""

    not_informed: bool
    repaired: bool
    away_days: int


Bounds = dict[str, _AnchorBounds]
"""The numbers of days after each anchor at which something may change."""


def bounds_of(policy: CompiledPolicy, window: Window, statutes: tuple[Statute, ...], facts: Facts) -> Bounds:
    """Return by anchor where windows, rights and comparisons change their answer, whichever fact is to change.

    Args:
        policy: The merchant's policy.
        window: The window as its rules leave it for these facts.
        statutes: The rights to look at.
        facts: The line's facts.
    """
    away = sum((back - since).days + 1 for since, back in facts.repair_waits)
    longer = _Longer(facts.informed is False, bool(facts.repairs_tried), away)
    if policy.needs_holidays:
        return _bounds_by_anchor(policy, window, statutes, facts, longer)
    return _bounds_without_holidays(policy, window, statutes, longer)


@lru_cache(maxsize=256)
def _bounds_without_holidays(
    policy: CompiledPolicy, window: Window, statutes: tuple[Statute, ...], longer: _Longer
) -> Bounds:
    """Return the bounds of a policy that names no calendar: they are the same for many lines."""
    return _bounds_by_anchor(policy, window, statutes, None, longer)


def _bounds_by_anchor(
    policy: CompiledPolicy, window: Window, statutes: Sequence[Statute], facts: Facts | None, longer: _Longer
) -> Bounds:
    windows = {*policy.windows, window}
    found = {anchor: _bounds(policy, windows, statutes, facts, anchor) for anchor in ANCHOR_FACTS}
    for right in statutes:
        if not right.is_counted_plainly:
            # what is sold in a shop counts from the order
            for anchor in {f"{right.anchor}_at", "ordered_at"}:
                plain, days = found[anchor], _days_counted(right, longer)
                faults = plain.until_fault | (days if right.until_fault else set())
                found[anchor] = _AnchorBounds(plain.calendar | days, plain.business, faults)
    return found


def changes_in_time(by_anchor: Bounds, facts: Facts, fact: str, zone: str) -> list[Change]:
    """Return the moments to try for one of the ``ANCHOR_FACTS``, the nearest first, with whole days from now."""
    now: datetime | None = getattr(facts, fact)
    base = now or facts.requested_at
    shifts: set[int] = set()
    for anchor, bounds in by_anchor.items():
        if fact == "requested_at":
            shifts |= _of_request(bounds, getattr(facts, anchor), base, zone)
        elif fact == anchor or (fact == "delivered_at" and anchor == "order_delivered_at"):
            # the order's last delivery moves along with a later one of the units asked for
            shifts |= _of_anchor(bounds, base, facts.requested_at, zone)
            if facts.fault_appeared_on is not None:
                apart = (facts.fault_appeared_on - day_of(base, zone)).days
                shifts |= {apart - distance for distance in bounds.until_fault}
    if not shifts:
        return []
    later = _days_later(base, zone)
    earliest = _earliest(facts, fact)
    latest = None if fact == "requested_at" else facts.requested_at
    changes: list[Change] = []
    for shift in sorted(sorted(shifts, reverse=True), key=abs):  # of two as near, the later first
        moment = later(shift)
        if latest is not None and moment > latest:
            moment = latest
        if moment != now and (earliest is None or moment >= earliest):
            changes.append((fact, moment, shift if now else None, LATER if moment > base else EARLIER))
    return changes


def _of_anchor(bounds: _AnchorBounds, anchor_at: datetime, requested_at: datetime, zone: str) -> set[int]:
    """Return by how many days to move an anchor for the request to lie beside a bound."""
    if bounds.is_empty:
        return set()
    today = day_of(requested_at, zone)
    apart = (today - day_of(anchor_at, zone)).days
    distances = {distance for bound in bounds.business for distance in _distances_back(bound, today)}
    return {apart - distance for distance in bounds.calendar | distances if distance >= 0}


def _of_request(bounds: _AnchorBounds, anchor_at: datetime | None, requested_at: datetime, zone: str) -> set[int]:
    """Return by how many days to move the request for it to lie beside a bound of this anchor."""
    if anchor_at is None or bounds.is_empty:
        return set()
    start = day_of(anchor_at, zone)
    apart = (day_of(requested_at, zone) - start).days
    lasts = {
        last_day(start, one.days, count=one.counted, roll="none", holidays=one.holidays) for one in bounds.business
    }
    days = bounds.calendar | {(last - start).days for last in lasts}
    return {day - apart + beside for day in days for beside in (0, 1)}


def _bounds(
    policy: CompiledPolicy, windows: Collection[Window], statutes: Sequence[Statute], facts: Facts | None, anchor: str
) -> _AnchorBounds:
    """Return the numbers of days after one anchor at which something may change."""
    document = policy.document
    base = document.window
    bounds: set[_Bound] = set()
    # a window in another zone may have another day
    around = 1 if any(window.zone != base.zone for window in windows) else 0
    for window in windows:
        if f"{window.anchor}_at" == anchor:
            counted: Count = window.count if window.days else "calendar"
            rolled = ROLL_DAYS_MAX if window.roll != "none" and counted == "calendar" else 0
            days = range(window.days - around, window.days + rolled + around + 1)
            bounds |= {_Bound(n, counted, holidays_for(window, document, facts)) for n in days}
    for value in beside_numbers(policy.mentions.get(f"days_since_{anchor.removesuffix('_at')}", ())):
        if 0 <= value <= DAYS_TRIED_MAX:
            bounds.add(_Bound(int(value), base.count, holidays_for(base, document, facts)))
    for right in statutes:
        if f"{right.anchor}_at" == anchor and right.is_counted_plainly:
            bounds |= {_Bound(days, "calendar", ()) for days in _days_of(right, around)}
    return _AnchorBounds(
        frozenset(bound.days for bound in bounds if bound.days >= 0 and bound.counted == "calendar"),
        frozenset(bound for bound in bounds if bound.days >= 0 and bound.counted != "calendar"),
    )


def _days_of(right: Statute, around: int) -> range:
    """Return how many days a right may last: years have 365 or 366."""
    if right.days is not None:
        return range(right.days - around, right.days + around + 1)
    years = right.years or 0
    fewest = 365 * years + years // 4
    return range(fewest - around, fewest + 2 + around)


def _days_counted(right: Statute, longer: _Longer) -> set[int]:
    """Return how many days a right may last that counts in zones of its own, in months, or that may be longer."""
    if right.endless:
        return set()
    base = (right.days or 0) + 30 * (right.months or 0) + 365 * (right.years or 0)
    slack = (right.months or 0) + (right.years or 0)
    if right.count == "business":
        slack = base + ROLL_DAYS_MAX
    rolled = ROLL_DAYS_MAX if right.roll != "none" else 0
    found = set(range(base - 2, base + slack + rolled + 2))
    if right.after_repair_days_min and longer.away_days:
        most = max(base + longer.away_days, longer.away_days + right.after_repair_days_min)
        found |= set(range(base + longer.away_days - 1, most + 2))
    for applies, more in zip(longer[:2], (right.without_notice_months, right.after_repair_months), strict=True):
        if applies and more:
            found |= set(range(base + 30 * more - 1, base + slack + 31 * more + rolled + 2))
    return found


def beside_numbers(mentions: Iterable[tuple[str, Expected]]) -> Iterator[float]:
    """Yield the numbers on either side of which comparisons give another answer."""
    for operator, expected in mentions:
        for value in plain_values(expected):
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield value
                if operator != "at_most":
                    yield value - 1
                if operator != "at_least":
                    yield value + 1


def _distances_back(bound: _Bound, today: date) -> set[int]:
    """Return how many calendar days back a day may lie for ``today`` to be the bound's n-th business day after it."""
    # one business day less where today is none itself: the window was over before the weekend
    farthest = (_farthest(bound, bound.days, today), _farthest(bound, bound.days - 1, today))
    return {distance + beside for distance in farthest for beside in (0, 1)}


def _farthest(bound: _Bound, days: int, today: date) -> int:
    """Return how far back a day may lie for ``today`` to be at most the n-th business day after it; -1: nowhere."""
    if days < 0:
        return -1
    near, far = 0, min(days * 3 + 60, today.toordinal() - 1)
    while near < far:
        middle = (near + far + 1) // 2
        start = date.fromordinal(today.toordinal() - middle)
        if days_between(start, today, count=bound.counted, holidays=bound.holidays) <= days:
            near = middle
        else:
            far = middle - 1
    return near


def _days_later(at: datetime, zone: str) -> Callable[[int], datetime]:
    """Return what tells the moment some days after one at the same local time; too far away: the moment itself."""
    is_utc = zone == "UTC" and at.tzinfo is UTC
    local = at if is_utc else at.astimezone(zone_of(zone))
    least = max(-DAYS_TRIED_MAX, 365 * (YEARS_TRIED.start - local.year))
    most = min(DAYS_TRIED_MAX, 365 * (YEARS_TRIED.stop - local.year) - 1)

    def later(days: int) -> datetime:
        if not least <= days <= most:
            return at
        moment = local + timedelta(days)
        return moment if is_utc else moment.astimezone(UTC)

    return later


def _earliest(facts: Facts, fact: str) -> datetime | None:
    """Return before when a change leaves things in an order in which they cannot happen; None: whenever it is."""
    if fact == "requested_at":
        return facts.ordered_at
    return facts.delivered_at if fact == "order_delivered_at" else None
