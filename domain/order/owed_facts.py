"""Facts about what a customer owes, and about exchanges that an order closes."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from domain.fact import Fact
from domain.ledger import Posting
from domain.order.accounts import Refund
from domain.order.debts import ClosedBy, CustomerPayment, ExchangeAccount
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
    set_off: bool = False
    """What was open was not paid: the new article came back before."""
    was_ahead: bool = False
    """The order was given before the exchange was decided."""

    def apply(self, aggregate: OrderState) -> None:
        account = aggregate.exchange_of_line(self.rma_id, self.line)
        account.closings.append(ClosedBy(self.by_order_id, self.carried_minor, self.paid_minor, list(self.moved)))
        if self.was_ahead:
            account.ahead_minor -= self.carried_minor + self.paid_minor
        account.quoted_minor -= self.carried_minor + self.paid_minor
        account.carried_minor -= self.carried_minor
        if self.lowered_minor:
            debt = aggregate.receivables[self.rma_id, "exchange_difference"]
            if self.set_off:
                debt.move(-self.lowered_minor)
            else:
                debt.paid_minor += self.lowered_minor
        for share in self.moved:
            aggregate.moved_minor[share.tender_id] = aggregate.moved_minor.get(share.tender_id, 0) + share.amount_minor


class ExchangePaidAhead(Fact):
    """An order given in exchange was paid before the exchange was decided: it closes that as soon as it is."""

    TOPIC = "rma.Order.ExchangePaidAhead.v1"
    rma_id: UUID
    line: int
    by_order_id: str
    amount_minor: int
    currency: str

    def apply(self, aggregate: OrderState) -> None:
        account = aggregate.exchanges.setdefault((self.rma_id, self.line), ExchangeAccount())
        account.ahead_minor += self.amount_minor
        account.ahead_by = self.by_order_id


class ExchangeReopened(Fact):
    """An exchange was called off whose article had its order: that order is paid by it no longer."""

    TOPIC = "rma.Order.ExchangeReopened.v1"
    rma_id: UUID
    line: int
    by_order_id: str
    carried_minor: int
    """What the returned units no longer carry into the order."""
    paid_minor: int
    """What of the difference goes back through the order, and not here."""
    moved: tuple[TenderShare, ...]
    """What of this order's tenders gives its money back here again."""
    currency: str
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        account = aggregate.exchange_of_line(self.rma_id, self.line)
        account.quoted_minor += self.carried_minor + self.paid_minor
        account.carried_minor += self.carried_minor
        closing = next(one for one in reversed(account.closings) if one.by_order_id == self.by_order_id)
        closing.carried_minor -= self.carried_minor
        closing.paid_minor -= self.paid_minor
        for share in self.moved:
            aggregate.moved_minor[share.tender_id] -= share.amount_minor
            closing.moved = [
                TenderShare(one.tender_id, one.amount_minor - share.amount_minor)
                if one.tender_id == share.tender_id
                else one
                for one in closing.moved
            ]
        if self.paid_minor:
            debt = aggregate.receivables[self.rma_id, "exchange_difference"]
            debt.paid_minor -= self.paid_minor
            kept = aggregate.customer_payments.values()
            beyond = sum(payment.kept_minor[debt.key] for payment in kept) - debt.paid_minor
            for payment in reversed(tuple(kept)):  # it went into the order, and goes back through that
                part = max(min(beyond, payment.kept_minor[debt.key]), 0)
                payment.kept_minor[debt.key] -= part
                beyond -= part


class ExchangeGivenBack(Fact):
    """The order of a new article gave money back that the exchange had carried into it."""

    TOPIC = "rma.Order.ExchangeGivenBack.v1"
    rma_id: UUID
    line: int
    by_order_id: str
    amount_minor: int
    currency: str

    def apply(self, aggregate: OrderState) -> None:
        account = aggregate.exchange_of_line(self.rma_id, self.line)
        account.has_given_back = True
        left = self.amount_minor
        for closing in account.closings:
            if closing.by_order_id == self.by_order_id:
                part = min(left, closing.carried_minor)
                closing.carried_minor -= part
                left -= part


class ExchangeWithdrawn(Fact):
    """What an exchange had carried into this order is owed: the exchange was called off, and the order stands."""

    TOPIC = "rma.Order.ExchangeWithdrawn.v1"
    owed: tuple[TenderShare, ...]
    """What of which tenders is no longer paid."""
    currency: str
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        for share in self.owed:
            aggregate.unpaid_minor[share.tender_id] = (
                aggregate.unpaid_minor.get(share.tender_id, 0) + share.amount_minor
            )
