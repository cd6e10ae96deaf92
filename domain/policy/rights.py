"""When a right holds for a line, and until when: what it asks of the facts, and how its own time is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from domain.policy.facts import Facts
from domain.policy.statutes import Law, Statute
from domain.policy.windows import (
    day_of,
    end_of_day,
    end_of_day_after,
    last_day,
    same_day_months_later,
    same_day_years_later,
)
from domain.vocabularies import Reason, Wish, WithdrawalException

ANCHORS: Final = {anchor: f"{anchor}_at" for anchor in ("ordered", "shipped", "delivered", "order_delivered")}
"""The fact that each anchor is."""
SHOP: Final = "store"
"""The channel in which the customer takes the goods along, so that nobody records a delivery."""
_DAY: Final = timedelta(days=1)
HOLIDAYS_AFTER: Final = timedelta(days=20)
"""How long after its plain end a right may end for weekends and holidays in a row."""
HOLDS: Final = "holds"
WINDOW_EXPIRED: Final = "window_expired"


class StatuteVerdict(NamedTuple):
    """Whether a statute holds for a line: ``holds``, or what was missing; and when its own window ends."""

    statute: Statute
    why: str
    ends_at: datetime | None


def verdict_on(statute: Statute, facts: Facts, zone: str) -> StatuteVerdict:
    """Tell whether a statute holds for a line; ``zone`` is where the merchant's days are counted."""
    if facts.country not in statute.countries:
        return StatuteVerdict(statute, "other_country", None)
    if not statute.in_force(facts.ordered_at.date()):
        return StatuteVerdict(statute, "not_in_force", None)
    return verdict_in_force(statute, facts, zone)


def verdict_in_force(statute: Statute, facts: Facts, zone: str) -> StatuteVerdict:
    """Tell the same of a statute that is in force for the order, where it was placed and when."""
    return _not_covered(statute, facts.reason, facts.withdrawal_exception) or verdict_covering(statute, facts, zone)


def verdicts_on(law: Law, facts: Facts, zone: str) -> list[StatuteVerdict]:
    """Return what comes of each right of a law that is in force for the order, in their order."""
    covered = _covered(law, facts.reason, facts.withdrawal_exception)
    return [verdict or verdict_covering(right, facts, zone) for right, verdict in covered]


@lru_cache(maxsize=4_096)
def granting(
    law: Law, wish: Wish | None, reason: Reason | None, exception: WithdrawalException | None
) -> tuple[Statute, ...]:
    """Return the rights of a law that grant a wish, cover the reason and do not except the goods for sure."""
    covering = [right for right, verdict in _covered(law, reason, exception) if verdict is None]
    return tuple([right for right in covering if wish is None or wish in right.grants])


def may_grant(statute: Statute, wish: Wish | None, reason: Reason | None) -> bool:
    """Tell whether a right may approve a line at all, wherever and whenever it was ordered."""
    return wish in statute.grants and (statute.reasons is None or reason in statute.reasons)


@lru_cache(maxsize=4_096)
def _covered(
    law: Law, reason: Reason | None, exception: WithdrawalException | None
) -> tuple[tuple[Statute, StatuteVerdict | None], ...]:
    """Return the rights of a law, each with its verdict where the reason or the exception settles it."""
    return tuple((right, _not_covered(right, reason, exception)) for right in law.rights)


def _not_covered(
    statute: Statute, reason: Reason | None, exception: WithdrawalException | None
) -> StatuteVerdict | None:
    if statute.reasons is not None and reason not in statute.reasons:
        return StatuteVerdict(statute, "reason_not_covered", None)
    if exception in statute.exceptions:
        return StatuteVerdict(statute, f"excepted:{exception}", None)
    return None


def verdict_covering(statute: Statute, facts: Facts, zone: str) -> StatuteVerdict:
    """Tell whether a statute holds that covers the reason and does not except the goods for sure."""
    for fact, value, is_wanted, missing in statute.conditions:
        if (getattr(facts, fact) is value) is not is_wanted:
            return StatuteVerdict(statute, missing, None)
    if statute.has_further_conditions and (reason := _missing(statute, facts)):
        return StatuteVerdict(statute, reason, None)
    return in_time(statute, facts, zone)


def _missing(statute: Statute, facts: Facts) -> str | None:
    """Return which further condition is not met; what nobody knows does not stand against the customer."""
    if statute.repairs_tried_min is not None and (facts.repairs_tried or 0) < statute.repairs_tried_min:
        return "needs:repairs_tried"
    if facts.withdrawal_exception in statute.exceptions_if:
        known = statute.exceptions_if[facts.withdrawal_exception]
        if all(getattr(facts, fact) is value for fact, value in known.items()):
            return f"excepted:{facts.withdrawal_exception}"
    return None


def in_time(statute: Statute, facts: Facts, zone: str) -> StatuteVerdict:
    """Tell whether the request came within a statute's own window, all else that it asks for being so."""
    anchor_at = anchor_of(statute, facts)
    ends_at = None if anchor_at is None else right_end(statute, facts, anchor_at, zone)
    return StatuteVerdict(
        statute, HOLDS if ends_at is None or facts.requested_at < ends_at else WINDOW_EXPIRED, ends_at
    )


def anchor_of(statute: Statute, facts: Facts) -> datetime | None:
    """Return when a right's time begins; None while it has not. What was sold in a shop was taken along."""
    anchor_at: datetime | None = getattr(facts, ANCHORS[statute.anchor])
    if anchor_at is None and statute.zones and facts.channel == SHOP:
        return facts.ordered_at
    return anchor_at


def right_end(statute: Statute, facts: Facts, anchor_at: datetime, zone: str) -> datetime | None:
    """Return the instant at which a statute's own window, begun with ``anchor_at``, is over; None: never.

    Counted in the country's own zones the latest end decides.
    """
    if statute.is_counted_plainly:
        if statute.days is not None:
            return end_of_day_after(anchor_at, statute.days, zone=zone)
        return end_of_day(same_day_years_later(day_of(anchor_at, zone), statute.years or 0), zone)
    zones = statute.zones.get(facts.country or "", (zone,))
    if not statute.endless and is_plain(facts):
        if len(zones) == 1:
            return _plain_end(statute, day_of(anchor_at, zones[0]), zones[0], facts.country_holidays)
        return max([_plain_end(statute, day_of(anchor_at, own), own, facts.country_holidays) for own in zones])
    latest: datetime | None = None
    for own in zones:
        last = last_day_of(statute, facts, anchor_at, own)
        if last is None:
            return None
        ends_at = end_of_day(last, own)
        latest = ends_at if latest is None else max(latest, ends_at)
    return latest


def last_day_of(statute: Statute, facts: Facts, anchor_at: datetime, zone: str) -> date | None:
    """Return the last day of a right as it is called in a zone; None where it has none."""
    if statute.endless:
        return None
    last = _counted(statute, day_of(anchor_at, zone), facts.country_holidays)
    if statute.asks_notice and facts.informed is False:
        told = _without_notice(statute, facts, last, zone)
        if told is None:
            return None
        last = told
    if statute.after_repair_months and facts.repairs_tried:
        last = same_day_months_later(last, statute.after_repair_months)
    if statute.after_repair_days_min:
        last = _stood_still(facts.repair_waits, last, statute.after_repair_days_min)
    fault = facts.fault_appeared_on
    if statute.until_fault and fault is not None and fault <= last:
        told_by = _told_by(statute, fault)
        if told_by is None:
            return None
        last = max(last, told_by)
    return last_day(last, 0, count="calendar", roll=statute.roll, holidays=facts.country_holidays)


def _counted(statute: Statute, start: date, holidays: tuple[date, ...]) -> date:
    if statute.days is not None:
        return last_day(start, statute.days, count=statute.count, roll="none", holidays=holidays)
    return same_day_months_later(start, statute.months or 12 * (statute.years or 0))


def _stood_still(waits: Sequence[tuple[date, ...]], last: date, days_min: int) -> date:
    """Return the last day of a time that stands still from the day of asking to that of having the goods back."""
    for asked_on, back_on in waits:
        if asked_on <= last:
            last = max(last + (back_on - asked_on + _DAY), back_on + days_min * _DAY)
    return last


def is_plain(facts: Facts) -> bool:
    """Tell whether nothing is known that makes any right longer than it is counted."""
    is_usual = facts.informed is not False and facts.fault_appeared_on is None
    return is_usual and not facts.repairs_tried and not facts.repair_waits


@lru_cache(maxsize=8_192)
def _plain_end(statute: Statute, start: date, zone: str, holidays: tuple[date, ...]) -> datetime:
    """Return when a right is over that nothing makes longer: the same for all units delivered on a day."""
    last = _counted(statute, start, holidays)
    return end_of_day(last_day(last, 0, count="calendar", roll=statute.roll, holidays=holidays), zone)


def _without_notice(statute: Statute, facts: Facts, last: date, zone: str) -> date | None:
    """Return the last day where the customer was not told of the right, or only later; None where it has none."""
    months = statute.without_notice_months
    longest = None if months is None else same_day_months_later(last, months)
    if facts.informed_at is None:
        return longest
    since_told = max(last, _counted(statute, day_of(facts.informed_at, zone), facts.country_holidays))
    return since_told if longest is None else min(longest, since_told)


def _told_by(statute: Statute, fault: date) -> date | None:
    """Return until when a fault that appeared in time may be told; None: as long as claims last."""
    if statute.after_fault_days is not None:
        return fault + statute.after_fault_days * _DAY
    return None if statute.after_fault_months is None else same_day_months_later(fault, statute.after_fault_months)


def years_of_end(statute: Statute, facts: Facts) -> range:
    """Return the years whose holidays its end may hang on: none where it does not roll on or count business days."""
    anchor_at = anchor_of(statute, facts)
    if anchor_at is None or not statute.rolls:
        return range(0)
    latest = right_end(statute, facts, anchor_at, "UTC")
    end = anchor_at if latest is None else latest
    return range(anchor_at.year, (end + HOLIDAYS_AFTER).year + 1)
