"""Money back while the goods stay: for a late parcel, a price that fell, a scratch that the customer lives with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.errors import DuplicateLineError, QuantityExceededError
from domain.identity import order_refund_id
from domain.order import Order
from domain.order.errors import NothingToRefundError
from domain.order.parts import Credit, LineAmount
from domain.settlement import payouts, refund
from domain.settlement.entitlement import left_of_all, left_shipping, limit, spread
from domain.units import take, total
from domain.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefund:
    """What an agent gives back of which units, and of outward shipping with its tax (minor units)."""

    refund_request_id: str
    lines: tuple[LineAmount, ...]
    shipping_minor: int
    reason: str
    approved_by: str | None
    content_hash: str


def give(order: Order, asked: OrderRefund, at: datetime) -> None:
    """Give money back to the order's tenders; the same again is no second time.

    Raises:
        IdentifierReusedError: Another refund came under this name.
        NothingToRefundError: Every amount is zero.
        DuplicateLineError, UnknownLineError: A line is named twice, or is not the order's.
        QuantityExceededError: The customer keeps fewer units of a line.
        AmountExceedsEntitlementError: Less is left of those units, or of the shipping.
    """
    if order.is_repeat("refund_request_id", asked.refund_request_id, asked.content_hash):
        return
    credits = _credits(order, asked)
    refund_id = order_refund_id(order.order_id, "refund", asked.refund_request_id)
    order.trigger_event(
        order.RefundDecided,
        refund_request_id=asked.refund_request_id,
        refund_id=refund_id,
        lines=asked.lines,
        shipping_minor=asked.shipping_minor,
        reason=asked.reason,
        approved_by=asked.approved_by,
        content_hash=asked.content_hash,
        currency=order.currency,
        timestamp=at,
    )
    refund.request(order, refund_id, credits, at, because="agent", payee=refund.Payee(holder_id=order.customer_id))
    payouts.settle_ours(order, refund_id, at)


def _credits(order: Order, asked: OrderRefund) -> list[Credit]:
    if not asked.shipping_minor and not any(line.amount_minor for line in asked.lines):
        raise NothingToRefundError("give lines with an amount, or shipping_minor: all of it together is zero")
    named = [line.line_id for line in asked.lines]
    if len(set(named)) < len(named):
        raise DuplicateLineError("a line is there twice", line_id=next(n for n in named if named.count(n) > 1))
    credits = [credit for line in asked.lines for credit in _of_line(order, line)]
    credits += limit(left_shipping(order), asked.shipping_minor)
    return [credit for credit in credits if credit.gross_minor]


def _of_line(order: Order, asked: LineAmount) -> Sequence[Credit]:
    """Return what a line gives of the lowest-numbered units that the customer keeps."""
    kept = order.all_free(asked.line_id)
    if total(kept) < asked.quantity:
        raise QuantityExceededError(asked=asked.quantity, available=total(kept), line_id=asked.line_id)
    account = order.line(asked.line_id)
    left = left_of_all(account, take(kept, asked.quantity), with_shipping=False)
    return spread(left, asked.amount_minor)
