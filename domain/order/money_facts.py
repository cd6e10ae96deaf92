"""Facts about money that goes back for an order; each carries its postings, so that replaying needs no rules."""

from __future__ import annotations

from dataclasses import field, replace
from typing import ClassVar, Final, Literal
from uuid import UUID

from domain import ledger
from domain.fact import Fact
from domain.ledger import Posting
from domain.order.accounts import Refund, StoreCredit, status_by
from domain.order.parts import Credit, LineAmount, RefundedLine
from domain.order.payout import Payout
from domain.order.promotions import PromotionChange
from domain.order.state import OrderState
from domain.vocabularies import OwedFor, PayoutOutcome, PayoutStatus, RefundGround

_GIVES_UNITS_BACK: Final[frozenset[RefundGround]] = frozenset({"policy", "agent"})
"""Why units were refunded that a return brought, or was meant to bring."""
EXCHANGE_BONUS: Final = "exchange_bonus"
"""Why store credit was given on top of an exchange."""


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
    label_fee_by: Literal["policy", "person"] = "policy"
    """Who said what return shipping it bears."""
    rounding_minor: int = 0
    """What of it cash was rounded up by, below zero where it was rounded down."""
    promotions: tuple[PromotionChange, ...] = ()
    """What it takes off for promotions that no longer hold, or gives back of that."""
    stays_sold: bool = False
    """The units stay with the customer for a part of their price: no promotion hangs on that."""

    @property
    def promotion_minor(self) -> int:
        """What it takes off for promotions in all, minor units; below zero: given back."""
        return sum(change.amount_minor for change in self.promotions)

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
            line = aggregate.lines[credit.line_id]
            if self.because == "exchange_difference":
                line.differences.add(len(line.credits))
            line.credits.append(credit)
        if self.rma_id is not None:
            self._count_in_return(aggregate, self.rma_id)
        aggregate.refunds[self.refund_id] = Refund(
            self.refund_id,
            self.rma_id,
            self.amount_minor,
            self.credits,
            [p.payout_id for p in self.payouts],
            self.timestamp,
            self.restocking_minor,
            self.return_shipping_minor,
            self.rounding_minor,
            self.promotion_minor,
        )
        aggregate.rounding_left_minor -= self.rounding_minor
        if self.rma_id is not None and self.because in _GIVES_UNITS_BACK and not self.stays_sold:
            aggregate.let_go(self.credits, returned=True)
        aggregate.take_off(self.promotions)
        for payout in self.payouts:
            aggregate.payouts[payout.payout_id] = payout

    def _count_in_return(self, aggregate: OrderState, rma_id: UUID) -> None:
        account = aggregate.account_kept(rma_id)
        account.refunds.append(self.refund_id)
        if self.label_fee_by == "person":
            account.label_fee_is_named = True
            account.label_fee_named_minor += self.return_shipping_minor
        else:
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


class PayoutHeard(Fact):
    """What a gateway said of a payout; ``superseded``: older news than what was recorded before that change nothing."""

    outcome: ClassVar[PayoutOutcome]
    owed_for: ClassVar[OwedFor] = "surplus"
    payout_id: UUID
    refund_id: UUID
    rma_id: UUID | None
    reference: str | None
    superseded: bool = field(default=False, kw_only=True)
    credit_id: UUID | None = field(default=None, kw_only=True)
    """The store credit that the payout adds to, where it did not issue one of its own."""

    @property
    def status(self) -> PayoutStatus:
        """Where the payout stands by it."""
        return status_by(self.outcome)

    def apply(self, aggregate: OrderState) -> None:
        aggregate.hear_of_payout(self.payout_id, self.outcome, self.timestamp, superseded=self.superseded)
        surplus = ledger.balance(getattr(self, "postings", ()), ledger.CUSTOMER_RECEIVABLE)
        aggregate.owe(self.rma_id, self.owed_for, surplus, self.timestamp)


class PayoutSettled(PayoutHeard):
    TOPIC = "rma.Order.PayoutSettled.v1"
    outcome = "settled"
    postings: tuple[Posting, ...]


class PayoutFailed(PayoutHeard):
    """The gateway did not pay, or took a settlement back: what is owed is owed again.

    ``gave_way``: no gateway said so; money that went back elsewhere left no room for it.
    """

    TOPIC = "rma.Order.PayoutFailed.v1"
    outcome = "failed"
    reason: str | None
    postings: tuple[Posting, ...]
    gave_way: bool = field(default=False, kw_only=True)

    def apply(self, aggregate: OrderState) -> None:
        if self.gave_way:
            old = aggregate.payouts[self.payout_id]
            aggregate.payouts[self.payout_id] = replace(old, status="failed", gave_way=True)
        else:
            PayoutHeard.apply(self, aggregate)


class PayoutUnclear(PayoutHeard):
    """The gateway can't say: to be asked again under the same key, never to be paid anew."""

    TOPIC = "rma.Order.PayoutUnclear.v1"
    outcome = "unknown"
    reason: str | None
    postings: tuple[Posting, ...] = ()


class PayoutPending(PayoutHeard):
    """The gateway took the payout on and has yet to make it: it stands as requested."""

    TOPIC = "rma.Order.PayoutPending.v1"
    outcome = "pending"
    reason: str | None
    postings: tuple[Posting, ...] = ()


class PayoutRetried(Fact):
    """A failed payout was replaced by new ones, which sum to what of it nothing else has paid.

    By an agent; or by itself, where money that went back elsewhere left room for a part of it, or came back.
    """

    TOPIC = "rma.Order.PayoutRetried.v1"
    payout_id: UUID
    rma_id: UUID | None
    payout: Payout
    currency: str | None = None
    further: tuple[Payout, ...] = ()
    """Those beside the first, where the money goes to several tenders now."""
    approved_by: str | None = None

    @property
    def payouts(self) -> tuple[Payout, ...]:
        """The new payouts."""
        return (self.payout, *self.further)

    def apply(self, aggregate: OrderState) -> None:
        old = aggregate.payouts[self.payout_id]
        aggregate.payouts[self.payout_id] = replace(old, retried=True)
        for payout in self.payouts:
            aggregate.payouts[payout.payout_id] = payout
            aggregate.refunds[payout.refund_id].payouts.append(payout.payout_id)


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
    owed_for: ClassVar[OwedFor] = "exchange_difference"
    rma_id: UUID
    credits: tuple[Credit, ...]
    quote_minor: int
    restocking_minor: int
    postings: tuple[Posting, ...]
    currency: str | None = None
    return_shipping_minor: int = 0
    """What the units bore of return shipping, where policy takes fees on exchanges."""

    def apply(self, aggregate: OrderState) -> None:
        aggregate.set_off(
            self.rma_id,
            self.credits,
            quote_minor=self.quote_minor,
            return_shipping_minor=self.return_shipping_minor,
        )
        difference = ledger.balance(self.postings, ledger.CUSTOMER_RECEIVABLE)
        aggregate.owe(self.rma_id, self.owed_for, difference, self.timestamp)


class ExchangeCalledOff(Fact):
    """The new article never left: what was set off against it is the customer's to ask for again."""

    TOPIC = "rma.Order.ExchangeCalledOff.v1"
    owed_for: ClassVar[OwedFor] = "exchange_difference"
    rma_id: UUID
    credits: tuple[Credit, ...]
    """What had been set off, and the fees on it, each below zero."""
    quote_minor: int
    """What of the shop's quote is no longer taken up."""
    restocking_minor: int
    """The fees given back."""
    postings: tuple[Posting, ...]
    currency: str | None = None
    return_shipping_minor: int = 0
    """The return shipping that it bore and no longer does."""

    def apply(self, aggregate: OrderState) -> None:
        aggregate.set_off(
            self.rma_id,
            self.credits,
            quote_minor=-self.quote_minor,
            return_shipping_minor=-self.return_shipping_minor,
        )
        difference = ledger.balance(self.postings, ledger.CUSTOMER_RECEIVABLE)
        aggregate.owe(self.rma_id, self.owed_for, difference, self.timestamp)


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
    grant_id: str | None = None
    """The agent's own name of it, by which the same told again is known."""
    content_hash: str | None = None
    approved_by: str | None = None

    def apply(self, aggregate: OrderState) -> None:
        if self.grant_id is not None and self.content_hash is not None:
            aggregate.recorded["grant_id", self.grant_id] = self.content_hash
        if self.reason == EXCHANGE_BONUS and self.line is not None:
            aggregate.account_kept(self.rma_id).bonuses.add(self.line)
        if self.credit_id is not None:
            aggregate.store_credit[self.credit_id] = StoreCredit(self.rma_id, self.amount_minor)
            aggregate.account_kept(self.rma_id).goodwill_count += 1
