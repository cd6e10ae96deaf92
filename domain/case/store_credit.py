"""Store credit that returns give: whose it is, and what its holder may still spend of it."""

from __future__ import annotations

from uuid import UUID

from domain import ledger
from domain.case import Case
from domain.errors import AmountExceedsEntitlementError, UnknownStoreCreditError
from domain.rma import Rma


def holder_of(rma: Rma) -> str:
    """Return who holds a return's store credit: the customer; of a gift its recipient, unnamed: the return's number."""
    return (rma.recipient_id or rma.rma_number) if rma.gift else rma.customer_id


def spend(
    case: Case, credit_id: UUID, amount_minor: int, *, spend_id: str, spent_on: str | None, content_hash: str
) -> None:
    """Let the holder pay with store credit, down to nothing and no further; the same spending again is no second one.

    Args:
        case: The return that gave it.
        credit_id: The payout that issued it, or goodwill's own id.
        amount_minor: What is paid with it, in minor units of the order's currency.
        spend_id: The shop's name of this spending.
        spent_on: The order that was paid with it.
        content_hash: Of the whole command.
    Raises:
        UnknownStoreCreditError: This return gave none such.
        IdentifierReusedError: Another spending came under this name.
        AmountExceedsEntitlementError: Less is left.
    """
    order = case.order
    credit = order.store_credit.get(credit_id)
    if credit is None or credit.rma_id != case.rma.rma_id:
        raise UnknownStoreCreditError(f"the return gave no store credit {credit_id}", credit_id=str(credit_id))
    if order.is_repeat("spend_id", spend_id, content_hash):
        return
    if amount_minor > credit.balance_minor:
        raise AmountExceedsEntitlementError(asked=amount_minor, available=max(credit.balance_minor, 0))
    order.trigger_event(
        order.StoreCreditSpent,
        rma_id=case.rma.rma_id,
        credit_id=credit_id,
        spend_id=spend_id,
        amount_minor=amount_minor,
        spent_on=spent_on,
        content_hash=content_hash,
        currency=order.currency,
        postings=ledger.entry(
            (ledger.STORE_CREDIT_LIABILITY, amount_minor), (ledger.clearing("store_credit"), -amount_minor)
        ),
        timestamp=case.at,
    )
