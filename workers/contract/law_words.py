"""The law as people read it: the rights of a country, and what one right grants, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from domain.policy.statutes import Statute

_ANCHORS: Final = {
    "ordered": "the order",
    "delivered": "delivery",
    "order_delivered": "delivery of the last unit of the order",
}
_DUE: Final = {
    "approval": "at approval",
    "first_scan": "once the goods are handed over or scanned",
    "receipt": "once the goods are received",
    "inspection": "after inspection",
}
_SURE: Final = {"read": "the text was read", "agreed": "further sources agree; the text itself was not read in full"}


def sureness_of(right: Statute) -> str:
    """Return how sure it is that the law says so; nothing of the first edition, which did not tell."""
    return _SURE[right.sure] if right.sure else ""


def length_of(right: Statute) -> str:
    """Return how long a right lasts, in words."""
    if right.endless:
        return "without end"
    for name in ("days", "months", "years"):
        if (number := getattr(right, name)) is not None:
            counted = "business " if right.count == "business" else ""
            return f"{number} {counted}{name if number != 1 else name[:-1]} from {_ANCHORS[right.anchor]}"
    raise AssertionError(right.id)


def times_of(right: Statute) -> Iterator[str]:
    """Yield what moves the end of a right."""
    if right.zones:
        yield "days as they are called in the country; of several zones the latest end"
    if right.roll != "none":
        yield "a last day at a weekend or on a holiday moves to the next working day"
    if right.without_notice_months:
        yield f"{right.without_notice_months} months more where the customer was not told of it"
    if right.without_notice_endless:
        yield "without an end where the customer was not told of it"
    if right.until_fault:
        months, days = right.after_fault_months, right.after_fault_days
        after = f"{months} months" if months else f"{days} days" if days else "as long as claims do"
        yield f"runs until the fault appears; it may be told for {after} after that"
    if right.after_repair_days_min:
        least = f"{right.after_repair_days_min} days at least are left then"
        yield f"stands still from the day a repair is asked for to the day the goods are back; {least}"
    if right.after_repair_months:
        yield f"{right.after_repair_months} months more, once, after a repair"


def conditions_of(right: Statute) -> Iterator[str]:
    """Yield when a right holds, beside country and time."""
    if right.reasons is not None:
        yield f"for these reasons: {', '.join(sorted(right.reasons))}"
    yield from (f"only where {name} is {_truth(value)}" for name, value in right.only_if.items())
    yield from (f"not where {name} is {_truth(value)}" for name, value in right.not_if.items())
    if right.repairs_tried_min:
        yield f"after {right.repairs_tried_min} repair or replacement that did not help"
    if right.exceptions:
        yield f"not for goods that are {', '.join(sorted(right.exceptions))}"
    for exception, facts in right.exceptions_if.items():
        known = " and ".join(f"{name} is {_truth(value)}" for name, value in facts.items())
        yield f"not for goods that are {exception} where {known}"


def effects_of(right: Statute) -> Iterator[str]:
    """Yield what a right grants."""
    first = ", before any refund" if right.repair_or_replacement_first else ""
    yield f"{' or '.join(right.grants)}{first}"
    if right.fee_free:
        yield "no fee of any kind, unless the inspection finds no fault or the customer liable"
    if right.restocking_bps_max is not None:
        most = (
            "no restocking fee"
            if not right.restocking_bps_max
            else f"at most {right.restocking_bps_max} bps restocking"
        )
        yield most
    if right.return_shipping == "free":
        yield "the way back costs the customer nothing"
    if right.return_shipping == "direct_cost":
        yield "the way back costs the customer its direct cost at most"
    if right.ship_back_days_min:
        yield f"{right.ship_back_days_min} days at least to send the goods"
    if right.refunds_outward_shipping:
        yield "outward shipping goes back, too"
    if right.refund_due is not None:
        yield f"the refund is due {_DUE[right.refund_due]}, at the latest"
    if right.refund_within_days is not None:
        since = "the request" if right.refund_from == "request" else "when it is due"
        yield f"paid within {right.refund_within_days} days from {since}"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def validity_of(right: Statute) -> str:
    """Return for orders of which days a right is in force."""
    return f"{right.valid_from} to {right.valid_to}" if right.valid_to else f"from {right.valid_from}"


def right_as_dict(right: Statute) -> dict[str, object]:
    """Return a right as JSON values, without what the law does not say."""
    return right.model_dump(mode="json", exclude_defaults=True) | {"countries": sorted(right.countries)}
