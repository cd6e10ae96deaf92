"""Lines that lie in a box: facts that can happen, for each course of events that may tell, the likeliest first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Any, Final, NamedTuple

from domain.policy.document import Window
from domain.policy.facts import Facts
from domain.policy.proof.floor import right_holds
from domain.policy.proof.regions import Box, Classes
from domain.policy.proof.winners import Winners
from domain.policy.rules import reader
from domain.policy.ruling import window_end
from domain.policy.statutes import Statute
from domain.policy.when import ANSWER_PREFIX
from domain.policy.windows import SATURDAY, zone_of

TIME_FACTS: Final = ("ordered_at", "days_since_ordered", "days_since_delivered")
AMOUNTS: Final = ("line_paid_minor", "unit_paid_minor", "quantity")
USUAL_PAID_MINOR: Final = 6_000
CHOICES_MAX: Final = 2_000
"""How many values of amounts are tried for one that a line can have."""
BEYOND: Final = 10**9
"""Where the last class of a number ends; how far up it reaches makes no difference."""
Holidays = Callable[[str, int], frozenset[date]]
"""The holidays of a country in a year, looked up by whoever may look things up."""
HOLIDAY_YEARS: Final = (2026, 2027)
HOURS: Final = (time(12), time(), time(23, 59, 59))
GAPS: Final = (1, 0, 40)
"""Days between an order and its delivery that are tried, beside those that rules name."""
YEARS: Final = (2026, 2027, 2023, 2019, 2016)
"""Years in which orders are tried; two of them go with a 29 February, one with none near."""
YEARS_NAMED: Final = range(1990, 7_999)
"""Years of moments that rules name in which orders are tried."""
DAY: Final = timedelta(days=1)


class Course(NamedTuple):
    """When a line was ordered, shipped, delivered and asked for; the whole order was delivered with it."""

    ordered_at: datetime
    shipped_at: datetime
    delivered_at: datetime
    requested_at: datetime


class Lines:
    """The lines that rules of a document can tell apart, made when they are asked for."""

    def __init__(self, winners: Winners, holidays: Holidays) -> None:
        self._winners = winners
        self._holidays = holidays
        self._in_time: set[tuple[str, str, date, str]] = set()
        """Windows that are never over while a right holds in a country."""
        self._window = winners.document.window
        self._readers = {fact: reader(fact, self._window) for fact in TIME_FACTS}

    def in_box(
        self,
        box: Box,
        right: Statute,
        country: str,
        said: Mapping[str, object],
        *,
        window: Window | None = None,
        paid_minor_max: int | None = None,
    ) -> Iterator[Facts]:
        """Yield facts in a box for a line from a country.

        Args:
            box: The classes of each fact.
            right: The right that holds, or may.
            country: Where the order comes from.
            said: Reason and wish.
            window: A window for which the request is to come just too late.
            paid_minor_max: The most that the line may have cost, in minor units.
        """
        values = self._values(box, paid_minor_max)
        timeless = not any(fact in box for fact in TIME_FACTS)
        key = (repr(window), right.id, right.valid_from, country)
        if values is None or (timeless and key in self._in_time):
            return
        late = False
        for course in self._courses(box, right, country, window):
            rests = self._rests(country, course.delivered_at.year) if right.rolls else ()
            facts = _facts({**values, **said, "country": country, "country_holidays": rests}, course)
            if window is not None and not right_holds(right, facts, window.zone):
                continue
            late = True
            if all(self._fits(fact, facts, box[fact]) for fact in TIME_FACTS if fact in box):
                yield facts
        if window is not None and not late:
            self._in_time.add(key)

    def _fits(self, fact: str, facts: Facts, mask: int) -> bool:
        return bool(mask >> self._place(fact, self._readers[fact](facts)) & 1)

    def _place(self, fact: str, value: Any) -> int:
        known = self._winners.classes[fact]
        if value is None:
            return known.size - 1
        if fact != "ordered_at":
            return max(bisect_right(known.ordered, value) - 1, 0)
        # moments that rules name stand at odd places, each between those that stand for all before and after
        place = bisect_left(known.ordered, value)
        return place if place % 2 == 0 or known.ordered[place] == value else place - 1

    def _courses(self, box: Box, right: Statute, country: str, window: Window | None) -> Iterator[Course]:
        zones = [*right.zones.get(country, ()), self._window.zone if window is None else window.zone]
        for ordered_at in self._orders(box, right, country, window):
            for delivered_at in self._deliveries(box, ordered_at, zones, window):
                for requested_at in self._requests(box, delivered_at, window, ordered_at):
                    if requested_at >= delivered_at:
                        shipped_at = ordered_at if window is not None and window.anchor == "shipped" else delivered_at
                        yield Course(ordered_at, shipped_at, delivered_at, requested_at)

    def _rests(self, country: str, year: int) -> tuple[date, ...]:
        """Return the weekdays on which a country rests in a year and the next."""
        days = self._holidays(country, year) | self._holidays(country, year + 1)
        return tuple(sorted(day for day in days if day.weekday() < SATURDAY))

    def _orders(self, box: Box, right: Statute, country: str, window: Window | None) -> Iterator[datetime]:
        """Yield order times on which the right is in force, in the classes that the box allows.

        Where the right rolls on also those whose last day is a holiday.
        """
        first, last = right.valid_from, right.valid_to or date(7_999, 12, 31)
        days = [first, *(date(year, 3, 2) for year in YEARS)] if right.valid_to is None else [first, last]
        days = sorted({day for day in days if first <= day <= last}, key=lambda day: (abs(day.year - YEARS[0]), day))
        weekdays = range(7 if window is not None and _looks_at_weekdays(window, right) else 1)
        moments = [datetime.combine(day + number * DAY, time(9), UTC) for day, number in product(days, weekdays)]
        if window is not None and right.rolls and right.days is not None:
            before = (right.days + GAPS[0]) * DAY
            rests = (rest for year in HOLIDAY_YEARS for rest in self._rests(country, year))
            moments += [datetime.combine(rest - before, time(9), UTC) for rest in rests]
        if "ordered_at" in box:
            named = [moment for moment in self._allowed("ordered_at", box) if moment.year in YEARS_NAMED]
            exact = [moment for moment in self._winners.classes["ordered_at"].ordered if moment.year in YEARS_NAMED]
            beside = [moment + number * DAY for moment, number in product(exact, (1, -1))]
            moments = [moment + number * DAY for moment, number in product([*named, *beside], weekdays)] + moments
        return (moment for moment in moments if right.in_force(moment.date()))

    def _allowed(self, fact: str, box: Box) -> list[Any]:
        known = self._winners.classes[fact]
        return [value for place, value in enumerate(known.ordered) if box[fact] >> place & 1]

    def _deliveries(
        self, box: Box, ordered_at: datetime, zones: Sequence[str], window: Window | None
    ) -> Iterator[datetime]:
        gaps = list(GAPS)
        if window is not None:
            gaps = [GAPS[0]] if window.anchor == "delivered" else [window.days + 60, *gaps]
        if "days_since_ordered" in box:
            gaps += self._allowed("days_since_ordered", box)
        hours = HOURS if window is not None else HOURS[:1]
        for gap, zone, hour in product(dict.fromkeys(gaps), dict.fromkeys(zones), hours):
            local = (ordered_at.astimezone(zone_of(zone)) + int(gap) * DAY).date()
            yield max(ordered_at, datetime.combine(local, hour, zone_of(zone)).astimezone(UTC))

    def _requests(
        self, box: Box, delivered_at: datetime, window: Window | None, ordered_at: datetime
    ) -> Iterator[datetime]:
        if window is not None:
            anchors = {"ordered": ordered_at, "shipped": ordered_at, "delivered": delivered_at}
            yield max(window_end(window, anchors[window.anchor], ()), delivered_at)
        days = [0, *(self._allowed("days_since_delivered", box) if "days_since_delivered" in box else ())]
        if "days_since_ordered" in box:
            gap = (delivered_at - ordered_at).days
            days += [since - gap for since in self._allowed("days_since_ordered", box) if since >= gap]
        if window is None or len(days) > 1:
            yield from (delivered_at + int(number) * DAY for number in dict.fromkeys(days))

    def _values(self, box: Box, paid_minor_max: int | None) -> dict[str, object] | None:
        """Return one value for each fact of a box beside time, reason, wish and country; ``None`` where none can be."""
        skipped = {*TIME_FACTS, *AMOUNTS, "reason", "wish", "country"}
        values = {fact: self._value(fact, mask) for fact, mask in box.items() if fact not in skipped}
        amounts = self._amounts(box, paid_minor_max)
        return None if amounts is None else values | amounts

    def _value(self, fact: str, mask: int) -> object:
        known = self._winners.classes[fact]
        values = [*known.unordered, *known.ordered]
        place = (mask & -mask).bit_length() - 1
        return values[place] if place < len(values) else None

    def _amounts(self, box: Box, paid_minor_max: int | None) -> dict[str, int] | None:
        if not any(fact in box for fact in AMOUNTS):
            paid = USUAL_PAID_MINOR if paid_minor_max is None else paid_minor_max
            return {"line_paid_minor": paid, "unit_paid_minor": paid, "quantity": 1} if paid > 0 else None
        spans = [list(self._spans(fact, box)) for fact in AMOUNTS]
        for count, (line, unit, quantity) in enumerate(product(*spans)):
            if count >= CHOICES_MAX:
                return None
            low, high = line if paid_minor_max is None else (max(line[0], 1), min(line[1], paid_minor_max))
            if low <= high and (triple := _triple((low, high), unit, quantity)) is not None:
                return dict(zip(AMOUNTS, triple, strict=True))
        return None

    def _spans(self, fact: str, box: Box) -> Iterator[tuple[int, int]]:
        """Yield the least and the most of each class of an amount that the box allows."""
        least = int(fact == "quantity")
        if fact not in box:
            yield least, BEYOND
            return
        ordered = self._winners.classes[fact].ordered
        for place, value in enumerate(ordered):
            if box[fact] >> place & 1:
                low = int(value)
                yield low, max(low, int(ordered[place + 1]) - 1 if place + 1 < len(ordered) else low + BEYOND)


def _facts(values: Mapping[str, object], course: Course) -> Facts:
    """Return values as facts; what no rule looks at is plain, a sale in a shop is none at a distance."""
    answers = {name.removeprefix(ANSWER_PREFIX): v for name, v in values.items() if name.startswith(ANSWER_PREFIX)}
    given = {name: value for name, value in values.items() if not name.startswith(ANSWER_PREFIX)}
    channel = given.get("channel", "web")
    return Facts.model_construct(
        None,
        **{
            "category": "any",
            "sku": "any",
            "final_sale": False,
            "gift": False,
            "tender_kinds": ("card",),
            **given,
            "channel": channel,
            "distance_sale": given.get("distance_sale", channel != "store"),
            "ordered_at": course.ordered_at,
            "shipped_at": course.shipped_at,
            "delivered_at": course.delivered_at,
            "order_delivered_at": course.delivered_at,
            "requested_at": course.requested_at,
            "answers": {name: value for name, value in answers.items() if value is not None},
            "holidays": (),
            "rule_holidays": {},
        },
    )


def _looks_at_weekdays(window: Window, right: Statute) -> bool:
    return window.count == "business" or window.roll != "none" or right.rolls


def _triple(line: tuple[int, int], unit: tuple[int, int], quantity: tuple[int, int]) -> tuple[int, int, int] | None:
    """Return a line's amount, a unit's and their number within these bounds, the second the quotient of the others."""
    number = max(quantity[0], -(-(line[0] + 1) // (unit[1] + 1)))
    if number > quantity[1] or unit[0] * number > line[1]:
        return None
    total = max(line[0], unit[0] * number)
    return total, total // number, number


def told_apart(right: Statute, countries: Sequence[str]) -> list[str]:
    """Return one country for each set of zones in which a right's days are counted; where holidays count, all."""
    if right.rolls:
        return list(countries)
    return list({right.zones.get(country, ()): country for country in reversed(countries)}.values())


def classes_of_countries(classes: Classes, right: Statute, mask: int) -> list[str]:
    """Return the countries of a right in the classes of a mask: those named, and of the others all."""
    named = classes.unordered[:-1]
    chosen = [country for place, country in enumerate(named) if mask >> place & 1 and country in right.countries]
    others = sorted(right.countries - set(named)) if mask >> len(named) & 1 else []
    return [*chosen, *others]
