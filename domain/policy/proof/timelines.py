"""Courses of events, one for each way in which time can tell: orders, deliveries and requests beside every bound.

For a given order day, what a decision makes of time depends only on how many days back from the request each delivery
lies, and for each of these it changes at a bound alone. The bounds' first days, of all of them together and in every
possible sequence, therefore meet every case: see decision record 0008.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple

from domain.policy.conditions import Test, holds
from domain.policy.document import PolicyDocument, Window, WindowChange
from domain.policy.facts import Facts
from domain.policy.moments import beside_numbers
from domain.policy.proof.floor import in_time, right_holds
from domain.policy.proof.regions import TooManyError, classes_of
from domain.policy.rules import mentions_of, reader
from domain.policy.ruling import window_end
from domain.policy.statutes import Statute
from domain.policy.windows import day_of, days_between, end_of_day, last_day, zone_of

TIME_FACTS: Final = ("ordered_at", "days_since_ordered", "days_since_delivered")
DAYS_MAX: Final = 12_000
"""How far back a delivery, and how far on a request, is looked for: longer than any window or right lasts."""
WINDOWS_MAX: Final = 128
"""How many windows the rules may mix; of more nothing is known."""
TIMELINES_MAX: Final = 50_000
"""How many courses of events are looked at for one right."""
YEARS: Final = range(1990, 8000)
_USUAL_ORDERS: Final = tuple(
    datetime(year, 3, 2, 9, tzinfo=UTC)
    for year in (2016, 2019, 2026, 2027)  # the third goes without 29 February for two years; the others meet it
)
_SECOND: Final = timedelta(seconds=1)


class Timeline(NamedTuple):
    """When everything happened; ``None``: not yet."""

    ordered_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    order_delivered_at: datetime | None
    requested_at: datetime

    @property
    def together(self) -> bool:
        """Tell whether the whole order was delivered with the units asked for."""
        return self.delivered_at == self.order_delivered_at


class Signature(NamedTuple):
    """What a decision can make of a course of events: two that agree in it are decided alike."""

    compared: tuple[bool, ...]
    inside: tuple[bool, ...]
    holding: tuple[bool, ...]
    together: bool
    missing: tuple[bool, ...]

    @property
    def beside_windows(self) -> tuple[object, ...]:
        """Return what effects on which no window bears can depend on."""
        return self.compared, self.holding, self.together


class Back(NamedTuple):
    """How many days before the request things happened; ``None``: not yet."""

    shipped: int | None
    delivered: int | None
    order_delivered: int | None


@dataclass(frozen=True)
class Clockwork:
    """Everything in a document that looks at time."""

    document: PolicyDocument
    windows: tuple[Window, ...]
    mentions: dict[str, tuple[tuple[str, Any], ...]]

    def timelines(self, right: Statute, rights: tuple[Statute, ...]) -> Iterator[tuple[Timeline, Signature]]:
        """Yield one course of events for each way in which time can tell, while a right is in time.

        Raises:
            TooManyError: There are more than ``TIMELINES_MAX`` to look at.
        """
        tests = [
            (fact, holds(*pair, self.document.window.zone)) for fact in self.mentions for pair in self.mentions[fact]
        ]
        seen: set[Signature] = set()
        for count, timeline in enumerate(self._all(right)):
            if count > TIMELINES_MAX:
                raise TooManyError
            signature = self._signature(timeline, right, rights, tests)
            if signature not in seen:
                seen.add(signature)
                yield timeline, signature

    def _signature(
        self, timeline: Timeline, right: Statute, rights: tuple[Statute, ...], tests: list[tuple[str, Test]]
    ) -> Signature:
        """Return what a decision, the one right and the others beside it can make of a course of events."""
        some_reason = next(iter(right.reasons)) if right.reasons else None
        faults = {reason for other in rights for reason in other.reasons or ()}
        facts = Facts.model_construct(
            **timeline._asdict(),
            answers={},
            rule_holidays={},
            country=min(right.countries),
            reason=some_reason or next(iter(faults), None),
        )
        values = {fact: reader(fact, self.document.window)(facts) for fact in self.mentions}
        zones = {window.zone for window in self.windows}
        return Signature(
            tuple(values[fact] is not None and test(values[fact]) for fact, test in tests),
            tuple(self._inside(window, timeline) for window in self.windows),
            tuple(right_holds(other, facts, zone) for other in rights for zone in sorted(zones)),
            timeline.together,
            tuple(moment is None for moment in timeline),
        )

    def _inside(self, window: Window, timeline: Timeline) -> bool:
        anchor: datetime | None = getattr(timeline, f"{window.anchor}_at")
        return anchor is None or timeline.requested_at < window_end(window, anchor, ())

    def _all(self, right: Statute) -> Iterator[Timeline]:
        zone = self.document.window.zone
        for ordered_at in self._orders(right):
            order_day = day_of(ordered_at, zone)
            for since_order in sorted(self._days_on(order_day, right)):
                request_day = order_day + timedelta(days=since_order)
                back = sorted(days for days in self._days_back(request_day, right) if days <= since_order)
                for one in self._sequences(back):
                    yield from self._clocked(ordered_at, request_day, one)

    def _orders(self, right: Statute) -> list[datetime]:
        """Return order times on either side of all bounds at which the right is in force, on each day of a week."""
        known = classes_of("ordered_at", self.mentions.get("ordered_at", ()), self.document.window.zone)
        first = datetime.combine(right.valid_from, time(), UTC)
        usual = _USUAL_ORDERS if right.years else _USUAL_ORDERS[2:3]
        week = 7 if any(window.count == "business" or window.roll != "none" for window in self.windows) else 1
        starts = {first, *usual, *(moment for moment in known.ordered if moment.year in YEARS)}
        if right.valid_to is not None:
            starts.add(datetime.combine(right.valid_to, time(), UTC))
        moments = {start + timedelta(days=days) for start in starts for days in range(week)}
        return sorted(moment for moment in moments if right.in_force(moment.date()))

    def _days_on(self, order_day: date, right: Statute) -> set[int]:
        """Return after how many days a request may meet something new."""
        found = {0}
        for window in self.windows:
            if window.anchor == "ordered":
                last = last_day(order_day, window.days, count=window.count, roll=window.roll)
                found.add((last - order_day).days + 1)
        base = self.document.window
        for value in _numbers(self.mentions.get("days_since_ordered", ())):
            found.add(_first(partial(_grows_to, base, value, order_day)))
        for week_day in range(7):
            request_day = order_day + timedelta(days=DAYS_MAX + week_day)
            found |= self._days_back(request_day, right)
        return {days for days in found if days <= DAYS_MAX}

    def _days_back(self, request_day: date, right: Statute) -> set[int]:
        """Return how many days before a request a delivery may lie for something new, the first day of each."""
        base = self.document.window
        windows = [window for window in self.windows if window.anchor != "ordered"]
        numbers = _numbers(self.mentions.get("days_since_delivered", ()))
        checks: list[Callable[[date], bool]] = [
            lambda day: not in_time(right, day, request_day),
            *(partial(_over, window, request_day) for window in windows),
            *(partial(_reaches, base, number, request_day) for number in numbers),
        ]
        over = {_first(partial(_days_before, request_day, check)) for check in checks}
        return {0, *(days + beside for days in over for beside in (-1, 0) if 0 <= days + beside <= DAYS_MAX)}

    def _sequences(self, back: list[int]) -> Iterator[Back]:
        shipping = any(window.anchor == "shipped" for window in self.windows)
        for delivered in (*back, None):
            shipped_days = (
                [days for days in back if delivered is None or days >= delivered] if shipping else [delivered]
            )
            for shipped in shipped_days:
                for order_delivered in dict.fromkeys((delivered, None if delivered is None else 0, None)):
                    yield Back(shipped, delivered, order_delivered)
        if shipping:
            yield Back(None, None, None)

    def _clocked(self, ordered_at: datetime, request_day: date, back: Back) -> Iterator[Timeline]:
        """Yield the course of events at any time of day; at its edges too, where there is more than one zone."""
        zones = sorted({window.zone for window in self.windows})
        for zone in zones:
            yield self._at(ordered_at, request_day, back, zone, time(12))
            if len(zones) > 1:
                yield self._at(ordered_at, request_day, back, zone, time())
                yield self._at(ordered_at, request_day, back, zone, time(23, 59, 59))

    def _at(self, ordered_at: datetime, request_day: date, back: Back, zone: str, hour: time) -> Timeline:
        requested_at = max(ordered_at, end_of_day(request_day, zone) - _SECOND)

        def moment(days: int | None) -> datetime | None:
            if days is None:
                return None
            local = datetime.combine(request_day - timedelta(days=days), hour, zone_of(zone))
            return min(requested_at, max(ordered_at, local.astimezone(UTC)))

        return Timeline(
            ordered_at, moment(back.shipped), moment(back.delivered), moment(back.order_delivered), requested_at
        )


def clockwork_of(document: PolicyDocument) -> Clockwork:
    """Return what in a document looks at time.

    Raises:
        TooManyError: Its rules mix more than ``WINDOWS_MAX`` windows.
    """
    changes: list[WindowChange] = [rule.then.window for rule in document.rules if rule.then.window is not None]
    values: dict[str, list[Any]] = {}
    for key in Window.model_fields:
        spoken = [getattr(change, key) for change in changes]
        values[key] = list(dict.fromkeys([getattr(document.window, key), *(v for v in spoken if v is not None)]))
    values["calendar"] = [None]
    count = 1
    for found in values.values():
        count *= len(found)
    if count > WINDOWS_MAX:
        raise TooManyError
    windows = tuple(
        Window.model_construct(None, **dict(zip(values, combination, strict=True)))
        for combination in product(*values.values())
    )
    mentions = mentions_of(rule.when for rule in document.rules)
    return Clockwork(document, windows, {fact: seen for fact, seen in mentions.items() if fact in TIME_FACTS})


def _numbers(mentions: tuple[tuple[str, Any], ...]) -> set[int]:
    """Return the numbers of days from which a comparison may answer otherwise than one day before."""
    return {int(value) + beside for value in beside_numbers(mentions) for beside in (0, 1) if 0 <= value <= DAYS_MAX}


def _counted(window: Window, first: date, last: date) -> int:
    return days_between(first, last, count=window.count)


def _over(window: Window, request_day: date, day: date) -> bool:
    return last_day(day, window.days, count=window.count, roll=window.roll) < request_day


def _reaches(window: Window, number: int, request_day: date, day: date) -> bool:
    return _counted(window, day, request_day) >= number


def _grows_to(window: Window, number: int, order_day: date, days: int) -> bool:
    return _counted(window, order_day, order_day + timedelta(days=days)) >= number


def _days_before(request_day: date, check: Callable[[date], bool], days: int) -> bool:
    return check(request_day - timedelta(days=days))


def _first(over: Callable[[int], bool]) -> int:
    """Return the smallest number of days at which something is over that stays so; beyond ``DAYS_MAX``: never."""
    low, high = 0, DAYS_MAX + 1
    while low < high:
        middle = (low + high) // 2
        if over(middle):
            high = middle
        else:
            low = middle + 1
    return low
