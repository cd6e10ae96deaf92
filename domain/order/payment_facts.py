"""Facts about money that comes in for an order: what was sold on account and is paid later."""

from __future__ import annotations

from domain.fact import Fact
from domain.ledger import Posting
from domain.order.parts import Payment
from domain.order.state import OrderState


class PaymentReceived(Fact):
    """The customer paid, in full or in part, what was owed on a tender."""

    TOPIC = "rma.Order.PaymentReceived.v1"
    payment: Payment
    currency: str
    content_hash: str
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["payment_id", self.payment.payment_id] = self.content_hash
        aggregate.payments.append(self.payment)
