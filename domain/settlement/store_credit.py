"""Store credit that an order's refunds and goodwill gave: what its holder may still spend of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain import ledger
from domain.errors import AmountExceedsEntitlementError, UnknownStoreCreditError
from domain.order import Order
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Spending:
    """What a holder pays with store credit: under the shop's name of it, for which order (minor units)."""

    spend_id: str
    amount_minor: int
    spent_on: str | None
    content_hash: str


def spend(order: Order, rma_id: UUID | None, credit_id: UUID, spending: Spending, at: datetime) -> None:
    """Let the holder pay with store credit, down to nothing and no further; the same spending again is no second one.

    Args:
        order: The order that it was given for.
        rma_id: The return that gave it; None: a refund that no return asked for.
        credit_id: The first payout that issued it, or goodwill's own id.
        spending: What is paid.
        at: When.
    Raises:
        UnknownStoreCreditError: There is none such.
        IdentifierReusedError: Another spending came under this name.
        AmountExceedsEntitlementError: Less is left.
    """
    credit = order.store_credit.get(credit_id)
    if credit is None or credit.rma_id != rma_id:
        whose = "order" if rma_id is None else "return"
        raise UnknownStoreCreditError(f"the {whose} gave no store credit {credit_id}", credit_id=str(credit_id))
    if order.is_repeat("spend_id", spending.spend_id, spending.content_hash):
        return
    amount = spending.amount_minor
    if amount > credit.balance_minor:
        raise AmountExceedsEntitlementError(asked=amount, available=max(credit.balance_minor, 0))
    order.trigger_event(
        order.StoreCreditSpent,
        rma_id=rma_id,
        credit_id=credit_id,
        spend_id=spending.spend_id,
        amount_minor=amount,
        spent_on=spending.spent_on,
        content_hash=spending.content_hash,
        currency=order.currency,
        postings=ledger.entry((ledger.STORE_CREDIT_LIABILITY, amount), (ledger.clearing("store_credit"), -amount)),
        timestamp=at,
    )
