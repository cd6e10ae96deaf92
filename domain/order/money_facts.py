"""Facts about money that goes back for an order; each carries its postings, so that replaying needs no rules."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.fact import Fact
from domain.ledger import Posting
from domain.order.accounts import Refund, StoreCredit
from domain.order.parts import Credit, LineAmount, Payout, RefundedLine
from domain.order.state import OrderState
from domain.vocabularies import RefundGround


class RefundRequested(Fact):
    """Money became due to the customer, and was shared out over tenders; the gateways have yet to say."""

    TOPIC = "rma.Order.RefundRequested.v1"
    refund_id: UUID
    rma_id: UUID | None
    because: RefundGround
    amount_minor: int
    currency: str
    restocking_minor: int
    return_shipping_minor: int
    credits: tuple[Credit, ...]
    units: int
    """How many of the units are refunded for the first time."""
    payouts: tuple[Payout, ...]
    recipient_id: str | None
    postings: tuple[Posting, ...]
    lines: tuple[RefundedLine, ...] = ()
    """What falls to each order line; facts of the first days have none, and were for one line each."""

    @property
    def line(self) -> int:
        """The line of the return: its refunds are for units of one line each."""
        return self.credits[0].line

    @property
    def by_line(self) -> tuple[RefundedLine, ...]:
        """What falls to each order line."""
        return self.lines or (RefundedLine(self.credits[0].line_id, self.units, self.amount_minor),)

    def apply(self, aggregate: OrderState) -> None:
        for credit in self.credits:
            aggregate.lines[credit.line_id].credits.append(credit)
        if self.rma_id is not None:
            self._count_in_return(aggregate, self.rma_id)
        aggregate.refunds[self.refund_id] = Refund(
            self.refund_id, self.rma_id, self.amount_minor, self.credits, [p.payout_id for p in self.payouts]
        )
        for payout in self.payouts:
            aggregate.payouts[payout.payout_id] = payout

    def _count_in_return(self, aggregate: OrderState, rma_id: UUID) -> None:
        account = aggregate.account_kept(rma_id)
        account.refunds.append(self.refund_id)
        account.return_shipping[self.line] = account.return_shipping.get(self.line, 0) + self.return_shipping_minor
        for credit in self.credits:
            account.bear(credit)


class RefundDecided(Fact):
    """An agent gave money back while the goods stay; the refund itself follows."""

    TOPIC = "rma.Order.RefundDecided.v1"
    refund_request_id: str
    refund_id: UUID
    lines: tuple[LineAmount, ...]
    shipping_minor: int
    reason: str
    approved_by: str | None
    content_hash: str
    currency: str

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["refund_request_id", self.refund_request_id] = self.content_hash


class PayoutSettled(Fact):
    TOPIC = "rma.Order.PayoutSettled.v1"
    payout_id: UUID
    refund_id: UUID
    rma_id: UUID | None
    reference: str | None
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        aggregate.set_payout(self.payout_id, "settled")


class PayoutFailed(Fact):
    """The gateway did not pay, or took a settlement back: what is owed is owed again."""

    TOPIC = "rma.Order.PayoutFailed.v1"
    payout_id: UUID
    refund_id: UUID
    rma_id: UUID | None
    reference: str | None
    reason: str | None
    postings: tuple[Posting, ...]

    def apply(self, aggregate: OrderState) -> None:
        aggregate.set_payout(self.payout_id, "failed")


class PayoutUnclear(Fact):
    """The gateway can't say: to be asked again under the same key, never to be paid anew."""

    TOPIC = "rma.Order.PayoutUnclear.v1"
    payout_id: UUID
    refund_id: UUID
    rma_id: UUID | None
    reference: str | None
    reason: str | None
    postings: tuple[Posting, ...] = ()

    def apply(self, aggregate: OrderState) -> None:
        aggregate.set_payout(self.payout_id, "unknown")


class PayoutRetried(Fact):
    """An agent replaced a failed payout by a new one of the same amount."""

    TOPIC = "rma.Order.PayoutRetried.v1"
    payout_id: UUID
    rma_id: UUID | None
    payout: Payout
    currency: str | None = None

    def apply(self, aggregate: OrderState) -> None:
        old = aggregate.payouts[self.payout_id]
        aggregate.payouts[self.payout_id] = replace(old, retried=True)
        aggregate.payouts[self.payout.payout_id] = self.payout
        aggregate.refunds[self.payout.refund_id].payouts.append(self.payout.payout_id)


class StoreCreditSpent(Fact):
    """The holder paid with store credit that this order gave."""

    TOPIC = "rma.Order.StoreCreditSpent.v1"
    rma_id: UUID | None
    credit_id: UUID
    spend_id: str
    amount_minor: int
    spent_on: str | None
    content_hash: str
    postings: tuple[Posting, ...]
    currency: str | None = None

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["spend_id", self.spend_id] = self.content_hash
        aggregate.store_credit[self.credit_id].spent_minor += self.amount_minor


class Exchanged(Fact):
    """Returned goods were set off against new ones; a higher quote is the customer's to pay."""

    TOPIC = "rma.Order.Exchanged.v1"
    rma_id: UUID
    credits: tuple[Credit, ...]
    quote_minor: int
    restocking_minor: int
    postings: tuple[Posting, ...]
    currency: str | None = None

    def apply(self, aggregate: OrderState) -> None:
        for credit in self.credits:
            aggregate.lines[credit.line_id].credits.append(credit)
            aggregate.account_kept(self.rma_id).bear(credit)


class GoodwillGranted(Fact):
    """Store credit was given beyond the entitlement: by an agent, or as the bonus of an exchange."""

    TOPIC = "rma.Order.GoodwillGranted.v1"
    rma_id: UUID
    line: int | None
    amount_minor: int
    reason: str
    postings: tuple[Posting, ...]
    credit_id: UUID | None = None
    holder_id: str | None = None
    currency: str | None = None

    def apply(self, aggregate: OrderState) -> None:
        if self.credit_id is not None:
            aggregate.store_credit[self.credit_id] = StoreCredit(self.rma_id, self.amount_minor)
            aggregate.account_kept(self.rma_id).goodwill_count += 1


class ClaimRaised(Fact):
    """Money is asked back from the customer."""

    TOPIC = "rma.Order.ClaimRaised.v1"
    rma_id: UUID | None
    line: int | None
    amount_minor: int
    reason: str
    postings: tuple[Posting, ...]
    currency: str | None = None

    def apply(self, aggregate: OrderState) -> None:
        """Nothing here depends on claims."""
