"""Facts about what a customer owes, and about exchanges that an order closes."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from domain.fact import Fact
from domain.ledger import Posting
from domain.order.accounts import Refund
from domain.order.debts import CustomerPayment
from domain.order.parts import OwedShare, PaymentShare, TenderShare
from domain.order.payout import Payout
from domain.order.state import OrderState
from domain.vocabularies import OwedFor, TenderKind


class CustomerPaid(Fact):
    """The customer paid what was owed beside the order itself: a claim, or an exchange's difference."""

    TOPIC = "rma.Order.CustomerPaid.v1"
    payment_id: str
    rma_id: UUID | None
    amount_minor: int
    tender_kind: TenderKind
    reference: str | None
    shares: tuple[OwedShare, ...]
    """What of it pays which debt."""
    currency: str
    content_hash: str
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["payment_id", self.payment_id] = self.content_hash
        payment = CustomerPayment(self.payment_id, self.tender_kind, self.reference, Counter())
        aggregate.customer_payments[self.payment_id] = payment
        for share in self.shares:
            debt = aggregate.receivables[share.rma_id, share.because]
            debt.paid_minor += share.amount_minor
            payment.kept_minor[debt.key] += share.amount_minor


class PaymentReturned(Fact):
    """What the customer had paid is owed no more: it is due to him again, a refund that corrects no sale."""

    TOPIC = "rma.Order.PaymentReturned.v1"
    refund_id: UUID
    rma_id: UUID | None
    because: OwedFor
    amount_minor: int
    currency: str
    shares: tuple[PaymentShare, ...]
    """What of it gives back which payment."""
    payouts: tuple[Payout, ...]
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        debt = aggregate.receivables[self.rma_id, self.because]
        debt.paid_minor -= self.amount_minor
        for share in self.shares:
            aggregate.customer_payments[share.payment_id].kept_minor[debt.key] -= share.amount_minor
        made = [payout.payout_id for payout in self.payouts]
        aggregate.refunds[self.refund_id] = Refund(
            self.refund_id, self.rma_id, self.amount_minor, (), made, self.timestamp
        )
        for payout in self.payouts:
            aggregate.payouts[payout.payout_id] = payout


class ReceivableWrittenOff(Fact):
    """What was owed will not come."""

    TOPIC = "rma.Order.ReceivableWrittenOff.v1"
    write_off_id: str | None
    rma_id: UUID | None
    amount_minor: int
    reason: str
    approved_by: str
    shares: tuple[OwedShare, ...]
    """What of it gives up which debt."""
    currency: str
    content_hash: str
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        if self.write_off_id is not None:
            aggregate.recorded["write_off_id", self.write_off_id] = self.content_hash
        for share in self.shares:
            aggregate.receivables[share.rma_id, share.because].written_off_minor += share.amount_minor


class WriteOffReversed(Fact):
    """What was given up is owed no more: it is no loss."""

    TOPIC = "rma.Order.WriteOffReversed.v1"
    rma_id: UUID | None
    because: OwedFor
    amount_minor: int
    currency: str
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        aggregate.receivables[self.rma_id, self.because].written_off_minor -= self.amount_minor


class ExchangeClosed(Fact):
    """The order of a new article took over what the exchange put into it, and what the customer paid beside."""

    TOPIC = "rma.Order.ExchangeClosed.v1"
    rma_id: UUID
    line: int
    by_order_id: str
    carried_minor: int
    """What the returned units were worth to it."""
    paid_minor: int
    """What was paid of the difference to the quote."""
    lowered_minor: int
    """What of that was still open."""
    moved: tuple[TenderShare, ...]
    """What of this order's tenders gives its money back through the new order's."""
    currency: str
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        account = aggregate.exchange_of_line(self.rma_id, self.line)
        account.quoted_minor -= self.carried_minor + self.paid_minor
        account.carried_minor -= self.carried_minor
        if self.lowered_minor:
            aggregate.receivables[self.rma_id, "exchange_difference"].paid_minor += self.lowered_minor
        for share in self.moved:
            aggregate.moved_minor[share.tender_id] = aggregate.moved_minor.get(share.tender_id, 0) + share.amount_minor
