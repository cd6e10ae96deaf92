"""The floor: what each right demands of a decision, written from its terms alone and not from how decisions are made.

Nothing here calls the evaluator or shares its arithmetic, so that one is a check on the other.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from domain.policy.decision import Decision
from domain.policy.facts import Facts
from domain.policy.statutes import Statute
from domain.vocabularies import RefundDue

EFFECTS: Final = (
    "outcome",
    "offers",
    "fees.restocking_bps",
    "fees",
    "grade_share_bps",
    "return_shipping",
    "method",
    "ship_back_days",
    "refunds_outward_shipping",
    "refund_due",
    "refund_within_days",
)
"""The effects on which a right can demand something."""
NOT_IN_DOCUMENTS: Final = "refund_within_days"
"""The one that no document can speak of: by itself a document is not held to it."""
ALL_BPS: Final = 10_000
_WAIT: Final[dict[RefundDue, int]] = {"approval": 0, "first_scan": 1, "receipt": 2, "inspection": 3}
_DAY: Final = timedelta(days=1)


class Demand(NamedTuple):
    """One effect in which a decision gives less than a right grants."""

    effect: str
    least: str
    found: str


def right_holds(right: Statute, facts: Facts, zone: str) -> bool:
    """Tell whether a line has a right: the country, the order's day in UTC, what is known, the exceptions, the time."""
    ordered_on = facts.ordered_at.date()
    return (
        facts.country in right.countries
        and right.valid_from <= ordered_on <= (right.valid_to or date.max)
        and (right.reasons is None or facts.reason in right.reasons)
        and all(getattr(facts, fact) is value for fact, value in right.only_if.items())
        and not any(getattr(facts, fact) is value for fact, value in right.not_if.items())
        and (facts.repairs_tried or 0) >= (right.repairs_tried_min or 0)
        and not _excepted(right, facts)
        and _comes_in_time(right, facts, zone)
    )


def _excepted(right: Statute, facts: Facts) -> bool:
    exception = facts.withdrawal_exception
    if exception is None:
        return False
    known = right.exceptions_if.get(exception)
    return exception in right.exceptions or (
        known is not None and all(getattr(facts, fact) is value for fact, value in known.items())
    )


def _comes_in_time(right: Statute, facts: Facts, zone: str) -> bool:
    """Tell whether the request's day is no later than the last one, in any zone in which the days are counted."""
    anchor_at = {
        "ordered": facts.ordered_at,
        "delivered": facts.delivered_at,
        "order_delivered": facts.order_delivered_at,
    }[right.anchor]
    if anchor_at is None and right.zones and facts.channel == "store":
        anchor_at = facts.ordered_at
    if anchor_at is None or right.endless:
        return True
    zones = right.zones.get(facts.country or "") or (zone,)
    return any(_in_time_there(right, facts, anchor_at, ZoneInfo(name)) for name in zones)


def _in_time_there(right: Statute, facts: Facts, anchor_at: datetime, zone: ZoneInfo) -> bool:
    request = facts.requested_at.astimezone(zone).date()
    last = last_day_for(right, facts, anchor_at.astimezone(zone).date(), zone)
    return last is None or request <= last


def last_day_for(right: Statute, facts: Facts, start: date, zone: ZoneInfo) -> date | None:
    """Return the last day on which a right may be used that began on a day; None: it does not end."""
    last = _plain_end(right, facts, start)
    if right.without_notice_endless and facts.informed is False:
        if facts.informed_at is None:
            return None
        last = max(last, _plain_end(right, facts, facts.informed_at.astimezone(zone).date()))
    if right.without_notice_months and facts.informed is False:
        longest = _months_on(last, right.without_notice_months)
        told = facts.informed_at
        last = (
            longest if told is None else min(longest, max(last, _plain_end(right, facts, told.astimezone(zone).date())))
        )
    if right.after_repair_months and facts.repairs_tried:
        last = _months_on(last, right.after_repair_months)
    for asked_on, back_on in facts.repair_waits if right.after_repair_days_min else ():
        if asked_on <= last:
            paused = last.toordinal() + back_on.toordinal() - asked_on.toordinal() + 1
            last = date.fromordinal(max(paused, back_on.toordinal() + (right.after_repair_days_min or 0)))
    fault = facts.fault_appeared_on
    if right.until_fault and fault is not None and fault <= last:
        if right.after_fault_months is None and right.after_fault_days is None:
            return None
        told_by = _months_on(fault, right.after_fault_months or 0) + (right.after_fault_days or 0) * _DAY
        last = max(last, told_by)
    while right.roll == "next_business_day" and _rests(last, facts):  # bounded: no year is all holidays
        last += _DAY
    return last


def _plain_end(right: Statute, facts: Facts, start: date) -> date:
    if right.days is None:
        return _months_on(start, (right.months or 0) + 12 * (right.years or 0))
    if right.count == "calendar":
        return start + right.days * _DAY
    last, left = start, right.days
    while left:
        last += _DAY
        left -= not _rests(last, facts)
    return last


def _rests(day: date, facts: Facts) -> bool:
    return day.isoweekday() > 5 or day in facts.country_holidays


def _months_on(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, min(day.day, monthrange(day.year + years, month + 1)[1]))


def in_time(right: Statute, anchor: date, request: date) -> bool:
    """Tell whether a request lies within a right's plain time, both days as they are called where they are counted."""
    if right.endless:
        return True
    if right.days is not None:
        slack = 20 + right.days if right.count == "business" or right.roll != "none" else 0
        return request.toordinal() - anchor.toordinal() <= right.days + slack
    return request <= _months_on(anchor, (right.months or 0) + 12 * (right.years or 0))


def shortfalls(right: Statute, facts: Facts, decision: Decision) -> Iterator[Demand]:
    """Yield each effect in which a decision gives less than a right that holds for these facts."""
    if not right_holds(right, facts, decision.zone):
        return
    if facts.wish in right.grants and decision.outcome != "approve" and not right.asks_person:
        yield Demand("outcome", "approve", decision.outcome)
    elif decision.outcome == "deny":
        yield Demand("outcome", "review", "deny")
    if missing := [wish for wish in right.grants if wish not in decision.offers]:
        yield Demand("offers", " ".join(missing), " ".join(decision.offers))
    yield from _fees(right, facts, decision)
    yield from _way_back(right, facts, decision)
    if right.refunds_outward_shipping and not decision.refunds_outward_shipping:
        yield Demand("refunds_outward_shipping", "true", "false")
    if right.refund_due is not None and _WAIT[decision.refund_due] > _WAIT[right.refund_due]:
        yield Demand("refund_due", right.refund_due, decision.refund_due)
    within, asked = decision.refund_within_days, right.refund_within_days
    if asked is not None and (within is None or within > asked):
        yield Demand("refund_within_days", str(asked), "any time" if within is None else str(within))


def _fees(right: Statute, facts: Facts, decision: Decision) -> Iterator[Demand]:
    fees = decision.fees
    if right.restocking_bps_max is not None and fees.restocking_bps > right.restocking_bps_max:
        yield Demand("fees.restocking_bps", str(right.restocking_bps_max), str(fees.restocking_bps))
    shipping_minor = fees.return_shipping_minor if decision.method == "label" else 0
    charged = fees.restocking_bps or shipping_minor
    if right.fee_free and charged and not fees.fee_free and facts.reason not in fees.waived_for:
        yield Demand("fees", "none", f"restocking {fees.restocking_bps} bps, return shipping {shipping_minor}")
    shares = [share for share in decision.grade_share_bps.values() if share < ALL_BPS]
    if right.fee_free and shares and not fees.fee_free:
        yield Demand("grade_share_bps", str(ALL_BPS), str(min(shares)))


def _way_back(right: Statute, facts: Facts, decision: Decision) -> Iterator[Demand]:
    shipping_minor = decision.fees.return_shipping_minor if decision.method == "label" else 0
    if right.return_shipping == "free":
        if decision.method == "own_carrier":
            yield Demand("method", "one that costs nothing", "own_carrier")
        if decision.method == "keep" and facts.wish == "repair" and "repair" in right.grants:
            yield Demand("method", "one by which goods come to be repaired", "keep")
        if shipping_minor and not right.fee_free and facts.reason not in decision.fees.waived_for:
            yield Demand("return_shipping", "0", str(shipping_minor))
    is_borne = not decision.fees.fee_free and facts.reason not in decision.fees.waived_for
    paid_minor = facts.line_paid_minor or 0
    if right.return_shipping == "direct_cost" and is_borne and shipping_minor and shipping_minor >= paid_minor > 0:
        yield Demand("return_shipping", f"less than {paid_minor}", str(shipping_minor))
    if right.ship_back_days_min is not None and decision.ship_back_days < right.ship_back_days_min:
        yield Demand("ship_back_days", str(right.ship_back_days_min), str(decision.ship_back_days))
