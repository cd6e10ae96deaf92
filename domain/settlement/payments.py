"""Money that comes in for what was sold on account."""

from __future__ import annotations

from datetime import datetime

from domain import ledger
from domain.errors import UnknownTenderError
from domain.order import Order
from domain.order.errors import AmountExceedsOwedError
from domain.order.parts import Payment
from domain.settlement.tenders import owed


def record(order: Order, payment: Payment, content_hash: str, at: datetime) -> None:
    """Record that the customer paid on a tender; the same payment again is no second one.

    Raises:
        IdentifierReusedError: Another payment came under this name.
        UnknownTenderError: The order has no such tender.
        AmountExceedsOwedError: Less is owed on it; nothing is on one that was paid at once.
    """
    if order.is_repeat("payment_id", payment.payment_id, content_hash):
        return
    if all(tender.tender_id != payment.tender_id for tender in order.tenders):
        raise UnknownTenderError(f"the order has no tender {payment.tender_id}", tender_id=payment.tender_id)
    still = owed(order, payment.tender_id)
    amount = payment.amount_minor
    if amount > still:
        raise AmountExceedsOwedError(asked=amount, owed_minor=still)
    order.trigger_event(
        order.PaymentReceived,
        payment=payment,
        currency=order.currency,
        content_hash=content_hash,
        postings=ledger.entry((ledger.clearing("on_account"), amount), (ledger.ACCOUNTS_RECEIVABLE, -amount)),
        timestamp=at,
    )
