"""Facts about money that went back elsewhere, before we knew of it: by a gateway's console, or by a chargeback."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.fact import Fact
from domain.ledger import Posting
from domain.order.accounts import ExternalRefund, Refund
from domain.order.parts import Credit, LineAmount, OwedShare, RefundedLine
from domain.order.payout import Payout, PayoutCover
from domain.order.state import OrderState
from domain.vocabularies import ChargebackOutcome, ExternalKind


class ExternalRefundRecorded(Fact):
    """Money went back elsewhere: a refund that is settled already.

    It is what its ``credits`` give back of the order, what it pays of payouts in their place, and a ``surplus`` beyond
    all that.
    """

    TOPIC = "rma.Order.ExternalRefundRecorded.v1"
    external_id: str
    refund_id: UUID
    kind: ExternalKind
    amount_minor: int
    currency: str
    asked: tuple[LineAmount, ...]
    """The lines that were named."""
    credits: tuple[Credit, ...]
    payout: Payout
    covers: tuple[PayoutCover, ...]
    surplus: tuple[OwedShare, ...]
    by_line: tuple[RefundedLine, ...]
    """What of the credits falls to each order line."""
    reference: str | None
    content_hash: str
    postings: tuple[Posting, ...]
    rounding_minor: int = 0
    """What of it cash was rounded by, where it gives back all that is left."""

    @property
    def credited_minor(self) -> int:
        """What of it corrects the sale, in minor units: no payout was to give that back, and it is no surplus."""
        return sum(credit.gross_minor for credit in self.credits) + self.rounding_minor

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["external_id", self.external_id] = self.content_hash
        places = []
        for credit in self.credits:
            line = aggregate.lines[credit.line_id]
            places.append((credit.line_id, len(line.credits)))
            line.credits.append(credit)
        aggregate.external[self.external_id] = ExternalRefund(self.refund_id, self.kind, tuple(places), self.covers)
        payout_id = self.payout.payout_id
        aggregate.payouts[payout_id] = self.payout
        aggregate.refunds[self.refund_id] = Refund(
            self.refund_id,
            None,
            self.amount_minor,
            self.credits,
            [payout_id],
            self.timestamp,
            rounding_minor=self.rounding_minor,
        )
        aggregate.rounding_left_minor -= self.rounding_minor
        _cover(aggregate, self.covers, 1)
        for share in self.surplus:
            aggregate.owe(share.rma_id, share.because, share.amount_minor, self.timestamp)


class ChargebackDecided(Fact):
    """A dispute about a chargeback came to its end; won, it takes back all that the chargeback did."""

    TOPIC = "rma.Order.ChargebackDecided.v1"
    external_id: str
    refund_id: UUID
    payout_id: UUID
    outcome: ChargebackOutcome
    amount_minor: int
    currency: str
    covers: tuple[PayoutCover, ...]
    """What it no longer pays of payouts."""
    credits: tuple[Credit, ...]
    """What each unit has again, below zero."""
    called_off: tuple[OwedShare, ...]
    """What the customer owes no more, or, below zero, owes again."""
    by_line: tuple[RefundedLine, ...]
    """What of that falls to each order line."""
    postings: tuple[Posting, ...]
    rounding_minor: int = 0
    """What of it cash had been rounded by."""

    @property
    def credited_minor(self) -> int:
        """What of it had corrected the sale, in minor units."""
        return self.rounding_minor - sum(credit.gross_minor for credit in self.credits)

    def apply(self, aggregate: OrderState) -> None:
        external = aggregate.external[self.external_id]
        external.outcome, external.decided_at = self.outcome, self.timestamp
        if self.outcome == "lost":
            return
        for line_id, place in external.places:
            aggregate.lines[line_id].taken_back.add(place)
        for credit in self.credits:
            line = aggregate.lines[credit.line_id]
            line.taken_back.add(len(line.credits))
            line.credits.append(credit)
        aggregate.payouts[self.payout_id] = replace(aggregate.payouts[self.payout_id], status="failed")
        aggregate.rounding_left_minor += self.rounding_minor
        _cover(aggregate, self.covers, -1)
        for share in self.called_off:
            aggregate.owe(share.rma_id, share.because, -share.amount_minor, self.timestamp)


def _cover(aggregate: OrderState, covers: tuple[PayoutCover, ...], sign: int) -> None:
    for cover in covers:
        old = aggregate.payouts[cover.payout_id]
        aggregate.payouts[cover.payout_id] = replace(old, covered_minor=old.covered_minor + sign * cover.amount_minor)
