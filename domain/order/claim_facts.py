"""Facts about money that is asked back from the customer, and no longer."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from domain import ledger
from domain.fact import Fact
from domain.ledger import Posting
from domain.order.accounts import Claim, Reversal
from domain.order.parts import LineRun
from domain.order.state import OrderState
from domain.vocabularies import OwedFor, UnclaimedBecause


class ClaimRaised(Fact):
    """Money is asked back from the customer."""

    TOPIC = "rma.Order.ClaimRaised.v1"
    owed_for: ClassVar[OwedFor] = "claim"
    rma_id: UUID | None
    line: int | None
    amount_minor: int
    reason: str
    postings: tuple[Posting, ...]
    currency: str | None = None
    claim_id: str | None = None
    """Its name: the agent's own, or one that follows from the return; claims of the first days have none."""
    content_hash: str | None = None
    units: tuple[LineRun, ...] = ()
    """The units that it is for, where a deadline raised it."""
    approved_by: str | None = None

    def apply(self, aggregate: OrderState) -> None:
        aggregate.owe(self.rma_id, self.owed_for, self.amount_minor, self.timestamp)
        if self.claim_id is not None and self.content_hash is not None:
            aggregate.recorded["claim_id", self.claim_id] = self.content_hash
        claim_id = self.claim_id or f"claim/{len(aggregate.claims) + 1}"
        aggregate.claims[claim_id] = Claim(
            claim_id, self.rma_id, self.line, self.amount_minor, self.reason, self.units, self.timestamp
        )


class ClaimReversed(Fact):
    """What a deadline asked back for units by itself is no longer asked: its ground is gone."""

    TOPIC = "rma.Order.ClaimReversed.v1"
    owed_for: ClassVar[OwedFor] = "claim"
    claim_id: str
    rma_id: UUID | None
    line: int | None
    amount_minor: int
    because: UnclaimedBecause
    units: tuple[LineRun, ...]
    postings: tuple[Posting, ...]
    currency: str
    reversal: int | None = None
    """Which reversal of its claim it is, from 1; those of the first days do not say."""

    def apply(self, aggregate: OrderState) -> None:
        reversed_minor = ledger.balance(self.postings, ledger.CUSTOMER_RECEIVABLE)
        aggregate.owe(self.rma_id, self.owed_for, reversed_minor, self.timestamp)
        claim = aggregate.claims[self.claim_id]
        claim.given_up += self.units
        claim.reversals.append(Reversal(self.amount_minor, self.timestamp))
