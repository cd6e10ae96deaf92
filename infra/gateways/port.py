"""What a payment gateway is to us: it pays under a key, at most once, and can be asked what became of a key."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from domain.values import dataclass

AnswerKind = Literal["settled", "failed", "unknown", "unreached", "not_found"]
"""``unknown``: it may have paid, or may yet. ``unreached``: the question surely never got there. ``not_found``: it was
looked up, and the gateway has never heard of the key."""


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """One sum to one tender of an order, in minor units, under the key that makes a repeat the same request."""

    payout_id: UUID
    idempotency_key: str
    order_id: str
    rma_id: UUID | None
    tender_id: str
    tender_kind: str
    amount_minor: int
    currency: str
    tender_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gateway said of a payout; ``at`` is the gateway's own time of a settlement or failure."""

    kind: AnswerKind
    reference: str | None = None
    reason: str | None = None
    at: datetime | None = None


class Gateway(Protocol):
    """A payment gateway. Neither question ever raises for what the gateway or the network does: that is an answer."""

    def pay(self, request: PayoutRequest) -> Answer:
        """Pay, unless this key was paid or refused before: then say what became of it."""

    def look_up(self, request: PayoutRequest) -> Answer:
        """Say what became of a payout; never pays."""
