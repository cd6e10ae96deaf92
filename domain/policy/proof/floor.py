"""The floor: what each right demands of a decision, written from its terms alone and not from how decisions are made.

Nothing here calls the evaluator or shares its arithmetic, so that one is a check on the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
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
    "refunds_outward_shipping",
    "refund_due",
    "refund_within_days",
)
"""The effects on which a right can demand something."""
NOT_IN_DOCUMENTS: Final = "refund_within_days"
"""The one that no document can speak of: by itself a document is not held to it."""
ALL_BPS: Final = 10_000
_WAIT: Final[dict[RefundDue, int]] = {"approval": 0, "first_scan": 1, "receipt": 2, "inspection": 3}


class Demand(NamedTuple):
    """One effect in which a decision gives less than a right grants."""

    effect: str
    least: str
    found: str


def right_holds(right: Statute, facts: Facts, zone: str) -> bool:
    """Tell whether a line has a right: the country, the order's day in UTC, the reason, the exceptions, the time."""
    anchor_at = facts.delivered_at if right.anchor == "delivered" else facts.order_delivered_at
    ordered_on = facts.ordered_at.date()
    return (
        facts.country in right.countries
        and right.valid_from <= ordered_on <= (right.valid_to or date.max)
        and (right.reasons is None or facts.reason in right.reasons)
        and facts.withdrawal_exception not in right.exceptions
        and (
            anchor_at is None
            or in_time(right, anchor_at.astimezone(ZoneInfo(zone)), facts.requested_at.astimezone(ZoneInfo(zone)))
        )
    )


def in_time(right: Statute, anchor: date, request: date) -> bool:
    """Tell whether a request lies within a right's time, both days as they are called where they are counted."""
    if right.days is not None:
        return request.toordinal() - anchor.toordinal() <= right.days
    # a 29 February that a later year does not have lies between its 28th and its 1 March
    last = (anchor.year + (right.years or 0), anchor.month, anchor.day)
    return (request.year, request.month, request.day) <= last


def shortfalls(right: Statute, facts: Facts, decision: Decision) -> Iterator[Demand]:
    """Yield each effect in which a decision gives less than a right that holds for these facts."""
    if not right_holds(right, facts, decision.zone):
        return
    if facts.wish in right.grants and decision.outcome != "approve":
        yield Demand("outcome", "approve", decision.outcome)
    elif decision.outcome == "deny":
        yield Demand("outcome", "review", "deny")
    if missing := [wish for wish in right.grants if wish not in decision.offers]:
        yield Demand("offers", " ".join(missing), " ".join(decision.offers))
    yield from _fees(right, facts, decision)
    if right.refunds_outward_shipping and not decision.refunds_outward_shipping:
        yield Demand("refunds_outward_shipping", "true", "false")
    if right.refund_due is not None and _WAIT[decision.refund_due] > _WAIT[right.refund_due]:
        yield Demand("refund_due", right.refund_due, decision.refund_due)
    within = decision.refund_within_days
    if right.refund_within_days is not None and (within is None or within > right.refund_within_days):
        yield Demand("refund_within_days", str(right.refund_within_days), str(within or "any time"))


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
